"""Table II of the benchmark: how many clips are listed, and how many still exist."""

from pathlib import Path
from typing import Any

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.files import read_json
from hearsay.report.markup import Block, Column, TextTable, write_tables
from hearsay.report.published import CLIPS, CLIPS_SOURCE, PublishedClips, is_dataset

SPLITS = ("train", "val", "test")


def make_table_clips(availability: list[Path], csv: Path, markdown: Path, latex: Path) -> None:
    """Write the clips listed and found per data set and split, with the paper's counts.

    Args:
        availability: availability.json of each data set.
        csv: one row a split.
        markdown: for reading; a second table counts the reasons for leaving clips out.
        latex: for a paper.

    Raises:
        HearsayError: a file is absent or wrong, or two describe the same data set.
    """
    summaries = read_availability(availability)
    tables = [_counts(summaries), _reasons(summaries)]
    write_tables(_tidy(summaries), tables, csv, markdown, latex)


def read_availability(paths: list[Path]) -> list[dict[str, Any]]:
    """Read availability.json files, sorted by data set.

    Raises:
        HearsayError: there is none, a file is absent or wrong, or two describe one data set.
    """
    origin: dict[str, Path] = {}
    summaries = []
    for path in sorted(Path(path) for path in paths):
        summary = read_json(path)
        try:
            dataset, splits = str(summary["dataset"]), summary["splits"]
            for counts in splits.values():
                if not 0 <= int(counts["available"]) <= int(counts["listed"]):
                    raise HearsayError(f"{path}: more clips are available than listed")
            summaries.append(
                {"dataset": dataset, "splits": splits, "reasons": dict(summary["reasons"])}
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise HearsayError(
                f"{path} is no availability summary ({error!r}); run collect_availability again"
            ) from error
        if dataset in origin:
            raise HearsayError(
                f"{path} and {origin[dataset]} both describe the data set {dataset}; remove one"
            )
        origin[dataset] = path
    if not summaries:
        raise HearsayError("no availability.json given; name at least one data set")
    return sorted(summaries, key=lambda summary: str(summary["dataset"]))


def _splits(summary: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    known = [split for split in SPLITS if split in summary["splits"]]
    others = sorted(set(summary["splits"]) - set(SPLITS))
    return [(split, summary["splits"][split]) for split in known + others]


def _counts(summaries: list[dict[str, Any]]) -> TextTable:
    ours = [
        [
            summary["dataset"],
            split,
            *_count_cells(int(counts["listed"]), int(counts["available"])),
            str(counts.get("fingerprint", "")),
        ]
        for summary in summaries
        for split, counts in _splits(summary)
    ]
    paper = [
        [clips.name.split()[0], clips.name.split()[1], *_count_cells(clips.listed, clips.found), ""]
        for clips in CLIPS
    ]
    names = [summary["dataset"] for summary in summaries]
    same = [name for name in names if any(is_dataset(name, clips.dataset) for clips in CLIPS)]
    title = f"clips listed and found, {', '.join(names)}"
    return TextTable(
        number="Table II",
        title=title if same else f"{title} (the paper's counts are of other data sets)",
        label="tab:clips",
        columns=[
            Column("data set", is_number=False),
            Column("split", is_number=False),
            Column("listed"),
            Column("found"),
            Column("found, %"),
            Column("fingerprint", is_number=False),
        ],
        blocks=[Block(ours), Block(paper, "in the paper ‡")],
        above=[
            "Found: fetched and decoded, so that the clip takes part in training or scoring. "
            "Fingerprint: of the ids of the clips found."
        ],
        below=[f"‡ {CLIPS_SOURCE}."],
    )


def _count_cells(listed: int, found: int) -> list[str]:
    share = f"{100 * found / listed:.1f}" if listed else "–"
    return [f"{listed:,}", f"{found:,}", share]


def _reasons(summaries: list[dict[str, Any]]) -> TextTable:
    rows = [
        [summary["dataset"], str(reason), f"{int(count):,}"]
        for summary in summaries
        for reason, count in sorted(
            summary["reasons"].items(), key=lambda item: (-int(item[1]), str(item[0]))
        )
        if int(count) and reason != "ok"
    ]
    listed = sum(int(c["listed"]) for s in summaries for c in s["splits"].values())
    found = sum(int(c["available"]) for s in summaries for c in s["splits"].values())
    return TextTable(
        number="Table II, continued",
        title="why clips were left out",
        label="tab:clips-reasons",
        columns=[
            Column("data set", is_number=False),
            Column("reason", is_number=False),
            Column("clips"),
        ],
        blocks=[Block(rows)] if rows else [Block([["all", "none was left out", "0"]])],
        above=[f"{listed - found:,} of {listed:,} clips."],
    )


def _tidy(summaries: list[dict[str, Any]]) -> pd.DataFrame:
    """Return one row a split; the paper's counts where it used the same one, then its others."""
    rows = []
    shown: set[PublishedClips] = set()
    for summary in summaries:
        for split, counts in _splits(summary):
            dataset = summary["dataset"]
            paper = next(
                (c for c in CLIPS if is_dataset(dataset, c.dataset) and c.split == split), None
            )
            shown |= {paper} if paper else set()
            rows.append(
                {
                    "dataset": dataset,
                    "split": split,
                    "listed": int(counts["listed"]),
                    "found": int(counts["available"]),
                    "fingerprint": counts.get("fingerprint", ""),
                    "published_name": paper.name if paper else "",
                    "published_listed": paper.listed if paper else None,
                    "published_found": paper.found if paper else None,
                }
            )
    rows += [
        {
            "dataset": "",
            "split": clips.split,
            "listed": None,
            "found": None,
            "fingerprint": "",
            "published_name": clips.name,
            "published_listed": clips.listed,
            "published_found": clips.found,
        }
        for clips in CLIPS
        if clips not in shown
    ]
    numbers = ("listed", "found", "published_listed", "published_found")
    return pd.DataFrame(rows).astype(dict.fromkeys(numbers, "Int64"))
