"""Table II of the benchmark: how many clips are listed, how many still exist, why others do not."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from hearsay.report.availability import SPLITS, SplitCounts, read_availability, total_reasons
from hearsay.report.markup import Block, Column, TextTable, write_tables
from hearsay.report.published import (
    CLIPS,
    CLIPS_SOURCE,
    XIE_CLIPS,
    XIE_CLIPS_SOURCE,
    PublishedClips,
    is_dataset,
)
from hearsay.report.tasks import in_order

PUBLISHED = (*CLIPS, *XIE_CLIPS)


def make_table_clips(availability: list[Path], csv: Path, markdown: Path, latex: Path) -> None:
    """Write what became of the clips of each data set and split, with the papers' counts.

    Args:
        availability: availability.json of each data set.
        csv: one row a split, a column `left_out_*` a reason.
        markdown: for reading; a second table counts the reasons for leaving clips out.
        latex: for a paper.

    Raises:
        HearsayError: a file is absent or wrong, or two describe the same data set.
    """
    splits = read_availability(availability)
    write_tables(_tidy(splits), [_counts(splits), _reasons(splits)], csv, markdown, latex)


def _counts(splits: Sequence[SplitCounts]) -> TextTable:
    ours = [
        [
            counts.dataset,
            counts.split,
            *(f"{n:,}" for n in (counts.listed, counts.excluded, counts.fetched, counts.found)),
            _share(counts.found, counts.wanted),
            counts.fingerprint,
        ]
        for counts in splits
    ]
    names = sorted({counts.dataset for counts in splits})
    same = any(is_dataset(name, clips.dataset) for name in names for clips in PUBLISHED)
    title = f"clips listed and found, {', '.join(names)}"
    return TextTable(
        number="Table II",
        title=title if same else f"{title} (the papers' counts are of other data sets)",
        label="tab:clips",
        columns=[
            Column("data set", is_number=False),
            Column("split", is_number=False),
            *(Column(name) for name in ("listed", "excluded", "fetched", "found", "found, %")),
            Column("fingerprint", is_number=False),
        ],
        blocks=[
            Block(ours),
            Block(_published(CLIPS), "in Tsubaki et al. 2024 ‡"),
            Block(_published(XIE_CLIPS), "in Xie et al. 2022 §"),
        ],
        above=[
            "Excluded: never asked for, since another data set tests on their videos. Fetched: the "
            "media lie here. Found: decoded too, so that the clip takes part in training or "
            "scoring; in % of those listed and not excluded. Fingerprint: of the ids of the clips "
            "found."
        ],
        below=[f"‡ {CLIPS_SOURCE}.", f"§ {XIE_CLIPS_SOURCE}."],
    )


def _published(clips: Sequence[PublishedClips]) -> list[list[str]]:
    return [
        [
            *published.name.rsplit(" ", 1),
            f"{published.listed:,}",
            "",
            "",
            f"{published.found:,}",
            _share(published.found, published.listed),
            "",
        ]
        for published in clips
    ]


def _share(found: int, wanted: int) -> str:
    return f"{100 * found / wanted:.1f}" if wanted else "–"


def _reasons(splits: Sequence[SplitCounts]) -> TextTable:
    names = in_order({counts.split for counts in splits}, SPLITS)
    rows = []
    for dataset in sorted({counts.dataset for counts in splits}):
        own = {counts.split: counts for counts in splits if counts.dataset == dataset}
        for reason, total in total_reasons(own.values()).items():
            cells = [
                f"{own[split].reasons.get(reason, 0):,}" if split in own else "–" for split in names
            ]
            rows.append([dataset, reason, *cells, f"{total:,}"])
    listed = sum(counts.listed for counts in splits)
    found = sum(counts.found for counts in splits)
    none = ["all", "none was left out", *["0"] * len(names), "0"]
    return TextTable(
        number="Table II, continued",
        title="why clips were left out",
        label="tab:clips-reasons",
        columns=[
            Column("data set", is_number=False),
            Column("reason", is_number=False),
            *(Column(name) for name in (*names, "all")),
        ],
        blocks=[Block(rows or [none])],
        above=[f"{listed - found:,} of {listed:,} clips."],
    )


def _tidy(splits: Sequence[SplitCounts]) -> pd.DataFrame:
    """Return one row a split; the paper's counts where it used the same one, then its others."""
    reasons = sorted(total_reasons(splits))
    rows = []
    shown: set[PublishedClips] = set()
    for counts in splits:
        paper = next(
            (
                clips
                for clips in PUBLISHED
                if is_dataset(counts.dataset, clips.dataset) and clips.split == counts.split
            ),
            None,
        )
        shown |= {paper} if paper else set()
        rows.append(
            {
                "dataset": counts.dataset,
                "split": counts.split,
                "listed": counts.listed,
                "excluded": counts.excluded,
                "fetched": counts.fetched,
                "found": counts.found,
                "fingerprint": counts.fingerprint,
                **{f"left_out_{reason}": counts.reasons.get(reason, 0) for reason in reasons},
                **_published_cells(paper),
            }
        )
    rows += [
        {"dataset": "", "split": clips.split, "fingerprint": "", **_published_cells(clips)}
        for clips in PUBLISHED
        if clips not in shown
    ]
    table = pd.DataFrame(rows)
    words = ("dataset", "split", "fingerprint", "published_name")
    return table.astype({name: "Int64" for name in table.columns if name not in words})


def _published_cells(clips: PublishedClips | None) -> dict[str, str | int | None]:
    return {
        "published_name": clips.name if clips else "",
        "published_listed": clips.listed if clips else None,
        "published_found": clips.found if clips else None,
    }
