"""Frame decisions at 99 thresholds: by hand, against naive loops, and of a dead model."""

from itertools import combinations

import numpy as np
import pytest

from hearsay.errors import HearsayError
from hearsay.metrics.grounding import (
    THRESHOLDS,
    FrameCounts,
    best_threshold,
    count_frames,
    min_max,
    place_of,
    precision_recall_f1,
)
from hearsay.metrics.grounding_chance import (
    all_active_detection,
    chance_precision_recall_f1,
    random_detection,
)


def bools(text):
    return np.array([sign == "1" for sign in text])


def test_min_max_stretches_a_row_to_exactly_0_and_1():
    row = np.random.default_rng(0).random(501).astype(np.float32) * 0.3 + 0.1
    stretched = min_max(row)
    assert (stretched.min(), stretched.max()) == (0.0, 1.0)
    assert np.array_equal(np.argsort(stretched), np.argsort(row))
    assert min_max(np.array([2.0, 4.0, 3.0])).tolist() == [0.0, 1.0, 0.5]


@pytest.mark.parametrize("value", [0.0, 0.7, 1.0, 0.1 + 0.2])
def test_a_constant_row_becomes_0(value):
    assert min_max(np.full(7, value)).tolist() == [0.0] * 7


def test_a_score_on_a_threshold_is_active():
    counts = count_frames([np.array([0.5, 0.29, 0.57])], [bools("101")])
    assert counts.active[0, place_of(0.5)] == 2
    assert counts.active[0, place_of(0.29)] == 3
    assert counts.active[0, place_of(0.57)] == 1
    assert counts.active[0, place_of(0.58)] == 0
    assert counts.true_positives[0, place_of(0.29)] == 2


def test_counts_equal_a_naive_loop():
    generator = np.random.default_rng(1)
    scores = [generator.integers(0, 101, size=size) / 100 for size in (40, 1, 77)]
    labels = [generator.random(len(row)) < 0.4 for row in scores]
    counts = count_frames(scores, labels)
    for query, (row, label) in enumerate(zip(scores, labels, strict=True)):
        for place, hundredths in enumerate(range(1, 100)):
            active = [score >= hundredths / 100 for score in row]
            assert counts.active[query, place] == sum(active)
            right = sum(a and bool(b) for a, b in zip(active, label, strict=True))
            assert counts.true_positives[query, place] == right
        assert counts.positives[query] == label.sum()
        assert counts.frames[query] == len(row)


def test_frames_are_pooled_over_queries_of_different_length():
    scores = [np.array([0.9, 0.9, 0.1, 0.1]), np.array([0.9, 0.1])]
    counts = count_frames(scores, [bools("1011"), bools("01")])
    place = place_of(0.5)
    right, active = counts.true_positives.sum(axis=0), counts.active.sum(axis=0)
    precision, recall, f1 = precision_recall_f1(right, active, counts.positives.sum())
    # 3 active, 1 of them right, 4 labelled
    assert (precision[place], recall[place]) == pytest.approx((1 / 3, 1 / 4))
    assert f1[place] == pytest.approx(2 / 7)


def test_nothing_active_or_nothing_labelled_scores_0():
    values = precision_recall_f1(np.array([0, 0, 0]), np.array([0, 3, 0]), np.array([4, 0, 0]))
    assert [value.tolist() for value in values] == [[0.0, 0.0, 0.0]] * 3


def test_the_threshold_with_the_best_pooled_f1_is_chosen():
    scores = [np.array([0.2, 0.4, 0.61, 0.8])]
    assert best_threshold(count_frames(scores, [bools("0011")])) == 0.5  # all of 0.41 ... 0.61
    assert best_threshold(count_frames(scores, [bools("0001")])) == 0.62
    assert best_threshold(count_frames(scores, [bools("0111")])) == 0.4
    assert best_threshold(count_frames(scores, [bools("1111")])) == 0.2


def test_of_thresholds_as_good_the_nearest_to_a_half_counts_then_the_lower():
    right = np.zeros((1, 99), dtype=np.int64)
    right[0, [place_of(0.3), place_of(0.7), place_of(0.8)]] = 5
    counts = FrameCounts(right, np.full((1, 99), 10), np.array([10]), np.array([30]))
    assert best_threshold(counts) == 0.3


def test_a_dead_model_gets_the_threshold_0_50():
    assert best_threshold(count_frames([np.zeros(9)], [bools("110000000")])) == 0.5


def test_chance_equals_the_mean_over_all_orders_of_the_frames():
    labels = bools("110100")
    for active in range(7):
        found = []
        for places in combinations(range(6), active):
            right = int(labels[list(places)].sum())
            found.append([float(v) for v in precision_recall_f1(right, active, 3)])
        chance = chance_precision_recall_f1(active, 3, 6)
        mean = np.mean(found, axis=0)
        first = 0 if active else 1  # of no active frame the precision is 0 by rule
        assert np.array(chance)[first:] == pytest.approx(mean[first:])


def test_chance_lies_between_random_and_all_active_of_its_share():
    chance = [float(value) for value in chance_precision_recall_f1(30, 20, 100)]
    assert chance == pytest.approx(list(random_detection(0.2, 0.7)))
    chance = [float(value) for value in chance_precision_recall_f1(100, 20, 100)]
    assert chance == pytest.approx(list(all_active_detection(0.2)))


@pytest.mark.parametrize("value", [0.0, 0.3, 0.5, 1.0])
def test_equal_scores_are_never_above_chance(value):
    counts = count_frames([np.full(5, value), np.full(3, value)], [bools("11000"), bools("110")])
    right, active = counts.true_positives.sum(axis=0), counts.active.sum(axis=0)
    values = precision_recall_f1(right, active, 4)
    chances = chance_precision_recall_f1(active, 4, 8)
    for got, chance in zip(values, chances, strict=True):
        assert (got <= chance + 1e-12).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_score_that_is_not_finite_is_refused(bad):
    with pytest.raises(HearsayError, match="query 1: a frame score is not finite"):
        count_frames([np.zeros(2), np.array([0.1, bad])], [bools("00"), bools("01")])


def test_rows_that_do_not_fit_are_refused():
    with pytest.raises(HearsayError, match="query 0: scores .3,. and labels .2,."):
        count_frames([np.zeros(3)], [bools("00")])
    with pytest.raises(HearsayError, match="1 rows of frame scores for 2"):
        count_frames([np.zeros(3)], [bools("000")] * 2)


@pytest.mark.parametrize("threshold", [0.0, 1.0, 0.505, 0.123])
def test_a_threshold_outside_the_hundredths_is_refused(threshold):
    with pytest.raises(HearsayError, match="none of 0.01"):
        place_of(threshold)


def test_every_threshold_is_found_again():
    assert [place_of(threshold) for threshold in THRESHOLDS] == list(range(99))
    assert THRESHOLDS.tolist() == [float(f"0.{hundredths:02d}") for hundredths in range(1, 100)]
