"""What is counted once of a system's frame scores, and from which all grounding metrics follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hearsay.metrics.frame_ranking import bin_codes, bin_scores, count_bins
from hearsay.metrics.grounding import FrameCounts, count_frames, min_max
from hearsay.metrics.grounding_events import active_events, count_matches
from hearsay.metrics.psds import QueryDetections, detect
from hearsay.scoring.grounding_queries import ScoredPhrases

FIXED_THRESHOLD = 0.5

INTERVAL_BINS = 1000
"""Scores are put into as many bins for the intervals of AUROC, average precision and PSDS; the
values themselves tell all scores apart."""


@dataclass(frozen=True)
class Variant:
    """One way of reading a system's scores.

    Attributes:
        suffix: of the protocols.
        words: which of the scores, by how a phrase's words are put together.
        stretched: min-max over the clip's frames first.
    """

    suffix: str
    words: str
    stretched: bool


@dataclass(frozen=True)
class EventCounts:
    """Detected events of every query [Q], and how many of them are right [Q]."""

    detected: NDArray[np.int64]
    matched: NDArray[np.int64]

    def of(self, places: NDArray[np.int64]) -> "EventCounts":
        """Take some queries, by their indices."""
        return EventCounts(self.detected[places], self.matched[places])


@dataclass(frozen=True)
class Measures:
    """One variant of Q scored queries.

    Attributes:
        counts: of frames, at all thresholds.
        events: by threshold.
        num_events: [Q] labelled events.
        is_constant: [Q] whether all scores of the query are equal.
        score_codes: [n] all frames of all queries, numbered by their score, ascending.
        labelled: [n].
        query_of: [n] which query a frame belongs to.
        detections: Q, for PSDS.
    """

    counts: FrameCounts
    events: Mapping[float, EventCounts]
    num_events: NDArray[np.int64]
    is_constant: NDArray[np.bool_]
    score_codes: NDArray[np.int64]
    labelled: NDArray[np.bool_]
    query_of: NDArray[np.int64]
    detections: Sequence[QueryDetections]

    def of(self, places: NDArray[np.int64]) -> "Measures":
        """Take some queries, by their ascending indices."""
        number = np.full(len(self.num_events), -1)
        number[places] = np.arange(len(places))
        kept = number[self.query_of] >= 0
        return Measures(
            self.counts.of(places),
            {threshold: events.of(places) for threshold, events in self.events.items()},
            self.num_events[places],
            self.is_constant[places],
            self.score_codes[kept],
            self.labelled[kept],
            number[self.query_of[kept]],
            [self.detections[place] for place in places],
        )

    def frame_histograms(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Count labelled and other frames by score, [K] each, every score for itself."""
        size = int(self.score_codes.max()) + 1
        labelled, other = (
            np.bincount(self.score_codes[kind], minlength=size)
            for kind in (self.labelled, ~self.labelled)
        )
        return labelled, other

    def binned_frames(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Count labelled and other frames of every query in INTERVAL_BINS bins, [Q, K] each."""
        bins, size = bin_codes(self.score_codes, INTERVAL_BINS)
        num_queries = len(self.num_events)
        labelled, other = (
            count_bins(bins[kind], self.query_of[kind], num_queries, size)
            for kind in (self.labelled, ~self.labelled)
        )
        return labelled, other

    def binned_detections(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Count found events and false positives of every query at thresholds, [Q, K] each.

        The thresholds are the lowest scores of INTERVAL_BINS bins, ascending.
        """
        num_queries = len(self.detections)
        sizes = [len(query.scores) for query in self.detections]
        rows = np.repeat(np.arange(num_queries), sizes)
        scores = np.concatenate([query.scores for query in self.detections])
        bins, size = bin_scores(scores, INTERVAL_BINS)

        def down_to_each(changes: NDArray[np.float64]) -> NDArray[np.float64]:
            table = np.zeros((num_queries, size))
            np.add.at(table, (rows, bins), changes)
            return np.asarray(np.cumsum(table[:, ::-1], axis=1)[:, ::-1])

        return (
            down_to_each(np.concatenate([query.found for query in self.detections])),
            down_to_each(np.concatenate([query.false_positives for query in self.detections])),
        )


def measure(
    scored: ScoredPhrases,
    variant: Variant,
    thresholds: Sequence[float],
    detections: Sequence[QueryDetections],
) -> Measures:
    """Count all that the metrics of one variant need.

    Args:
        scored: the queries.
        variant: how their scores are read.
        thresholds: at which events are detected.
        detections: of `detect_all`, for the same words.
    """
    raw = [np.asarray(row, dtype=np.float64) for row in scored.scores[variant.words]]
    rows = variant_rows(scored, variant)
    scores = np.concatenate(rows)
    if variant.stretched:
        detections = [_stretch(query, row) for query, row in zip(detections, raw, strict=True)]
    return Measures(
        count_frames(rows, scored.labels),
        {threshold: _count_events(scored, rows, threshold) for threshold in thresholds},
        np.array([len(events) for events in scored.events]),
        np.array([row.min() == row.max() for row in raw]),
        bin_scores(scores, len(scores))[0],
        np.concatenate(scored.labels),
        np.repeat(np.arange(len(rows)), [len(row) for row in rows]),
        detections,
    )


def variant_rows(scored: ScoredPhrases, variant: Variant) -> list[NDArray[np.float64]]:
    """Return the scores of a variant as they are compared with thresholds, Q rows [T]."""
    rows = [np.asarray(row, dtype=np.float64) for row in scored.scores[variant.words]]
    return [min_max(row) for row in rows] if variant.stretched else rows


def detect_all(scored: ScoredPhrases, rows: Sequence[NDArray[Any]]) -> list[QueryDetections]:
    """Detect the events of every query at every threshold; see `detect`.

    Args:
        scored: Q queries.
        rows: Q rows [T] of their scores, not stretched.
    """
    return detect(rows, scored.edges_s, scored.events, scored.durations_s)


def detect_whole(scored: ScoredPhrases) -> tuple[EventCounts, list[QueryDetections]]:
    """Detect one event in every query, from end to end, as where all scores are equal."""
    whole = [edges[[0, -1]] for edges in scored.edges_s]  # one frame
    matched = [
        count_matches(edges[None], events)
        for edges, events in zip(whole, scored.events, strict=True)
    ]
    ones = np.ones((len(matched), 1))
    detections = detect(list(ones), whole, scored.events, scored.durations_s)
    return EventCounts(np.ones(len(matched), np.int64), np.array(matched)), detections


def _count_events(
    scored: ScoredPhrases, rows: Sequence[NDArray[np.float64]], threshold: float
) -> EventCounts:
    detected, matched = [], []
    for row, edges, events in zip(rows, scored.edges_s, scored.events, strict=True):
        runs = active_events(row >= threshold, edges)
        detected.append(len(runs))
        matched.append(count_matches(runs, events))
    return EventCounts(np.array(detected), np.array(matched))


def _stretch(query: QueryDetections, row: NDArray[np.float64]) -> QueryDetections:
    """Move the scores of detections as min-max moves those of the frames; their order stays."""
    low, high = row.min(), row.max()
    if high <= low:
        return replace(query, scores=np.zeros_like(query.scores))
    return replace(query, scores=(query.scores - low) / (high - low))
