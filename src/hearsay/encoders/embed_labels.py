"""Embed the labels of a data set once, for training and scoring to gather."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from hearsay.encoders import labels as text_features
from hearsay.encoders.label_store import (
    CAPTION_SCHEMA,
    LABEL_SCHEMA,
    LabelFiles,
    read_labels,
)
from hearsay.encoders.word_vectors import mean_cosine
from hearsay.encoders.words import open_vectors
from hearsay.errors import HearsayError
from hearsay.files import atomic_path, write_json, write_parquet

logger = logging.getLogger(__name__)


def embed_labels(
    dataset: str,
    options: dict[str, Any],
    clips: Path,
    captions: Path,
    training_clips: Path | None,
    training_captions: Path | None,
    files: LabelFiles,
) -> None:
    """Write the text features of all labels of a data set, and of other texts that are asked for.

    Its captions get features in the same way, since here are the vectors: with them a method that
    knows labels can be asked for captions. A caption without a known word is left out.

    Args:
        dataset: its name.
        options: those of `embed_words`, and `queries`: texts to embed beside the labels; one that
            is a label stands there once, one without a known word is left out with a warning.
        clips: index table of the data set.
        captions: as clips; may be empty.
        training_clips: index table of the data set whose train captions skip-gram learns; None
            where the vectors come from a file.
        training_captions: as training_clips.
        files: to write.

    Raises:
        HearsayError: a table or the vectors are absent or damaged, the data set has fewer than
            two labels, or a label has no word that the vectors know.
    """
    found = read_labels(clips)
    if len(found) < 2:
        raise HearsayError(
            f"data set {dataset}: its index names {len(found)} labels; telling labels apart takes "
            "two. Give labels in the data set, or name another one under benchmark.stages"
        )
    vectors, trained_on = open_vectors(options, training_clips, training_captions)
    asked = [query for query in options["queries"] if query not in found]
    texts = found + _known_queries(asked, vectors)
    embedded = text_features.embed_labels(texts, vectors)  # [K + Q, W]
    words = [text_features.label_words(text, vectors) for text in texts]
    rows = [
        {
            "label": own.label,
            "row": row,
            "is_label": row < len(found),
            "words": list(own.words),
            "unknown": list(own.unknown),
        }
        for row, own in enumerate(words)
    ]
    with atomic_path(files.array) as temporary:
        np.save(temporary, embedded)
    write_parquet(pa.Table.from_pylist(rows, schema=LABEL_SCHEMA), files.index)
    _embed_captions(captions, vectors, files)
    summary = {
        "dataset": dataset,
        "vectors": options["vectors"],
        "trained_on": trained_on,
        "num_labels": len(found),
        "dimensions": embedded.shape[1],
        "mean_cosine": mean_cosine(embedded[: len(found)]),
        "unknown": {own.label: list(own.unknown) for own in words if own.unknown},
    }
    write_json(summary, files.summary)
    logger.info(
        "%s: %d labels, mean cosine between them %.3f; words without a vector: %s",
        dataset, len(found), summary["mean_cosine"], summary["unknown"] or "none",
    )  # fmt: skip


def _embed_captions(captions: Path, vectors: Any, files: LabelFiles) -> None:
    """Write the features of all captions that have a known word, in the order of their table."""
    if not Path(captions).is_file():
        raise HearsayError(f"{captions} does not exist; build_index has not run")
    columns = ["caption_id", "clip_id", "text"]
    table = pd.read_parquet(captions, columns=columns).astype(str)
    distinct = sorted(set(table["text"]))
    known = [text for text in distinct if text_features.label_words(text, vectors).words]
    kept = table[table["text"].isin(known)]
    rows = {text: row for row, text in enumerate(known)}
    features = text_features.embed_labels(known, vectors) if known else np.zeros((0, 0), np.float32)
    with atomic_path(files.caption_array) as temporary:
        np.save(temporary, features[[rows[text] for text in kept["text"]]])
    numbered = kept[["caption_id", "clip_id"]].assign(row=np.arange(len(kept), dtype=np.int32))
    write_parquet(
        pa.Table.from_pandas(numbered, schema=CAPTION_SCHEMA, preserve_index=False),
        files.caption_index,
    )
    if len(kept) < len(table):
        logger.warning("%d of %d captions have no known word", len(table) - len(kept), len(table))


def _known_queries(queries: list[str], vectors: Any) -> list[str]:
    """Leave out queries without a known word: nothing hangs on them but lists."""
    unknown = [query for query in queries if not text_features.label_words(query, vectors).words]
    if unknown:
        logger.warning(
            "left out of benchmark.label_scores.queries, since the word vectors have none of their "
            "words: %s",
            ", ".join(unknown),
        )
    return [query for query in queries if query not in unknown]
