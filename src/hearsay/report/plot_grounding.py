"""Precision, recall and F1 against the threshold, every method between its controls (Figure 3)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from hearsay.errors import HearsayError
from hearsay.report.grounding_scores import (
    CONTROLS,
    PART_WORDS,
    SHUFFLED,
    read_tables,
    trained_methods,
)
from hearsay.report.style import (
    CHANCE_COLOUR,
    ORACLE_COLOUR,
    PAGE_WIDTH_IN,
    colour_of,
    plot_style,
    save_figure,
)
from hearsay.scoring.grounding_queries import SUBSETS

PANELS = {"precision": "precision", "recall": "recall", "F1": "F1"}
DRAWN, ANALYTIC = "all_thresholds", "analytic"  # protocols: scores min-max, and without a draw
LOOKS = {
    "all_active": (ORACLE_COLOUR, "solid"),
    "energy": ("#8C510A", "solid"),
    "random": (CHANCE_COLOUR, "solid"),
}
ROW_HEIGHT_IN = 1.5
LABEL_WIDTH, LABEL_HEIGHT = 0.32, 0.09  # of a name on a line, in the units of a panel
LETTER_WIDTH = 0.021
_COLUMNS = ("method", "seed", "protocol", "part", "threshold", "is_val_threshold", *PANELS)

Curves = Mapping[str, pd.DataFrame]  # name -> mean, min and max of each panel, by threshold


def plot_grounding(
    curves: Sequence[Path], part: str, methods: Sequence[str], svg: Path, png: Path
) -> None:
    """Plot a row of panels a method: precision, recall and F1 against the threshold.

    Methods are drawn as the mean over seeds in a band from the lowest to the highest, with the
    threshold of val marked; the same run asked for another phrase, and the controls that do not
    listen to the phrase, as thin lines with their names.

    Args:
        curves: curves.parquet of all runs and of the controls.
        part: of the phrases, one of SUBSETS.
        methods: their order; others follow.
        svg: output.
        png: output.

    Raises:
        HearsayError: a file is absent or wrong, the part is unknown, or no method has a curve.
    """
    if part not in SUBSETS:
        raise HearsayError(f"part {part!r} of the phrases is unknown; known are {SUBSETS}")
    table = read_tables(curves, _COLUMNS)
    table = table[table["part"] == part]
    names = trained_methods(table["method"], methods)
    if not names:
        raise HearsayError(f"no curve of a method for the part {part}; ground phrases with a run")
    colours = {name: look[0] for name, look in colour_of(names).items()}
    with plot_style():
        figure, grid = plt.subplots(
            len(names),
            len(PANELS),
            figsize=(PAGE_WIDTH_IN, ROW_HEIGHT_IN * len(names) + 0.9),
            sharex=True,
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for axes_row, name in zip(grid, names, strict=True):
            for axes, panel in zip(axes_row, PANELS, strict=True):
                _draw_panel(axes, table, name, panel, colours[name])
            axes_row[0].set_ylabel(name)
        for axes, title in zip(grid[0], PANELS.values(), strict=True):
            axes.set_title(title, loc="left")
        for axes in grid[-1]:
            axes.set_xlabel("threshold")
        figure.suptitle(f"Phrase grounding by frames: {PART_WORDS[part]}", fontsize=9)
        figure.legend(handles=_legend(), loc="outside lower center", ncols=4)
        save_figure(figure, svg, png)


def curve_of(table: pd.DataFrame, method: str, panel: str, protocol: str = DRAWN) -> pd.DataFrame:
    """Return mean, lowest and highest value of the seeds, by threshold."""
    own = table[(table["method"] == method) & (table["protocol"] == protocol)]
    return own.groupby("threshold")[panel].agg(["mean", "min", "max"])


def val_thresholds(table: pd.DataFrame, method: str) -> list[float]:
    """Return the threshold that val chose, of every seed."""
    own = table[(table["method"] == method) & (table["protocol"] == DRAWN)]
    return [float(t) for t in own.loc[own["is_val_threshold"]].sort_values("seed")["threshold"]]


def _draw_panel(axes: Axes, table: pd.DataFrame, method: str, panel: str, colour: str) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.grid(True, axis="y")
    thin = {name: curve_of(table, name, panel) for name in (*CONTROLS, SHUFFLED + method)}
    thin = {name: curve for name, curve in thin.items() if not curve.empty}
    for name, curve in thin.items():
        own_colour, style = LOOKS.get(name, (colour, "dashed"))
        axes.plot(curve.index, curve["mean"], color=own_colour, ls=style, lw=0.8)
    analytic = curve_of(table, "random", panel, ANALYTIC)
    axes.plot(analytic.index, analytic["mean"], color=ORACLE_COLOUR, ls="dotted", lw=0.8)
    own = curve_of(table, method, panel)
    axes.fill_between(own.index, own["min"], own["max"], color=colour, alpha=0.2, lw=0)
    axes.plot(own.index, own["mean"], color=colour, lw=1.6)
    for threshold in val_thresholds(table, method):
        axes.axvline(threshold, color=colour, lw=0.6, alpha=0.6, zorder=0)
        value = float(np.interp(threshold, own.index, own["mean"]))
        axes.plot(threshold, value, "o", color=colour, ms=3.5, mec="white", mew=0.6, zorder=5)
    _label_lines(axes, thin, own)


def _label_lines(axes: Axes, thin: Curves, own: pd.DataFrame) -> None:
    """Write the controls' names on their lines, each where it is farthest from the others."""
    taken: list[tuple[float, float]] = []
    for names in _together(thin):
        words = ", ".join("another phrase" if n.startswith(SHUFFLED) else n for n in names)
        others = [curve["mean"] for key, curve in thin.items() if key not in names]
        x, y = _place(thin[names[0]]["mean"], [*others, own["mean"]], taken, len(words))
        taken.append((x, y))
        label = axes.text(
            x,
            y,
            words,
            fontsize=5.5,
            color=LOOKS.get(names[0], ("#444444", ""))[0],
            ha="center",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.85},
            zorder=4,
        )
        label.set_in_layout(False)


def _together(thin: Curves) -> list[list[str]]:
    """Put the names of lines together that lie on one another where labels may stand."""
    groups: list[list[str]] = []
    for name, curve in thin.items():
        inside = _labelled_range(curve["mean"])
        for group in groups:
            if (inside - thin[group[0]]["mean"]).abs().max() < LABEL_HEIGHT / 2:
                group.append(name)
                break
        else:
            groups.append([name])
    return groups


def _place(
    curve: pd.Series,
    others: Sequence[pd.Series],
    taken: Sequence[tuple[float, float]],
    num_letters: int,
) -> tuple[float, float]:
    """Find the point of a curve that is farthest from other curves, off the labels set before."""
    inside = _labelled_range(curve)
    room = pd.concat([(inside - other).abs() for other in others], axis=1).min(axis=1)
    for x, y in taken:
        beside = (abs(inside.index - x) < LABEL_WIDTH) & ((inside - y).abs() < LABEL_HEIGHT)
        room = room.where(~beside, room - 1)
    margin = min(LETTER_WIDTH * num_letters / 2, 0.5)
    best = float(np.clip(float(room.idxmax()), margin, 1 - margin))
    height = float(np.interp(best, curve.index, curve))
    return best, float(np.clip(height, 0.04, 0.96))


def _labelled_range(curve: pd.Series) -> pd.Series:
    return curve[(curve.index >= 0.2) & (curve.index <= 0.8)]


def _legend() -> list[Line2D | Patch]:
    return [
        Line2D([], [], color="#444444", lw=1.6, label="method: mean over seeds"),
        Patch(color="#444444", alpha=0.2, lw=0, label="lowest to highest seed"),
        Line2D([], [], color="#444444", marker="o", ms=3.5, lw=0.6, label="threshold of val"),
        Line2D([], [], color=ORACLE_COLOUR, ls="dotted", lw=0.8, label="random, analytic"),
    ]
