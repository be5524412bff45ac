"""Percentile bootstrap over clips.

The captions of one clip are not independent queries, so whole clips are drawn with replacement
and each brings all its queries (a cluster bootstrap; Field and Welsh 2007). Where every query is
its own clip, this is the plain bootstrap over queries. The interval covers the choice of test
clips alone; the spread over training seeds is printed beside it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hearsay.errors import HearsayError
from hearsay.metrics.resampled_medians import block_medians

Statistic = Literal["mean", "median"]
# Numbers held at once: 20,000 resamples of 250 clips. Changes memory, and nothing in the draws.
BLOCK_SIZE = 5_000_000


@dataclass(frozen=True)
class Difference:
    """A paired difference with its 95 % interval and two-sided p, over the same resampled clips.

    Attributes:
        value: first minus second, on the queries as they are.
        ci_low: of the percentile interval.
        ci_high: of the percentile interval.
        p_value: twice the share of resamples on the smaller side of 0, both counts one higher
            (Davison and Hinkley 1997, section 4.2): never 0, and 1 where nothing differs. It
            falls below 5 % where the interval leaves 0 out.
    """

    value: float
    ci_low: float
    ci_high: float
    p_value: float


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


def paired_differences(
    values: NDArray[Any],
    pairs: Sequence[tuple[int, int]],
    clusters: NDArray[Any],
    statistic: Statistic,
    num_resamples: int,
    seed: int,
    level: float = 0.95,
) -> list[Difference]:
    """Compare pairs of systems on the same queries, all by the same resampled clips.

    A system is its S trainings: what is compared is the mean over them of their statistics.

    Args:
        values: [K, S, Q], of each system, training and query, queries in the same order.
        pairs: P pairs of systems (first, second), indices from 0 to K - 1.
        clusters: [Q], the clip of each query.
        statistic: as in `bootstrap_interval`.
        num_resamples: at least 1.
        seed: of the draws.
        level: share of the resamples inside.

    Returns:
        P differences, first minus second.

    Raises:
        HearsayError: as `bootstrap_interval`.
    """
    values = np.asarray(values, dtype=np.float64)
    num_systems, num_trainings, num_queries = values.shape
    first, second = np.array(pairs, dtype=np.int64).T
    draws = (clusters, statistic, num_resamples, seed)
    # Sums over the trainings, divided at the end: of hits they are whole numbers, so that
    # resamples in which nothing differs are 0 exactly.
    if statistic == "median":
        flat = values.reshape(-1, num_queries)  # [K * S, Q]
        medians = resample_columns(flat.T, *draws).reshape(-1, num_systems, num_trainings)
        sums = medians.sum(axis=2)  # [R, K]
        resampled = sums[:, first] - sums[:, second]  # [R, P]
        whole = np.median(values, axis=2).sum(axis=1)  # [K]
        observed = whole[first] - whole[second]  # [P]
    else:
        differences = (values[first] - values[second]).sum(axis=1)  # [P, Q]
        resampled = resample_columns(differences.T, *draws)  # [R, P]
        observed = differences.mean(axis=1)  # [P]
    return [
        Difference(float(value), *_percentiles(column, level), _two_sided_p(column))
        for value, column in zip(
            observed / num_trainings, (resampled / num_trainings).T, strict=True
        )
    ]


def pooled_intervals(
    sums: NDArray[Any],
    clusters: NDArray[Any],
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    num_resamples: int,
    seed: int,
    level: float = 0.95,
) -> list[tuple[float, float]]:
    """Return percentile intervals of statistics of pooled counts, such as F1 over all frames.

    A resample's counts are the sums over its clips, so that nothing is counted again.

    Args:
        sums: [Q, K], counts or histograms of each query.
        clusters: [Q], the clip of each query.
        statistic: maps pooled counts [b, K] to V statistics [b, V]. Where one is NaN, as AUROC
            without a labelled frame, the resample does not count for it.
        num_resamples: at least 1.
        seed: the same seed and number of clips draw the same clips as `bootstrap_interval` does.
        level: share of the resamples inside.

    Returns:
        V intervals; (NaN, NaN) where no resample has the statistic.

    Raises:
        HearsayError: no queries, unequal lengths, or no resamples.
    """
    sums = np.asarray(sums, dtype=np.float64)
    _check_sizes(len(sums), len(clusters), num_resamples)
    codes = np.unique(np.asarray(clusters), return_inverse=True)[1].reshape(-1)  # [Q]
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    of_cluster = np.add.reduceat(sums[order], starts, axis=0)  # [clusters, K]
    block = max(1, BLOCK_SIZE // max(of_cluster.shape))
    resampled = np.concatenate(
        [
            statistic(counts @ of_cluster)
            for counts in _draw(len(starts), num_resamples, seed, block)
        ]
    )  # [R, V]
    known = [column[~np.isnan(column)] for column in resampled.T]
    return [_percentiles(column, level) if len(column) else (np.nan, np.nan) for column in known]


def smallest_p(num_resamples: int) -> float:
    """Return the smallest two-sided p that so many resamples can give.

    >>> smallest_p(999)
    0.002
    """
    return min(1.0, 2 / (num_resamples + 1))


def resample(
    values: NDArray[Any],
    clusters: NDArray[Any],
    statistic: Statistic,
    num_resamples: int,
    seed: int,
) -> NDArray[np.float64]:
    """Return the statistic of every resample, [num_resamples]; see `bootstrap_interval`."""
    columns = np.asarray(values)[:, None]  # [Q, 1]
    return resample_columns(columns, clusters, statistic, num_resamples, seed)[:, 0]


def resample_columns(
    values: NDArray[Any],
    clusters: NDArray[Any],
    statistic: Statistic,
    num_resamples: int,
    seed: int,
) -> NDArray[np.float64]:
    """Return the statistic of every column in every resample of the clips, [num_resamples, V].

    Args:
        values: [Q, V], a column for each thing that is measured on the Q queries.
        clusters: [Q], the clip of each query.
        statistic: of the queries of a resample, each as often as its clip was drawn.
        num_resamples: at least 1.
        seed: the same seed and number of clips draw the same clips.

    Raises:
        HearsayError: no values, unequal lengths, or no resamples.
    """
    values = np.asarray(values, dtype=np.float64)
    _check_sizes(len(values), len(clusters), num_resamples)
    codes = np.unique(np.asarray(clusters), return_inverse=True)[1].reshape(-1)  # [Q]
    num_clusters = int(codes.max()) + 1
    of_block = block_medians if statistic == "median" else _block_means
    block = max(1, BLOCK_SIZE // num_clusters)
    draws = _draw(num_clusters, num_resamples, seed, block)
    return np.concatenate([of_block(values, codes, counts) for counts in draws])


def _check_sizes(num_values: int, num_clusters: int, num_resamples: int) -> None:
    if num_values == 0 or num_values != num_clusters or num_resamples < 1:
        raise HearsayError(
            f"the bootstrap got {num_values} values, {num_clusters} clips of queries and "
            f"{num_resamples} resamples; it needs at least one value, a clip for each and one "
            "resample (bootstrap_resamples)"
        )


def _draw(
    num_clusters: int, num_resamples: int, seed: int, block: int
) -> Iterator[NDArray[np.float64]]:
    """Yield how often each cluster is drawn, [b, num_clusters], in blocks of resamples."""
    if num_resamples <= block:
        yield _draw_all(num_clusters, num_resamples, seed)
        return
    generator = np.random.default_rng(seed)
    for start in range(0, num_resamples, block):
        yield _draw_block(generator, num_clusters, min(block, num_resamples - start))


@lru_cache(maxsize=4)
def _draw_all(num_clusters: int, num_resamples: int, seed: int) -> NDArray[np.float64]:
    """Draw all resamples at once; kept, since every metric of a gallery has the same ones."""
    counts = _draw_block(np.random.default_rng(seed), num_clusters, num_resamples)
    counts.flags.writeable = False
    return counts


def _draw_block(
    generator: np.random.Generator, num_clusters: int, size: int
) -> NDArray[np.float64]:
    # One call per resample, so that the draws do not depend on the size of the blocks.
    counts = [
        np.bincount(generator.integers(0, num_clusters, size=num_clusters), minlength=num_clusters)
        for _ in range(size)
    ]
    return np.stack(counts).astype(np.float64)  # exact, and products take the fast road


def _block_means(
    values: NDArray[np.float64], codes: NDArray[np.int64], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Take the mean of every column, [b, V]; see `resample_columns`."""
    sums = np.stack([np.bincount(codes, weights=column) for column in values.T], axis=1)
    sizes = np.bincount(codes)  # [clusters]; sums are [clusters, V]
    return np.asarray((counts @ sums) / (counts @ sizes)[:, None])


def _percentiles(resampled: NDArray[np.float64], level: float) -> tuple[float, float]:
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(resampled, [tail, 100 - tail])
    return float(low), float(high)


def _two_sided_p(resampled: NDArray[np.float64]) -> float:
    beyond = min((resampled <= 0).sum(), (resampled >= 0).sum())
    return min(1.0, 2 * (int(beyond) + 1) / (len(resampled) + 1))
