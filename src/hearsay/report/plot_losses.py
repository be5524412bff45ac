"""What each loss of frame-word alignment gives: recall among candidates, and grounding."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hearsay.errors import HearsayError
from hearsay.metrics.chance import chance_recall_at
from hearsay.report.grounding_scores import SHUFFLED
from hearsay.report.losses import Loss, read_losses
from hearsay.report.plot_recall import DIRECTION_TITLES
from hearsay.report.scores import read_score_table
from hearsay.report.style import (
    CHANCE_COLOUR,
    MARKERS,
    ORACLE_COLOUR,
    PAGE_WIDTH_IN,
    PALETTE,
    plot_style,
    save_figure,
)
from hearsay.report.table_losses import RECALLS, f1_values, recall_values
from hearsay.report.tasks import in_order
from hearsay.scoring.candidates import NUM_CANDIDATES

PART = "several_events"
NAME_WIDTH = 34  # letters a line beside the panels
SEED_OFFSET = 0.12
SPREAD = 0.16  # between the two points of a method


def plot_losses(
    scores: Path, runs: Sequence[Path], methods: Sequence[str], svg: Path, png: Path
) -> None:
    """Plot R@1 among 30 candidates and F1 of grounding, a line a method of frame-word alignment.

    Large points are means over seeds, small ones the seeds. F1, at the threshold of val, is of
    the clips with several events, with that of the same runs asked for another phrase.

    Args:
        scores: scores.csv.
        runs: run.json of the runs.
        methods: their order; others follow.
        svg: output.
        png: output.

    Raises:
        HearsayError: a file is absent or wrong, or no method of the family was scored.
    """
    losses = read_losses(runs)
    table = read_score_table(Path(scores))
    names = in_order(set(table["method"]) & set(losses), methods)
    if not names:
        raise HearsayError(f"{scores} has no method of frame-word alignment; score a run of one")
    with plot_style():
        figure, (recall, grounding) = plt.subplots(
            1,
            2,
            figsize=(PAGE_WIDTH_IN, 0.5 * len(names) + 1.3),
            sharey=True,
            layout="constrained",
        )
        _draw_recall(recall, table, names)
        _draw_grounding(grounding, table, names)
        recall.set_yticks(range(len(names)), [_words(name, losses) for name in names])
        recall.set_ylim(len(names) - 0.5, -0.5)
        save_figure(figure, svg, png)


def _draw_recall(axes: Axes, table: pd.DataFrame, names: Sequence[str]) -> None:
    _prepare(axes, f"R@1 among {NUM_CANDIDATES} candidates")
    axes.axvline(chance_recall_at(NUM_CANDIDATES, [1], 1), color=CHANCE_COLOUR, ls="dashed")
    handles = []
    for place, (direction, metric) in enumerate(RECALLS):
        look = (PALETTE[place], MARKERS[place])
        for row, name in enumerate(names):
            values = recall_values(table, name, direction, metric)
            _draw_values(axes, values, row + (place - 0.5) * SPREAD * 2, look)
        label = DIRECTION_TITLES[direction]
        handles.append(Line2D([], [], color=look[0], marker=look[1], ls="none", ms=5, label=label))
    handles.append(Line2D([], [], color=CHANCE_COLOUR, ls="dashed", label="chance"))
    _add_legend(axes, handles, len(names))


def _draw_grounding(axes: Axes, table: pd.DataFrame, names: Sequence[str]) -> None:
    _prepare(axes, "F1 of grounding, clips with several events")
    looks = {"": (PALETTE[2], MARKERS[2]), SHUFFLED: (CHANCE_COLOUR, MARKERS[3])}
    for place, (prefix, look) in enumerate(looks.items()):
        for row, name in enumerate(names):
            values = f1_values(table, prefix + name, PART)
            _draw_values(axes, values, row + (place - 0.5) * SPREAD * 2, look)
    labels = {"": "the phrase itself", SHUFFLED: "another phrase of the clip"}
    handles = [
        Line2D([], [], color=look[0], marker=look[1], ls="none", ms=5, label=labels[prefix])
        for prefix, look in looks.items()
    ]
    for control, style in (("all_active", "solid"), ("energy", "dotted")):
        values = f1_values(table, control, PART)
        if not values.empty:
            axes.axvline(values.mean(), color=ORACLE_COLOUR, ls=style, lw=0.9, zorder=1)
            handles.append(Line2D([], [], color=ORACLE_COLOUR, ls=style, lw=0.9, label=control))
    _add_legend(axes, handles, len(names))


def _prepare(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left")
    axes.set_xlim(0, 1)
    axes.grid(True, axis="x")
    axes.tick_params(axis="y", length=0)


def _draw_values(axes: Axes, values: pd.Series, y: float, look: tuple[str, str]) -> None:
    colour, marker = look
    if values.empty:
        return
    below = [y + SEED_OFFSET] * len(values)  # so that seeds that agree do not hide
    axes.plot(values, below, marker, color=colour, ms=2.5, alpha=0.7, mew=0)
    axes.plot(values.mean(), y, marker, color=colour, ms=5.5, mec="white", mew=0.6)


def _add_legend(axes: Axes, handles: list[Line2D], num_rows: int) -> None:
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.24 / num_rows),
        ncols=2,
        columnspacing=1,
    )


def _words(name: str, losses: Mapping[str, Loss]) -> str:
    described = f"{losses[name].name}; {losses[name].pooling}"
    return "\n".join([name, *textwrap.wrap(described, NAME_WIDTH)])
