"""One look for all plots, and files that are the same from run to run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from hearsay.files import atomic_path

# Okabe and Ito's palette but for its yellow, too pale for lines, then Paul Tol's muted one: told
# apart with any colour vision. Black and grey are for controls.
PALETTE = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"),
    *("#332288", "#882255", "#999933", "#117733", "#AA4499"),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
ORACLE_COLOUR = "#000000"
CHANCE_COLOUR = "#7F7F7F"
REST_COLOUR = "#999999"  # of what is too rare for a colour of its own
PAGE_WIDTH_IN = 7.2  # two columns of a paper; panels of half of it stay readable
_SETTINGS = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so text has the same width everywhere
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.grid.axis": "y",
    "grid.color": "#E0E0E0",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.2,
    "legend.frameon": False,
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "svg.hashsalt": "hearsay",  # else the ids inside differ from run to run
}


@contextmanager
def plot_style() -> Iterator[None]:
    """Apply the style inside the block; figures made there are closed at its end."""
    with matplotlib.rc_context(_SETTINGS):
        try:
            yield
        finally:
            plt.close("all")


def colour_of(names: list[str]) -> dict[str, tuple[str, str]]:
    """Give each name, in order, a colour and a marker of its own; after eleven they repeat."""
    return {
        name: (PALETTE[i % len(PALETTE)], MARKERS[(i + i // len(PALETTE)) % len(MARKERS)])
        for i, name in enumerate(names)
    }


def text_colour(background: str) -> str:
    """Choose black or white for words on a colour, by the contrast of WCAG 2.1."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(background)
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "white"


def save_figure(figure: Figure, svg: Path, png: Path) -> None:
    """Write a figure as SVG and as PNG, each atomically and without date or version inside."""
    _freeze_layout(figure)
    with atomic_path(Path(svg)) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": "hearsay"})
    with atomic_path(Path(png)) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})


def _freeze_layout(figure: Figure) -> None:
    """Lay the figure out once and round the places.

    The solver behind the constrained layout differs in the last bits from run to run, and the SVG
    names its clip paths by a hash of them.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for part in figure.subfigs:
        corners = part.bbox_relative
        corners.p0, corners.p1 = (tuple(round(x, 5) for x in p) for p in (corners.p0, corners.p1))
    for axes in figure.axes:
        left, bottom, width, height = axes.get_position(original=True).bounds
        axes.set_position((round(left, 5), round(bottom, 5), round(width, 5), round(height, 5)))
