"""Medians of many resamples at once, without building any of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def block_medians(
    values: NDArray[np.float64], codes: NDArray[np.int64], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Take the median of every column in every resample, [b, V].

    Args:
        values: [Q, V].
        codes: [Q], the number of each value's cluster.
        counts: [b, clusters], how often each cluster was drawn; whole numbers.
    """
    total = counts @ np.bincount(codes)  # [b]
    # A row a clip, of the smallest numbers that hold a resample: the search adds a row a step.
    small = np.min_scalar_type(int(total.max()))
    drawn = np.ascontiguousarray(counts.T, dtype=small)  # [clusters, b]
    sizes = total.astype(small)
    return np.stack([_medians(column, codes, counts, drawn, sizes) for column in values.T], axis=1)


def _medians(
    values: NDArray[np.float64],
    codes: NDArray[np.int64],
    counts: NDArray[np.float64],
    drawn: NDArray[Any],
    sizes: NDArray[Any],
) -> NDArray[np.float64]:
    """Take the median of values repeated as often as their cluster was drawn, [b].

    A resample's median lies near the median of all, so the search starts a little below it (lower
    where that is not low enough) and goes up until it has passed the medians of all resamples.

    Args:
        values: [Q].
        codes: [Q], the cluster of each.
        counts: [b, clusters], how often each was drawn.
        drawn: [clusters, b], the same in small numbers.
        sizes: [b], values in each resample.
    """
    order = np.argsort(values, kind="stable")
    ordered, owners = values[order], codes[order]
    lower, upper = (sizes - 1) // 2, sizes // 2  # places of the two middle values
    reach = 8 + 2 * int(np.sqrt(len(values) * np.bincount(codes).max()))
    while True:
        start = max(0, len(values) // 2 - reach)
        before = counts @ np.bincount(owners[:start], minlength=len(drawn))  # [b]
        if (before <= lower).all():
            break
        reach *= 2
    passed = before.astype(sizes.dtype)
    low, high = np.zeros((2, len(sizes)), dtype=np.int32)  # [b], steps to the middle values
    for owner in owners[start:]:
        passed += drawn[owner]
        is_below = passed <= upper
        if not is_below.any():
            break
        high += is_below
        low += passed <= lower
    return np.asarray((ordered[start + low] + ordered[start + high]) / 2)
