"""AUROC and average precision of frame scores: how well they order labelled frames before others.

Both come from two histograms over the score, frames labelled and not, so that they can be had for
many resamples at once. Where each distinct score is a bin of its own they are exact. Frames of one
bin are tied: half of the pairs count as ordered (Mann-Whitney), and they enter average precision
together, as in scikit-learn. So scores that are all equal have AUROC 0.5 and as average precision
the share of labelled frames.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def auroc(labelled: NDArray[Any], unlabelled: NDArray[Any]) -> NDArray[np.float64]:
    """Return the probability that a labelled frame scores above one that is not, ties half.

    Args:
        labelled: [..., K] frames by bin, scores ascending.
        unlabelled: [..., K].

    Returns:
        [...]; NaN where one of the kinds has no frame.
    """
    labelled = np.asarray(labelled, dtype=np.float64)
    unlabelled = np.asarray(unlabelled, dtype=np.float64)
    below = np.cumsum(unlabelled, axis=-1) - 0.5 * unlabelled
    pairs = labelled.sum(axis=-1) * unlabelled.sum(axis=-1)
    ordered = (labelled * below).sum(axis=-1)
    return np.where(pairs > 0, ordered / np.where(pairs > 0, pairs, 1.0), np.nan)


def average_precision(labelled: NDArray[Any], unlabelled: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean, over labelled frames, of the precision when the threshold reaches them.

    The step sum of (R_k - R_(k-1)) P_k over descending scores, without interpolation.

    Args:
        labelled: [..., K] frames by bin, scores ascending.
        unlabelled: [..., K].

    Returns:
        [...]; NaN where no frame is labelled.
    """
    labelled = np.asarray(labelled, dtype=np.float64)[..., ::-1]
    unlabelled = np.asarray(unlabelled, dtype=np.float64)[..., ::-1]
    right = np.cumsum(labelled, axis=-1)
    active = right + np.cumsum(unlabelled, axis=-1)
    total = labelled.sum(axis=-1)
    summed = (labelled * right / np.maximum(active, 1.0)).sum(axis=-1)
    return np.where(total > 0, summed / np.where(total > 0, total, 1.0), np.nan)


def chance_average_precision(num_labelled: int, num_frames: int) -> float:
    """Return the expected average precision of a random order without ties.

    With r of n frames labelled, the one at place k is labelled with r / n, and each of the k - 1
    before it then with (r - 1) / (n - 1): the mean over k of (1 + (k - 1)(r - 1)/(n - 1)) / k
    (Bestgen 2015). It exceeds r / n by about (1 - r / n) ln(n) / n.
    """
    others = (num_labelled - 1) / max(num_frames - 1, 1)
    harmonic = float(np.sum(1.0 / np.arange(1, num_frames + 1)))
    return (harmonic + others * (num_frames - harmonic)) / num_frames


def bin_scores(scores: NDArray[Any], num_bins: int) -> tuple[NDArray[np.int64], int]:
    """Put scores into ascending bins of about as many frames each; equal scores share one.

    Args:
        scores: [n].
        num_bins: at most so many; where there are no more distinct scores, each has its own.

    Returns:
        the bin of every score, [n], and the number of bins.
    """
    codes = np.unique(scores, return_inverse=True)[1].reshape(-1)
    return bin_codes(codes.astype(np.int64), num_bins)


def bin_codes(codes: NDArray[np.int64], num_bins: int) -> tuple[NDArray[np.int64], int]:
    """Put scores that are numbered already into bins; see `bin_scores`.

    Args:
        codes: [n], from 0, ascending with the score; not every number need occur.
        num_bins: as `bin_scores`.
    """
    counts = np.bincount(codes)
    occurs = counts > 0
    num_distinct = int(occurs.sum())
    if num_distinct <= num_bins:
        of_code = np.cumsum(occurs) - 1
        return of_code[codes], num_distinct
    upto = np.cumsum(counts)
    of_code = ((upto - 1) * num_bins) // upto[-1]
    filled = np.zeros(num_bins, dtype=bool)
    filled[of_code[occurs]] = True
    return (np.cumsum(filled) - 1)[of_code][codes], int(filled.sum())  # no empty bin


def count_bins(
    bins: NDArray[np.int64], rows: NDArray[np.int64], num_rows: int, num_bins: int
) -> NDArray[np.int64]:
    """Count how many frames of each row, e.g. a clip, fall into each bin.

    Args:
        bins: [n].
        rows: [n].
        num_rows: R.
        num_bins: K.

    Returns:
        [R, K].
    """
    flat = np.bincount(rows * num_bins + bins, minlength=num_rows * num_bins)
    return flat.reshape(num_rows, num_bins)
