"""Score one run from files to files: on the test split, on every retrieval task that it can do."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hearsay.device import reproducible, resolve_device
from hearsay.encoders.frozen import FrozenEncoders, read_frozen
from hearsay.features.store import ShardedArrays
from hearsay.files import write_parquet
from hearsay.layout import DatasetFiles
from hearsay.methods.family import EmbedsAudio
from hearsay.metrics.ranks import BlockScores, dot_scores
from hearsay.scoring.candidates import score_draws
from hearsay.scoring.captions import Captions, read_captions, score_captions
from hearsay.scoring.directions import Scores
from hearsay.scoring.family_reasons import reasons_of_family
from hearsay.scoring.gallery import SPLIT, Gallery, open_gallery, subset_name
from hearsay.scoring.hits import find_hits
from hearsay.scoring.label_cells import LabelScoring
from hearsay.scoring.label_tasks import score_label_tasks
from hearsay.scoring.other_tasks import OtherScores, write_label_tasks
from hearsay.scoring.records import Record, ScoreIdentity, join_ranks, write_scores
from hearsay.scoring.retrieval import (
    clip_embedding,
    score_audio_image,
    score_audio_text,
    score_pairs,
    unit_rows,
)
from hearsay.training.load import TrainedRun, embed_clips, load_run, read_needs


def score_run(
    method: str,
    stage: str,
    seed: int,
    image_data: DatasetFiles | None,
    text_data: DatasetFiles,
    weights: Path | None,
    model: Path,
    subset: Path | None,
    folder: Path,
    label_data: DatasetFiles | None,
    neighbours: int,
    num_resamples: int,
    device: str,
    threads: int,
) -> None:
    """Score a trained stage on retrieval, and on telling labels apart if it is asked to.

    Retrieval goes to scores.json and ranks.parquet, the first hits of each caption to
    hits.parquet; labels, which no stage here was trained for, to other_tasks/, headline weights
    alone (`score_label_tasks`).

    A family whose sounds meet pictures is scored on both tasks after each stage: the audio_image
    stage knows no captions, so its audio-text scores are zero-shot. The headline is what the
    family says; of one whose last epoch is that, the best on val is told apart by its protocol.

    Args:
        method: its name in config.
        stage: the stage that was trained last.
        seed: of the training.
        image_data: the data set whose pictures are retrieved; None: the method knows none.
        text_data: the data set whose captions are retrieved.
        weights: clip.pt of the frozen towers; None where the method has none.
        model: model.pt of the run.
        subset: a text file of clip ids; None: all available test clips.
        folder: where scores.json, ranks.parquet, hits.parquet and other_tasks/ go.
        label_data: the data set whose labels are told apart; None: none are. It has what the
            method hears, labels as text features, and as the towers embed them.
        neighbours: k of the k-NN classifier of labels.
        num_resamples: of the clips, behind each 95 % interval.
        device: auto, cpu or cuda.
        threads: of the CPU.

    Raises:
        HearsayError: an input is absent or does not fit, or no test clip is available.
    """
    torch_device = resolve_device(device)
    needs = read_needs(model)
    frozen = read_frozen(needs, text_data, weights)
    checkpoints = {"last": "", "best": "_best_val"} if needs.headline == "last" else {"best": ""}
    records: list[Record] = []
    ranks: list[pd.DataFrame] = []
    other = OtherScores()
    with reproducible(torch_device, threads):
        for which, suffix in checkpoints.items():
            run = load_run(model, frozen, torch_device, which)
            scorer = _Scorer(run, frozen, num_resamples)
            identity = ScoreIdentity(
                "", SPLIT, subset_name(subset), method, stage, frozen.name, seed, ""
            )
            parts = []
            if image_data is not None:
                parts.append(scorer.score_images(image_data, subset, identity))
            parts += scorer.score_texts(text_data, subset, identity, with_draws=not suffix)
            for scored, ranked in parts:
                records += [{**row, "protocol": row["protocol"] + suffix} for row in scored]
                ranks.append(ranked.assign(protocol=ranked["protocol"] + suffix))
            if not suffix:
                write_parquet(scorer.hits, folder / "hits.parquet")
            if label_data is not None and not suffix:
                how = LabelScoring(neighbours, permutations=0, num_resamples=num_resamples)
                other = score_label_tasks(run, frozen, label_data, subset, method, stage, seed, how)
    other.reasons.extend(reasons_of_family(run.family, needs.needs_pictures))
    write_label_tasks(other, method, folder)
    write_scores(records, join_ranks(ranks), folder)


class _Scorer:
    """Scores one run; both tasks may have the same clips, which are then embedded once."""

    def __init__(self, run: TrainedRun, frozen: FrozenEncoders, num_resamples: int) -> None:
        self.run = run
        self.frozen = frozen
        self.num_resamples = num_resamples
        self.embedded: dict[tuple[str, str], NDArray[np.float32]] = {}
        self.hits = pd.DataFrame()  # of score_texts

    def embed(self, gallery: Gallery) -> NDArray[np.float32]:
        key = (gallery.files.name, gallery.identity.availability)
        if key not in self.embedded:
            self.embedded[key] = embed_clips(self.run, gallery.files, gallery.clip_ids)
        return self.embedded[key]

    def score_images(
        self, data: DatasetFiles, subset: Path | None, identity: ScoreIdentity
    ) -> Scores:
        gallery = open_gallery(data, subset, replace(identity, dataset=data.name))
        store = ShardedArrays(data.shards("image_embeddings", ".npy"))
        return score_audio_image(
            self.embed(gallery),
            store.gather(gallery.clip_ids),  # [N, L, D]
            gallery.clip_ids,
            gallery.identity,
            num_resamples=self.num_resamples,
        )

    def score_texts(
        self, data: DatasetFiles, subset: Path | None, identity: ScoreIdentity, with_draws: bool
    ) -> list[Scores]:
        captions = read_captions(data, self.frozen, self.run)
        gallery = open_gallery(
            data, subset, replace(identity, dataset=data.name), set(captions.clip_ids)
        )
        captions = captions.of(gallery.clip_ids)
        if isinstance(self.run.family, EmbedsAudio):
            full, pairs = self._score_vectors(gallery, captions)
        else:
            full, pairs = self._score_words(gallery, captions)
        self.hits = find_hits(
            pairs, gallery.clip_ids, captions.ids, captions.clip_ids, gallery.identity
        )
        if not with_draws:
            return [full]
        clip_ids, owners = gallery.clip_ids, captions.clip_ids
        drawn = score_draws(pairs, clip_ids, owners, gallery.identity, self.num_resamples)
        return [full, drawn] if drawn else [full]

    def _score_vectors(self, gallery: Gallery, captions: Captions) -> tuple[Scores, BlockScores]:
        """Score a method of one vector a clip on the full gallery; return its pair scores too."""
        audio = self.embed(gallery)
        embeddings = np.load(gallery.files.caption_embeddings, mmap_mode="r")
        texts = embeddings[captions.table["row"].to_numpy()]  # [M, D]
        full = score_audio_text(
            audio,
            gallery.clip_ids,
            texts,
            captions.ids,
            captions.clip_ids,
            gallery.identity,
            num_resamples=self.num_resamples,
        )
        return full, dot_scores(clip_embedding(audio), unit_rows(texts))

    def _score_words(self, gallery: Gallery, captions: Captions) -> tuple[Scores, BlockScores]:
        """Score a method of words on the full gallery; return its pair scores too."""
        pairs = score_captions(self.run, gallery.files, gallery.clip_ids, captions)  # [N, M]
        full = score_pairs(
            pairs,
            gallery.clip_ids,
            captions.ids,
            captions.clip_ids,
            gallery.identity,
            num_resamples=self.num_resamples,
        )
        return full, lambda rows: pairs[rows]
