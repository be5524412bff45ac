"""Small multiples: a panel a task, a row a system, with intervals, chance and controls."""

from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hearsay.report.grounding_scores import SHUFFLED
from hearsay.report.style import (
    CHANCE_COLOUR,
    PAGE_WIDTH_IN,
    colour_of,
    plot_style,
    save_figure,
)
from hearsay.report.systems import SHOWN, Measure, Systems

COLUMNS = 3
ROW_IN = 0.135  # height of a system's row
BEYOND = 1.6  # times the farthest method: a control further away is told in words
CONTROL_COLOUR = "#6E6E6E"
EMPTY = "–"
FAR_CHANCE = 0.3  # a panel does not begin at 0 where chance is as high as this


def plot_systems(systems: Systems, svg: Path, png: Path) -> None:
    """Plot the table: a panel a column, a row a method, its mean and 95 % interval over queries.

    Small marks are the seeds. Below the methods stand the task's controls, in grey and named in
    the panel; the dashed line is chance, of each method its own where that differs. A dash says
    that the method cannot do the task or was not asked.

    Args:
        systems: of `read_systems`.
        svg: output.
        png: output.
    """
    num_rows = -(-len(SHOWN) // COLUMNS)
    controls = max(len(_controls(systems, measure)) for measure in SHOWN)
    height = num_rows * ((len(systems.methods) + controls + 1) * ROW_IN + 0.62) + 0.5
    with plot_style():
        figure, grid = plt.subplots(
            num_rows,
            COLUMNS,
            figsize=(PAGE_WIDTH_IN, height),
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for axes, measure in zip(grid.flat, SHOWN, strict=False):
            _draw_panel(axes, systems, measure, controls)
        for axes in list(grid.flat)[len(SHOWN) :]:
            axes.set_axis_off()
        figure.legend(handles=_legend(), loc="outside lower center", ncols=4)
        save_figure(figure, svg, png)


def _draw_panel(axes: Axes, systems: Systems, measure: Measure, num_controls: int) -> None:
    looks = colour_of(systems.methods)
    axes.set_title(f"{measure.group}: {measure.name}, %", loc="left")
    axes.grid(True, axis="x")
    last = len(systems.methods) - 1
    axes.set_ylim(last + num_controls + 1.4, -0.8)
    axes.set_yticks(range(len(systems.methods)), systems.methods)
    axes.tick_params(axis="y", length=0)
    farthest = 0.0
    for place, name in enumerate(systems.methods):
        numbers = systems.cells[name, measure].numbers
        if numbers is None:
            axes.text(
                0.01, place, EMPTY, color=CHANCE_COLOUR, va="center",
                transform=axes.get_yaxis_transform(),
            )  # fmt: skip
            continue
        colour, marker = looks[name]
        _draw_system(axes, numbers, place, colour, marker)
        chance = 100 * numbers["chance"]
        axes.vlines(chance, place - 0.5, place + 0.5, CHANCE_COLOUR, ls=(0, (3, 2)), lw=1, zorder=1)
        farthest = max(farthest, 100 * numbers["ci_high"], *(100 * v for v in numbers["per_seed"]))
    shown = _controls(systems, measure)
    near = [100 * own["ci_high"] for _, own in shown if 100 * own["mean"] <= BEYOND * farthest]
    end = min(1.08 * max([farthest, *near, 1.0]), 104)
    begin = _begin(systems, measure)
    for place, (name, numbers) in enumerate(shown, start=last + 1):
        _draw_control(axes, name, numbers, place + 0.6, (begin, end))
    axes.set_xlim(begin, end)
    if not systems.values(measure):  # of dashes alone
        axes.set_xticks([])


def _draw_system(
    axes: Axes, numbers: dict[str, Any], place: float, colour: str, marker: str
) -> None:
    axes.hlines(place, 100 * numbers["ci_low"], 100 * numbers["ci_high"], colour, lw=1.2)
    seeds = [100 * value for value in numbers["per_seed"]]
    if len(seeds) > 1:
        axes.plot(
            seeds, [place + 0.34] * len(seeds), marker, color=colour, ms=1.6, mew=0, alpha=0.7
        )
    axes.plot(100 * numbers["mean"], place, marker, color=colour, ms=4.5, mec="white", mew=0.5)


def _begin(systems: Systems, measure: Measure) -> float:
    """Return where a panel begins: at 0, or below all that there is where chance is far above."""
    chance = systems.chance(measure)
    if chance is None or chance[0] < FAR_CHANCE:
        return 0.0
    lowest = min(min(own["ci_low"], *own["per_seed"]) for own in systems.values(measure))
    return 10.0 * int(10 * min(lowest, chance[0]))


def _draw_control(
    axes: Axes, name: str, numbers: dict[str, Any], place: float, ends: tuple[float, float]
) -> None:
    """Draw a control and its name, on the side where there is room."""
    value, (begin, end) = 100 * numbers["mean"], ends
    low, high = 100 * numbers["ci_low"], 100 * numbers["ci_high"]
    words: dict[str, Any] = {"va": "center", "fontsize": 5.5, "color": CONTROL_COLOUR}
    if high > end:  # an interval that is cut off would pass for a narrower one
        axes.text(0.99 * end, place, f"{name} {value:.0f} →", ha="right", **words)
        return
    _draw_system(axes, {**numbers, "per_seed": []}, place, CONTROL_COLOUR, "o")
    gap = 0.02 * (end - begin)
    if end - high > low - begin:
        axes.text(max(high, value) + gap, place, name, ha="left", **words)
    else:
        axes.text(min(low, value) - gap, place, name, ha="right", **words)


def _controls(systems: Systems, measure: Measure) -> list[tuple[str, dict[str, Any]]]:
    """Return the controls of a column; of methods asked for another phrase the highest alone."""
    found = [
        (name, numbers)
        for name in systems.controls
        if (numbers := systems.cells[name, measure].numbers) is not None
    ]
    shuffled = [pair for pair in found if pair[0].startswith(SHUFFLED)]
    kept = [pair for pair in found if pair not in shuffled]
    if shuffled:
        highest = max(shuffled, key=lambda pair: float(pair[1]["mean"]))
        kept.append(("shuffled, highest", highest[1]))
    return kept


def _legend() -> list[Line2D]:
    return [
        Line2D([], [], color="black", marker="o", ms=4.5, label="mean, 95 % interval over queries"),
        Line2D([], [], color="black", marker="o", ms=1.6, ls="none", label="each seed"),
        Line2D([], [], color=CONTROL_COLOUR, marker="o", ms=4.5, label="controls"),
        Line2D([], [], color=CHANCE_COLOUR, ls=(0, (3, 2)), lw=1, label="chance"),
    ]
