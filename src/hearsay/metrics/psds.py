"""PSDS, the polyphonic sound detection score (Bilen et al. 2020), through sed_scores_eval.

Every phrase is one class and every query a recording of its own, as in Xu et al.'s text-to-audio
grounding: a detection counts where at least half of it lies in labelled events (DTC 0.5), an event
is found where at least half of it lies in such detections (GTC 0.5); no cross-triggers, alpha_ct
and alpha_st 0. PSDS is the mean, over 0 to 800 false positives an hour, of the best share of events
found at no more than that rate; every score is a threshold.

sed_scores_eval 0.0.4 cannot read data frames of pandas 3 (its Cython code asks for arrays that may
be written to). So its detections and its intersection counts are called with arrays, query by
query, and its PSDS gets their changes at each score, as its own bootstrap does.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hearsay.errors import HearsayError

DTC = 0.5
GTC = 0.5
MAX_FALSE_POSITIVES_PER_HOUR = 800.0
SECONDS_PER_HOUR = 3600.0

_LABEL = "phrase"


@dataclass(frozen=True)
class QueryDetections:
    """What changes for one query when the threshold falls to each of its scores.

    Attributes:
        scores: [C] ascending; scores at which nothing changes are left out.
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
    scores: NDArray[Any],
    edges_s: NDArray[np.float64],
    events: NDArray[np.float64],
    duration_s: float,
) -> QueryDetections:
    """Detect one query's events at every threshold, and judge them.

    Args:
        scores: [T], finite; frames beyond the edges are left out.
        edges_s: [T' + 1], where frames begin and end, T' <= T.
        events: [E, 2], labelled onset and offset in seconds, not overlapping.
        duration_s: of the recording.
    """
    curves, judge, _ = _sed_scores_eval()
    inside = np.array(scores[: len(edges_s) - 1], dtype=np.float64)
    thresholds, onsets, offsets = curves(inside, np.array(edges_s))  # [C], [C, D], [C, D]
    counts = judge(
        detection_onset_times=onsets,
        detection_offset_times=offsets,
        target_onset_times=events[:, 0],
        target_offset_times=events[:, 1],
        other_onset_times={},
        other_offset_times={},
        dtc_threshold=DTC,
        gtc_threshold=GTC,
        cttc_threshold=None,
    )
    found, false_positives = (_changes(counts[name]) for name in ("tps", "fps"))
    kept = (found != 0) | (false_positives != 0)
    kept[0] = True  # so that no query is without a row
    return QueryDetections(thresholds[kept], found[kept], false_positives[kept], events, duration_s)


def psds(queries: Sequence[QueryDetections]) -> float:
    """Return the PSDS of some queries, as one class; NaN where no event is labelled.

    Args:
        queries: at least one, of `detect`.
    """
    if not any(len(query.events) for query in queries):
        return float("nan")
    names = [f"{number}" for number in range(len(queries))]
    value, *_ = _sed_scores_eval()[2](
        scores=None,
        ground_truth={
            name: [(onset, offset, _LABEL) for onset, offset in query.events.tolist()]
            for name, query in zip(names, queries, strict=True)
        },
        audio_durations={
            name: query.duration_s for name, query in zip(names, queries, strict=True)
        },
        deltas={
            name: {
                _LABEL: (
                    query.scores,
                    {
                        "tps": query.found,
                        "fps": query.false_positives,
                        "cts": np.zeros_like(query.found),
                    },
                )
            }
            for name, query in zip(names, queries, strict=True)
        },
        dtc_threshold=DTC,
        gtc_threshold=GTC,
        cttc_threshold=None,
        alpha_ct=0.0,
        alpha_st=0.0,
        unit_of_time="hour",
        max_efpr=MAX_FALSE_POSITIVES_PER_HOUR,
    )
    return float(value)


def psds_of_counts(
    found: NDArray[Any],
    false_positives: NDArray[Any],
    num_events: NDArray[Any],
    duration_s: NDArray[Any],
) -> NDArray[np.float64]:
    """Return the PSDS of pooled counts at some thresholds, for many resamples at once.

    Equal to `psds` where every score is a threshold.

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


def _changes(counts: NDArray[Any]) -> NDArray[np.float64]:
    """Return by how much counts [C] at ascending thresholds exceed those at the next one."""
    counts = np.asarray(counts, dtype=np.float64)
    return counts - np.append(counts[1:], 0.0)


@cache
def _sed_scores_eval() -> tuple[Any, Any, Any]:
    """Return its detections at every threshold, its intersection counts and its PSDS.

    Raises:
        HearsayError: the package is not installed.
    """
    if find_spec("sed_scores_eval") is None:
        raise HearsayError(
            "PSDS needs the package sed_scores_eval, which is published as source: with a C++ "
            "compiler, install it by .venv/bin/uv pip install sed_scores_eval==0.0.4"
        )
    with warnings.catch_warnings():
        # dcase_util, below it, uses pkg_resources, which warns.
        warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
        from sed_scores_eval.base_modules.cy_detection import onset_offset_curves
        from sed_scores_eval.intersection_based import psds as score
        from sed_scores_eval.intersection_based.intermediate_statistics import statistics_fn
    return onset_offset_curves, statistics_fn, score
