"""Score records of phrase grounding, of one variant and one subset at a time."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hearsay.metrics.bootstrap import pooled_intervals
from hearsay.metrics.frame_ranking import auroc, average_precision, chance_average_precision
from hearsay.metrics.grounding import place_of, precision_recall_f1
from hearsay.metrics.grounding_chance import chance_precision_recall_f1
from hearsay.metrics.psds import QueryDetections, psds, psds_of_counts
from hearsay.scoring.grounding_measures import EventCounts, Measures, detect_whole
from hearsay.scoring.grounding_queries import ScoredPhrases
from hearsay.scoring.records import Record, ScoreIdentity, make_record

TASK = "phrase_grounding"
AT_THRESHOLD = ("precision", "recall", "F1", "event_F1")

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Floor:
    """What is reached without listening, where no chance level can be computed.

    Attributes:
        all_active: every query is one event from end to end: the chance of `event_F1`.
        constant: all scores are equal: the chance of `PSDS`.
    """

    all_active: EventCounts
    constant: Sequence[QueryDetections]

    def of(self, places: NDArray[np.int64]) -> "Floor":
        """Take some queries, by their indices."""
        return Floor(self.all_active.of(places), [self.constant[place] for place in places])


def measure_floor(scored: ScoredPhrases) -> Floor:
    """Measure what the queries of `scored` give away, whatever their scores."""
    return Floor(*detect_whole(scored))


@dataclass(frozen=True)
class Resampling:
    """How many resamples of the clips an interval has, and their seed."""

    num_resamples: int
    seed: int


def threshold_records(
    measures: Measures,
    floor: Floor,
    clip_ids: NDArray[np.str_],
    chosen: Mapping[str, float],
    identity: ScoreIdentity,
    resampling: Resampling,
) -> list[Record]:
    """Make the records of AT_THRESHOLD at the threshold of each protocol.

    Args:
        measures: of the queries of a subset.
        floor: of the same queries.
        clip_ids: [Q].
        chosen: the threshold of each protocol.
        identity: of the records.
        resampling: of the intervals.
    """
    counts, records = measures.counts, []
    for protocol, threshold in chosen.items():
        place, events = place_of(threshold), measures.events[threshold]
        columns = [
            counts.true_positives[:, place],
            counts.active[:, place],
            counts.positives,
            events.matched,
            events.detected,
            measures.num_events,
        ]
        sums = np.stack(columns, axis=1)  # [Q, 6]
        total = sums.sum(axis=0)
        chances = (
            *chance_precision_recall_f1(total[1], total[2], counts.frames.sum()),
            precision_recall_f1(
                floor.all_active.matched.sum(), floor.all_active.detected.sum(), total[5]
            )[2],
        )
        values = _at_threshold(total[None])[0]
        intervals = _intervals(sums, clip_ids, _at_threshold, resampling)
        for metric, value, chance, interval in zip(
            AT_THRESHOLD, values, chances, intervals, strict=True
        ):
            records.append(
                _record(identity, protocol, metric, float(value), float(chance), interval, measures)
            )
    return records


def ranking_records(
    measures: Measures,
    clip_ids: NDArray[np.str_],
    protocol: str,
    identity: ScoreIdentity,
    resampling: Resampling,
) -> list[Record]:
    """Make the records of AUROC and average precision of a subset's frames.

    AUROC is not defined, and has no record, where all frames are labelled.
    """
    labelled, other = measures.frame_histograms()
    num_labelled, num_frames = int(labelled.sum()), int(labelled.sum() + other.sum())
    values = (float(auroc(labelled, other)), float(average_precision(labelled, other)))
    chances = (0.5, chance_average_precision(num_labelled, num_frames))
    sums = np.concatenate(measures.binned_frames(), axis=1)  # [Q, 2 K]
    intervals = _intervals(sums, clip_ids, _ranking, resampling)
    return [
        _record(identity, protocol, metric, value, chance, interval, measures)
        for metric, value, chance, interval in zip(
            ("AUROC", "average_precision"), values, chances, intervals, strict=True
        )
        if not math.isnan(value)
    ]


def psds_records(
    measures: Measures,
    floor: Floor,
    clip_ids: NDArray[np.str_],
    protocol: str,
    identity: ScoreIdentity,
    resampling: Resampling,
) -> list[Record]:
    """Make the record of PSDS of a subset's queries."""
    found, false_positives = measures.binned_detections()
    durations = np.array([query.duration_s for query in measures.detections])
    sums = np.concatenate(
        [found, false_positives, measures.num_events[:, None], durations[:, None]], axis=1
    )  # [Q, 2 K + 2]
    value, chance = psds(measures.detections), psds(floor.constant)
    interval = _intervals(sums, clip_ids, _psds, resampling)[0]
    return [_record(identity, protocol, "PSDS", value, chance, interval, measures)]


def _at_threshold(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return AT_THRESHOLD [b, 4] of pooled counts [b, 6], in the order of `threshold_records`."""
    frames = precision_recall_f1(sums[:, 0], sums[:, 1], sums[:, 2])
    events = precision_recall_f1(sums[:, 3], sums[:, 4], sums[:, 5])
    return np.stack([*frames, events[2]], axis=1)


def _ranking(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    labelled, other = np.split(sums, 2, axis=1)
    return np.stack([auroc(labelled, other), average_precision(labelled, other)], axis=1)


def _psds(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    found, false_positives = np.split(sums[:, :-2], 2, axis=1)
    return psds_of_counts(found, false_positives, sums[:, -2], sums[:, -1])[:, None]


def _intervals(
    sums: NDArray[Any],
    clip_ids: NDArray[np.str_],
    statistic: Statistic,
    resampling: Resampling,
) -> list[tuple[float, float]]:
    return pooled_intervals(sums, clip_ids, statistic, resampling.num_resamples, resampling.seed)


def _record(
    identity: ScoreIdentity,
    protocol: str,
    metric: str,
    value: float,
    chance: float,
    interval: tuple[float, float],
    measures: Measures,
) -> Record:
    return make_record(
        identity,
        task=TASK,
        protocol=protocol,
        direction="",
        metric=metric,
        value=value,
        chance=chance,
        interval=interval,
        num_queries=len(measures.num_events),
        num_candidates=int(measures.counts.frames.sum()),
    )
