"""Score one run on telling labels apart, from files to files."""

import logging
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hearsay.device import reproducible, resolve_device
from hearsay.encoders.frozen import read_frozen
from hearsay.encoders.label_store import LabelStore
from hearsay.errors import HearsayError
from hearsay.families import FORMS
from hearsay.features.store import ShardedArrays
from hearsay.files import write_json, write_parquet
from hearsay.layout import DatasetFiles
from hearsay.methods.collapse import measure_collapse
from hearsay.methods.family import EmbedsLabels
from hearsay.scoring.family_reasons import reasons_of_family
from hearsay.scoring.gallery import SPLIT, subset_name
from hearsay.scoring.label_cells import LabelScoring
from hearsay.scoring.label_clips import LabelQuestion, read_questions, weights_name
from hearsay.scoring.label_files import embedding_table, write_label_scores
from hearsay.scoring.label_scores import check_finite, score_space
from hearsay.scoring.label_space import Embedder, LabelSpace, Vectors, embed_question
from hearsay.scoring.other_tasks import OtherScores, write_text_tasks
from hearsay.scoring.records import ScoreIdentity
from hearsay.scoring.text_tasks import score_text_tasks
from hearsay.training.load import TrainedRun, load_run, read_needs
from hearsay.training.pairs import SCORED_NOISE, add_noise, fit_texts

logger = logging.getLogger(__name__)

BLOCK = 1024  # vectors embedded at once


def score_labels(
    method: str,
    stage: str,
    seed: int,
    data: DatasetFiles,
    model: Path,
    subset: Path | None,
    folder: Path,
    captioned: bool,
    how: LabelScoring,
    device: str,
    threads: int,
) -> None:
    """Score a trained stage on k-NN classification and retrieval by label, and on captions.

    Captions, which it was not trained for, go to other_tasks/ (`score_text_tasks`).

    Split test asks the official division's other clips; split val, a stratified part of them,
    asks the rest.

    Args:
        method: its name in config.
        stage: the stage that was trained last.
        seed: of the training, and of the noise on texts where there is any.
        data: the data set whose labels are told apart.
        model: model.pt of the run.
        subset: a text file of clip ids; None: all available clips.
        folder: where scores.json, queries.parquet, cells.parquet, embeddings.parquet and
            collapse.json go, and other_tasks/.
        captioned: whether the captions of the data set are asked for too.
        how: to score.
        device: auto, cpu or cuda.
        threads: of the CPU.

    Raises:
        HearsayError: an input is absent or does not fit, or no clip can be asked about.
    """
    torch_device = resolve_device(device)
    needs = read_needs(model)
    frozen = read_frozen(needs, data, None)
    if frozen.labels is None:
        raise HearsayError(f"{model} knows no labels; score it with score_run")
    scores = []
    other = OtherScores()
    with reproducible(torch_device, threads):
        run = load_run(model, frozen, torch_device, needs.headline)
        weights = weights_name(frozen.labels, run.options[FORMS])
        store = ShardedArrays([data.form(run.options["form"])])
        for question in read_questions(data, store, frozen.labels, subset):
            embedder = run_embedder(run, seed)
            space = embed_question(question, frozen.labels, embedder)
            check_finite(space)
            identity = question.identity(data, method, stage, weights, seed, subset)
            scores.append((method, score_space(space, identity, how)))
            if question.split == SPLIT:
                _write_space(run, space, question, frozen.labels, embedder, folder)
        if captioned:
            identity = ScoreIdentity(
                data.name, SPLIT, subset_name(subset), method, stage, weights, seed, ""
            )
            other = score_text_tasks(
                data, store, run_embedder(run, seed), subset, identity, how.num_resamples
            )
    other.reasons.extend(reasons_of_family(run.family, needs.needs_pictures))
    write_text_tasks(other, method, folder)
    write_label_scores(scores, folder)


def run_embedder(run: TrainedRun, seed: int) -> Embedder:
    """Embed with a trained network.

    Raises:
        HearsayError: its family brings no labels into a space.
    """
    family = run.family
    if not isinstance(family, EmbedsLabels):
        raise HearsayError(f"family {run.options['family']} embeds no labels")

    def embed(name: str, features: Vectors) -> Vectors:
        method = family.embed_audio if name == "clip_vectors" else family.embed_labels
        with torch.inference_mode():
            blocks = [
                method(run.network, {name: torch.tensor(block, device=run.device)})
                for block in np.split(features, range(BLOCK, len(features), BLOCK))
            ]
        return torch.cat(blocks).float().cpu().numpy()

    generator = np.random.default_rng((seed, SCORED_NOISE))  # goes on from call to call

    def noisy(text: Vectors, classes: NDArray[np.int64]) -> Vectors:
        return add_noise(text, classes, family.pairs.text_noise, generator)

    return Embedder(
        lambda features: embed("clip_vectors", features),
        lambda texts: embed("label_vectors", fit_texts(texts, family.pairs)),
        noisy,
    )


def _write_space(
    run: TrainedRun,
    space: LabelSpace,
    question: LabelQuestion,
    labels: LabelStore,
    embedder: Embedder,
    folder: Path,
) -> None:
    """Write the embeddings, and how much of the space is left; say the latter in the log."""
    family = run.family
    if not isinstance(family, EmbedsLabels):
        raise HearsayError(f"family {run.options['family']} embeds no labels")
    texts = [
        ("label", labels.labels, fit_texts(labels.vectors, family.pairs), space.text),
        (
            "query",
            labels.queries,
            fit_texts(labels.query_vectors, family.pairs),
            embedder.text(labels.query_vectors) if labels.queries else space.text[:0],
        ),
    ]
    write_parquet(
        embedding_table(question, texts, labels.labels, embedder), folder / "embeddings.parquet"
    )
    sounds = np.concatenate([space.database.audio, space.queries.audio])
    known = np.unique(space.database.classes)
    collapse = measure_collapse(torch.from_numpy(space.text[known]), torch.from_numpy(sounds))
    write_json(asdict(collapse), folder / "collapse.json")
    logger.info(
        "smallest distance between the texts of two classes %.4f; %d zero rows of %d; %.0f %% of "
        "the output units dead",
        collapse.min_text_distance,
        collapse.num_zero_rows,
        len(known) + len(sounds),
        100 * collapse.dead_unit_share,
    )
