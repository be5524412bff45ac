"""The comparisons with the reference, in words: the headline protocols and the papers' metrics."""

import math
from collections.abc import Sequence

import pandas as pd

from hearsay.report.markup import Block, Column, TextTable
from hearsay.report.published import PUBLISHED
from hearsay.report.significance import Comparison, explain_correction, index_comparisons
from hearsay.report.tasks import ARROWS, TASKS, in_order

DATA_COLUMNS = ["dataset", "split", "subset", "availability", "weights"]
_COLUMNS = (
    Column("method", is_number=False),
    Column("difference"),
    Column("95 % interval"),
    Column("p", "queries:"),
    Column("corrected", "queries:"),
    Column("p", "seeds:"),
    Column("corrected", "seeds:"),
    Column("verdict", is_number=False),
)


def build_comparison_tables(table: pd.DataFrame, methods: Sequence[str]) -> list[TextTable]:
    """Lay out one table a task and data set: the last epoch of the task's own stage.

    Args:
        table: comparisons.csv.
        methods: their order.
    """
    tables = []
    for task, layout in TASKS.items():
        rows = table[
            (table["task"] == task)
            & (table["protocol"] == layout.protocols[0])
            & (table["stage"] == layout.stage)
        ]
        for key, own in rows.groupby(DATA_COLUMNS, sort=True):
            tables.append(_build_table(own, task, tuple(str(name) for name in key), methods))
    return tables


def _build_table(
    rows: pd.DataFrame, task: str, key: tuple[str, ...], methods: Sequence[str]
) -> TextTable:
    layout = TASKS[task]
    dataset, split, subset, availability, weights = key
    blocks, shown = [], []
    for direction, metric in PUBLISHED[task].cells:
        own = rows[(rows["direction"] == direction) & (rows["metric"] == metric)]
        found = index_comparisons(own, "comparisons")
        by_method = dict(zip(own["method"], found.values(), strict=True))
        names = in_order(by_method, methods)
        shown += [by_method[name] for name in names]
        lines = [[name, *_cells(by_method[name])] for name in names]
        blocks.append(Block(lines, f"{ARROWS[direction]} {metric}"))
    first = rows.iloc[0]
    sizes = "; ".join(
        f"{ARROWS[direction]} {int(own['num_queries'].iloc[0]):,} queries, "
        f"{int(own['num_candidates'].iloc[0]):,} candidates"
        for direction in layout.directions
        if not (own := rows[rows["direction"] == direction]).empty
    )
    return TextTable(
        number=f"Comparisons for Table {layout.number}",
        title=(
            f"{layout.name} on {dataset} ({split}), {layout.protocols[0]}, "
            f"each method minus {first['reference']}"
        ),
        label=f"tab:comparisons-{task}-{dataset}-{subset}-{availability}".replace("_", "-"),
        columns=list(_COLUMNS),
        blocks=blocks,
        above=[
            f"Data: {dataset}, split {split}, subset {subset}, {int(first['num_clips']):,} clips, "
            f"fingerprint {availability}. {sizes}. Weights: {weights}. Seeds: {first['seeds']}. "
            f"Last epoch of stage {layout.stage}. Differences in points of percent."
        ],
        below=[
            f"95 % interval, queries: paired bootstrap over clips ({int(first['num_resamples']):,} "
            "resamples) of the mean over seeds, two-sided, the interval of each difference by "
            "itself; seeds: paired t-test over seeds, two-sided. Verdicts by the corrected p. All "
            "protocols, stages and metrics: comparisons.csv.",
            *explain_correction(shown, f"Table {layout.number}, {layout.protocols[0]}"),
        ],
    )


def _cells(comparison: Comparison) -> list[str]:
    return [
        points(comparison.difference),
        f"{points(comparison.ci_low)} to {points(comparison.ci_high)}",
        _p(comparison.p_queries),
        _p(comparison.p_queries_holm),
        _p(comparison.p_seeds),
        _p(comparison.p_seeds_holm),
        comparison.verdict,
    ]


def points(fraction: float) -> str:
    """Print a difference of fractions in points of percent, with its sign."""
    text = f"{100 * fraction:+.2f}".replace("-", "−")
    return text[1:] if text[1:] == "0.00" else text


def _p(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"
