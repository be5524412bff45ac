"""What lies nearest to texts and strange sounds, in the joint space and by features alone."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from hearsay.files import read_json
from hearsay.report.label_embeddings import nearest_rows, read_embeddings, vectors
from hearsay.report.markup import Block, Column, TextTable, write_tables
from hearsay.report.published import ELIZALDE, ELIZALDE_LISTS, FSDKAGGLE

NUM_CLIPS, NUM_LABELS = 10, 4  # nearest of each
KINDS = {"label": "labels", "query": "other texts", "clip": "sounds of labels unknown to training"}
_PUBLISHED_KINDS = {"label": "label", "query": "other text", "clip": "other sound"}


def make_table_nearest(embeddings: Path, run: Path, csv: Path, markdown: Path, latex: Path) -> None:
    """Write the lists of Elizalde et al. 2019, section 4: what a run finds nearest.

    A text is asked for by each label of split test, and by the texts that config names beside
    them; a sound by the first clip, by id, of each label that training lacks. In the joint space
    the nearest clips of split test are told by their labels. By features alone a text finds the
    nearest labels by their word vectors, since sounds share no space with it, and a sound the
    nearest clips.

    Args:
        embeddings: embeddings.parquet of a run.
        run: its run.json.
        csv: one row a query.
        markdown: for reading.
        latex: for a paper.

    Raises:
        HearsayError: a file is absent or wrong.
    """
    table = read_embeddings(embeddings)
    record = read_json(run)
    found = find_nearest(table)
    text = _table(found, record, int(((table["kind"] == "clip") & table["is_scored"]).sum()))
    write_tables(found, [text], csv, markdown, latex)


def find_nearest(table: pd.DataFrame) -> pd.DataFrame:
    """List what is nearest to each query.

    Args:
        table: of `read_embeddings`.

    Returns:
        kind, query, base and joint: a row a query, by kind and name.
    """
    clips = table[(table["kind"] == "clip") & table["is_scored"]]
    labels = table[table["kind"] == "label"]
    strangers = table[(table["kind"] == "clip") & ~table["is_scored"]]
    queries = {
        "label": labels[labels["name"].isin(clips["label"])],
        "query": table[table["kind"] == "query"],
        "clip": strangers.sort_values("name").drop_duplicates("label"),
    }
    known = labels[labels["name"].isin(clips["label"])]
    rows = []
    for kind, asked in queries.items():
        for _, query in asked.sort_values("name").iterrows():
            base = (
                _nearest_clips(query, clips, "base")
                if kind == "clip"
                else _nearest_labels(query, known)
            )
            rows.append(
                {"kind": kind, "query": query["label"] if kind == "clip" else query["name"]}
                | {"base": base, "joint": _nearest_clips(query, clips, "joint")}
            )
    return pd.DataFrame(rows, columns=["kind", "query", "base", "joint"])


def _nearest_clips(query: pd.Series, clips: pd.DataFrame, space: str) -> str:
    """Name the labels of the nearest clips, nearest first, with the number of clips of each."""
    asked = vectors(query.to_frame().T, space)[0]
    rows = nearest_rows(asked, vectors(clips, space), NUM_CLIPS)
    counts = Counter(str(clips["label"].iloc[row]) for row in rows)  # keeps the order
    return ", ".join(f"{label} ×{count}" for label, count in counts.items())


def _nearest_labels(query: pd.Series, labels: pd.DataFrame) -> str:
    asked = vectors(query.to_frame().T, "base")[0]
    rows = nearest_rows(asked, vectors(labels, "base"), NUM_LABELS)
    return ", ".join(str(labels["name"].iloc[row]) for row in rows)


def _table(found: pd.DataFrame, record: Mapping[str, Any], num_clips: int) -> TextTable:
    blocks = []
    for kind, heading in KINDS.items():
        own = found[found["kind"] == kind]
        if not own.empty:
            blocks.append(Block(own[["query", "base", "joint"]].to_numpy().tolist(), heading))
    for kind, heading in _PUBLISHED_KINDS.items():
        rows = [
            [known.query, known.base, known.joint]
            for known in ELIZALDE_LISTS
            if known.kind == heading
        ]
        blocks.append(Block(rows, f"published, {KINDS[kind]} ‡"))
    missing = [heading for kind, heading in KINDS.items() if not (found["kind"] == kind).any()]
    return TextTable(
        number="Nearest",
        title=f"what lies nearest, {record['method']}, seed {record['seed']}",
        label=f"tab:nearest-{record['method']}".replace("_", "-"),
        columns=[
            Column("query", is_number=False),
            Column("features alone", is_number=False),
            Column("joint space", is_number=False),
        ],
        blocks=blocks,
        above=[
            f"Joint space: labels of the {NUM_CLIPS} nearest of {num_clips:,} test clips, nearest "
            "first, with the number of clips of each. Features alone: of a text the "
            f"{NUM_LABELS} nearest labels by their word vectors, of a sound the labels of the "
            f"{NUM_CLIPS} nearest clips. Nothing is chosen: every label and text is shown, and of "
            "each unknown label the first clip."
        ],
        below=[
            *(f"There are no {heading} in this data." for heading in missing),
            f"‡ {ELIZALDE}, of WAL-Net on {FSDKAGGLE}; ours are other lists unless that is the "
            "data set above.",
        ],
    )
