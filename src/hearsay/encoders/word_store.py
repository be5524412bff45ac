"""The words of a data set as numbers: vectors, and the rows of every caption and phrase."""

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

UNKNOWN_ROW = 0  # of the one random vector that all unknown words share
MODES = ("paper", "skip")

INDEX_SCHEMA = pa.schema(
    [
        ("word", pa.string()),  # as the vectors spell it; of an unknown word, in lower case
        ("row", pa.int32()),  # of the array; UNKNOWN_ROW for every unknown word
        ("is_known", pa.bool_()),
        ("count_train", pa.int64()),  # in the captions of a split
        ("count_val", pa.int64()),
        ("count_test", pa.int64()),
        ("count_phrases", pa.int64()),  # in the phrases of all splits
    ]
)
CAPTIONS_SCHEMA = pa.schema(
    [
        ("caption_id", pa.string()),
        ("clip_id", pa.string()),
        ("words", pa.list_(pa.string())),
        ("rows", pa.list_(pa.int32())),
    ]
)
PHRASES_SCHEMA = pa.schema(
    [
        ("caption_id", pa.string()),
        ("clip_id", pa.string()),
        ("phrase_number", pa.int32()),  # within its caption, from 0
        ("words", pa.list_(pa.string())),
        ("rows", pa.list_(pa.int32())),
    ]
)


@dataclass(frozen=True)
class WordFiles:
    """The files that embed_words writes for one data set."""

    array: Path
    index: Path
    captions: Path
    phrases: Path
    summary: Path

    @classmethod
    def of(cls, files: DatasetFiles) -> "WordFiles":
        """Name them in the folder of a data set."""
        return cls(
            files.root / "word_embeddings.npy",
            files.root / "word_embeddings.parquet",
            files.root / "caption_words.parquet",
            files.root / "phrase_words.parquet",
            files.root / "word_embeddings.json",
        )


@dataclass(frozen=True)
class WordStore:
    """What training and scoring need of words.

    Attributes:
        name: of the vectors, for every score.
        trained_on: the data set whose captions they were trained on; None: they came from a file.
            Vectors of one name that were trained on two data sets are not of one space.
        space: tells vectors of one space from those of another, whatever words were taken of it.
        vectors: float32 [V, W], unit norm; row UNKNOWN_ROW is that of all unknown words.
        captions: caption_id, clip_id, words, rows; in the order of the captions table.
        phrases: caption_id, clip_id, phrase_number, words, rows; in the order of the phrases table.
    """

    name: str
    trained_on: str | None
    space: str
    vectors: NDArray[np.float32]
    captions: pd.DataFrame
    phrases: pd.DataFrame


def read_word_store(files: WordFiles) -> WordStore:
    """Read what embed_words wrote.

    Raises:
        HearsayError: a file is absent or damaged, or the files are not of one run.
    """
    summary = read_json(files.summary)
    for path in (files.array, files.captions, files.phrases):
        if not path.is_file():
            raise HearsayError(f"{path} does not exist; embed_words has not run")
    try:
        vectors = np.load(files.array)
        captions = pq.read_table(files.captions, schema=CAPTIONS_SCHEMA).to_pandas()
        phrases = pq.read_table(files.phrases, schema=PHRASES_SCHEMA).to_pandas()
        rows = np.concatenate([[0], *captions["rows"], *phrases["rows"]])
        if vectors.shape != (summary["num_rows"], summary["dimensions"]):
            raise ValueError(f"{vectors.shape} vectors")
        if rows.max() >= len(vectors):
            raise ValueError(f"row {rows.max()} of {len(vectors)}")
        names = (summary["vectors"], summary["trained_on"], summary["space"])
        return WordStore(*names, vectors, captions, phrases)
    except (ValueError, KeyError, TypeError, EOFError, pa.ArrowException) as error:
        raise HearsayError(
            f"the word files beside {files.array} are damaged or not of one run ({error}); remove "
            "them and run embed_words again"
        ) from error


def usable_rows(rows: Sequence[int] | NDArray[np.integer], mode: str) -> NDArray[np.int64]:
    """Return the rows that count under a mode, in order.

    Mode `paper` keeps unknown words, which all have the one random vector (Xie et al. 2022);
    `skip` leaves them out. Where nothing is left, the caption or phrase takes no part: a mean over
    no words is undefined.

    >>> usable_rows([4, 0, 7], "paper").tolist(), usable_rows([4, 0, 7], "skip").tolist()
    ([4, 0, 7], [4, 7])
    """
    if mode not in MODES:
        raise HearsayError(f"mode {mode!r} of unknown words: must be one of {', '.join(MODES)}")
    kept = np.asarray(rows, dtype=np.int64)
    return kept if mode == "paper" else kept[kept != UNKNOWN_ROW]
