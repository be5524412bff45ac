"""A map of test clips and labels: before the joint network, and after."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from hearsay.files import read_json
from hearsay.report.label_embeddings import SPACES, read_embeddings, vectors
from hearsay.report.style import PAGE_WIDTH_IN, colour_of, plot_style, save_figure

TITLES = {"base": "before: features alone", "joint": "after: joint space"}
NUM_COMPONENTS = 4  # the first two of a joint space may hold little but two clumps of classes
LEGEND_COLUMNS = 5
LEGEND_ROW_IN = 0.17


def plot_label_map(embeddings: Path, run: Path, svg: Path, png: Path) -> None:
    """Plot the clips of split test and the texts of their labels, by principal components.

    A row is a space, before or after, with components of its own, found of clips and labels
    together; a column is a pair of them. Small filled markers are clips, large hollow ones of the
    same colour and shape the texts of their labels; labels without a clip are left out.

    Args:
        embeddings: embeddings.parquet of a run.
        run: its run.json.
        svg: output.
        png: output.

    Raises:
        HearsayError: a file is absent or wrong.
    """
    table = read_embeddings(embeddings)
    clips = table[(table["kind"] == "clip") & table["is_scored"]]
    labels = table[(table["kind"] == "label") & table["name"].isin(clips["label"])]
    shown = pd.concat([clips, labels], ignore_index=True)
    record = read_json(run)
    names = sorted(labels["name"])
    num_rows = -(-len(names) // LEGEND_COLUMNS)
    with plot_style():
        figure, grid = plt.subplots(
            len(SPACES),
            NUM_COMPONENTS // 2,
            figsize=(PAGE_WIDTH_IN, 5.6 + LEGEND_ROW_IN * num_rows),
            layout="constrained",
        )
        for row, space in zip(grid, SPACES, strict=True):
            places, shares = principal_places(vectors(shown, space), NUM_COMPONENTS)
            for number, axes in enumerate(row):
                pair = slice(2 * number, 2 * number + 2)
                _draw_panel(axes, shown, places[:, pair], names)
                for axis, component, share in zip("xy", (1, 2), shares[pair], strict=True):
                    label = f"component {2 * number + component}, {100 * share:.0f} % of variance"
                    axes.set(**{f"{axis}label": label})
            row[0].set_title(TITLES[space], loc="left")
        figure.suptitle(
            f"{record['method']}, seed {record['seed']}: {len(clips):,} clips of split test",
            fontsize=8,
        )
        figure.legend(handles=_legend(names), loc="outside lower center", ncols=LEGEND_COLUMNS)
        save_figure(figure, svg, png)


def principal_places(
    rows: NDArray[np.float64], number: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Project rows [N, D] on their first principal components.

    Signs are such that the largest weight of a component is positive, so that maps do not flip
    from machine to machine. Components that the rows do not have are zero.

    Args:
        rows: N vectors.
        number: C, of components.

    Returns:
        places [N, C], and the share of the variance of each component [C].
    """
    centred = rows - rows.mean(axis=0)
    _, singular, components = np.linalg.svd(centred, full_matrices=False)
    found = min(number, len(singular))
    largest = np.abs(components[:found]).argmax(axis=1)
    signs = np.sign(components[np.arange(found), largest])
    places, shares = np.zeros((len(rows), number)), np.zeros(number)
    places[:, :found] = centred @ (components[:found] * signs[:, None]).T
    shares[:found] = np.square(singular[:found]) / (np.square(singular).sum() or 1.0)
    return places, shares


def _draw_panel(
    axes: Axes, shown: pd.DataFrame, places: NDArray[np.float64], names: list[str]
) -> None:
    looks = colour_of(names)
    is_clip = (shown["kind"] == "clip").to_numpy()
    owners = shown["label"].to_numpy()
    for name in names:
        colour, marker = looks[name]
        own = owners == name
        x, y = places[own & is_clip].T
        axes.plot(x, y, marker, color=colour, ms=3.5, alpha=0.75, mew=0, clip_on=False)
    # Above all clips: first a halo of each text, then the texts, so that no halo covers one.
    for edge, width in (("white", 2.2), (None, 1.2)):
        for name in names:
            colour, marker = looks[name]
            x, y = places[(owners == name) & ~is_clip].T
            axes.plot(
                x, y, marker, color=edge or colour, mfc="none", ms=9, mew=width, clip_on=False
            )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.margins(0.06)


def _legend(names: list[str]) -> list[Line2D]:
    handles = [
        Line2D([], [], color=colour, marker=marker, ls="none", ms=5, label=name)
        for name, (colour, marker) in colour_of(names).items()
    ]
    text = Line2D([], [], color="black", marker="o", mfc="none", ls="none", ms=8, label="a text")
    return [*handles, text]
