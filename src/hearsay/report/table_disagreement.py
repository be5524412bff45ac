"""The sweep's table: recall at each disagreement, and the difference to the reference."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.files import write_text
from hearsay.report.disagreement import METRICS, join_sweep, summarise_sweep, to_csv
from hearsay.report.markup import Block, Column, TextTable, write_layouts
from hearsay.report.significance import (
    KEY_COLUMNS,
    Comparison,
    Comparisons,
    explain_marks,
    read_comparisons,
)
from hearsay.report.table_comparisons import points
from hearsay.report.tables import NOT_ABOVE_CHANCE
from hearsay.report.tasks import ARROWS, CONTROLS, TASKS, in_order

SAME_BUT_PICTURES = (
    "Disagreement: how often a picture shows what does not sound. Sounds, captions and the frozen "
    "towers are the same at every value; pictures alone change."
)
SweepComparisons = dict[float, Comparisons]  # by disagreement
Rows = Callable[[pd.DataFrame], list[list[str]]]  # of one disagreement


def make_table_disagreement(
    disagreements: Sequence[float],
    scores: Sequence[Path],
    comparisons: Sequence[Path],
    reference: str | None,
    methods: Sequence[str],
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Write the sweep's table in three formats.

    Markdown and LaTeX hold two tables a task, headline protocol: R@1 and R@10 of each method, of
    the oracle and of chance at each disagreement; and the differences to the reference, paired
    by seed. The CSV holds every seed and protocol, one row a number.

    Args:
        disagreements: shares from 0 to 1.
        scores: scores.csv at each.
        comparisons: comparisons.csv at each, for the marks of significance; none: no marks.
        reference: the method that the others are compared with; None: no differences.
        methods: their order; others follow.
        csv: the numbers, as fractions.
        markdown: for reading, in percent.
        latex: for a paper.

    Raises:
        HearsayError: as `join_sweep`, or comparisons.csv is absent or wrong, or their number is.
    """
    table = join_sweep(disagreements, scores, reference)
    if comparisons and len(comparisons) != len(disagreements):
        raise HearsayError(
            f"{len(disagreements)} disagreements for {len(comparisons)} files of comparisons; "
            "name one each"
        )
    tested = {
        float(value): read_comparisons(path)
        for value, path in zip(disagreements, comparisons, strict=bool(comparisons))
    }
    text_tables = build_tables(summarise_sweep(table), methods, reference, tested)
    write_text(to_csv(table), csv)
    write_layouts(text_tables, markdown, latex)


def build_tables(
    summary: pd.DataFrame,
    methods: Sequence[str],
    reference: str | None,
    comparisons: SweepComparisons,
) -> list[TextTable]:
    """Lay out the tables of all tasks.

    Args:
        summary: of `summarise_sweep`.
        methods: their order.
        reference: the method that the others are compared with.
        comparisons: with it, for the marks; may be empty.
    """
    tables = []
    for task, layout in TASKS.items():
        rows = summary[(summary["task"] == task) & (summary["protocol"] == layout.protocols[0])]
        for _, own in rows.groupby(["dataset", "split", "subset"], sort=True):
            tables.append(_recall_table(own, task, methods))
            if reference is not None and own["difference"].notna().any():
                tables.append(_difference_table(own, task, methods, reference, comparisons))
    return tables


def _recall_table(rows: pd.DataFrame, task: str, methods: Sequence[str]) -> TextTable:
    def lines(at_value: pd.DataFrame) -> list[list[str]]:
        trained = set(at_value["method"]) - set(CONTROLS)
        names = [
            *in_order(trained, methods),
            *in_order(set(at_value["method"]) - trained, CONTROLS),
        ]
        chance = [_chance(100 * row["chance"]) for row in _cells(at_value, names[0], task)]
        return [
            *([name, *map(_recall, _cells(at_value, name, task))] for name in names),
            ["chance", *chance],
        ]

    blocks, described = _blocks(rows, task, lines)
    has_marks = any("†" in cell for block in blocks for row in block.rows for cell in row)
    return TextTable(
        number="Sweep",
        title=_title(rows, task),
        label=_label(rows, task, "recall"),
        columns=_columns(task),
        blocks=blocks,
        above=[
            f"{described} {SAME_BUT_PICTURES} Mean ± sample standard deviation over training "
            "seeds, in percent."
        ],
        below=[
            *([NOT_ABOVE_CHANCE] if has_marks else []),
            "oracle: retrieval by the true scene description, the ceiling of these data"
            + ("; a picture that disagrees tells it nothing. " if "image" in task else ". ")
            + "chance: exact expectation of a random order. Every seed and protocol: "
            "disagreement.csv.",
        ],
    )


def _difference_table(
    rows: pd.DataFrame,
    task: str,
    methods: Sequence[str],
    reference: str,
    comparisons: SweepComparisons,
) -> TextTable:
    compared = rows[rows["difference"].notna()]
    shown: list[Comparison] = []

    def cell(row: pd.Series) -> str:
        text = points(row["difference"])
        if not math.isnan(row["difference_std"]):
            text += f" ± {100 * row['difference_std']:.2f}"
        key = tuple(str(row[name]) for name in KEY_COLUMNS)
        comparison = comparisons.get(row["disagreement"], {}).get(key)
        if comparison is None:
            return text
        shown.append(comparison)
        return f"{text} {comparison.mark}"

    def lines(at_value: pd.DataFrame) -> list[list[str]]:
        names = in_order(at_value["method"], methods)
        return [[name, *map(cell, _cells(at_value, name, task))] for name in names]

    blocks, described = _blocks(compared, task, lines)
    return TextTable(
        number="Sweep, continued",
        title=f"{_title(rows, task)}, each method minus {reference}",
        label=_label(rows, task, "difference"),
        columns=_columns(task),
        blocks=blocks,
        above=[
            f"{described} Differences in points of percent, paired by seed: mean ± sample standard "
            "deviation over training seeds."
        ],
        below=explain_marks(
            shown,
            f"Table {TASKS[task].number}, {TASKS[task].protocols[0]}, at each value, not for all "
            "values together",
        ),
    )


def _blocks(rows: pd.DataFrame, task: str, lines: Rows) -> tuple[list[Block], str]:
    """Return a block a disagreement, and what data they have in common.

    Data that differ from value to value (other clips were found) stand in the headings instead.
    """
    parts = list(rows.groupby("disagreement", sort=True))
    of_value = [_describe(part, task) for _, part in parts]
    is_same = len(set(of_value)) == 1
    blocks = [
        Block(lines(part), f"disagreement {value:g}" + ("" if is_same else f": {data}"))
        for (value, part), data in zip(parts, of_value, strict=True)
    ]
    first = rows.iloc[0]
    trained = rows[~rows["method"].isin(CONTROLS)]
    weights = ", ".join(sorted(set(trained["weights"])))
    seeds = ", ".join(sorted(set(trained["seeds"])))
    common = f" {of_value[0]}." if is_same else ""
    return blocks, (
        f"Data: {first['dataset']}, split {first['split']}, subset {first['subset']}.{common} "
        f"Weights: {weights}. Seeds: {seeds}. Last epoch of stage {TASKS[task].stage}."
    )


def _describe(rows: pd.DataFrame, task: str) -> str:
    """Say how much was scored at one disagreement, and on which clips."""
    sizes = [
        f"{ARROWS[way]} {own['num_queries'].iloc[0]:,} queries, "
        f"{own['num_candidates'].iloc[0]:,} candidates"
        for way in TASKS[task].directions
        if not (own := rows[rows["direction"] == way]).empty
    ]
    return "; ".join([*sizes, f"clips {rows['availability'].iloc[0]}"])


def _columns(task: str) -> list[Column]:
    return [
        Column("method", is_number=False),
        *(Column(metric, ARROWS[way]) for way, metric in product(TASKS[task].directions, METRICS)),
    ]


def _cells(rows: pd.DataFrame, method: str, task: str) -> Iterator[pd.Series]:
    """Yield the row of each column.

    Raises:
        HearsayError: there is no such number.
    """
    own = rows[rows["method"] == method].set_index(["direction", "metric"], drop=False)
    for column in product(TASKS[task].directions, METRICS):
        if column not in own.index:
            raise HearsayError(f"{method} has no {column[1]} of {column[0]}; score the runs again")
        yield own.loc[column]


def _recall(row: pd.Series) -> str:
    text = f"{100 * row['mean']:.1f}"
    if not math.isnan(row["std"]):
        text += f" ± {100 * row['std']:.1f}"
    return text if row["above_chance"] else f"{text} †"


def _chance(percent: float) -> str:
    """Print two significant digits, since chance is small; whole percents from ten on."""
    return f"{percent:.2g}" if percent < 10 else f"{percent:.0f}"


def _title(rows: pd.DataFrame, task: str) -> str:
    first, layout = rows.iloc[0], TASKS[task]
    return (
        f"{layout.name} against disagreement on {first['dataset']} ({first['split']}), "
        f"{layout.protocols[0]}"
    )


def _label(rows: pd.DataFrame, task: str, kind: str) -> str:
    first = rows.iloc[0]
    return f"tab:disagreement-{task}-{first['dataset']}-{first['subset']}-{kind}".replace("_", "-")
