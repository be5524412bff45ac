"""Recall at 1, 5 and 10 per method, between chance and the oracle."""

from collections.abc import Sequence
from pathlib import Path

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
GROUP_WIDTH = 0.7  # of the distance between two metrics, shared by the methods


def plot_recall(
    scores: Path,
    task: str,
    methods: Sequence[str],
    svg: Path,
    png: Path,
    protocol: str | None = None,
) -> None:
    """Plot R@1, R@5 and R@10 of one task, a column of panels per direction.

    A large marker is the mean over seeds, a small one each seed, the bar the 95 % interval over
    clips (mean of the seeds' intervals). Black lines: the oracle; grey dashed: chance. One row of
    panels per data set, and only models of the task's own stage where there are any.

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
    data_sets = list(table.groupby(DATA_COLUMNS, sort=True))
    methods = in_order(set(table["method"]) - set(CONTROLS), methods)
    with plot_style():
        height = 2.6 * len(data_sets) + 0.5
        figure, grid = plt.subplots(
            len(data_sets),
            2,
            figsize=(PAGE_WIDTH_IN, height),
            sharey="row",
            squeeze=False,
            layout="constrained",
        )
        for axes_row, (_, rows) in zip(grid, data_sets, strict=True):
            for axes, direction in zip(axes_row, layout.directions, strict=True):
                _draw_panel(axes, rows[rows["direction"] == direction], methods)
                axes.set_title(_panel_title(rows, direction))
            # Shared by both panels, so it waits until both are drawn.
            top = float(rows[["value", "ci_high"]].to_numpy().max())
            axes_row[0].set_ylim(0, min(104 * top, 102))
            axes_row[0].set_ylabel("recall, %")
        figure.suptitle(f"{layout.name.capitalize()}, protocol {protocol}", fontsize=9)
        figure.legend(
            handles=_legend(methods, has_oracle="oracle" in set(table["method"])),
            loc="outside lower center",
            ncols=min(5, len(methods) + 2),
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
    summary = summarise_seeds(rows) if not rows.empty else rows
    looks = colour_of(methods)
    step = GROUP_WIDTH / max(len(methods), 1)
    for position, metric in enumerate(METRICS):
        of_metric = summary[summary["metric"] == metric] if not rows.empty else rows
        if of_metric.empty:
            continue
        span = (position - 0.45, position + 0.45)
        axes.hlines(
            100 * of_metric["chance"].iloc[0], *span, CHANCE_COLOUR, "dashed", lw=1.2, zorder=1
        )
        for _, oracle in of_metric[of_metric["method"] == "oracle"].iterrows():
            axes.hlines(100 * oracle["mean"], *span, ORACLE_COLOUR, lw=1.2)
        for number, method in enumerate(methods):
            colour, marker = looks[method]
            x = position + (number - (len(methods) - 1) / 2) * step
            for _, row in of_metric[of_metric["method"] == method].iterrows():
                axes.vlines(x, 100 * row["ci_low"], 100 * row["ci_high"], colour, lw=1.2)
                axes.plot(
                    x,
                    100 * row["mean"],
                    marker,
                    color=colour,
                    ms=5.5,
                    mec="white",
                    mew=0.6,
                    clip_on=False,
                )
                # Beside the bar, so that seeds that agree do not hide under the mean.
                side = x + min(0.3 * step, 0.12)
                seeds = [100 * value for value in row["per_seed"]]
                axes.plot(
                    [side] * len(seeds),
                    seeds,
                    marker,
                    color=colour,
                    ms=2.5,
                    alpha=0.6,
                    mew=0,
                    clip_on=False,
                )
    axes.set_xticks(range(len(METRICS)), METRICS)
    axes.set_xlim(-0.6, len(METRICS) - 0.4)
    axes.grid(True, axis="y")


def _panel_title(rows: pd.DataFrame, direction: str) -> str:
    own = rows[rows["direction"] == direction]
    dataset, split = rows["dataset"].iloc[0], rows["split"].iloc[0]
    subset = rows["subset"].iloc[0]
    name = f"{dataset} ({split})" + ("" if subset == "all" else f", {subset}")
    if own.empty:
        return f"{DIRECTION_TITLES[direction]}, {name}"
    sizes = f"{own['num_queries'].iloc[0]:,} queries, {own['num_candidates'].iloc[0]:,} candidates"
    return f"{DIRECTION_TITLES[direction]}, {name}\n{sizes}"


def _legend(methods: list[str], has_oracle: bool) -> list[Line2D]:
    looks = colour_of(methods)
    handles = [
        Line2D([], [], color=looks[m][0], marker=looks[m][1], ms=5, label=m) for m in methods
    ]
    if has_oracle:
        handles.append(Line2D([], [], color=ORACLE_COLOUR, label="oracle"))
    handles.append(Line2D([], [], color=CHANCE_COLOUR, ls="dashed", label="chance"))
    return handles
