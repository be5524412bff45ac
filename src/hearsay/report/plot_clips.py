"""A few clips as a method meets them: pictures, filter bank, phrases in time, captions."""

import io
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from numpy.typing import NDArray
from PIL import Image

from hearsay.errors import HearsayError
from hearsay.report.style import PAGE_WIDTH_IN, PALETTE, plot_style, save_figure

CLIP_HEIGHT_IN = 2.5
CAPTION_WIDTH = 38  # letters a line in the right third of the page
MAX_CAPTION_LINES = 17
LINE_HEIGHT_PT = 9.0
MAX_EVENTS = 5


@dataclass(frozen=True)
class ClipView:
    """What is drawn of one clip.

    Attributes:
        clip_id: its id.
        fbank: [T, F], the valid frames alone.
        images: (time in seconds, picture), in order of time.
        captions: texts.
        events: (phrase, [(onset_s, offset_s), ...]); different phrases with the same times are
            one event, named by the first.
    """

    clip_id: str
    fbank: NDArray[np.float32]
    images: list[tuple[float, NDArray[np.uint8]]]
    captions: list[str]
    events: list[tuple[str, list[tuple[float, float]]]]


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
    """Plot the first clips of a shard; clips with phrases go first.

    Args:
        images: images/{shard}.parquet: clip_id, image_index, timestamp_s, jpeg.
        fbank: fbank/{shard}.npy, [clips, frames, bins].
        fbank_index: fbank/{shard}.parquet: clip_id, row, num_frames.
        captions: index captions.parquet.
        phrases: index phrases.parquet.
        number: of clips; fewer where the shard has fewer.
        frame_shift_ms: of the filter bank.
        svg: output.
        png: output.

    Raises:
        HearsayError: a file is absent, or no clip of the shard has a filter bank.
    """
    views = read_views(images, fbank, fbank_index, captions, phrases, number)
    with plot_style():
        figure = plt.figure(
            figsize=(PAGE_WIDTH_IN, CLIP_HEIGHT_IN * len(views)), layout="constrained"
        )
        parts = np.atleast_1d(figure.subfigures(len(views), 1, hspace=0.04))
        for part, view in zip(parts, views, strict=True):
            _draw_clip(part, view, frame_shift_ms / 1000)
        save_figure(figure, svg, png)


def read_views(
    images: Path, fbank: Path, fbank_index: Path, captions: Path, phrases: Path, number: int
) -> list[ClipView]:
    """Read what `plot_clips` draws; see there for the files."""
    index = _read(fbank_index)
    if number < 1 or index.empty:
        raise HearsayError(
            f"cannot show {number} of the {len(index)} clips in {fbank_index}; ask for at least "
            "one, of a shard where clips were found"
        )
    all_images, all_captions, all_phrases = _read(images), _read(captions), _read(phrases)
    heard = all_phrases[all_phrases["onsets_s"].map(len) > 0]
    without_phrase = ~index["clip_id"].isin(set(heard["clip_id"]))
    chosen = index.assign(last=without_phrase).sort_values("last", kind="stable").head(number)
    try:
        array = np.load(fbank, mmap_mode="r")
    except FileNotFoundError:
        raise HearsayError(f"{fbank} does not exist; extract the features first") from None
    views = []
    for row in _records(chosen):
        clip_id = str(row["clip_id"])
        own = all_images[all_images["clip_id"] == clip_id].sort_values("image_index")
        texts = all_captions[all_captions["clip_id"] == clip_id].sort_values("caption_id")
        views.append(
            ClipView(
                clip_id=clip_id,
                fbank=np.asarray(array[row["row"]][: row["num_frames"]], dtype=np.float32),
                images=[
                    (image["timestamp_s"], np.asarray(Image.open(io.BytesIO(image["jpeg"]))))
                    for image in _records(own)
                ],
                captions=texts["text"].tolist(),
                events=_events(heard[heard["clip_id"] == clip_id]),
            )
        )
    return views


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; prepare the data set first") from None


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def _events(phrases: pd.DataFrame) -> list[tuple[str, list[tuple[float, float]]]]:
    """Merge phrases with the same times: captions name one event in several wordings."""
    named: dict[tuple[tuple[float, float], ...], str] = {}
    for phrase in _records(phrases.sort_values(["caption_id", "first_word"])):
        pairs = zip(phrase["onsets_s"], phrase["offsets_s"], strict=True)
        times = tuple((float(onset), float(offset)) for onset, offset in pairs)
        named.setdefault(times, str(phrase["phrase"]))
    events = [(phrase, list(times)) for times, phrase in named.items()]
    return sorted(events, key=lambda event: event[1])[:MAX_EVENTS]


def _draw_clip(part: SubFigure, view: ClipView, frame_shift_s: float) -> None:
    duration_s = len(view.fbank) * frame_shift_s
    num_columns = len(view.images) or 4  # without pictures: as wide as with the usual four
    rows = max(len(view.events), 1)
    grid = part.add_gridspec(
        3,
        num_columns + 2,
        height_ratios=[1.0 if view.images else 0.05, 1.15, 0.22 * rows],
        hspace=0.05,
        wspace=0.03,
    )
    for column, (time_s, picture) in enumerate(view.images):
        axes = part.add_subplot(grid[0, column])
        axes.imshow(picture)
        axes.set_title(f"{time_s:.1f} s", pad=2, fontsize=7)
        axes.set_axis_off()
    spectrogram = part.add_subplot(grid[1, :num_columns])
    _draw_fbank(spectrogram, view.fbank, duration_s)
    _draw_events(part.add_subplot(grid[2, :num_columns], sharex=spectrogram), view, duration_s)
    _draw_captions(part.add_subplot(grid[:, num_columns:]), view)


def _draw_fbank(axes: Axes, fbank: NDArray[np.float32], duration_s: float) -> None:
    # Digital silence lies at the log floor, far below all sound; the scale leaves it out.
    low, high = np.percentile(fbank, [5, 99.8]) if fbank.size else (0.0, 1.0)
    axes.imshow(
        fbank.T,
        origin="lower",
        aspect="auto",
        extent=(0, duration_s, 0, fbank.shape[1]),
        vmin=float(low),
        vmax=float(high),
        cmap="magma",
        interpolation="auto",
    )
    axes.set_ylabel("mel bin")
    axes.tick_params(labelbottom=False)


def _draw_events(axes: Axes, view: ClipView, duration_s: float) -> None:
    for row, (phrase, times) in enumerate(view.events):
        colour = PALETTE[row % len(PALETTE)]
        spans = [(onset, offset - onset) for onset, offset in times]
        axes.broken_barh(spans, (row + 0.55, 0.35), facecolors=colour)
        # Above its own bars, never on them; from the right edge where it would run out.
        start = times[0][0]
        at_right = start > 0.6 * duration_s
        axes.text(
            duration_s if at_right else start,
            row + 0.5,
            phrase,
            fontsize=6,
            ha="right" if at_right else "left",
            va="bottom",
        )
    if not view.events:
        axes.text(duration_s / 2, 0.5, "no phrase annotated", ha="center", va="center", fontsize=6)
    axes.set_ylim(max(len(view.events), 1), 0)
    axes.set_xlim(0, duration_s)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("time, s")


def _draw_captions(axes: Axes, view: ClipView) -> None:
    axes.set_axis_off()
    lines: list[str] = []
    for caption in view.captions:
        wrapped = textwrap.wrap(caption, CAPTION_WIDTH, initial_indent="· ", subsequent_indent="  ")
        if len(lines) + len(wrapped) > MAX_CAPTION_LINES:
            lines.append("  (more captions)")
            break
        lines += wrapped
    for number, line in enumerate([view.clip_id, *(lines or ["no caption"])]):
        axes.annotate(
            line,
            (0.02, 1.0),
            xytext=(0, -LINE_HEIGHT_PT * number - (4 if number else 0)),
            textcoords="offset points",
            va="top",
            fontsize=7 if number else 8,
            weight="normal" if number else "bold",
            parse_math=False,  # a caption may hold a dollar sign
        )
