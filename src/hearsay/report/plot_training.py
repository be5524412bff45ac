"""Training curves: losses, learning rate and temperature by epoch, a line per method."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hearsay.errors import HearsayError
from hearsay.report.style import CHANCE_COLOUR, PAGE_WIDTH_IN, colour_of, plot_style, save_figure
from hearsay.report.tasks import in_order

_UPPER_RIGHT: dict[str, Any] = {"ha": "right", "va": "top", "fontsize": 7, "color": CHANCE_COLOUR}
STAGES = ("audio_image", "audio_text")
COLUMNS = ("epoch", "loss", "val_loss", "learning_rate", "logit_scale")
PANELS = {
    "loss": "training loss",
    "val_loss": "validation loss",
    "learning_rate": "learning rate",
    "logit_scale": "logit scale, exp(s)",
}


@dataclass(frozen=True)
class History:
    """One run's history, with its place in results/runs/{method}/seed{seed}/{stage}/."""

    method: str
    seed: int
    stage: str
    table: pd.DataFrame


def plot_training(histories: list[Path], methods: Sequence[str], svg: Path, png: Path) -> None:
    """Plot history.parquet files: a row of panels per stage, a colour per method.

    A line is the mean over a method's seeds, the band around it reaches from the lowest to the
    highest seed. Where all methods agree, as in their learning rates, one grey line stands for
    all.

    Args:
        histories: `.../{method}/seed{seed}/{stage}/history.parquet`; order does not matter.
        methods: their order; others follow.
        svg: output.
        png: output.

    Raises:
        HearsayError: there is no file, one is absent, empty or lacks a column, or its path does
            not name method, seed and stage.
    """
    runs = sorted(
        (read_history(Path(path)) for path in histories),
        key=lambda run: (run.stage not in STAGES, run.stage, run.method, run.seed),
    )
    if not runs:
        raise HearsayError("no history.parquet given; train at least one run")
    stages = list(dict.fromkeys(run.stage for run in runs))
    methods = in_order((run.method for run in runs), methods)
    looks = colour_of(methods)
    with plot_style():
        figure, grid = plt.subplots(
            len(stages),
            len(PANELS),
            figsize=(PAGE_WIDTH_IN, 2.0 * len(stages) + 0.7),
            sharex="row",
            squeeze=False,
            layout="constrained",
        )
        for axes_row, stage in zip(grid, stages, strict=True):
            of_stage = [run for run in runs if run.stage == stage]
            for axes, (column, title) in zip(axes_row, PANELS.items(), strict=True):
                _draw_panel(axes, of_stage, column, {name: looks[name][0] for name in methods})
                axes.set_title(title)
                axes.grid(True, axis="y")
                axes.set_xlabel("epoch")
                axes.xaxis.get_major_locator().set_params(integer=True)
            axes_row[0].set_ylabel(f"stage {stage}")
        figure.legend(
            handles=[Line2D([], [], color=looks[m][0], label=_name(m, runs)) for m in methods],
            loc="outside lower center",
            ncols=min(3, len(methods)),
        )
        save_figure(figure, svg, png)


def read_history(path: Path) -> History:
    """Read one history and the run that it belongs to.

    Raises:
        HearsayError: as `plot_training`.
    """
    stage, seed, method = path.parent.name, path.parent.parent.name, path.parent.parent.parent.name
    if not method or not seed.startswith("seed") or not seed[4:].isdigit():
        raise HearsayError(f"{path} is not of the form {{method}}/seed{{seed}}/{{stage}}/...")
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; train that run first") from None
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing or table.empty:
        raise HearsayError(f"{path} has no rows or lacks {', '.join(missing)}; train the run again")
    return History(method, int(seed[4:]), stage, table.sort_values("epoch"))


def _draw_panel(axes: Axes, runs: list[History], column: str, colours: dict[str, str]) -> None:
    curves = {
        method: curve_of([run.table for run in runs if run.method == method], column)
        for method in colours
        if any(run.method == method for run in runs)
    }
    first = next(iter(curves.values()))
    if len(curves) > 1 and all(curve.equals(first) for curve in curves.values()):
        curves, colours = {"all methods": first}, {"all methods": CHANCE_COLOUR}
        axes.text(0.98, 0.98, "all methods", transform=axes.transAxes, **_UPPER_RIGHT)
    for method, curve in curves.items():
        # Markers keep a run of a single epoch visible.
        marker = "o" if len(curve) == 1 else None
        axes.plot(curve.index, curve["mean"], color=colours[method], marker=marker, ms=3)
        axes.fill_between(
            curve.index, curve["min"], curve["max"], color=colours[method], alpha=0.15, lw=0
        )


def curve_of(tables: list[pd.DataFrame], column: str) -> pd.DataFrame:
    """Return mean, lowest and highest value of the seeds, by epoch."""
    values = pd.concat(tables)[["epoch", column]].dropna()
    return values.groupby("epoch")[column].agg(["mean", "min", "max"])


def _name(method: str, runs: list[History]) -> str:
    seeds = sorted({run.seed for run in runs if run.method == method})
    return f"{method} (seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))})"
