"""The steps from the scores of Elizalde et al. 2019's tasks to tables and plots."""

from collections.abc import Callable
from pathlib import Path


def make_table_labels(
    scores: Path,
    cells: list[Path],
    runs: list[Path],
    methods: list[str],
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Make Table 2 of Elizalde et al. 2019: how well labels are told apart, beside controls."""
    from hearsay.report import table_labels

    table_labels.make_table_labels(scores, cells, runs, methods, csv, markdown, latex)


def make_table_nearest(
    embeddings: Path, record: Path, csv: Path, markdown: Path, latex: Path
) -> None:
    """Make the lists of what lies nearest to texts and strange sounds in a joint space."""
    from hearsay.report import table_nearest

    table_nearest.make_table_nearest(embeddings, record, csv, markdown, latex)


def plot_label_map(embeddings: Path, record: Path, svg: Path, png: Path) -> None:
    """Plot test clips and labels before and after the joint network."""
    from hearsay.report import plot_label_map

    plot_label_map.plot_label_map(embeddings, record, svg, png)


def make_table_pair_losses(
    scores: Path, cells: list[Path], runs: list[Path], csv: Path, markdown: Path, latex: Path
) -> None:
    """Make Table 1 of Elizalde et al. 2019: losses of pairs, and the measures they read."""
    from hearsay.report import table_pair_losses

    table_pair_losses.make_table_pair_losses(scores, cells, runs, csv, markdown, latex)


def make_table_label_sweep(
    scores: Path,
    cells: list[Path],
    runs: list[Path],
    option: str,
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Make the table of joint embeddings that differ in their noise or number of pairs."""
    from hearsay.report import table_label_sweep

    table_label_sweep.make_table_label_sweep(scores, cells, runs, option, csv, markdown, latex)


def plot_label_sweep(
    scores: Path, cells: list[Path], runs: list[Path], option: str, svg: Path, png: Path
) -> None:
    """Plot joint embeddings that differ in their noise or number of pairs."""
    from hearsay.report import plot_label_sweep

    plot_label_sweep.plot_label_sweep(scores, cells, runs, option, svg, png)


COMMANDS: list[Callable[..., None]] = [
    make_table_labels,
    make_table_nearest,
    plot_label_map,
    make_table_pair_losses,
    make_table_label_sweep,
    plot_label_sweep,
]
