"""The clips that tell whether labels are told apart: a database, and those that ask."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hearsay.clips.availability import fingerprint
from hearsay.encoders.label_store import LabelStore, label_rows, read_single_labels
from hearsay.errors import HearsayError
from hearsay.layout import DatasetFiles
from hearsay.scoring.gallery import SPLIT, available_clips, subset_name
from hearsay.scoring.records import ScoreIdentity

logger = logging.getLogger(__name__)

DATABASES = {SPLIT: ("train", "val"), "val": ("train",)}
"""Split that asks → splits that fill the database. Of `test` all that the official division has
for training, of which val is a part; of `val` the rest: the hold-out of Elizalde et al. 2019."""


class ClipStore(Protocol):
    """Vectors of clips: `ShardedArrays` of a form, or what a trained run embeds them as."""

    def __contains__(self, clip_id: object) -> bool:
        """Say whether it has a vector of a clip."""

    def gather(self, clip_ids: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of some clips, [N, D] of unit norm."""


@dataclass(frozen=True)
class LabelledClips:
    """Clips of one label each.

    Attributes:
        clip_ids: N.
        classes: int64 [N], rows of the text features.
        features: float32 [N, D], what their store has of them, of unit norm.
    """

    clip_ids: list[str]
    classes: NDArray[np.int64]
    features: NDArray[np.float32]

    def of(self, chosen: NDArray[np.bool_]) -> "LabelledClips":
        """Return some of them, by a mask [N]."""
        ids = [clip_id for clip_id, keep in zip(self.clip_ids, chosen, strict=True) if keep]
        return LabelledClips(ids, self.classes[chosen], self.features[chosen])


@dataclass(frozen=True)
class LabelQuestion:
    """What one split asks.

    Attributes:
        split: that asks.
        database: clips that answer.
        queries: clips of classes that train has.
        strangers: other clips of the split; they take no part in any score.
    """

    split: str
    database: LabelledClips
    queries: LabelledClips
    strangers: LabelledClips

    def identity(
        self,
        data: DatasetFiles,
        method: str,
        stage: str,
        weights: str,
        seed: int,
        subset: Path | None,
    ) -> ScoreIdentity:
        """Say what is scored."""
        clips = fingerprint(self.queries.clip_ids)
        return ScoreIdentity(
            data.name, self.split, subset_name(subset), method, stage, weights, seed, clips
        )


def weights_name(labels: LabelStore, form: dict[str, Any]) -> str:
    """Name what a score rests on: the word vectors, and the network behind the base features."""
    return f"{labels.name}+{form['weights']}" if form["weights"] else labels.name


def read_clips(
    data: DatasetFiles,
    store: ClipStore,
    labels: LabelStore,
    splits: Sequence[str],
    subset: Path | None,
) -> LabelledClips:
    """Read the available clips of some splits that bear exactly one label, by id.

    Args:
        data: the data set.
        store: of their vectors; clips that it lacks are left out.
        labels: of the data set.
        splits: of the clips.
        subset: a text file of clip ids; None: no restriction.
    """
    of_clip = read_single_labels(data.clips)
    listed = [clip for split in splits for clip in available_clips(data, split, subset)]
    ids = [clip for clip in listed if clip in of_clip and clip in store]
    classes = label_rows([of_clip[clip] for clip in ids], labels)
    return LabelledClips(ids, classes, store.gather(ids))


def read_questions(
    data: DatasetFiles, store: ClipStore, labels: LabelStore, subset: Path | None
) -> list[LabelQuestion]:
    """Read what the splits ask that can ask: test, and val where it has clips.

    Args: see `read_clips`.

    Raises:
        HearsayError: test has no clip to ask with, or the database has fewer than two classes.
    """
    asked = {split: _read_question(data, store, labels, split, subset) for split in DATABASES}
    test = asked[SPLIT]
    num_classes = len(np.unique(test.database.classes))
    if not test.queries.clip_ids or num_classes < 2:
        raise HearsayError(
            f"data set {data.name}: {len(test.queries.clip_ids)} available clips of split {SPLIT} "
            f"with one label can be asked about {num_classes} classes; it takes one clip and two "
            f"classes: see {data.availability_table}"
        )
    return [
        question
        for question in asked.values()
        if question.queries.clip_ids and len(np.unique(question.database.classes)) > 1
    ]


def _read_question(
    data: DatasetFiles, store: ClipStore, labels: LabelStore, split: str, subset: Path | None
) -> LabelQuestion:
    """Read the clips of a split that ask and those that answer.

    A clip of a class that train lacks asks for what no system has learned, though val may have
    it; it is left out, and the log names its class.
    """
    database = read_clips(data, store, labels, DATABASES[split], subset)
    trained = read_clips(data, store, labels, ("train",), subset)
    asking = read_clips(data, store, labels, (split,), subset)
    known = np.isin(asking.classes, trained.classes)
    if not known.all():
        lost = sorted({labels.labels[row] for row in asking.classes[~known]})
        logger.warning(
            "%d clips of split %s are left out, since no clip of train has their label: %s",
            int((~known).sum()), split, ", ".join(lost),
        )  # fmt: skip
    return LabelQuestion(split, database, asking.of(known), asking.of(~known))
