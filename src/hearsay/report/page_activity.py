"""How runs scored phrases over time, for the clips that the report page shows."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hearsay.errors import HearsayError
from hearsay.metrics.grounding import min_max, place_of, precision_recall_f1
from hearsay.report.grounding_scores import SHUFFLED, read_table

MOST_POINTS = 80  # of a phrase's scores
_FRAMES = ["clip_id", "caption_id", "phrase", "clip_end_s", "scores_mean"]
_QUERIES = (
    *("method", "protocol", "num_labelled", "num_active", "num_right"),
    "threshold_val",
)


@dataclass(frozen=True)
class Activity:
    """What one run heard of phrases.

    Attributes:
        method: of the run.
        threshold: that val chose.
        f1: of all frames of all test phrases at that threshold.
        scores: of (clip_id, caption_id, phrase): the clip's length in seconds and at most
            MOST_POINTS scores, stretched to 0 to 1 over the clip (min-max).
    """

    method: str
    threshold: float
    f1: float
    scores: dict[tuple[str, str, str], tuple[float, list[float]]]


def read_activity(frames: Path, queries: Path, clip_ids: Collection[str]) -> Activity:
    """Read what a run heard in some clips.

    Args:
        frames: frames.parquet of the run.
        queries: queries.parquet of the same run.
        clip_ids: the clips.

    Raises:
        HearsayError: a file is absent or wrong.
    """
    counts = read_table(queries, _QUERIES)
    counts = counts[
        (counts["protocol"] == "all_thresholds") & ~counts["method"].str.startswith(SHUFFLED)
    ]
    if counts.empty:
        raise HearsayError(f"{queries} counts no phrase of its run; ground the run again")
    threshold = float(counts["threshold_val"].iloc[0])
    scores = {
        (row["clip_id"], row["caption_id"], row["phrase"]): (
            round(float(row["clip_end_s"]), 2),
            few_points(min_max(np.asarray(row["scores_mean"]))),
        )
        for row in _read_frames(frames, clip_ids)
    }
    return Activity(str(counts["method"].iloc[0]), threshold, _f1(counts, threshold), scores)


def few_points(scores: NDArray[np.float64], most: int = MOST_POINTS) -> list[float]:
    """Average scores in at most so many blocks of frames; two decimals.

    >>> few_points(np.array([0.0, 1.0, 0.5, 0.5]), 2)
    [0.5, 0.5]
    """
    number = min(most, len(scores))
    size, larger = divmod(len(scores), number)  # the first blocks have one frame more
    sizes = np.full(number, size) + (np.arange(number) < larger)
    starts = np.cumsum(sizes) - sizes
    return [round(mean, 2) for mean in (np.add.reduceat(scores, starts) / sizes).tolist()]


def _f1(counts: pd.DataFrame, threshold: float) -> float:
    place = place_of(threshold)
    right = np.array(sum(int(row[place]) for row in counts["num_right"]))
    active = np.array(sum(int(row[place]) for row in counts["num_active"]))
    return float(precision_recall_f1(right, active, np.array(counts["num_labelled"].sum()))[2])


def _read_frames(path: Path, clip_ids: Collection[str]) -> list[dict[str, Any]]:
    try:
        filters = [("clip_id", "in", sorted(clip_ids))]
        return pq.read_table(path, columns=_FRAMES, filters=filters).to_pylist()
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; ground the run first") from None
    except (OSError, ValueError) as error:
        raise HearsayError(f"{path} cannot be read ({error}); ground the run again") from error
