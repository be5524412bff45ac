"""Precision, recall and F1 of frame decisions, at every threshold at once.

Phrase grounding after Xie et al. 2022: a query is a phrase of a caption, its answer a score a
frame; a frame is active where the score is at least the threshold. All frames of all queries are
pooled, so a long clip counts for more than a short one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hearsay.errors import HearsayError

THRESHOLDS: NDArray[np.float64] = np.arange(1, 100) / 100
"""0.01, 0.02, ..., 0.99 as the nearest float64; `round` to hundredths finds one again."""


@dataclass(frozen=True)
class FrameCounts:
    """How many frames are active and right, per query and threshold: all that P, R, F1 need.

    Attributes:
        true_positives: [Q, 99] frames that are active and labelled.
        active: [Q, 99] active frames.
        positives: [Q] labelled frames.
        frames: [Q] frames.
    """

    true_positives: NDArray[np.int64]
    active: NDArray[np.int64]
    positives: NDArray[np.int64]
    frames: NDArray[np.int64]

    def of(self, queries: NDArray[Any]) -> "FrameCounts":
        """Take some queries, by a mask [Q] or by indices."""
        return FrameCounts(
            self.true_positives[queries],
            self.active[queries],
            self.positives[queries],
            self.frames[queries],
        )


def min_max(scores: NDArray[Any]) -> NDArray[np.float64]:
    """Stretch the scores of one query over its frames to 0..1.

    (s - min) / (max - min); a constant row has no stretch and becomes all 0.

    Args:
        scores: [T], finite.

    >>> min_max(np.array([0.2, 0.6, 0.3])).round(2).tolist()
    [0.0, 1.0, 0.25]
    """
    scores = np.asarray(scores, dtype=np.float64)
    low, high = scores.min(), scores.max()
    if high <= low:
        return np.zeros_like(scores)
    # Divided by the width, not multiplied by its inverse: the largest becomes 1 exactly.
    return (scores - low) / (high - low)


def count_frames(
    scores: Sequence[NDArray[Any]], labels: Sequence[NDArray[np.bool_]]
) -> FrameCounts:
    """Count active and right frames of every query at THRESHOLDS.

    Scores are compared in float64 as they are: a float32 0.7 lies below 0.70.

    Args:
        scores: Q rows [T], T of each its own.
        labels: Q rows [T].

    Raises:
        HearsayError: as `checked_rows`.
    """
    bins = len(THRESHOLDS) + 1
    all_frames = np.zeros((len(scores), bins), dtype=np.int64)
    labelled = np.zeros_like(all_frames)
    for query, (row, label) in enumerate(checked_rows(scores, labels)):
        passed = np.searchsorted(THRESHOLDS, row, side="right")  # thresholds at or below it, [T]
        all_frames[query] = np.bincount(passed, minlength=bins)
        labelled[query] = np.bincount(passed[label], minlength=bins)
    return FrameCounts(
        _frames_above(labelled), _frames_above(all_frames), labelled.sum(1), all_frames.sum(1)
    )


def checked_rows(
    scores: Sequence[NDArray[Any]], labels: Sequence[NDArray[np.bool_]]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    """Yield scores as float64 with their labels, refusing what would be counted wrongly.

    Raises:
        HearsayError: the number of rows differs; a row is empty, has not the length of its labels
            or a score that is not finite.
    """
    if len(scores) != len(labels):
        raise HearsayError(f"{len(scores)} rows of frame scores for {len(labels)} rows of labels")
    for query, (row, label) in enumerate(zip(scores, labels, strict=True)):
        row = np.asarray(row, dtype=np.float64)
        if row.ndim != 1 or row.shape != label.shape or len(row) == 0:
            raise HearsayError(
                f"query {query}: scores {row.shape} and labels {label.shape} are not two rows of "
                "the same frames"
            )
        if not np.isfinite(row).all():
            raise HearsayError(f"query {query}: a frame score is not finite")
        yield row, np.asarray(label, dtype=bool)


def _frames_above(histogram: NDArray[np.int64]) -> NDArray[np.int64]:
    """Turn [Q, 100] counts by thresholds passed into [Q, 99] counts at or above each."""
    return np.cumsum(histogram[:, :0:-1], axis=1)[:, ::-1]


def precision_recall_f1(
    true_positives: NDArray[Any], active: NDArray[Any], positives: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return precision, recall and F1 of pooled counts, each of their broadcast shape.

    What would be 0 / 0 is 0: precision where nothing is active, recall where nothing is labelled.
    F1 = 2 TP / (active + labelled), the harmonic mean of the two.
    """
    true_positives, active, positives = np.broadcast_arrays(true_positives, active, positives)
    return (
        _ratio(true_positives, active),
        _ratio(true_positives, positives),
        _ratio(2.0 * true_positives, active + positives),
    )


def best_threshold(counts: FrameCounts) -> float:
    """Choose the threshold of THRESHOLDS with the best pooled F1.

    Of equally good ones the nearest to 0.50, of two as near the lower: so a dead model, which is
    equally bad at all, stays at 0.50.
    """
    active = counts.active.sum(axis=0)  # [99]
    right = counts.true_positives.sum(axis=0)
    total = int(counts.positives.sum())
    f1 = [
        Fraction(2 * int(tp), max(int(count) + total, 1))
        for tp, count in zip(right, active, strict=True)
    ]  # exact, so that equal is equal
    best = max(f1)
    tied = [place for place, value in enumerate(f1) if value == best]
    return float(THRESHOLDS[min(tied, key=lambda place: (abs(place + 1 - 50), place))])


def place_of(threshold: float) -> int:
    """Return the index of a threshold in THRESHOLDS.

    Raises:
        HearsayError: it is none of them.
    """
    place = round(threshold * 100) - 1
    if not 0 <= place < len(THRESHOLDS) or abs(THRESHOLDS[place] - threshold) > 1e-9:
        raise HearsayError(f"threshold {threshold} is none of 0.01, 0.02, ..., 0.99")
    return place


def _ratio(above: NDArray[Any], below: NDArray[Any]) -> NDArray[np.float64]:
    """Divide, with 0 / 0 = 0."""
    below = np.asarray(below, dtype=np.float64)
    return np.asarray(above / np.where(below == 0, 1.0, below), dtype=np.float64)
