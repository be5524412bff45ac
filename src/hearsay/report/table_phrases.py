"""Table 1 of Xie et al. 2022: clips, captions and phrases, listed and found, per split."""

from pathlib import Path

import pandas as pd

from hearsay.layout import DatasetFiles
from hearsay.report.grounding_scores import read_table
from hearsay.report.markup import Block, Column, TextTable, write_tables
from hearsay.report.published import AUDIOGROUNDING, PHRASES, XIE, is_dataset
from hearsay.report.tasks import in_order

SPLITS = ("train", "val", "test")
COUNTED = ("clips", "captions", "phrases")


def make_table_phrases(data: DatasetFiles, csv: Path, markdown: Path, latex: Path) -> None:
    """Write how many clips, captions and phrases a data set lists, and how many are of found clips.

    Args:
        data: the data set; its index and availability.parquet are read.
        csv: one row a split, and those of the paper's copy at the end.
        markdown: for reading.
        latex: for a paper.

    Raises:
        HearsayError: a file is absent or lacks a column.
    """
    counts = count_phrases(data)
    table = _table(counts, data.name)
    write_tables(_tidy(counts, data.name), [table], csv, markdown, latex)


def count_phrases(data: DatasetFiles) -> pd.DataFrame:
    """Count clips, captions and phrases by split.

    Returns:
        indexed by split: `{clips,captions,phrases}_{listed,found}`; found: of clips that are
        available; and `phrases_not_heard`, those found ones that are annotated without a segment.
    """
    available = read_table(data.availability_table, ["clip_id", "split", "available"])
    phrases = read_table(data.phrases, ["clip_id", "onsets_s"])
    tables = {
        "clips": available[["clip_id"]],
        "captions": read_table(data.captions, ["clip_id"]),
        "phrases": phrases,
        "not_heard": phrases[phrases["onsets_s"].map(len) == 0],
    }
    counts = pd.DataFrame(index=in_order(available["split"], SPLITS))
    for name, table in tables.items():
        joined = table.merge(available, on="clip_id", validate="many_to_one")
        counts[f"{name}_listed"] = joined.groupby("split").size()
        counts[f"{name}_found"] = joined[joined["available"]].groupby("split").size()
    counts = counts.rename(columns={"not_heard_found": "phrases_not_heard"})
    return counts.drop(columns="not_heard_listed").fillna(0).astype(int)


def _table(counts: pd.DataFrame, dataset: str) -> TextTable:
    ours = [
        [dataset, split]
        + [f"{row[f'{name}_{kind}']:,}" for name in COUNTED for kind in ("listed", "found")]
        + [f"{row['phrases_not_heard']:,}"]
        for split, row in counts.iterrows()
    ]
    paper = [
        ["AudioGrounding v1", split.split]
        + [cell for n in (split.clips, split.captions, split.phrases) for cell in ("", f"{n:,}")]
        + [""]
        for split in PHRASES
    ]
    same = is_dataset(dataset, AUDIOGROUNDING)
    title = f"clips, captions and phrases, {dataset}"
    return TextTable(
        number="Table 1 of Xie et al. 2022",
        title=title if same else f"{title} (the paper's counts are of another data set)",
        label="tab:phrases",
        columns=[
            Column("data set", is_number=False),
            Column("split", is_number=False),
            *(Column(kind, name) for name in COUNTED for kind in ("listed", "found")),
            Column("not heard"),
        ],
        blocks=[Block(ours), Block(paper, "in the paper ‡")],
        above=[
            "Found: of clips that were fetched and decoded. not heard: found phrases that are "
            "annotated without a segment."
        ],
        below=[
            f"‡ {XIE}, Table 1: what the paper's copy has; its cells stand under found, since it "
            "does not say what was lost."
        ],
    )


def _tidy(counts: pd.DataFrame, dataset: str) -> pd.DataFrame:
    ours = counts.rename_axis("split").reset_index()
    ours.insert(0, "dataset", dataset)
    paper = pd.DataFrame(
        [
            {
                "dataset": "AudioGrounding v1 (published)",
                "split": split.split,
                "clips_found": split.clips,
                "captions_found": split.captions,
                "phrases_found": split.phrases,
            }
            for split in PHRASES
        ]
    )
    numbers = dict.fromkeys(counts.columns, "Int64")
    return pd.concat([ours, paper], ignore_index=True).astype(numbers)
