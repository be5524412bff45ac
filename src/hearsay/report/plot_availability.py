"""What became of the clips of every data set and split: a bar each, and why clips are missing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from hearsay.report.availability import SplitCounts, read_availability, total_reasons
from hearsay.report.style import (
    PAGE_WIDTH_IN,
    PALETTE,
    REST_COLOUR,
    plot_style,
    save_figure,
    text_colour,
)

FOUND_COLOUR, EXCLUDED_COLOUR, MISSING_COLOUR = PALETTE[0], "#BBBBBB", "#4D4D4D"
MOST_REASONS = 9  # with a colour of their own; rarer ones share one
REST = "other"
LEGEND_COLUMNS = 4
BAR_HEIGHT = 0.62
LETTER = 0.0135  # of the width of the right panel
EXCLUDED = "excluded"
_CENTRED: dict[str, Any] = {"ha": "center", "va": "center_baseline", "fontsize": 6}


def plot_availability(availability: Sequence[Path], svg: Path, png: Path) -> None:
    """Plot what became of the clips: a bar per data set and split, in % of the clips listed.

    Left: found, excluded, missing. Right, on a scale of its own: the missing ones by reason, the
    most frequent first, with the number of clips wherever it fits. The legend counts all splits.

    Args:
        availability: availability.json of each data set.
        svg: output.
        png: output.

    Raises:
        HearsayError: a file is absent or wrong, or two describe the same data set.
    """
    splits = read_availability(availability)
    reasons = group_reasons(splits)
    with plot_style():
        legend_rows = -(-(len(reasons) + 3) // LEGEND_COLUMNS)
        figure, (left, right) = plt.subplots(
            1,
            2,
            sharey=True,
            figsize=(PAGE_WIDTH_IN, 0.42 * len(splits) + 0.17 * legend_rows + 1.08),
            width_ratios=[1, 2.2],
            layout="constrained",
        )
        _draw_whole(left, splits)
        _draw_missing(right, splits, reasons)
        handles = _legend(splits, reasons)
        figure.legend(
            handles=handles, loc="outside lower center", ncols=LEGEND_COLUMNS, handlelength=1.2
        )
        save_figure(figure, svg, png)


def group_reasons(splits: Sequence[SplitCounts]) -> dict[str, list[str]]:
    """Say which statuses are drawn as one: each of the frequent ones alone, the rarer as `other`.

    Returns:
        name -> statuses, the most frequent first and `other` last; none is `excluded`.
    """
    names = [name for name in total_reasons(splits) if name != EXCLUDED]
    if len(names) <= MOST_REASONS + 1:  # a single one needs no other name
        return {name: [name] for name in names}
    kept = {name: [name] for name in names[:MOST_REASONS]}
    return {**kept, REST: names[MOST_REASONS:]}


def _draw_whole(axes: Axes, splits: Sequence[SplitCounts]) -> None:
    for place, counts in enumerate(splits):
        left = 0.0
        for number, colour in (
            (counts.found, FOUND_COLOUR),
            (counts.excluded, EXCLUDED_COLOUR),
            (counts.wanted - counts.found, MISSING_COLOUR),
        ):
            width = 100 * number / counts.listed
            axes.barh(place, width, BAR_HEIGHT, left, color=colour, linewidth=0)
            left += width
    labels = [f"{c.dataset} {c.split}\n{c.found:,} of {c.listed:,}" for c in splits]
    axes.set_yticks(range(len(splits)), labels)
    axes.set_ylim(len(splits) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the clips listed")
    axes.set_title("found, excluded, missing", loc="left")


def _draw_missing(axes: Axes, splits: Sequence[SplitCounts], reasons: dict[str, list[str]]) -> None:
    colours = _colours(reasons)
    shares = [100 * (counts.wanted - counts.found) / counts.listed for counts in splits]
    end = 1.25 * max(shares) or 1.0  # room for the words behind the longest bar
    for place, counts in enumerate(splits):
        left = 0.0
        for name, statuses in reasons.items():
            number = sum(counts.reasons.get(status, 0) for status in statuses)
            width = 100 * number / counts.listed
            axes.barh(place, width, BAR_HEIGHT, left, color=colours[name], linewidth=0)
            if width / end > LETTER * (len(f"{number:,}") + 0.6):
                middle = left + width / 2
                ink = text_colour(colours[name])
                axes.text(middle, place, f"{number:,}", color=ink, **_CENTRED)
            left += width
        missing = counts.wanted - counts.found
        words = f"{missing:,} ({shares[place]:.1f} %)" if missing else "none missing"
        axes.text(left + 0.01 * end, place, words, va="center_baseline", fontsize=7)
    axes.set_xlim(0, end)
    axes.tick_params(left=False)
    axes.set_xlabel("% of the clips listed")
    axes.set_title("missing, by reason", loc="left")


def _colours(reasons: dict[str, list[str]]) -> dict[str, str]:
    """Give each reason a colour; blue is that of the clips found."""
    named = [name for name in reasons if name != REST]
    return {**dict(zip(named, PALETTE[1:], strict=False)), REST: REST_COLOUR}


def _legend(splits: Sequence[SplitCounts], reasons: dict[str, list[str]]) -> list[Patch]:
    total = total_reasons(splits)
    found = sum(counts.found for counts in splits)
    handles = [Patch(color=FOUND_COLOUR, label=f"found {found:,}")]
    if EXCLUDED in total:
        handles.append(Patch(color=EXCLUDED_COLOUR, label=f"excluded {total[EXCLUDED]:,}"))
    missing = sum(counts.wanted - counts.found for counts in splits)
    if missing:
        handles.append(Patch(color=MISSING_COLOUR, label=f"missing {missing:,}, of which"))
    colours = _colours(reasons)
    for name, statuses in reasons.items():
        number = sum(total[status] for status in statuses)
        words = f"{len(statuses)} other reasons" if name == REST else name
        handles.append(Patch(color=colours[name], label=f"{words} {number:,}"))
    return handles
