"""How one run aligned the phrases of each test clip: what Figure 4 and the index page show."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hearsay.errors import HearsayError
from hearsay.metrics.grounding import min_max, place_of, precision_recall_f1
from hearsay.report.grounding_scores import SHUFFLED, read_table

_FRAMES = (
    "query_id",
    "clip_id",
    "caption_id",
    "phrase",
    "onsets_s",
    "offsets_s",
    "clip_end_s",
    "frame_shift_s",
    "scores_mean",
)
_QUERIES = (
    "method",
    "seed",
    "protocol",
    "query_id",
    "several_events",
    "is_constant",
    "num_labelled",
    "num_active",
    "num_right",
    "threshold_val",
)


@dataclass(frozen=True)
class AlignedPhrase:
    """A phrase, when it is heard, and how it was scored.

    Attributes:
        words: of the phrase.
        segments_s: (onset, offset) of the labels; none: annotated, not heard.
        scores: [T], stretched over the clip's frames (min-max), as thresholds meet them.
        is_constant: whether the run gave all frames one score.
        f1: of its frames at the threshold of val.
    """

    words: str
    segments_s: list[tuple[float, float]]
    scores: NDArray[np.float64]
    is_constant: bool
    f1: float


@dataclass(frozen=True)
class AlignedClip:
    """A clip with the phrases of its captions.

    Attributes:
        clip_id: its id.
        end_s: its length.
        f1: of the frames of all its phrases, at the threshold of val.
        several_events: whether a caption has two phrases that are heard at different times.
        captions: (text, phrases), those with phrases alone.
    """

    clip_id: str
    end_s: float
    f1: float
    several_events: bool
    captions: list[tuple[str, list[AlignedPhrase]]]


@dataclass(frozen=True)
class AlignedRun:
    """What one run made of the test clips.

    Attributes:
        method: of the run.
        seed: of the run.
        threshold: that val chose.
        frame_shift_s: between two frames.
        f1: over all phrases.
        clips: in the order of their ids.
    """

    method: str
    seed: int
    threshold: float
    frame_shift_s: float
    f1: float
    clips: list[AlignedClip]


def read_alignment(frames: Path, queries: Path, captions: Path) -> AlignedRun:
    """Read the frame scores of one run, with its counts and the captions.

    Args:
        frames: frames.parquet of the run.
        queries: queries.parquet of the same run.
        captions: index captions.parquet.

    Raises:
        HearsayError: a file is absent, lacks a column, or they do not belong together.
    """
    counts = read_table(queries, _QUERIES)
    counts = counts[
        (counts["protocol"] == "all_thresholds") & ~counts["method"].str.startswith(SHUFFLED)
    ]
    scores = read_table(frames, _FRAMES)
    if (
        counts.empty
        or len(counts) != len(scores)
        or set(counts["query_id"]) != set(scores["query_id"])
    ):
        raise HearsayError(f"{frames} and {queries} are not of one run; ground the run again")
    first = counts.iloc[0]
    threshold = float(first["threshold_val"])
    sums = _sums(counts, place_of(threshold))
    table = scores.merge(sums, on="query_id", validate="one_to_one")
    texts = read_table(captions, ("caption_id", "text")).set_index("caption_id")["text"]
    return AlignedRun(
        method=str(first["method"]),
        seed=int(first["seed"]),
        threshold=threshold,
        frame_shift_s=float(scores["frame_shift_s"].iloc[0]),
        f1=_f1(table),
        clips=[_clip(str(key), own, texts) for key, own in table.groupby("clip_id", sort=True)],
    )


def choose_clips(run: AlignedRun) -> list[tuple[str, AlignedClip]]:
    """Choose the best, the median and the worst clip by F1, with what each is.

    Of the clips with several events, or of all where there is none; of an even number the lower
    of the two in the middle, of equal ones the first id. Fewer clips are each shown once.
    """
    clips = [clip for clip in run.clips if clip.several_events] or run.clips
    ranked = sorted(clips, key=lambda clip: (-clip.f1, clip.clip_id))
    places = {"best": 0, "median": len(ranked) // 2, "worst": len(ranked) - 1}
    chosen: dict[int, str] = {}
    for name, place in places.items():
        chosen.setdefault(place, name)
    return [(name, ranked[place]) for place, name in sorted(chosen.items())]


def main_caption(clip: AlignedClip) -> tuple[str, list[AlignedPhrase]]:
    """Return the caption with the most phrases heard at different times, the first of several."""
    return max(
        clip.captions,
        key=lambda caption: len(
            {tuple(phrase.segments_s) for phrase in caption[1] if phrase.segments_s}
        ),
    )


def _sums(counts: pd.DataFrame, place: int) -> pd.DataFrame:
    """Take the counts of one threshold: query_id and what the metrics need."""
    return pd.DataFrame(
        {
            "query_id": counts["query_id"],
            "several_events": counts["several_events"],
            "is_constant": counts["is_constant"],
            "right": [int(row[place]) for row in counts["num_right"]],
            "active": [int(row[place]) for row in counts["num_active"]],
            "labelled": counts["num_labelled"],
        }
    )


def _f1(table: pd.DataFrame) -> float:
    right, active, labelled = (table[name].sum() for name in ("right", "active", "labelled"))
    return float(precision_recall_f1(right, active, labelled)[2])


def _clip(clip_id: str, table: pd.DataFrame, texts: pd.Series) -> AlignedClip:
    return AlignedClip(
        clip_id=clip_id,
        end_s=float(table["clip_end_s"].iloc[0]),
        f1=_f1(table),
        several_events=bool(table["several_events"].any()),
        captions=[
            (str(texts.get(caption, caption)), _phrases(own))
            for caption, own in table.groupby("caption_id", sort=True)
        ],
    )


def _phrases(table: pd.DataFrame) -> list[AlignedPhrase]:
    return [
        AlignedPhrase(
            words=str(row["phrase"]),
            segments_s=_segments(row["onsets_s"], row["offsets_s"], float(row["clip_end_s"])),
            scores=min_max(row["scores_mean"]),
            is_constant=bool(row["is_constant"]),
            f1=_f1(table.iloc[[place]]),
        )
        for place, row in enumerate(table.to_dict("records"))
    ]


def _segments(
    onsets_s: Sequence[float], offsets_s: Sequence[float], end_s: float
) -> list[tuple[float, float]]:
    """Cut segments at the clip's end; what lies behind it is left out."""
    pairs = zip(onsets_s, offsets_s, strict=True)
    return [(float(on), min(float(off), end_s)) for on, off in pairs if on < end_s]
