"""How often a method chose a picture of what sounds: a curve per method, chance and ceiling."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from hearsay.files import write_text
from hearsay.report.choices import (
    PARTS,
    build_choice_table,
    read_counts,
    share_choices,
    tidy_choices,
)
from hearsay.report.markup import write_layouts
from hearsay.report.scores import SIGNIFICANT_DIGITS
from hearsay.report.style import (
    CHANCE_COLOUR,
    ORACLE_COLOUR,
    PAGE_WIDTH_IN,
    colour_of,
    plot_style,
    save_figure,
)
from hearsay.report.tasks import in_order


def plot_choices(
    counts: Path,
    methods: Sequence[str],
    svg: Path,
    png: Path,
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Plot and tabulate the share of choices that show what sounds, by method and epoch.

    Left all clips, right those with both right and wrong pictures. A line is the mean over
    seeds, small points are the seeds; grey dashed: chance; black: the ceiling.

    Args:
        counts: CSV of `count_choices`.
        methods: their order; others follow.
        svg: output.
        png: output.
        csv: every method, epoch and part, as fractions.
        markdown: first and last epoch, in percent.
        latex: the same.

    Raises:
        HearsayError: the counts are absent or wrong.
    """
    shares = share_choices(read_counts(Path(counts)), methods)
    text = tidy_choices(shares).to_csv(
        index=False, lineterminator="\n", float_format=f"%.{SIGNIFICANT_DIGITS}g"
    )
    table = build_choice_table(shares, methods)
    write_text(text, csv)
    write_layouts([table], markdown, latex)
    _draw(shares, methods, svg, png)


def _draw(shares: pd.DataFrame, methods: Sequence[str], svg: Path, png: Path) -> None:
    # All methods, also those that choose nothing, so that each looks as in the other plots.
    looks = colour_of(in_order({*methods, *shares["method"]}, methods))
    shown = in_order(shares["method"], methods)
    with plot_style():
        figure, panels = plt.subplots(
            1, len(PARTS), figsize=(PAGE_WIDTH_IN, 3.1), sharey=True, layout="constrained"
        )
        for axes, part in zip(panels, PARTS, strict=True):
            own = shares[shares["part"] == part]
            for number, method in enumerate(shown):
                shift = (number - (len(shown) - 1) / 2) * 0.08
                _draw_method(axes, own[own["method"] == method], looks[method], shift)
            _draw_bounds(axes, own)
            axes.set_title(_title(own, part))
            axes.set_xlabel("epoch")
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.grid(True, axis="y")
        panels[0].set_ylabel("choices that show what sounds, %")
        if not shown:
            figure.suptitle("No method of this run chooses a single picture")
        figure.legend(
            handles=[
                *(
                    Line2D([], [], color=looks[m][0], marker=looks[m][1], ms=4, label=m)
                    for m in shown
                ),
                Line2D([], [], color=ORACLE_COLOUR, label="ceiling"),
                Line2D([], [], color=CHANCE_COLOUR, ls="dashed", label="chance"),
            ],
            loc="outside lower center",
            ncols=4,
        )
        save_figure(figure, svg, png)


def _draw_method(axes: Axes, rows: pd.DataFrame, look: tuple[str, str], shift: float) -> None:
    """Draw a method; its points stand a little aside, so that methods that agree stay visible."""
    colour, marker = look
    x = rows["epoch"].to_numpy() + shift
    axes.plot(x, 100 * rows["share"], marker=marker, color=colour, ms=4, mec="white", mew=0.5)
    for place, values in zip(x, rows["per_seed"], strict=True):
        points = 100 * np.asarray(values)
        axes.plot([place] * len(points), points, marker, color=colour, ms=2, alpha=0.5, mew=0)


def _draw_bounds(axes: Axes, rows: pd.DataFrame) -> None:
    means = rows.groupby("epoch")[["chance", "ceiling"]].mean()
    axes.plot(means.index, 100 * means["chance"], color=CHANCE_COLOUR, ls="dashed", zorder=1)
    axes.plot(means.index, 100 * means["ceiling"], color=ORACLE_COLOUR, zorder=1)


def _title(rows: pd.DataFrame, part: str) -> str:
    if rows.empty:
        return f"{part} clips"
    last = rows.iloc[-1]
    if part == "all":
        return f"all clips, {last['dataset']} (train)\n{last['clips']:,.0f} clips an epoch"
    share = f"{100 * last['share_of_clips']:.0f} % of the clips"
    return f"clips with both right and wrong pictures\n{last['clips']:,.0f} clips, {share}"
