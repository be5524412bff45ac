"""The files that scores of labels come in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from hearsay.files import write_parquet
from hearsay.scoring.label_clips import LabelQuestion
from hearsay.scoring.label_scores import LabelScores
from hearsay.scoring.label_space import Embedder, Vectors
from hearsay.scoring.records import write_records

EMBEDDINGS_SCHEMA = pa.schema(
    [
        ("kind", pa.string()),  # clip, label or query
        ("name", pa.string()),  # clip id, label, or text of the query
        ("label", pa.string()),  # of the clip; null of a query
        ("split", pa.string()),  # of the clip; null of texts
        ("is_scored", pa.bool_()),  # false of clips whose class train lacks
        ("base", pa.list_(pa.float32())),  # before: features of the joint network's input
        ("joint", pa.list_(pa.float32())),  # after: in the joint space, of unit norm
    ]
)


def write_label_scores(scores: Sequence[tuple[str, LabelScores]], folder: Path) -> None:
    """Write queries.parquet, cells.parquet and, last, scores.json.

    Args:
        scores: the method's name and what it scored, one a method and split.
        folder: where they go.
    """
    for name in ("queries", "cells"):
        tables = [getattr(own, name).assign(method=method) for method, own in scores]
        write_parquet(pd.concat(tables, ignore_index=True), folder / f"{name}.parquet")
    records = [record for _, own in scores for record in own.records]
    write_records(records, folder / "scores.json")


def embedding_table(
    question: LabelQuestion,
    texts: Sequence[tuple[str, list[str], Vectors, Vectors]],
    labels: list[str],
    embedder: Embedder,
) -> pa.Table:
    """List the clips that were asked about and the texts, before and after the joint network.

    Args:
        question: of the split.
        texts: kind, names, features as wide as the network's input, embeddings.
        labels: K.
        embedder: of the network.
    """
    rows: list[dict[str, Any]] = []
    for clips, is_scored in ((question.queries, True), (question.strangers, False)):
        joint = embedder.audio(clips.features) if clips.clip_ids else clips.features
        rows += [
            {
                "kind": "clip",
                "name": clip_id,
                "label": labels[row],
                "split": question.split,
                "is_scored": is_scored,
                "base": before,
                "joint": after,
            }
            for clip_id, row, before, after in zip(
                clips.clip_ids, clips.classes, clips.features, joint, strict=True
            )
        ]
    for kind, names, base, joint in texts:
        rows += [
            {
                "kind": kind,
                "name": name,
                "label": name if kind == "label" else None,
                "split": None,
                "is_scored": True,
                "base": before,
                "joint": after,
            }
            for name, before, after in zip(names, base, joint, strict=True)
        ]
    return pa.Table.from_pylist(rows, schema=EMBEDDINGS_SCHEMA)
