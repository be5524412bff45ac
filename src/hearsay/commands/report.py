"""The steps from scores to tables, plots and the report page."""

from collections.abc import Callable
from pathlib import Path

from hearsay.commands.options import Options


def collect_scores(scores: list[Path], table: Path) -> None:
    """Join all score files to the one tidy table."""
    from hearsay.report import scores as report_scores

    report_scores.collect_scores(scores, table)


def compare_methods(
    scores: list[Path],
    reference: str,
    methods: list[str],
    num_resamples: int,
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Compare every method with a reference, over the queries and over the seeds."""
    from hearsay.report import compare

    compare.compare_methods(scores, reference, methods, num_resamples, csv, markdown, latex)


def make_table_clips(availability: list[Path], csv: Path, markdown: Path, latex: Path) -> None:
    """Make Table II: clips listed and found per split."""
    from hearsay.report import table_clips

    table_clips.make_table_clips(availability, csv, markdown, latex)


def plot_availability(availability: list[Path], svg: Path, png: Path) -> None:
    """Plot what became of the clips of every data set and split."""
    from hearsay.report import plot_availability

    plot_availability.plot_availability(availability, svg, png)


def make_table_words(summaries: list[Path], csv: Path, markdown: Path, latex: Path) -> None:
    """Make the table of words without a vector, per data set and split."""
    from hearsay.report import table_words

    table_words.make_table_words(summaries, csv, markdown, latex)


def make_table_audio_image(
    scores: Path,
    comparisons: Path | None,
    methods: list[str],
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Make Table III: audio-image retrieval."""
    from hearsay.report import tables

    tables.write_retrieval_table(
        scores, comparisons, methods, "audio_image_retrieval", csv, markdown, latex
    )


def make_table_audio_text(
    scores: Path,
    comparisons: Path | None,
    methods: list[str],
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Make Table IV: audio-text retrieval."""
    from hearsay.report import tables

    tables.write_retrieval_table(
        scores, comparisons, methods, "audio_text_retrieval", csv, markdown, latex
    )


def make_table_systems(
    scores: Path,
    reasons: list[Path],
    not_asked: Options,
    methods: list[str],
    csv: Path,
    markdown: Path,
    latex: Path,
    svg: Path,
    png: Path,
) -> None:
    """Make the table and the plot of every system on every task."""
    from hearsay.report import table_systems

    table_systems.make_table_systems(
        scores, reasons, not_asked, methods, csv, markdown, latex, svg, png
    )


def plot_recall(scores: Path, task: str, methods: list[str], svg: Path, png: Path) -> None:
    """Plot recall per method, with a point per seed, chance and the oracle."""
    from hearsay.report import plot_recall

    plot_recall.plot_recall(scores, task, methods, svg, png)


def plot_training(histories: list[Path], methods: list[str], svg: Path, png: Path) -> None:
    """Plot the training curves of all runs."""
    from hearsay.report import plot_training

    plot_training.plot_training(histories, methods, svg, png)


def plot_clips(
    images: Path,
    fbank: Path,
    fbank_index: Path,
    captions: Path,
    phrases: Path,
    number: int,
    frame_shift_ms: float,
    svg: Path,
    png: Path,
) -> None:
    """Plot a few clips: pictures, filter bank, captions and events."""
    from hearsay.report import plot_clips

    plot_clips.plot_clips(
        images, fbank, fbank_index, captions, phrases, number, frame_shift_ms, svg, png
    )


def plot_choices(
    counts: Path,
    methods: list[str],
    svg: Path,
    png: Path,
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Plot and tabulate how often trainings chose a picture of what sounds."""
    from hearsay.report import plot_choices

    plot_choices.plot_choices(counts, methods, svg, png, csv, markdown, latex)


def make_table_disagreement(
    disagreements: list[float],
    scores: list[Path],
    comparisons: list[Path] | None,
    reference: str | None,
    methods: list[str],
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Make the sweep's table: recall at each disagreement of pictures and sounds."""
    from hearsay.report import table_disagreement

    table_disagreement.make_table_disagreement(
        disagreements, scores, comparisons or [], reference, methods, csv, markdown, latex
    )


def plot_disagreement(table: Path, methods: list[str], svg: Path, png: Path) -> None:
    """Plot R@1 against the disagreement of pictures and sounds."""
    from hearsay.report import plot_disagreement

    plot_disagreement.plot_disagreement(table, methods, svg, png)


def make_report_page(
    availability: list[Path],
    tables: list[Path],
    plots: list[Path],
    captions: list[Path] | None,
    runs: list[Path],
    hits: list[Path] | None,
    ranks: list[Path] | None,
    frames: list[Path] | None,
    queries: list[Path] | None,
    data: Path | None,
    title: str,
    methods: list[str],
    grounding_page: Path | None,
    page: Path,
) -> None:
    """Make the report: every table and plot, the runs and examples to listen to, on one page."""
    from hearsay.report import page as report_page

    report_page.make_report_page(
        availability, tables, plots, captions or [], runs, hits or [], ranks or [], frames or [],
        queries or [], data, title, methods, grounding_page, page,
    )  # fmt: skip


COMMANDS: list[Callable[..., None]] = [
    collect_scores,
    compare_methods,
    make_table_clips,
    plot_availability,
    make_table_words,
    make_table_audio_image,
    make_table_audio_text,
    make_table_systems,
    plot_recall,
    plot_training,
    plot_clips,
    plot_choices,
    make_table_disagreement,
    plot_disagreement,
    make_report_page,
]
