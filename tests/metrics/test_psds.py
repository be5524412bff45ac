"""PSDS: hand-worked times off the grid, a naive version, and sed_scores_eval's own way in."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from hearsay.metrics.psds import detect, psds, psds_of_counts

intersection_based = pytest.importorskip(
    "sed_scores_eval.intersection_based",
    reason="PSDS needs sed_scores_eval, which is compiled at installation",
)

EDGES = np.arange(10.0)  # nine frames of a second


def two_queries():
    first = np.zeros(9)
    first[[1, 2]], first[5] = 0.9, 0.6
    second = np.zeros(9)
    second[2] = 0.7
    return [
        detect(first, EDGES, np.array([[1.13, 3.07], [4.91, 6.08]]), 9.0),
        detect(second, EDGES, np.zeros((0, 2)), 9.0),
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
    query = detect(scores, EDGES, np.array([[2.01, offset]]), 9.0)
    assert (query.found[-1], query.false_positives[-1]) == (found, 1 - found)


def test_an_event_needs_half_of_itself_inside_right_detections():
    scores = np.zeros(9)
    scores[2:4] = 0.8
    assert detect(scores, EDGES, np.array([[2.03, 5.96]]), 9.0).found[-1] == 1  # 1.97 of 3.93 s
    assert detect(scores, EDGES, np.array([[2.03, 5.99]]), 9.0).found[-1] == 0  # 1.97 of 3.96 s


def random_queries(num_queries=25, seed=0):
    """Smooth scores, events off the grid, some queries without any."""
    generator = np.random.default_rng(seed)
    edges = np.concatenate([[0.0], np.arange(40) * 0.25 + 0.125, [10.0]])
    for number in range(num_queries):
        count = number % 4
        times = np.sort(generator.random(2 * count) * 10).reshape(-1, 2)
        scores = np.convolve(generator.random(45), np.ones(5) / 5, "valid").round(2)
        yield scores, edges, times


def naive_psds(queries):
    """Go through all thresholds; detections, tolerance and rates by loops."""
    hours = sum(edges[-1] for _, edges, _ in queries) / 3600
    num_events = sum(len(events) for _, _, events in queries)
    curve = []
    for threshold in sorted({score for scores, _, _ in queries for score in scores}):
        found = false_positives = 0
        for scores, edges, events in queries:
            right = []
            start = None
            for frame in range(len(scores) + 1):
                active = frame < len(scores) and scores[frame] >= threshold
                if active and start is None:
                    start = edges[frame]
                if not active and start is not None:
                    inside = sum(
                        max(0, min(edges[frame], off) - max(start, on)) for on, off in events
                    )
                    if inside >= 0.5 * (edges[frame] - start):
                        right.append((start, edges[frame]))
                    else:
                        false_positives += 1
                    start = None
            for on, off in events:
                covered = sum(max(0, min(end, off) - max(begin, on)) for begin, end in right)
                found += covered >= 0.5 * (off - on)
        curve.append((false_positives / hours, found / num_events))
    steps = sorted({0.0, 800.0, *(rate for rate, _ in curve if rate < 800)})
    return (
        sum(
            (high - low) * max((share for rate, share in curve if rate <= low), default=0)
            for low, high in pairwise(steps)
        )
        / 800
    )


def test_psds_equals_a_naive_version():
    queries = list(random_queries())
    got = psds([detect(scores, edges, events, 10.0) for scores, edges, events in queries])
    assert got == pytest.approx(naive_psds(queries))
    assert 0.05 < got < 0.9


class WritableFrame(pd.DataFrame):
    """A data frame whose arrays may be written to, as before pandas 3."""

    @property
    def _constructor(self):
        return WritableFrame

    def to_numpy(self, *args, **kwargs):
        return super().to_numpy(*args, **kwargs).copy()


def test_psds_equals_that_of_sed_scores_eval_on_its_own_data_frames():
    queries = list(random_queries(seed=1))
    tables = {}
    for number, (scores, edges, _) in enumerate(queries):
        columns = {"onset": edges[:-1], "offset": edges[1:], "phrase": scores}
        tables[f"query{number}"] = WritableFrame(columns)
    expected = intersection_based.psds(
        scores=tables,
        ground_truth={
            f"query{number}": [(on, off, "phrase") for on, off in events.tolist()]
            for number, (_, _, events) in enumerate(queries)
        },
        audio_durations=dict.fromkeys(tables, 10.0),
        dtc_threshold=0.5,
        gtc_threshold=0.5,
        max_efpr=800,
    )[0]
    got = psds([detect(scores, edges, events, 10.0) for scores, edges, events in queries])
    assert got == pytest.approx(expected)


def test_the_vectorised_version_equals_the_library_where_every_score_is_a_threshold():
    for seed in range(5):
        queries = [detect(s, edges, events, 10.0) for s, edges, events in random_queries(seed=seed)]
        thresholds = np.unique(np.concatenate([query.scores for query in queries]))
        found, wrong = (
            sum(
                np.array(
                    [getattr(q, name)[q.scores >= threshold].sum() for threshold in thresholds]
                )
                for q in queries
            )
            for name in ("found", "false_positives")
        )
        num_events = sum(len(query.events) for query in queries)
        got = psds_of_counts(
            found[None], wrong[None], np.array([num_events]), np.array([10.0 * len(queries)])
        )
        assert got[0] == pytest.approx(psds(queries))


def test_equal_scores_are_one_detection_from_end_to_end():
    half = detect(np.full(9, 0.3), EDGES, np.array([[0.11, 4.83]]), 9.0)  # 4.72 of 9 s
    less = detect(np.full(9, 0.3), EDGES, np.array([[0.11, 4.43]]), 9.0)  # 4.32 of 9 s
    assert half.found.tolist() == [1] and half.false_positives.tolist() == [0]
    assert less.found.tolist() == [0] and less.false_positives.tolist() == [1]
    assert psds([half]) == pytest.approx(1.0)
    assert psds([half, less]) == pytest.approx(0.5 * (800 - 200) / 800)


def test_without_events_psds_is_not_defined():
    assert np.isnan(psds([detect(np.arange(9) / 9, EDGES, np.zeros((0, 2)), 9.0)]))
    counts = np.zeros((1, 3))
    assert np.isnan(psds_of_counts(counts, counts, np.array([0]), np.array([9.0])))[0]


def test_scores_of_more_frames_than_the_clip_has_are_left_out():
    scores = np.array([0, 0.5, 0.5, 0, 0, 0, 0, 0, 0, 0.9])
    query = detect(scores, EDGES, np.array([[1.2, 2.9]]), 9.0)
    assert query.scores.max() == 0.5
