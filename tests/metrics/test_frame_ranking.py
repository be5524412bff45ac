"""AUROC and average precision by hand, against scikit-learn, and their levels of chance."""

from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from hearsay.metrics.frame_ranking import (
    auroc,
    average_precision,
    bin_codes,
    bin_scores,
    chance_average_precision,
    count_bins,
)


def histograms(scores, labels, num_bins=10**9):
    bins, size = bin_scores(np.asarray(scores), num_bins)
    labels = np.asarray(labels, dtype=bool)
    return count_bins(bins, (~labels).astype(np.int64), 2, size)


def test_auroc_is_the_share_of_ordered_pairs_with_ties_half():
    # labelled 0.9 and 0.4, others 0.4, 0.1, 0.1: pairs 1 1 1 | 0.5 1 1
    labelled, other = histograms([0.9, 0.4, 0.4, 0.1, 0.1], [1, 1, 0, 0, 0])
    assert float(auroc(labelled, other)) == pytest.approx(5.5 / 6)


def test_average_precision_by_hand():
    # descending: right, wrong, then a tie of one right and one wrong
    labelled, other = histograms([0.9, 0.8, 0.5, 0.5], [1, 0, 1, 0])
    assert float(average_precision(labelled, other)) == pytest.approx(0.5 * 1 + 0.5 * 2 / 4)


@pytest.mark.parametrize("levels", [3, 20, 10**6])
def test_both_equal_scikit_learn_with_and_without_ties(levels):
    generator = np.random.default_rng(levels)
    scores = generator.integers(0, levels, size=900) / levels
    labels = generator.random(900) < 0.2 + 0.5 * scores
    pair = histograms(scores, labels)
    assert float(auroc(*pair)) == pytest.approx(roc_auc_score(labels, scores))
    assert float(average_precision(*pair)) == pytest.approx(average_precision_score(labels, scores))


def test_equal_scores_are_at_chance_and_not_above():
    labelled, other = histograms(np.full(50, 0.3), np.arange(50) < 20)
    assert float(auroc(labelled, other)) == 0.5
    assert float(average_precision(labelled, other)) == pytest.approx(0.4)
    assert float(average_precision(labelled, other)) <= chance_average_precision(20, 50)


@pytest.mark.parametrize("num_labelled", [1, 2, 5, 6])
def test_chance_of_average_precision_is_the_mean_over_all_orders(num_labelled):
    labels = [1] * num_labelled + [0] * (6 - num_labelled)
    orders = set(permutations(labels))
    found = [float(average_precision(*histograms(np.arange(6)[::-1], order))) for order in orders]
    assert chance_average_precision(num_labelled, 6) == pytest.approx(np.mean(found))


def test_one_kind_of_frames_alone_has_no_auroc():
    assert np.isnan(auroc(np.array([3, 1]), np.array([0, 0])))
    assert np.isnan(auroc(np.array([0, 0]), np.array([2, 1])))
    assert np.isnan(average_precision(np.array([0, 0]), np.array([2, 1])))


def test_many_resamples_are_scored_as_one_by_one():
    generator = np.random.default_rng(0)
    labelled, other = generator.integers(0, 5, size=(2, 7, 30))
    for row in range(7):
        assert auroc(labelled, other)[row] == auroc(labelled[row], other[row])
        together = average_precision(labelled, other)[row]
        assert together == average_precision(labelled[row], other[row])


def test_bins_are_ascending_of_about_one_size_and_hold_equal_scores_together():
    scores = np.random.default_rng(0).random(10_000).round(3)
    bins, size = bin_scores(scores, 50)
    assert 45 <= size <= 50
    sizes = np.bincount(bins, minlength=size)
    assert sizes.min() > 0 and sizes.max() < 1.3 * 10_000 / 50
    order = np.argsort(scores, kind="stable")
    assert (np.diff(bins[order]) >= 0).all()
    assert all(len(set(bins[scores == score])) == 1 for score in np.unique(scores))


def test_a_few_distinct_scores_have_a_bin_each():
    bins, size = bin_scores(np.array([0.5, 0.1, 0.5, 0.9]), 3)
    assert (bins.tolist(), size) == ([1, 0, 1, 2], 3)


@pytest.mark.parametrize("num_bins", [4, 1000])
def test_numbers_of_scores_with_gaps_are_binned_as_the_scores_are(num_bins):
    codes = 7 + 3 * np.random.default_rng(1).integers(0, 40, 500)  # 0 to 6 never occur
    bins, size = bin_codes(codes, num_bins)
    expected, expected_size = bin_scores(codes / 1000, num_bins)
    assert (bins.tolist(), size) == (expected.tolist(), expected_size)


def test_a_thousand_bins_are_within_a_thousandth_of_the_exact_values():
    generator = np.random.default_rng(3)
    labels = generator.random(60_000) < 0.4
    scores = generator.normal(size=60_000) + labels
    exact, binned = histograms(scores, labels), histograms(scores, labels, 1000)
    assert float(auroc(*binned)) == pytest.approx(float(auroc(*exact)), abs=1e-3)
    together = float(average_precision(*binned))
    assert together == pytest.approx(float(average_precision(*exact)), abs=1e-3)


def test_frames_are_counted_by_row_and_bin():
    counted = count_bins(np.array([0, 2, 2, 1]), np.array([1, 0, 0, 1]), 3, 3)
    assert counted.tolist() == [[0, 0, 2], [1, 1, 0], [0, 0, 0]]
