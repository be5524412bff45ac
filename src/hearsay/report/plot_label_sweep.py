"""What joint embeddings reach with noise on their texts, or with more pairs: a line a group."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hearsay.report.joint_runs import Options, describe, read_joint_runs
from hearsay.report.label_scores import LabelView, Measure, read_label_scores
from hearsay.report.label_sweeps import SWEEPS, LabelSweep, find_sweeps
from hearsay.report.style import (
    CHANCE_COLOUR,
    ORACLE_COLOUR,
    PAGE_WIDTH_IN,
    colour_of,
    plot_style,
    save_figure,
)
from hearsay.scoring.label_controls import LABEL_CONTROLS

SPLIT = "test"
LEGEND_COLUMNS = 2
LEGEND_ROW_IN = 0.17
CROWDED = 5  # so many values of the sweep that their names would touch
CONTROL_STYLES = dict(zip(LABEL_CONTROLS, ("solid", "dotted"), strict=True))


def plot_label_sweep(
    scores: Path,
    cells: Sequence[Path],
    runs: Sequence[Path],
    option: str,
    svg: Path,
    png: Path,
) -> None:
    """Plot a sweep on split test: a panel a measure, a row a data set, a line a group of methods.

    A line joins the means over seeds, hollow where a number is degenerate; small markers are the
    seeds. Black lines are the controls of the first group's features, without noise, but where
    each query's own vector stands in the database; grey, dashed, the 95th percentile under
    permuted names of classes; grey diamonds the published values, which are of FSDKaggle2018.

    Args:
        scores: scores.csv.
        cells: cells.parquet of all runs and controls.
        runs: run.json of the runs.
        option: text_noise or num_pairs.
        svg: output.
        png: output.

    Raises:
        HearsayError: a file is absent or wrong, or no two methods differ in that option alone.
    """
    options = read_joint_runs(runs)
    groups = find_sweeps(options, option)
    sweep = SWEEPS[option]
    views = [view for view in read_label_scores(scores, cells, options) if view.split == SPLIT]
    handles = _legend(sweep, groups, options)
    num_rows = -(-len(handles) // LEGEND_COLUMNS)
    with plot_style():
        figure, grid = plt.subplots(
            len(views),
            len(sweep.measures),
            figsize=(PAGE_WIDTH_IN, 2.1 * len(views) + LEGEND_ROW_IN * num_rows + 0.3),
            sharex=True,
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for row, view in zip(grid, views, strict=True):
            for axes, measure in zip(row, sweep.measures, strict=True):
                _draw_panel(axes, view, sweep, measure, groups, options)
            row[0].set_ylabel(f"percent, {view.dataset}")
            row[0].set_ylim(0, 102)
        figure.suptitle(sweep.words, fontsize=8)
        figure.legend(handles=handles, loc="outside lower center", ncols=LEGEND_COLUMNS)
        save_figure(figure, svg, png)


def _draw_panel(
    axes: Axes,
    view: LabelView,
    sweep: LabelSweep,
    measure: Measure,
    groups: Sequence[Sequence[str]],
    options: Mapping[str, Options],
) -> None:
    axes.set_title(measure.words)
    axes.grid(True, axis="y")
    values = _values(sweep, groups, options)
    if sweep.is_log:
        axes.set_xscale("log")
        axes.minorticks_off()
    turn = 0 if len(values) < CROWDED else 45
    axes.set_xticks(values, [f"{value:,g}" for value in values], rotation=turn)
    _draw_controls(axes, view, measure, str(options[groups[0][0]]["form"]))
    looks = colour_of([group[0] for group in groups])
    for group in groups:
        _draw_line(axes, view, sweep, measure, group, options, looks[group[0]])
    if sweep.published:
        heights = [own[measure.direction] for own in sweep.published.values()]
        axes.plot(list(sweep.published), heights, "D", color=CHANCE_COLOUR, mfc="none", ms=5)


def _values(
    sweep: LabelSweep, groups: Sequence[Sequence[str]], options: Mapping[str, Options]
) -> list[float]:
    return sorted({float(options[method][sweep.option]) for group in groups for method in group})


def _draw_controls(axes: Axes, view: LabelView, measure: Measure, form: str) -> None:
    for control, style in CONTROL_STYLES.items():
        row = view.find(f"{control}.{form}", measure)
        if row is not None and row["degenerate"] != "stored_queries":
            axes.axhline(100 * row["mean"], color=ORACLE_COLOUR, ls=style, lw=0.9, zorder=1)


def _draw_line(
    axes: Axes,
    view: LabelView,
    sweep: LabelSweep,
    measure: Measure,
    group: Sequence[str],
    options: Mapping[str, Options],
    look: tuple[str, str],
) -> None:
    colour, marker = look
    rows = {
        float(options[method][sweep.option]): row
        for method in group
        if (row := view.find(method, measure)) is not None
    }
    axes.plot(list(rows), [100 * row["mean"] for row in rows.values()], color=colour, zorder=2)
    levels = [100 * row["classes_95"] for row in rows.values()]
    axes.plot(list(rows), levels, color=CHANCE_COLOUR, ls="dashed", lw=0.9, zorder=1)
    for value, row in rows.items():
        seeds = 100 * np.array(row["per_seed"])
        axes.plot([value] * len(seeds), seeds, marker, color=colour, ms=2.5, alpha=0.7, mew=0)
        fill = "white" if row["degenerate"] else colour
        axes.plot(value, 100 * row["mean"], marker, color=colour, mfc=fill, ms=5)


def _legend(
    sweep: LabelSweep,
    groups: Sequence[Sequence[str]],
    options: Mapping[str, Options],
) -> list[Line2D]:
    looks = colour_of([group[0] for group in groups])
    handles = []
    for group in groups:
        colour, marker = looks[group[0]]
        label = describe(options[group[0]], [sweep.option])
        handles.append(Line2D([], [], color=colour, marker=marker, ms=5, label=label))
    form = options[groups[0][0]]["form"]
    handles.append(
        Line2D([], [], color="black", marker="o", mfc="white", ls="none", ms=5, label="degenerate")
    )
    for control, style in CONTROL_STYLES.items():
        label = f"{control}.{form}"
        handles.append(Line2D([], [], color=ORACLE_COLOUR, ls=style, lw=0.9, label=label))
    label = "95th percentile, permuted classes"
    handles.append(Line2D([], [], color=CHANCE_COLOUR, ls="dashed", lw=0.9, label=label))
    if sweep.published:
        label = "published, WAL-Net on FSDKaggle2018"
        handles.append(
            Line2D([], [], color=CHANCE_COLOUR, marker="D", mfc="none", ls="none", label=label)
        )
    return handles
