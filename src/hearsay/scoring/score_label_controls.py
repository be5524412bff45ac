"""Score base features alone, and ridge regression: beside what a joint space has to be read."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hearsay.encoders.label_store import LabelFiles, LabelStore, read_label_store
from hearsay.encoders.labels import fit_width
from hearsay.features.store import ShardedArrays
from hearsay.layout import DatasetFiles
from hearsay.scoring.label_cells import LabelScoring
from hearsay.scoring.label_clips import LabelledClips, read_clips, read_questions, weights_name
from hearsay.scoring.label_controls import LabelledFeatures, fit_ridge, unit_rows
from hearsay.scoring.label_files import write_label_scores
from hearsay.scoring.label_scores import score_space
from hearsay.scoring.label_space import Embedder, Vectors, embed_question
from hearsay.training.pairs import FIT_SEED

logger = logging.getLogger(__name__)

SEED = 0  # nothing is drawn


def score_label_controls(
    form: str,
    form_options: dict[str, Any],
    stage: str,
    data: DatasetFiles,
    subset: Path | None,
    folder: Path,
    how: LabelScoring,
    ridge_alphas: Sequence[float],
) -> None:
    """Score `features_only.<form>` and `ridge.<form>` as a run is scored.

    Ridge regression is fitted to train, and val chooses how much it shrinks; so of split val its
    numbers flatter it. Without a clip of val there is no ridge regression.

    Args:
        form: of the clip vectors.
        form_options: how it is made; names the network behind it.
        stage: beside whose runs the controls stand.
        data: the data set whose labels are told apart.
        subset: a text file of clip ids; None: all available clips.
        folder: where scores.json, queries.parquet and cells.parquet go.
        how: to score.
        ridge_alphas: to choose from.

    Raises:
        HearsayError: an input is absent, or no clip can be asked about.
    """
    labels = read_label_store(LabelFiles.of(data))
    store = ShardedArrays([data.form(form)])
    train, val = (read_clips(data, store, labels, (split,), subset) for split in ("train", "val"))
    width = max(train.features.shape[1], labels.vectors.shape[1])
    controls = {"features_only": base_embedder(width)}
    if val.clip_ids:
        controls["ridge"] = ridge_embedder(train, val, labels, ridge_alphas)
    else:
        logger.warning("no clip of split val with one label: ridge regression is left out")
    scores = []
    for name, embedder in controls.items():
        for question in read_questions(data, store, labels, subset):
            space = embed_question(question, labels, embedder)
            method = f"{name}.{form}"
            weights = weights_name(labels, form_options)
            identity = question.identity(data, method, stage, weights, SEED, subset)
            scores.append((method, score_space(space, identity, how)))
    write_label_scores(scores, folder)


def base_embedder(width: int) -> Embedder:
    """Put base features of sound and text into one space as they are, zeros behind the shorter."""

    def embed(features: Vectors) -> Vectors:
        return unit_rows(fit_width(features, width, "zero_pad", FIT_SEED))

    return Embedder(embed, embed)


def ridge_embedder(
    train: LabelledClips, val: LabelledClips, labels: LabelStore, alphas: Sequence[float]
) -> Embedder:
    """Map the features of a clip to the word vector of its label."""
    of_train, of_val = (LabelledFeatures(own.features, own.classes) for own in (train, val))
    ridge = fit_ridge(of_train, of_val, labels.vectors, alphas)
    logger.info("ridge: alpha %g is best on val", ridge.alpha)
    return Embedder(ridge.embed, unit_rows)
