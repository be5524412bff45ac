"""A few clips in time: the similarity of each phrase, its labels and the log-mel (Figure 4)."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from numpy.typing import NDArray

from hearsay.features.mel import slaney_filters
from hearsay.features.store import ShardedArrays
from hearsay.report.alignment import (
    AlignedClip,
    AlignedPhrase,
    AlignedRun,
    choose_clips,
    main_caption,
    read_alignment,
)
from hearsay.report.style import PAGE_WIDTH_IN, PALETTE, plot_style, save_figure

CLIP_HEIGHT_IN = 2.75
MAX_PHRASES = 5  # of a caption; AudioGrounding's have 3 on average
LINE_HEIGHT_PT = 8.5
NOTE_COLOUR = "#444444"
PHRASE_WIDTH = 26  # letters a line right of the panels
TITLE_WIDTH = 120
TICKS_HZ = (100, 500, 1000, 2000, 4000, 8000)


def plot_alignment(
    frames: Path,
    queries: Path,
    captions: Path,
    logmel: Sequence[Path],
    low_freq_hz: float,
    high_freq_hz: float,
    svg: Path,
    png: Path,
) -> None:
    """Plot the best, the median and the worst clip of a run, of those with several events.

    Args:
        frames: frames.parquet of the run.
        queries: queries.parquet of the same run.
        captions: index captions.parquet.
        logmel: log-mel .npy of every shard.
        low_freq_hz: lower end of the mel bands.
        high_freq_hz: upper end of the mel bands.
        svg: output.
        png: output.

    Raises:
        HearsayError: a file is absent or wrong, or a clip has no log-mel.
    """
    run = read_alignment(frames, queries, captions)
    chosen = choose_clips(run)
    spectra = ShardedArrays(logmel).gather([clip.clip_id for _, clip in chosen])
    with plot_style():
        figure = plt.figure(
            figsize=(PAGE_WIDTH_IN, CLIP_HEIGHT_IN * len(chosen) + 0.3), layout="constrained"
        )
        figure.suptitle(
            f"{run.method}, seed {run.seed}: similarity of phrases to the frames of a clip, "
            "stretched (min-max)",
            fontsize=9,
        )
        parts = np.atleast_1d(figure.subfigures(len(chosen), 1, hspace=0.05))
        for part, (name, clip), spectrum in zip(parts, chosen, spectra, strict=True):
            _draw_clip(part, run, name, clip, spectrum, (low_freq_hz, high_freq_hz))
        save_figure(figure, svg, png)


def _draw_clip(
    part: SubFigure,
    run: AlignedRun,
    name: str,
    clip: AlignedClip,
    spectrum: NDArray[np.float16],
    range_hz: tuple[float, float],
) -> None:
    text, all_phrases = main_caption(clip)
    phrases = all_phrases[:MAX_PHRASES]
    title = f"{name}: {clip.clip_id}, F1 of all its phrases {clip.f1:.2f}: “{text}”"
    part.suptitle(
        textwrap.fill(title, TITLE_WIDTH, max_lines=2, placeholder=" …"),
        fontsize=7,
        x=0.01,
        ha="left",
        parse_math=False,
    )
    heights = [1.0, 0.13 * len(phrases) + 0.05, 1.0]
    grid = part.add_gridspec(3, 2, height_ratios=heights, width_ratios=[4, 1], hspace=0.03)
    scores = part.add_subplot(grid[0, 0])
    _draw_scores(scores, run, phrases)
    _draw_labels(part.add_subplot(grid[1, 0], sharex=scores), phrases)
    num_frames = len(phrases[0].scores)
    axes = part.add_subplot(grid[2, 0], sharex=scores)
    _draw_logmel(axes, spectrum[:num_frames].astype(np.float32), run.frame_shift_s, range_hz)
    scores.set_xlim(0, clip.end_s)
    _draw_names(part.add_subplot(grid[:, 1]), phrases, len(all_phrases) - len(phrases))


def _draw_scores(axes: Axes, run: AlignedRun, phrases: Sequence[AlignedPhrase]) -> None:
    for row, phrase in enumerate(phrases):
        times = np.arange(len(phrase.scores)) * run.frame_shift_s
        axes.plot(times, phrase.scores, color=_colour(row), lw=1.0)
    axes.axhline(run.threshold, color=NOTE_COLOUR, ls="dashed", lw=0.7)
    axes.set_ylim(0, 1.03)
    axes.set_ylabel("similarity")
    axes.tick_params(labelbottom=False)


def _draw_labels(axes: Axes, phrases: Sequence[AlignedPhrase]) -> None:
    for row, phrase in enumerate(phrases):
        spans = [(onset, offset - onset) for onset, offset in phrase.segments_s]
        axes.broken_barh(spans, (row + 0.15, 0.7), facecolors=_colour(row))
    axes.set_ylim(len(phrases), 0)
    axes.set_yticks([])
    axes.set_ylabel("labels", rotation=0, ha="right", va="center")
    axes.tick_params(labelbottom=False, length=0)
    axes.spines[["left", "bottom"]].set_visible(False)


def _draw_logmel(
    axes: Axes, spectrum: NDArray[np.float32], shift_s: float, range_hz: tuple[float, float]
) -> None:
    num_frames, num_bins = spectrum.shape
    # Digital silence lies at the log floor, far below all sound; the scale leaves it out.
    low, high = np.percentile(spectrum, [5, 99.8])
    axes.imshow(
        spectrum.T,
        origin="lower",
        aspect="auto",
        extent=(-shift_s / 2, (num_frames - 0.5) * shift_s, -0.5, num_bins - 0.5),
        vmin=float(low),
        vmax=float(high),
        cmap="magma",
        interpolation="auto",
    )
    centres_hz = _centres_hz(num_bins, *range_hz)
    shown = [tick for tick in TICKS_HZ if centres_hz[0] <= tick <= centres_hz[-1]]
    axes.set_yticks(
        np.interp(shown, centres_hz, np.arange(num_bins)), [f"{tick / 1000:g}" for tick in shown]
    )
    axes.set_ylabel("kHz")
    axes.set_xlabel("time, s")


def _centres_hz(num_bins: int, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Return where each mel filter is highest, to about 1 Hz."""
    lines = 2 * round(high_hz)
    filters = slaney_filters(lines, lines, num_bins, low_hz, high_hz)  # lines 1 Hz apart
    return np.asarray(filters.argmax(axis=1), dtype=np.float64)


def _draw_names(axes: Axes, phrases: Sequence[AlignedPhrase], num_more: int) -> None:
    """Write the phrases in the colours of their lines, with their F1 and what is odd of them."""
    axes.set_axis_off()
    lines: list[tuple[float, str, str]] = []  # place in lines from above, words, colour
    place = 0.0
    for row, phrase in enumerate(phrases):
        oddity = "" if phrase.segments_s else ", not heard"
        oddity += ", constant" if phrase.is_constant else ""
        words = textwrap.wrap(phrase.words, PHRASE_WIDTH, max_lines=2)
        for line in (*words, f"F1 {phrase.f1:.2f}{oddity}"):
            lines.append((place, line, _colour(row)))
            place += 1
        place += 0.4
    if num_more:
        lines.append((place, f"({num_more} more phrases)", NOTE_COLOUR))
        place += 1.4
    lines.append((place, "dashed: threshold of val", NOTE_COLOUR))
    for place, line, colour in lines:
        axes.annotate(
            line,
            (0.0, 1.0),
            xytext=(0, -LINE_HEIGHT_PT * place),
            xycoords="axes fraction",
            textcoords="offset points",
            va="top",
            fontsize=6.5,
            color=colour,
            parse_math=False,
        )


def _colour(row: int) -> str:
    return PALETTE[row % len(PALETTE)]
