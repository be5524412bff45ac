"""PSDS: by hand, against a naive version, and against sed_scores_eval where it is installed."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from hearsay.metrics.psds import detect, psds, psds_of_counts

NOT_INSTALLED = "sed_scores_eval, the reference of PSDS, is not installed (the extra `psds`)"

EDGES = np.arange(10.0)  # nine frames of a second


def detect_one(scores, edges, events, duration_s):
    return detect([scores], [edges], [events], [duration_s])[0]


def two_queries():
    first = np.zeros(9)
    first[[1, 2]], first[5] = 0.9, 0.6
    second = np.zeros(9)
    second[2] = 0.7
    return [
        detect_one(first, EDGES, np.array([[1.13, 3.07], [4.91, 6.08]]), 9.0),
        detect_one(second, EDGES, np.zeros((0, 2)), 9.0),
    ]


def test_psds_by_hand():
    # From 0.9 down one of two events is found, from 0.7 down with one false positive in 18 s, that
    # is 200 an hour; from 0.6 down both; at 0 both queries are one long event: two false
    # positives, nothing found. So half is found up to 200 an hour, then all, of 800.
    assert psds(two_queries()) == pytest.approx((0.5 * 200 + 1.0 * 600) / 800)


def test_changes_are_counted_down_from_the_highest_score():
    first, second = two_queries()
    assert first.scores.tolist() == [0.0, 0.6, 0.9]
    assert first.found.tolist() == [-2, 1, 1]
    assert first.false_positives.tolist() == [1, 0, 0]
    # At 0 the second query's false positive grows longer; it stays one.
    assert (second.scores.tolist(), second.false_positives.tolist()) == ([0.0, 0.7], [0, 1])


@pytest.mark.parametrize(("offset", "found"), [(6.02, 1), (5.98, 0)])
def test_a_detection_needs_half_of_itself_inside_events(offset, found):
    scores = np.zeros(9)
    scores[1:9] = 0.8  # 8 s, of which the event covers 4.01 or 3.97
    query = detect_one(scores, EDGES, np.array([[2.01, offset]]), 9.0)
    assert (query.found[-1], query.false_positives[-1]) == (found, 1 - found)


def test_an_event_needs_half_of_itself_inside_right_detections():
    scores = np.zeros(9)
    scores[2:4] = 0.8
    assert detect_one(scores, EDGES, np.array([[2.03, 5.96]]), 9.0).found[-1] == 1  # 1.97 of 3.93 s
    assert detect_one(scores, EDGES, np.array([[2.03, 5.99]]), 9.0).found[-1] == 0  # 1.97 of 3.96 s


def counts_at(query, threshold):
    passed = query.scores >= threshold
    return query.found[passed].sum(), query.false_positives[passed].sum()


@pytest.mark.parametrize(
    ("onset", "offset", "counts"),
    [
        (0.35, 0.6, (1, 0)),  # 0.15 of 0.3 s detected, 0.15 of 0.25 s labelled
        (0.350001, 0.6, (0, 1)),
        (0.2, 0.8, (1, 0)),  # 0.3 of 0.3 s detected, 0.3 of 0.6 s labelled
        (0.2, 0.800001, (0, 0)),
    ],
)
def test_exactly_half_is_enough(onset, offset, counts):
    scores = np.zeros(10)
    scores[2:5] = 0.8
    edges = np.arange(11) * 0.1  # as float64, 0.15 s is more or less than half of such a run
    assert counts_at(detect_one(scores, edges, np.array([[onset, offset]]), 1.0), 0.8) == counts


def test_an_event_may_be_found_lost_and_found_again():
    scores = np.array([0.5, 0.9, 0.1, 0.4, 0.4, 0.4, 0.4, 0.1, 0.1])
    query = detect_one(scores, EDGES, np.array([[1.1, 1.9], [3.1, 6.9]]), 9.0)
    # At 0.9 the first event is found. At 0.5 its run is 2 s long, of which 0.8 s are right. At 0.4
    # a run of 4 s finds the second event. At 0.1 all is one run, of which 4.6 of 9 s are right.
    assert query.scores.tolist() == [0.1, 0.4, 0.5, 0.9]
    assert query.found.tolist() == [1, 1, -1, 1]
    assert query.false_positives.tolist() == [-1, 0, 1, 0]


def random_queries(num_queries=25, seed=0):
    """Smooth scores, events off the grid, some queries without any."""
    generator = np.random.default_rng(seed)
    edges = np.concatenate([[0.0], np.arange(40) * 0.25 + 0.125, [10.0]])
    for number in range(num_queries):
        count = number % 4
        times = np.sort(generator.random(2 * count) * 10).reshape(-1, 2)
        scores = np.convolve(generator.random(45), np.ones(5) / 5, "valid").round(2)
        yield scores, edges, times


def test_queries_of_any_length_are_detected_together_as_each_alone(monkeypatch):
    monkeypatch.setattr("hearsay.metrics.psds.MOST_CELLS", 80)  # two blocks
    generator = np.random.default_rng(5)
    queries = []
    for num_frames in (1, 9, 4, 40, 9):
        scores = generator.random(num_frames + 2).round(1)  # two frames lie beyond the edges
        end = float(num_frames)
        events = np.array([[0.2 * end, 0.9 * end]])
        queries.append((scores, np.arange(num_frames + 1.0), events, end))
    together = detect(*zip(*queries, strict=True))
    for found, query in zip(together, queries, strict=True):
        alone = detect_one(*query)
        for name in ("scores", "found", "false_positives"):
            assert getattr(found, name).tolist() == getattr(alone, name).tolist()


def naive_counts(scores, edges, events, threshold):
    """Count found events and false positives at one threshold, by loops."""
    found = false_positives = 0
    right = []
    start = None
    for frame in range(len(scores) + 1):
        active = frame < len(scores) and scores[frame] >= threshold
        if active and start is None:
            start = edges[frame]
        if not active and start is not None:
            inside = sum(max(0, min(edges[frame], off) - max(start, on)) for on, off in events)
            if inside >= 0.5 * (edges[frame] - start):
                right.append((start, edges[frame]))
            else:
                false_positives += 1
            start = None
    for on, off in events:
        covered = sum(max(0, min(end, off) - max(begin, on)) for begin, end in right)
        found += covered >= 0.5 * (off - on)
    return found, false_positives


def naive_psds(queries):
    """Go through all thresholds; the best share of events at every rate by loops."""
    hours = sum(edges[-1] for _, edges, _ in queries) / 3600
    num_events = sum(len(events) for _, _, events in queries)
    curve = []
    for threshold in sorted({score for scores, _, _ in queries for score in scores}):
        counts = [naive_counts(*query, threshold) for query in queries]
        found, false_positives = np.sum(counts, axis=0)
        curve.append((false_positives / hours, found / num_events))
    steps = sorted({0.0, 800.0, *(rate for rate, _ in curve if rate < 800)})
    return (
        sum(
            (high - low) * max((share for rate, share in curve if rate <= low), default=0)
            for low, high in pairwise(steps)
        )
        / 800
    )


def test_counts_down_to_each_score_equal_a_naive_version():
    num_changes = 0
    for scores, edges, events in random_queries(40, seed=3):
        query = detect_one(scores, edges, events, 10.0)
        num_changes += len(query.scores)
        for threshold in np.unique(scores):
            expected = naive_counts(scores, edges, events, threshold)
            assert counts_at(query, threshold) == expected
    assert num_changes > 200


def test_psds_equals_a_naive_version():
    queries = list(random_queries())
    got = psds([detect_one(scores, edges, events, 10.0) for scores, edges, events in queries])
    assert got == pytest.approx(naive_psds(queries))
    assert 0.05 < got < 0.9


def grid_queries(num_queries=400, seed=5):
    """Frames and events on a grid of 10 ms, with tied scores: shares of exactly a half abound."""
    generator = np.random.default_rng(seed)
    for number in range(num_queries):
        edges = np.arange(1 + generator.integers(1, 40)) * (0.02, 0.1, 0.5)[number % 3]
        times = np.sort(generator.choice(np.arange(round(edges[-1] / 0.01) + 3), 4, replace=False))
        yield generator.integers(0, 6, len(edges) - 1) / 5, edges, times.reshape(-1, 2)[:2] * 0.01


def test_counts_are_those_of_sed_scores_eval_to_the_bit():
    package = "sed_scores_eval.base_modules.cy_detection"
    curves = pytest.importorskip(package, reason=NOT_INSTALLED).onset_offset_curves
    package = "sed_scores_eval.intersection_based.intermediate_statistics"
    judge = pytest.importorskip(package, reason=NOT_INSTALLED).statistics_fn
    for scores, edges, events in [*random_queries(100, seed=2), *grid_queries()]:
        thresholds, onsets, offsets = curves(scores, edges)
        tolerances = {"dtc_threshold": 0.5, "gtc_threshold": 0.5, "cttc_threshold": None}
        expected = judge(onsets, offsets, *events.T, {}, {}, **tolerances)
        query = detect_one(scores, edges, events, edges[-1])
        passed = query.scores >= thresholds[:, None]
        assert ((passed * query.found).sum(axis=1) == expected["tps"]).all()
        assert ((passed * query.false_positives).sum(axis=1) == expected["fps"]).all()
        assert np.isin(query.scores, thresholds).all()


class WritableFrame(pd.DataFrame):
    """A data frame whose arrays may be written to, as before pandas 3.

    sed_scores_eval 0.0.4 cannot read others: its Cython code asks for such arrays.
    """

    @property
    def _constructor(self):
        return WritableFrame

    def to_numpy(self, *args, **kwargs):
        return super().to_numpy(*args, **kwargs).copy()


@pytest.mark.parametrize("queries_of", [random_queries, grid_queries])
def test_psds_is_that_of_sed_scores_eval(queries_of):
    reference = pytest.importorskip("sed_scores_eval.intersection_based", reason=NOT_INSTALLED)
    for seed in range(3):
        queries = list(queries_of(seed=seed))
        tables, events = {}, {}
        for number, (scores, edges, times) in enumerate(queries):
            columns = {"onset": edges[:-1], "offset": edges[1:], "phrase": scores}
            tables[f"query{number}"] = WritableFrame(columns)
            events[f"query{number}"] = [(on, off, "phrase") for on, off in times.tolist()]
        expected = reference.psds(
            scores=tables,
            ground_truth=events,
            audio_durations={f"query{n}": edges[-1] for n, (_, edges, _) in enumerate(queries)},
            dtc_threshold=0.5,
            gtc_threshold=0.5,
            max_efpr=800,
        )[0]
        got = psds(
            [detect_one(scores, edges, times, edges[-1]) for scores, edges, times in queries]
        )
        assert got == pytest.approx(expected, rel=1e-9, abs=0)
        assert 0.05 < got < 0.9


def test_psds_of_pooled_counts_equals_a_naive_version_for_each_resample():
    resamples = [list(random_queries(seed=seed)) for seed in range(5)]
    thresholds = np.arange(101) / 100  # of scores that are rounded to hundredths
    counts = np.array(
        [
            [np.sum([naive_counts(*query, t) for query in queries], axis=0) for t in thresholds]
            for queries in resamples
        ]
    )  # [5, 101, 2]
    num_events = [sum(len(events) for _, _, events in queries) for queries in resamples]
    got = psds_of_counts(
        counts[..., 0], counts[..., 1], np.array(num_events), np.full(5, 10.0 * 25)
    )
    assert got == pytest.approx([naive_psds(queries) for queries in resamples])


def test_equal_scores_are_one_detection_from_end_to_end():
    half = detect_one(np.full(9, 0.3), EDGES, np.array([[0.11, 4.83]]), 9.0)  # 4.72 of 9 s
    less = detect_one(np.full(9, 0.3), EDGES, np.array([[0.11, 4.43]]), 9.0)  # 4.32 of 9 s
    assert half.found.tolist() == [1] and half.false_positives.tolist() == [0]
    assert less.found.tolist() == [0] and less.false_positives.tolist() == [1]
    assert psds([half]) == pytest.approx(1.0)
    assert psds([half, less]) == pytest.approx(0.5 * (800 - 200) / 800)


def test_without_events_psds_is_not_defined():
    assert np.isnan(psds([detect_one(np.arange(9) / 9, EDGES, np.zeros((0, 2)), 9.0)]))
    counts = np.zeros((1, 3))
    assert np.isnan(psds_of_counts(counts, counts, np.array([0]), np.array([9.0])))[0]


def test_scores_of_more_frames_than_the_clip_has_are_left_out():
    scores = np.array([0, 0.5, 0.5, 0, 0, 0, 0, 0, 0, 0.9])
    query = detect_one(scores, EDGES, np.array([[1.2, 2.9]]), 9.0)
    assert query.scores.max() == 0.5
