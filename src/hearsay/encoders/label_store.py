"""The labels of a data set as text features, and which label each clip bears."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hearsay.errors import HearsayError
from hearsay.files import read_json
from hearsay.layout import DatasetFiles

LABEL_SCHEMA = pa.schema(
    [
        ("label", pa.string()),  # of the data set; or a text that is asked for beside them
        ("row", pa.int32()),  # of the array
        ("is_label", pa.bool_()),
        ("words", pa.list_(pa.string())),  # that have a vector, as the vectors spell them
        ("unknown", pa.list_(pa.string())),  # that have none
    ]
)


CAPTION_SCHEMA = pa.schema(
    [
        ("caption_id", pa.string()),
        ("clip_id", pa.string()),
        ("row", pa.int32()),  # of the array
    ]
)


@dataclass(frozen=True)
class LabelFiles:
    """The files that embed_labels writes for one data set: of labels, and of captions alike."""

    array: Path
    index: Path
    summary: Path
    caption_array: Path
    caption_index: Path

    @classmethod
    def of(cls, files: DatasetFiles) -> "LabelFiles":
        """Name them in the folder of a data set."""
        array, captions = files.label_embeddings, files.caption_text_features
        return cls(
            array,
            array.with_suffix(".parquet"),
            array.with_suffix(".json"),
            captions,
            captions.with_suffix(".parquet"),
        )


@dataclass(frozen=True)
class LabelStore:
    """What training and scoring need of labels.

    Attributes:
        name: of the word vectors, for every score.
        trained_on: the data set whose captions they were trained on; None: they came from a file.
        labels: K, sorted.
        vectors: float32 [K, W], unit norm.
        queries: Q texts that are no labels, to be asked for beside them.
        query_vectors: float32 [Q, W], unit norm.
    """

    name: str
    trained_on: str | None
    labels: list[str]
    vectors: NDArray[np.float32]
    queries: list[str]
    query_vectors: NDArray[np.float32]

    @property
    def space(self) -> str:
        """Tell vectors of one space from those of another, whatever labels were taken of it."""
        return f"{self.name} ({self.vectors.shape[1]}-d, trained on {self.trained_on or 'a file'})"


def read_label_store(files: LabelFiles) -> LabelStore:
    """Read what embed_labels wrote.

    Raises:
        HearsayError: a file is absent or damaged, or the files are not of one run.
    """
    summary = read_json(files.summary)
    for path in (files.array, files.index):
        if not path.is_file():
            raise HearsayError(f"{path} does not exist; embed_labels has not run")
    try:
        vectors = np.load(files.array)
        index = pq.read_table(files.index, schema=LABEL_SCHEMA).to_pandas()
        if vectors.shape != (len(index), summary["dimensions"]):
            raise ValueError(f"{vectors.shape} vectors, {len(index)} texts")
        is_label = index["is_label"].to_numpy(bool)
        return LabelStore(
            summary["vectors"],
            summary["trained_on"],
            index.loc[is_label, "label"].tolist(),
            vectors[is_label],
            index.loc[~is_label, "label"].tolist(),
            vectors[~is_label],
        )
    except (ValueError, KeyError, TypeError, EOFError, pa.ArrowException) as error:
        raise HearsayError(
            f"the label files beside {files.array} are damaged or not of one run ({error}); remove "
            "them and run embed_labels again"
        ) from error


@dataclass(frozen=True)
class CaptionFeatures:
    """Captions as text features, made as those of labels are.

    Attributes:
        table: caption_id, clip_id, row; captions without a known word are not among them.
        vectors: float32 [M, W], unit norm.
    """

    table: pd.DataFrame
    vectors: NDArray[np.float32]


def read_caption_features(files: LabelFiles) -> CaptionFeatures:
    """Read the captions' part of what embed_labels wrote.

    Raises:
        HearsayError: a file is absent, or the files are not of one run.
    """
    for path in (files.caption_array, files.caption_index):
        if not path.is_file():
            raise HearsayError(f"{path} does not exist; embed_labels has not run")
    vectors = np.load(files.caption_array)
    table = pq.read_table(files.caption_index, schema=CAPTION_SCHEMA).to_pandas()
    if len(vectors) != len(table):
        raise HearsayError(
            f"{files.caption_array} holds {len(vectors)} captions and its index {len(table)}; "
            "remove both and run embed_labels again"
        )
    return CaptionFeatures(table, vectors)


def read_labels(clips: Path) -> list[str]:
    """List the labels that an index names, sorted."""
    if not Path(clips).is_file():
        raise HearsayError(f"{clips} does not exist; build_index has not run")
    table = pd.read_parquet(clips, columns=["labels"])
    return sorted({label for labels in table["labels"] for label in labels})


def read_single_labels(clips: Path) -> dict[str, str]:
    """Return the label of every clip that bears exactly one, by clip id.

    A clip of several labels belongs to several classes, and one of none to no class: neither can
    be told right or wrong by a classifier, so both are left out.
    """
    table = pd.read_parquet(clips, columns=["clip_id", "labels"])
    single = table[table["labels"].map(len) == 1]
    return dict(zip(single["clip_id"], single["labels"].map(lambda own: own[0]), strict=True))


def label_rows(labels: Sequence[str], store: LabelStore) -> NDArray[np.int64]:
    """Return the row of each label in the store.

    Raises:
        HearsayError: a label has no text features.
    """
    rows = {label: row for row, label in enumerate(store.labels)}
    try:
        return np.array([rows[label] for label in labels], dtype=np.int64)
    except KeyError as error:
        raise HearsayError(
            f"label {error.args[0]!r} has no text features; run embed_labels on the index again"
        ) from None
