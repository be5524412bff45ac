"""The steps from the scores of Xie et al. 2022's tasks to tables, plots and a page."""

from collections.abc import Callable
from pathlib import Path

from hearsay.layout import DatasetFiles


def make_table_phrases(data: Path, csv: Path, markdown: Path, latex: Path) -> None:
    """Make Table 1 of Xie et al. 2022: clips, captions and phrases, listed and found."""
    from hearsay.report import table_phrases

    table_phrases.make_table_phrases(DatasetFiles.open(data), csv, markdown, latex)


def make_table_captions(
    scores: Path, runs: list[Path], methods: list[str], csv: Path, markdown: Path, latex: Path
) -> None:
    """Make Table 2 of Xie et al. 2022: retrieval among 30 candidates, and what each loss gives."""
    from hearsay.report import table_captions

    table_captions.make_table_captions(scores, runs, methods, csv, markdown, latex)


def make_table_grounding(
    scores: Path, queries: list[Path], methods: list[str], csv: Path, markdown: Path, latex: Path
) -> None:
    """Make the table of phrase grounding: every method beside its controls."""
    from hearsay.report import table_grounding

    table_grounding.make_table_grounding(scores, queries, methods, csv, markdown, latex)


def plot_grounding(curves: list[Path], part: str, methods: list[str], svg: Path, png: Path) -> None:
    """Plot precision, recall and F1 of grounding against the threshold, with all controls."""
    from hearsay.report import plot_grounding

    plot_grounding.plot_grounding(curves, part, methods, svg, png)


def plot_losses(scores: Path, runs: list[Path], methods: list[str], svg: Path, png: Path) -> None:
    """Plot what each loss of frame-word alignment gives in retrieval and grounding."""
    from hearsay.report import plot_losses

    plot_losses.plot_losses(scores, runs, methods, svg, png)


def plot_alignment(
    frames: Path,
    queries: Path,
    captions: Path,
    logmel: list[Path],
    low_freq_hz: float,
    high_freq_hz: float,
    svg: Path,
    png: Path,
) -> None:
    """Plot the best, the median and the worst clip of a run: phrases over the log-mel."""
    from hearsay.report import plot_alignment

    plot_alignment.plot_alignment(
        frames, queries, captions, logmel, low_freq_hz, high_freq_hz, svg, png
    )


def make_page_grounding(
    frames: Path, queries: Path, captions: Path, dataset: str, page: Path
) -> None:
    """Make the page of all test clips: each phrase's score over time, with its labels."""
    from hearsay.report import page_grounding

    page_grounding.make_page_grounding(frames, queries, captions, dataset, page)


COMMANDS: list[Callable[..., None]] = [
    make_table_phrases,
    make_table_captions,
    make_table_grounding,
    plot_grounding,
    plot_losses,
    plot_alignment,
    make_page_grounding,
]
