"""What frame-wise detection scores without looking: from the share of positive frames alone."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hearsay.errors import HearsayError


class Detection(NamedTuple):
    """Precision, recall and F1 over the frames of all queries."""

    precision: float
    recall: float
    f1: float


def random_detection(positive_rate: float, threshold: float) -> Detection:
    """Return what frames score that are active where a uniform number in [0, 1) is >= threshold.

    A share 1 - t of all frames is active whatever their label: P = positive rate, R = 1 - t,
    F1 = 2 P R / (P + R). These are the limits of many frames, before any min-max over a clip.

    Args:
        positive_rate: share of positive frames over all queries, in (0, 1].
        threshold: t in [0, 1).

    Raises:
        HearsayError: the rate or the threshold lies outside.

    >>> random_detection(0.5, 0.5)
    Detection(precision=0.5, recall=0.5, f1=0.5)
    """
    if not 0 < positive_rate <= 1:
        raise HearsayError(
            f"positive rate {positive_rate} is not in (0, 1]; detection needs a positive frame"
        )
    if not 0 <= threshold < 1:
        raise HearsayError(f"threshold {threshold} is not in [0, 1); no frame would be active")
    precision, recall = float(positive_rate), 1.0 - threshold
    return Detection(precision, recall, 2 * precision * recall / (precision + recall))


def all_active_detection(positive_rate: float) -> Detection:
    """Return what marking every frame scores: P = positive rate, R = 1.

    The F1 to beat: where more than a third of the frames is positive, it is above 0.5.

    Raises:
        HearsayError: the rate is not in (0, 1].
    """
    return random_detection(positive_rate, 0.0)


def chance_precision_recall_f1(
    active: NDArray[Any], positives: NDArray[Any], frames: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return what as many active frames reach that lie at random among all frames.

    With a of n frames active and p positive, a p / n are right on average over all orders of the
    frames, exactly: precision p / n, recall a / n, F1 2 a p / (n (a + p)). It is the level of
    `random_detection` at the detector's own share of active frames, and grows with it up to
    `all_active_detection`: above chance is not yet above all-active.

    Args:
        active: pooled counts of any shape, each from 0 to n.
        positives: of a shape that fits.
        frames: at least 1.
    """
    active, positives, frames = np.broadcast_arrays(
        np.asarray(active, dtype=np.float64), positives, frames
    )
    marked = active + positives
    return (
        positives / frames,
        active / frames,
        2 * active * positives / (frames * np.where(marked == 0, 1, marked)),
    )
