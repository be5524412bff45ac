"""Percentile bootstrap over clips.

The captions of one clip are not independent queries, so whole clips are drawn with replacement
and each brings all its queries (a cluster bootstrap; Field and Welsh 2007). Where every query is
its own clip, this is the plain bootstrap over queries. The interval covers the choice of test
clips alone; the spread over training seeds is printed beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hearsay.errors import HearsayError

Statistic = Literal["mean", "median"]
BLOCK_SIZE = 4_000_000  # numbers held at once; changes memory, and nothing in the draws


@dataclass(frozen=True)
class Difference:
    """A paired difference a - b with its 95 % interval, over the same resampled clips."""

    value: float
    ci_low: float
    ci_high: float


def bootstrap_interval(
    values: NDArray[Any],
    clusters: NDArray[Any],
    statistic: Statistic,
    num_resamples: int,
    seed: int,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return the percentile interval of the mean or median of `values`.

    Args:
        values: [Q], one per query.
        clusters: [Q], the clip of each query.
        statistic: of the queries of a resample, each as often as its clip was drawn.
        num_resamples: at least 1.
        seed: the same seed and number of clips draw the same clips, for every metric.
        level: share of the resamples inside.

    Raises:
        HearsayError: no values, unequal lengths, or no resamples.
    """
    return _percentiles(resample(values, clusters, statistic, num_resamples, seed), level)


def paired_difference(
    values_a: NDArray[Any],
    values_b: NDArray[Any],
    clusters: NDArray[Any],
    statistic: Statistic,
    num_resamples: int,
    seed: int,
    level: float = 0.95,
) -> Difference:
    """Compare two systems on the same queries, in the same order, by the same resampled clips.

    Args:
        values_a: [Q] of one system.
        values_b: [Q] of the other.
        clusters: [Q], the clip of each query.
        statistic: as in `bootstrap_interval`.
        num_resamples: at least 1.
        seed: of the draws.
        level: share of the resamples inside.
    """
    resampled = [
        resample(values, clusters, statistic, num_resamples, seed)
        for values in (values_a, values_b)
    ]
    whole = np.median if statistic == "median" else np.mean
    low, high = _percentiles(resampled[0] - resampled[1], level)
    return Difference(float(whole(values_a) - whole(values_b)), low, high)


def resample(
    values: NDArray[Any],
    clusters: NDArray[Any],
    statistic: Statistic,
    num_resamples: int,
    seed: int,
) -> NDArray[np.float64]:
    """Return the statistic of every resample, [num_resamples]."""
    values = np.asarray(values, dtype=np.float64)
    if len(values) == 0 or len(values) != len(clusters) or num_resamples < 1:
        raise HearsayError(
            f"the bootstrap got {len(values)} values, {len(clusters)} clips of queries and "
            f"{num_resamples} resamples; it needs at least one value, a clip for each and one "
            "resample (bootstrap_resamples)"
        )
    codes = np.unique(np.asarray(clusters), return_inverse=True)[1].reshape(-1)  # [Q]
    num_clusters = int(codes.max()) + 1
    of_block = _block_medians if statistic == "median" else _block_means
    # The widest array of a block is [b, clips] for means and [b, queries] for medians.
    block = max(1, BLOCK_SIZE // max(len(values), num_clusters))
    draws = _draw(num_clusters, num_resamples, seed, block)
    return np.concatenate([of_block(values, codes, counts) for counts in draws])


def _draw(
    num_clusters: int, num_resamples: int, seed: int, block: int
) -> Iterator[NDArray[np.int64]]:
    """Yield how often each cluster is drawn, [b, num_clusters], in blocks of resamples."""
    generator = np.random.default_rng(seed)
    for start in range(0, num_resamples, block):
        size = min(block, num_resamples - start)
        # One call per resample, so that the draws do not depend on the size of the blocks.
        yield np.stack(
            [
                np.bincount(
                    generator.integers(0, num_clusters, size=num_clusters),
                    minlength=num_clusters,
                )
                for _ in range(size)
            ]
        )


def _block_means(
    values: NDArray[np.float64], codes: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    sums = np.bincount(codes, weights=values)  # [clusters]
    sizes = np.bincount(codes)
    return np.asarray((counts @ sums) / (counts @ sizes))


def _block_medians(
    values: NDArray[np.float64], codes: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Take the median of values repeated as often as their cluster was drawn."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    upto = np.cumsum(counts[:, codes[order]], axis=1)  # [b, Q]
    total = upto[:, -1]
    lower = (upto <= ((total - 1) // 2)[:, None]).sum(axis=1)
    upper = (upto <= (total // 2)[:, None]).sum(axis=1)
    return np.asarray((ordered[lower] + ordered[upper]) / 2)


def _percentiles(resampled: NDArray[np.float64], level: float) -> tuple[float, float]:
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(resampled, [tail, 100 - tail])
    return float(low), float(high)
