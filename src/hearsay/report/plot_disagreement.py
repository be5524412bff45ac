"""R@1 against the disagreement of pictures and sounds: a line a method, a point a seed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hearsay.errors import HearsayError
from hearsay.report.disagreement import read_sweep, summarise_sweep
from hearsay.report.plot_recall import DIRECTION_TITLES
from hearsay.report.style import (
    CHANCE_COLOUR,
    ORACLE_COLOUR,
    PAGE_WIDTH_IN,
    colour_of,
    plot_style,
    save_figure,
)
from hearsay.report.tasks import CONTROLS, TASKS, in_order

METRIC = "R@1"
STEP = 0.032  # between methods at one disagreement, as a share of the axis
HEADROOM = 1.25  # above the best seed of a task; an oracle beyond it is told in words
_DATA = ["dataset", "split", "subset"]


def plot_disagreement(table: Path, methods: Sequence[str], svg: Path, png: Path) -> None:
    """Plot R@1 of both tasks and directions against the disagreement, headline protocols.

    A line joins the means over seeds, a bar is their sample standard deviation, a small marker a
    seed. Black: the oracle, as a number at the upper edge where it lies beyond the axis; grey
    dashed: chance. A row of panels a task and data set.

    Args:
        table: disagreement.csv.
        methods: their order; others follow.
        svg: output.
        png: output.

    Raises:
        HearsayError: the table is absent or wrong, or has no R@1 of a headline protocol.
    """
    rows = read_sweep(Path(table))
    headline = rows["task"].map({task: layout.protocols[0] for task, layout in TASKS.items()})
    rows = rows[(rows["metric"] == METRIC) & (rows["protocol"] == headline)]
    if rows.empty:
        raise HearsayError(f"{table} has no {METRIC} of a headline protocol; make it again")
    summary = summarise_sweep(rows)
    methods = in_order(set(summary["method"]) - set(CONTROLS), methods)
    parts = [
        (task, part)
        for task in reversed(TASKS)  # what the sweep is about first: sounds and words
        for _, part in summary[summary["task"] == task].groupby(_DATA, sort=True)
    ]
    with plot_style():
        figure, grid = plt.subplots(
            len(parts),
            2,
            figsize=(PAGE_WIDTH_IN, 2.35 * len(parts) + 0.5),
            sharex=True,
            sharey="row",
            squeeze=False,
            layout="constrained",
        )
        for axes_row, (task, part) in zip(grid, parts, strict=True):
            top = _top(part)
            for axes, direction in zip(axes_row, TASKS[task].directions, strict=True):
                own = part[part["direction"] == direction]
                _draw_panel(axes, own, methods, top)
                axes.set_title(_title(part, own, direction))
            axes_row[0].set_ylim(0, top)
            axes_row[0].set_ylabel(f"{METRIC}, %")
        for axes in grid[-1]:
            axes.set_xlabel("disagreement of pictures and sounds")
        figure.legend(
            handles=_legend(methods, has_oracle="oracle" in set(summary["method"])),
            loc="outside lower center",
            ncols=min(5, len(methods) + 2),
        )
        save_figure(figure, svg, png)


def _top(rows: pd.DataFrame) -> float:
    """Return where the axis ends, in percent: above all seeds, bars and chance, in all panels."""
    trained = rows[~rows["method"].isin(CONTROLS)]
    seeds = max((value for values in trained["per_seed"] for value in values), default=0.0)
    bars = (trained["mean"] + trained["std"].fillna(0)).max()
    return min(102.0, HEADROOM * 100 * max(seeds, float(bars), 2 * float(rows["chance"].max())))


def _draw_panel(axes: Axes, rows: pd.DataFrame, methods: list[str], top: float) -> None:
    values = np.sort(rows["disagreement"].unique())
    span = float(np.ptp(values)) or 1.0
    chance = rows.groupby("disagreement")["chance"].first()
    axes.plot(values, 100 * chance[values], color=CHANCE_COLOUR, ls="dashed", zorder=1)
    _draw_oracle(axes, rows[rows["method"] == "oracle"].sort_values("disagreement"), top)
    looks = colour_of(methods)
    for number, method in enumerate(methods):
        own = rows[rows["method"] == method].sort_values("disagreement")
        colour, marker = looks[method]
        x = own["disagreement"] + (number - (len(methods) - 1) / 2) * STEP * span
        axes.errorbar(
            x,
            100 * own["mean"],
            yerr=100 * own["std"].fillna(0),
            color=colour,
            marker=marker,
            ms=5,
            mec="white",
            mew=0.6,
            elinewidth=1.0,
            clip_on=False,
        )
        for place, seeds in zip(x, own["per_seed"], strict=True):
            # Beside the bar, so that seeds that agree do not hide under the mean.
            axes.plot(
                [place + 0.4 * STEP * span] * len(seeds),
                100 * np.array(seeds),
                marker,
                color=colour,
                ms=2.5,
                alpha=0.6,
                mew=0,
                clip_on=False,
            )
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.set_xlim(values[0] - 0.08 * span, values[-1] + 0.08 * span)
    axes.grid(True, axis="y")


def _draw_oracle(axes: Axes, rows: pd.DataFrame, top: float) -> None:
    """Draw the oracle's line, and write its value at the upper edge where it lies beyond."""
    heights = 100 * rows["mean"]
    axes.plot(rows["disagreement"], heights, color=ORACLE_COLOUR, marker=".", ms=4, zorder=1.5)
    for place, height in zip(rows["disagreement"], heights, strict=True):
        if height > top:
            axes.annotate(
                f"↑ {height:.0f}",
                (place, top),
                (0, -2),
                textcoords="offset points",
                ha="center",
                va="top",
                color=ORACLE_COLOUR,
                fontsize=7,
            )


def _title(part: pd.DataFrame, rows: pd.DataFrame, direction: str) -> str:
    first = part.iloc[0]
    subset = "" if first["subset"] == "all" else f", {first['subset']}"
    title = f"{DIRECTION_TITLES[direction]}, {first['dataset']} ({first['split']}){subset}"
    if rows.empty:
        return title
    sizes = [
        f"{low:,}" if low == high else f"{low:,} to {high:,}"
        for column in ("num_queries", "num_candidates")
        for low, high in [(rows[column].min(), rows[column].max())]
    ]
    return f"{title}\n{sizes[0]} queries, {sizes[1]} candidates"


def _legend(methods: list[str], has_oracle: bool) -> list[Line2D]:
    looks = colour_of(methods)
    handles = [
        Line2D([], [], color=looks[m][0], marker=looks[m][1], ms=5, label=m) for m in methods
    ]
    if has_oracle:
        name = "oracle (↑: beyond the axis)"
        handles.append(Line2D([], [], color=ORACLE_COLOUR, marker=".", ms=4, label=name))
    handles.append(Line2D([], [], color=CHANCE_COLOUR, ls="dashed", label="chance"))
    return handles
