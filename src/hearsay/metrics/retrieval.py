"""Retrieval metrics from ranks: R@k, median rank and mAP@10."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hearsay.metrics.ranks import RelevantPositions

CUTOFF = 10
RETRIEVAL_METRICS = ("R@1", "R@5", "R@10", "median_rank", "mAP@10")


def recall_at(ranks: NDArray[Any], k: int) -> float:
    """Return R@k: the share of queries whose best relevant candidate is among the first k.

    >>> recall_at(np.array([1, 3, 11, 2]), 2)
    0.5
    """
    return float(np.mean(np.asarray(ranks) <= k))


def median_rank(ranks: NDArray[Any]) -> float:
    """Return the median rank; of an even number of queries, the mean of the two middle ones.

    VIP-ANT's code takes the lower of the two.
    """
    return float(np.median(np.asarray(ranks)))


def average_precision_at_10(found: RelevantPositions) -> NDArray[np.float64]:
    """Return AP@10 of every query, [Q].

    AP@10 = sum over the relevant candidates i = 1, 2, ... at position p_i <= 10 of i / p_i, divided
    by min(10, number of relevant candidates). It is 1 where all that could stand in the first ten
    does, and 1 / rank (0 beyond ten) where one candidate is relevant.
    """
    positions = found.positions[:, :CUTOFF]  # [Q, K]
    counted = (positions >= 1) & (positions <= CUTOFF)
    order = np.arange(1, positions.shape[1] + 1)
    precision = np.where(counted, order / np.maximum(positions, 1), 0.0)
    return np.asarray(precision.sum(axis=1) / np.minimum(CUTOFF, found.num_relevant))


def query_values(found: RelevantPositions) -> dict[str, NDArray[np.float64]]:
    """Return one value per query [Q] for each of RETRIEVAL_METRICS; see `values_of_ranks`."""
    return values_of_ranks(found.ranks, average_precision_at_10(found))


def values_of_ranks(
    ranks: NDArray[Any], average_precision: NDArray[Any]
) -> dict[str, NDArray[np.float64]]:
    """Return one value per query [Q] for each of RETRIEVAL_METRICS.

    Each metric is the mean of its values, and `median_rank` their median (`STATISTICS`).

    Args:
        ranks: [Q], of the best relevant candidate, from 1.
        average_precision: [Q], AP@10.
    """
    values = {f"R@{k}": (ranks <= k).astype(np.float64) for k in (1, 5, 10)}
    values["median_rank"] = ranks.astype(np.float64)
    values["mAP@10"] = average_precision.astype(np.float64)
    return values


STATISTICS: dict[str, Callable[[NDArray[np.float64]], float]] = {
    metric: (lambda values: float(np.median(values)))
    if metric == "median_rank"
    else (lambda values: float(np.mean(values)))
    for metric in RETRIEVAL_METRICS
}
