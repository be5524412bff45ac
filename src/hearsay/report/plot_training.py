"""Training curves: loss, learning rate and temperature by epoch, a line per seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hearsay.errors import HearsayError
from hearsay.report.style import CHANCE_COLOUR, PAGE_WIDTH_IN, colour_of, plot_style, save_figure
from hearsay.report.tasks import in_order

STAGES = ("audio_image", "audio_text")
COLUMNS = ("epoch", "loss", "val_loss", "learning_rate", "logit_scale")
PANELS = (
    ("loss", ("loss", "val_loss")),
    ("learning rate", ("learning_rate",)),
    ("logit scale, exp(s)", ("logit_scale",)),
)


@dataclass(frozen=True)
class History:
    """One run's history, with its place in results/runs/{method}/seed{seed}/{stage}/."""

    method: str
    seed: int
    stage: str
    table: pd.DataFrame


def plot_training(histories: list[Path], methods: Sequence[str], svg: Path, png: Path) -> None:
    """Plot history.parquet files: a row of panels per stage, a colour per method, a line per seed.

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
            figsize=(PAGE_WIDTH_IN, 1.9 * len(stages) + 0.5),
            sharex="row",
            squeeze=False,
            layout="constrained",
        )
        for axes_row, stage in zip(grid, stages, strict=True):
            for axes, (title, columns) in zip(axes_row, PANELS, strict=True):
                for run in (run for run in runs if run.stage == stage):
                    _draw(axes, run.table, columns, looks[run.method][0])
                axes.set_title(f"{stage}: {title}")
                axes.grid(True, axis="y")
                axes.set_xlabel("epoch")
                axes.xaxis.get_major_locator().set_params(integer=True)
        figure.legend(
            handles=[
                *(Line2D([], [], color=looks[m][0], label=_name(m, runs)) for m in methods),
                Line2D([], [], color=CHANCE_COLOUR, label="training"),
                Line2D([], [], color=CHANCE_COLOUR, ls="dashed", label="validation"),
            ],
            loc="outside lower center",
            ncols=min(4, len(methods) + 2),
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


def _draw(axes: Axes, table: pd.DataFrame, columns: tuple[str, ...], colour: str) -> None:
    # Markers keep a run of a single epoch visible.
    marker = "o" if len(table) == 1 else None
    for column, line in zip(columns, ("solid", "dashed"), strict=False):
        values = table[["epoch", column]].dropna()
        axes.plot(
            values["epoch"],
            values[column],
            color=colour,
            ls=line,
            lw=1,
            alpha=0.8,
            marker=marker,
            ms=3,
        )


def _name(method: str, runs: list[History]) -> str:
    seeds = sorted({run.seed for run in runs if run.method == method})
    return f"{method} (seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))})"
