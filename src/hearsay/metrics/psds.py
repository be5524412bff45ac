"""PSDS, the polyphonic sound detection score (Bilen et al. 2020), with every score a threshold.

Every phrase is one class and every query a recording of its own, as in Xu et al.'s text-to-audio
grounding: a detection counts where at least half of it lies in labelled events (DTC 0.5), an event
is found where at least half of it lies in such detections (GTC 0.5); no cross-triggers, alpha_ct
and alpha_st 0. PSDS is the mean, over 0 to 800 false positives an hour, of the best share of events
found at no more than that rate.

Times are rounded to microseconds and then counted in whole numbers, so that a half is a half:
exactly half is enough. sed_scores_eval 0.0.4, with which the tests compare, rounds the shares
instead: the two may differ where a share is within a few microseconds of a half.

Over all thresholds a query of T frames has at most T different runs of active frames: those in
which some frame is the lowest. So each run is judged once, for all thresholds at which it is a
detection.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

DTC = 0.5
GTC = 0.5
MAX_FALSE_POSITIVES_PER_HOUR = 800.0
SECONDS_PER_HOUR = 3600.0
MICROSECONDS_PER_SECOND = 1e6
MOST_CELLS = 2_000_000  # scores of several queries that are gone through at once


@dataclass(frozen=True)
class QueryDetections:
    """What changes for one query when the threshold falls to each of its scores.

    Attributes:
        scores: [C] ascending; scores at which nothing changes are left out, but for the
            lowest.
        found: [C] labelled events that are found from this score down, and lost again (negative).
        false_positives: [C] of the detections, likewise.
        events: [E, 2] the labelled events, onset and offset in seconds.
        duration_s: of the recording.
    """

    scores: NDArray[np.float64]
    found: NDArray[np.float64]
    false_positives: NDArray[np.float64]
    events: NDArray[np.float64]
    duration_s: float


def detect(
    scores: Sequence[NDArray[Any]],
    edges_s: Sequence[NDArray[np.float64]],
    events: Sequence[NDArray[np.float64]],
    durations_s: Sequence[float],
) -> list[QueryDetections]:
    """Detect the events of Q queries, at least one, at every threshold, and judge them.

    Args:
        scores: Q rows [T], finite; frames beyond the edges are left out.
        edges_s: Q rows [T' + 1], where frames begin and end, 1 <= T' <= T.
        events: Q tables [E, 2], labelled onset and offset in seconds, not overlapping.
        durations_s: Q, of the recordings.
    """
    rows = [
        np.asarray(row[: len(edges) - 1], np.float64)
        for row, edges in zip(scores, edges_s, strict=True)
    ]
    runs: dict[int, _Runs] = {}
    for places in _blocks(np.array([len(row) for row in rows])):
        runs.update(zip(places.tolist(), _find_runs([rows[p] for p in places]), strict=True))
    return [
        _judge(runs[place], *query)
        for place, query in enumerate(zip(edges_s, events, durations_s, strict=True))
    ]


def _judge(
    runs: "_Runs", edges_s: NDArray[np.float64], events: NDArray[np.float64], duration_s: float
) -> QueryDetections:
    """Judge the different runs of active frames of one query."""
    starts, ends, lowest, outside = runs
    thresholds = np.unique(lowest)  # [C], all different scores
    # Down from the score `first` a run is a detection, and from `last` on no more. Numbers are
    # those of the thresholds plus 1; 0 lies below all scores.
    first = np.searchsorted(thresholds, lowest, side="right")  # [R]
    last = np.searchsorted(thresholds, outside, side="right")  # [R]
    edges, bounds = _microseconds(edges_s), _microseconds(events)
    inside = _overlaps(edges[starts], edges[ends], bounds)  # [R, E]
    right = inside.sum(axis=1) >= DTC * (edges[ends] - edges[starts])  # [R]
    wrong = _changes(~right, first, last, len(thresholds)).astype(np.float64)  # [C]
    coverage = _changes(inside * right[:, None], first, last, len(thresholds))  # [C, E]
    coverage = np.cumsum(coverage[::-1], axis=0)  # from the highest score down
    num_found = (coverage >= GTC * (bounds[:, 1] - bounds[:, 0])).sum(axis=1)
    found = np.diff(num_found, prepend=0)[::-1].astype(np.float64)  # [C], ascending again
    kept = (found != 0) | (wrong != 0)
    kept[0] = True  # so that no query is without a row
    return QueryDetections(thresholds[kept], found[kept], wrong[kept], events, duration_s)


def psds(queries: Sequence[QueryDetections]) -> float:
    """Return the PSDS of some queries, as one class; NaN where no event is labelled.

    Args:
        queries: at least one, of `detect`.
    """
    scores = np.concatenate([query.scores for query in queries])
    places = np.unique(scores, return_inverse=True)[1].reshape(-1)

    def down_to_each(changes: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.cumsum(np.bincount(places, np.concatenate(changes))[::-1])  # [K]

    return float(
        psds_of_counts(
            down_to_each([query.found for query in queries])[None],
            down_to_each([query.false_positives for query in queries])[None],
            np.array([sum(len(query.events) for query in queries)]),
            np.array([sum(query.duration_s for query in queries)]),
        )[0]
    )


def psds_of_counts(
    found: NDArray[Any],
    false_positives: NDArray[Any],
    num_events: NDArray[Any],
    duration_s: NDArray[Any],
) -> NDArray[np.float64]:
    """Return the PSDS of pooled counts at some thresholds, for many resamples at once.

    Args:
        found: [b, K] events found at each threshold.
        false_positives: [b, K].
        num_events: [b] labelled events.
        duration_s: [b], of all recordings.

    Returns:
        [b]; NaN where no event is labelled.
    """
    top = MAX_FALSE_POSITIVES_PER_HOUR
    found = np.asarray(found, dtype=np.float64)
    num_events = np.asarray(num_events, dtype=np.float64)
    share = found / np.maximum(num_events, 1.0)[:, None]
    hours = np.asarray(duration_s, dtype=np.float64) / SECONDS_PER_HOUR
    rate = np.minimum(np.asarray(false_positives) / hours[:, None], top)
    # Beyond the top rate a threshold has no width, since all rates there are cut to the top.
    order = np.argsort(rate, axis=1, kind="stable")
    rate = np.take_along_axis(rate, order, axis=1)
    best = np.maximum.accumulate(np.take_along_axis(share, order, axis=1), axis=1)
    widths = np.diff(rate, axis=1, append=top)
    value = (best * widths).sum(axis=1) / top
    return np.where(num_events > 0, value, np.nan)


def _blocks(lengths: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield the places of rows of like length, as many as fill MOST_CELLS when padded."""
    places = np.argsort(lengths, kind="stable")[::-1]
    while len(places):
        number = max(1, MOST_CELLS // int(lengths[places[0]]))
        yield places[:number]
        places = places[number:]


class _Runs(NamedTuple):
    """The R different runs of active frames of one query over all thresholds, [R] each.

    Attributes:
        starts: first frame.
        ends: frame after the last.
        lowest: lowest score inside, the highest threshold at which the run is a detection.
        outside: the higher score of its two neighbours, at which it has become part of a wider run;
            -inf: it has none.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    lowest: NDArray[np.float64]
    outside: NDArray[np.float64]


def _find_runs(rows: Sequence[NDArray[np.float64]]) -> list[_Runs]:
    """Find the runs of Q rows of scores [T], none empty; all rows at once, frame by frame.

    Every frame is the lowest of one run, which reaches to the nearest lower frame on both sides; of
    equally low ones in a run the first counts.
    """
    table = np.full((len(rows), max(map(len, rows)) + 2), -np.inf)  # lower before and behind
    for line, row in zip(table, rows, strict=True):
        line[1 : len(row) + 1] = row
    before = _nearest_before(table, np.less_equal)
    behind = table.shape[1] - 1 - _nearest_before(table[:, ::-1], np.less)[:, ::-1]
    query, place = np.nonzero(np.take_along_axis(table, before, axis=1) < table)
    starts, ends = before[query, place], behind[query, place] - 1  # without what lies before
    outside = np.maximum(table[query, starts], table[query, ends + 1])
    bounds = np.searchsorted(query, np.arange(1, len(rows)))
    columns = (starts, ends, table[query, place], outside)
    return [_Runs(*of_row) for of_row in zip(*(np.split(c, bounds) for c in columns), strict=True)]


def _nearest_before(
    table: NDArray[np.float64], stops: Callable[[Any, Any], NDArray[np.bool_]]
) -> NDArray[np.int64]:
    """Return, for every place [Q, T], the nearest one before it whose score stops the search.

    Place 0 always stops it. From a place that does not, the search goes on at the one found for it.

    Args:
        table: [Q, T].
        stops: of a score there and the score here.
    """
    found = np.zeros(table.shape, np.int64)
    for place in range(1, table.shape[1]):
        searching = np.arange(len(table))
        at = np.full(len(table), place - 1)
        while True:
            there = at[searching]
            goes_on = ~stops(table[searching, there], table[searching, place]) & (there > 0)
            searching = searching[goes_on]
            if not len(searching):
                break
            at[searching] = found[searching, at[searching]]
        found[:, place] = at
    return found


def _overlaps(
    onsets: NDArray[np.int64], offsets: NDArray[np.int64], events: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return how much of each of R detections lies in each of E events, [R, E]."""
    begin = np.maximum(onsets[:, None], events[:, 0])
    end = np.minimum(offsets[:, None], events[:, 1])
    return np.maximum(end - begin, 0)


def _changes(
    amounts: NDArray[Any], first: NDArray[np.int64], last: NDArray[np.int64], num_thresholds: int
) -> NDArray[np.int64]:
    """Add up amounts [R, ...] that come at row `first` and go at row `last`, [C, ...].

    Rows count from 1; what goes at 0 stays.
    """
    table = np.zeros((num_thresholds + 1, *amounts.shape[1:]), np.int64)
    np.add.at(table, first, amounts)
    np.subtract.at(table, last, amounts)
    return table[1:]


def _microseconds(times_s: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(np.asarray(times_s) * MICROSECONDS_PER_SECOND).astype(np.int64)
