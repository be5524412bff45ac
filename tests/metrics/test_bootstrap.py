"""Bootstrap intervals against naive resampling and theory."""

import numpy as np
import pytest

from hearsay.errors import HearsayError
from hearsay.metrics import bootstrap
from hearsay.metrics.bootstrap import (
    bootstrap_interval,
    paired_differences,
    pooled_intervals,
    resample,
)


def naive(values, clusters, statistic, num_resamples, seed):
    """Draw clips one by one and carry all their values along."""
    generator = np.random.default_rng(seed)
    names = np.unique(clusters)
    results = []
    for _ in range(num_resamples):
        drawn = generator.integers(0, len(names), size=len(names))
        results.append(statistic(np.concatenate([values[clusters == names[d]] for d in drawn])))
    return np.array(results)


@pytest.mark.parametrize(("name", "statistic"), [("mean", np.mean), ("median", np.median)])
def test_resamples_equal_a_naive_loop(name, statistic):
    generator = np.random.default_rng(0)
    clusters = np.array(["b", "a", "c", "d", "e"])[generator.integers(0, 5, size=31)]
    values = generator.integers(1, 9, size=31).astype(float)
    expected = naive(values, clusters, statistic, 200, seed=4)
    assert resample(values, clusters, name, 200, seed=4) == pytest.approx(expected)


def test_the_interval_of_independent_queries_has_the_width_of_theory():
    values = (np.arange(400) % 4 == 0).astype(float)
    low, high = bootstrap_interval(values, np.arange(400), "mean", 2000, seed=0)
    assert (high - low) / 2 == pytest.approx(1.96 * np.sqrt(0.25 * 0.75 / 400), rel=0.08)
    assert (low + high) / 2 == pytest.approx(0.25, abs=0.005)


def test_captions_of_a_clip_stay_together():
    values = np.repeat((np.arange(100) % 4 == 0).astype(float), 5)
    whole_clips = bootstrap_interval(values, np.repeat(np.arange(100), 5), "mean", 1000, seed=0)
    each_caption = bootstrap_interval(values, np.arange(500), "mean", 1000, seed=0)
    ratio = np.diff(whole_clips)[0] / np.diff(each_caption)[0]
    assert ratio == pytest.approx(np.sqrt(5), rel=0.1)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    values = np.random.default_rng(0).random(50)
    first = bootstrap_interval(values, np.arange(50), "mean", 100, seed=1)
    assert bootstrap_interval(values, np.arange(50), "mean", 100, seed=1) == first
    assert bootstrap_interval(values, np.arange(50), "mean", 100, seed=2) != first


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_the_size_of_a_block_changes_nothing(statistic, monkeypatch):
    values, clusters = np.random.default_rng(0).random(60), np.arange(60) // 3
    whole = resample(values, clusters, statistic, 37, seed=1)
    monkeypatch.setattr(bootstrap, "BLOCK_SIZE", 300)
    assert resample(values, clusters, statistic, 37, seed=1) == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("sizes", [(1, 1), (1, 40)])
def test_medians_far_from_the_middle_are_found_too(sizes):
    """Clips of very different sizes move a resample's median far from that of all."""
    generator = np.random.default_rng(3)
    clusters = np.repeat(np.arange(60), generator.integers(*sizes, size=60, endpoint=True))
    values = (clusters * 7 % 60 + generator.random(len(clusters))).round(2)
    expected = naive(values, clusters, np.median, 100, seed=2)
    assert resample(values, clusters, "median", 100, seed=2) == pytest.approx(expected)


def naive_differences(values, first, second, clusters, statistic, num_resamples, seed):
    """Resample every training of both systems on its own, and subtract the means over trainings."""
    means = [
        np.mean(
            [naive(training, clusters, statistic, num_resamples, seed) for training in values[k]],
            axis=0,
        )
        for k in (first, second)
    ]
    return means[0] - means[1]


@pytest.mark.parametrize(("name", "statistic"), [("mean", np.mean), ("median", np.median)])
def test_paired_differences_equal_a_naive_loop_over_trainings(name, statistic):
    generator = np.random.default_rng(0)
    clusters = generator.integers(0, 12, size=40)
    values = generator.integers(1, 9, size=(3, 2, 40)).astype(float)  # systems, trainings, queries
    found = paired_differences(values, [(1, 0), (2, 0)], clusters, name, 200, seed=4)
    for difference, system in zip(found, (1, 2), strict=True):
        drawn = naive_differences(values, system, 0, clusters, statistic, 200, seed=4)
        whole = statistic(values, axis=2).mean(axis=1)
        assert difference.value == pytest.approx(whole[system] - whole[0])
        low, high = np.percentile(drawn, [2.5, 97.5])
        assert (difference.ci_low, difference.ci_high) == pytest.approx((low, high))
        drawn = drawn.round(9)  # the loop's own sums are not exact
        beyond = min(np.sum(drawn <= 0), np.sum(drawn >= 0))
        assert difference.p_value == pytest.approx(min(1, 2 * (beyond + 1) / 201))


def compare(first, second, clusters, statistic="mean", num_resamples=500):
    values = np.stack([first, second])[:, None]
    return paired_differences(values, [(0, 1)], clusters, statistic, num_resamples, seed=0)[0]


def test_a_paired_difference_is_narrower_than_two_intervals():
    generator = np.random.default_rng(0)
    a = generator.random(300)
    difference = compare(a, a - 0.01 + generator.normal(scale=0.01, size=300), np.arange(300))
    assert difference.value == pytest.approx(0.01, abs=0.003)
    assert 0 < difference.ci_low < difference.value < difference.ci_high
    assert difference.ci_high - difference.ci_low < 0.01
    assert difference.p_value == pytest.approx(2 / 501)  # no resample on the other side of 0


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_a_system_does_not_differ_from_itself(statistic):
    values = np.random.default_rng(0).integers(1, 99, size=80) / 7
    difference = compare(values, values, np.arange(80) // 2, statistic)
    assert (difference.value, difference.ci_low, difference.ci_high) == (0, 0, 0)
    assert difference.p_value == 1


def test_p_of_equal_systems_is_below_a_tenth_in_about_a_tenth_of_the_cases():
    generator = np.random.default_rng(5)
    values = generator.random((301, 1, 200))  # the last one is what the others are compared with
    found = paired_differences(
        values, [(k, k + 1) for k in range(300)], np.arange(200), "mean", 300, seed=0
    )
    assert np.mean([difference.p_value < 0.1 for difference in found]) == pytest.approx(
        0.1, abs=0.05
    )


@pytest.mark.parametrize(
    ("values", "clusters", "resamples"),
    [([], [], 10), ([1.0], [1, 2], 10), ([1.0], [1], 0)],
)
def test_impossible_input_is_refused(values, clusters, resamples):
    with pytest.raises(HearsayError, match="bootstrap"):
        bootstrap_interval(np.array(values), np.array(clusters), "mean", resamples, seed=0)


def f1_and_count(sums):
    return np.stack([2 * sums[:, 0] / (sums[:, 1] + sums[:, 2]), sums[:, 1]], axis=1)


def test_intervals_of_pooled_counts_equal_a_naive_loop():
    generator = np.random.default_rng(0)
    clusters = np.array(["b", "a", "c", "d", "e"])[generator.integers(0, 5, size=31)]
    sums = generator.integers(1, 30, size=(31, 3))
    got = pooled_intervals(sums, clusters, f1_and_count, 200, seed=4)
    for place in (0, 1):
        drawn = naive(
            sums,
            clusters,
            lambda rows, place=place: f1_and_count(rows.sum(axis=0)[None].astype(float))[0, place],
            200,
            seed=4,
        )
        assert got[place] == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])))


def test_pooled_means_have_the_interval_of_means():
    generator = np.random.default_rng(1)
    values, clusters = generator.random(60), np.arange(60) // 3
    sums = np.stack([values, np.ones(60)], axis=1)
    pooled = pooled_intervals(sums, clusters, lambda s: s[:, :1] / s[:, 1:], 300, seed=2)
    assert pooled[0] == pytest.approx(bootstrap_interval(values, clusters, "mean", 300, seed=2))


def test_a_resample_without_the_statistic_does_not_count():
    sums = np.array([[1.0], [0.0]])

    def only_positive(totals):
        return np.where(totals > 0, totals, np.nan)

    # Two clips: a resample has 0, 1 or 2 of the first.
    assert pooled_intervals(sums, np.arange(2), only_positive, 400, seed=0) == [(1.0, 2.0)]
    never = pooled_intervals(0 * sums, np.arange(2), only_positive, 10, seed=0)
    assert np.isnan(never).all()


def test_pooled_intervals_do_not_depend_on_the_size_of_a_block(monkeypatch):
    sums, clusters = np.random.default_rng(0).random((60, 3)), np.arange(60) // 3
    whole = pooled_intervals(sums, clusters, f1_and_count, 37, seed=1)
    monkeypatch.setattr(bootstrap, "BLOCK_SIZE", 100)
    for got, expected in zip(
        pooled_intervals(sums, clusters, f1_and_count, 37, seed=1), whole, strict=True
    ):
        assert got == pytest.approx(expected)


def test_pooled_counts_without_queries_are_refused():
    with pytest.raises(HearsayError, match="bootstrap"):
        pooled_intervals(np.zeros((0, 3)), np.zeros(0), f1_and_count, 10, seed=0)
