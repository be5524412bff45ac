"""Recall at 1, 5 and 10 per method, between chance and the oracle."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hearsay.errors import HearsayError
from hearsay.report.scores import read_score_table, summarise_seeds
from hearsay.report.style import (
    CHANCE_COLOUR,
    ORACLE_COLOUR,
    PAGE_WIDTH_IN,
    colour_of,
    plot_style,
    save_figure,
)
from hearsay.report.tasks import CONTROLS, DATA_COLUMNS, TASKS, in_order

METRICS = ("R@1", "R@5", "R@10")
DIRECTION_TITLES = {
    "audio_to_text": "audio → text",
    "text_to_audio": "text → audio",
    "audio_to_image": "audio → image",
    "image_to_audio": "image → audio",
}
ORACLE_IN_VIEW = 1.35  # times the tallest bar: an oracle above is told in words
_UPPER_RIGHT: dict[str, Any] = {"ha": "right", "va": "top", "fontsize": 7}
SEED_OFFSET = 0.26  # beside the bar, so that seeds that agree do not hide under the mean


def plot_recall(
    scores: Path,
    task: str,
    methods: Sequence[str],
    svg: Path,
    png: Path,
    protocol: str | None = None,
) -> None:
    """Plot R@1, R@5 and R@10 of one task: a row of panels per direction, a panel per metric.

    A large marker is the mean over seeds, a small one each seed, the bar the 95 % interval over
    clips (mean of the seeds' intervals). Black: the oracle, as a line or, far above, in words;
    grey dashed: chance. Each panel has its own scale from 0. Two rows of panels per data set, and
    only models of the task's own stage where there are any.

    Args:
        scores: scores.csv.
        task: audio_image_retrieval or audio_text_retrieval.
        methods: their order; others follow.
        svg: output.
        png: output.
        protocol: None for the headline protocol of the task.

    Raises:
        HearsayError: scores.csv is absent or wrong, or has no such score.
    """
    layout = TASKS[task]
    protocol = protocol or layout.protocols[0]
    table = read_score_table(Path(scores))
    table = table[
        (table["task"] == task) & (table["protocol"] == protocol) & table["metric"].isin(METRICS)
    ]
    if table.empty:
        raise HearsayError(f"{scores} has no R@k of the task {task}, protocol {protocol}")
    table = _own_stage(table, layout.stage)
    data_sets = [rows for _, rows in table.groupby(DATA_COLUMNS, sort=True)]
    methods = in_order(set(table["method"]) - set(CONTROLS), methods)
    lines = [(rows, direction) for rows in data_sets for direction in layout.directions]
    with plot_style():
        figure, grid = plt.subplots(
            len(lines),
            len(METRICS),
            figsize=(PAGE_WIDTH_IN, 1.75 * len(lines) + 0.7),
            squeeze=False,
            layout="constrained",
        )
        for axes_row, (rows, direction) in zip(grid, lines, strict=True):
            own = rows[rows["direction"] == direction]
            for axes, metric in zip(axes_row, METRICS, strict=True):
                _draw_panel(axes, own[own["metric"] == metric], methods)
            axes_row[0].set_title(f"{_line_title(rows, direction)}\n{METRICS[0]}", loc="left")
            for axes, metric in zip(axes_row[1:], METRICS[1:], strict=True):
                axes.set_title(metric, loc="left")
            axes_row[0].set_ylabel("recall, %")
        figure.suptitle(f"{layout.name.capitalize()}, protocol {protocol}", fontsize=9)
        figure.legend(
            handles=_legend(methods, has_oracle="oracle" in set(table["method"])),
            loc="outside lower center",
            ncols=4,
        )
        save_figure(figure, svg, png)


def _own_stage(table: pd.DataFrame, stage: str) -> pd.DataFrame:
    """Keep the task's own stage where a data set has it, and else all."""
    kept = []
    for _, rows in table.groupby(DATA_COLUMNS, sort=True):
        own = rows[rows["stage"] == stage]
        if own.empty:
            own = rows[rows["stage"] == sorted(rows["stage"])[0]]
        kept.append(own)
    return pd.concat(kept)


def _draw_panel(axes: Axes, rows: pd.DataFrame, methods: list[str]) -> None:
    """Draw one metric of one direction, a place per method."""
    axes.set_xlim(-0.7, max(len(methods), 1) - 0.2)
    axes.set_xticks([])
    axes.grid(True, axis="y")
    if rows.empty:
        return
    summary = summarise_seeds(rows)
    looks = colour_of(methods)
    axes.axhline(100 * summary["chance"].iloc[0], color=CHANCE_COLOUR, ls="dashed", zorder=1)
    for place, method in enumerate(methods):
        for _, row in summary[summary["method"] == method].iterrows():
            _draw_method(axes, row, place, looks[method])
    trained = summary[summary["method"].isin(methods)]
    top = max([100 * trained["ci_high"].max(), *(100 * max(v) for v in trained["per_seed"])])
    for _, oracle in summary[summary["method"] == "oracle"].iterrows():
        value = 100 * oracle["mean"]
        if not value > ORACLE_IN_VIEW * top:  # also where no method is in the panel
            axes.axhline(value, color=ORACLE_COLOUR)
            top = max(top, value)
        else:
            axes.text(0.99, 0.99, f"oracle {value:.1f} ↑", **_UPPER_RIGHT, transform=axes.transAxes)
            top *= 1.12  # room for the words
    axes.set_ylim(0, max(min(1.08 * top, 103), 1))


def _draw_method(axes: Axes, row: pd.Series, place: int, look: tuple[str, str]) -> None:
    colour, marker = look
    axes.vlines(place, 100 * row["ci_low"], 100 * row["ci_high"], colour, lw=1.2)
    axes.plot(place, 100 * row["mean"], marker, color=colour, ms=5.5, mec="white", mew=0.6)
    seeds = [100 * value for value in row["per_seed"]]
    side = [place + SEED_OFFSET] * len(seeds)
    axes.plot(side, seeds, marker, color=colour, ms=2.5, alpha=0.7, mew=0, clip_on=False)


def _line_title(rows: pd.DataFrame, direction: str) -> str:
    own = rows[rows["direction"] == direction]
    dataset, split = rows["dataset"].iloc[0], rows["split"].iloc[0]
    subset = rows["subset"].iloc[0]
    name = f"{dataset} ({split})" + ("" if subset == "all" else f", {subset}")
    if own.empty:
        return f"{DIRECTION_TITLES[direction]}, {name}"
    sizes = f"{own['num_queries'].iloc[0]:,} queries, {own['num_candidates'].iloc[0]:,} candidates"
    return f"{DIRECTION_TITLES[direction]}, {name}: {sizes}"


def _legend(methods: list[str], has_oracle: bool) -> list[Line2D]:
    looks = colour_of(methods)
    handles = [
        Line2D([], [], color=looks[m][0], marker=looks[m][1], ms=5, label=m) for m in methods
    ]
    if has_oracle:
        handles.append(Line2D([], [], color=ORACLE_COLOUR, label="oracle"))
    handles.append(Line2D([], [], color=CHANCE_COLOUR, ls="dashed", label="chance"))
    return handles
