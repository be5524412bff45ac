"""Intervals hold the truth and tests are wrong as often as they say, where the truth is known.

What is simulated is described in benchmarks/bench_statistics.py, which measures the same rates
with more replications. A rate is held to the central 99.8 % of the binomial of the rate that is
claimed; the numbers are seeded.
"""

import importlib.util
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "bench_statistics.py"
SPEC = importlib.util.spec_from_file_location("bench_statistics", PATH)
bench = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(bench)

REPLICATIONS = 300
BY_CLIP, SINGLY = bench.CLIPS, np.arange(len(bench.CLIPS))  # SINGLY: as if captions were clips


def bounds(share, replications=REPLICATIONS):
    """Return the rates that a true rate gives in all but 2 of 1,000 such simulations."""
    return np.array(stats.binom.interval(0.998, replications, share)) / replications


def measure(simulate, seed=1, **options):
    return bench.rate(partial(simulate, **options), REPLICATIONS, seed)


def test_the_populations_truth_is_what_many_ranks_show():
    generator = np.random.default_rng(0)
    latent = np.concatenate([bench.difficulties(generator, (), 0.5) for _ in range(400)])
    ranks = bench.ranks_of(latent)
    for k in (1, 5, 10):
        assert np.mean(ranks <= k) == pytest.approx(bench.share_within(k), abs=0.006)
    assert np.median(ranks) == bench.MEDIAN


COVERED = [bench.recall_covered, bench.median_covered, bench.f1_covered]
NAMES = ["R@5", "median rank", "F1"]


@pytest.mark.parametrize("simulate", COVERED, ids=NAMES)
def test_the_interval_over_clips_holds_the_truth_as_often_as_it_says(simulate):
    low, high = bounds(0.95)
    assert low <= measure(simulate, clusters=BY_CLIP) <= high


@pytest.mark.parametrize("simulate", COVERED, ids=NAMES)
def test_an_interval_over_captions_alone_fails_that_test(simulate):
    assert measure(simulate, clusters=SINGLY) < bounds(0.95)[0]


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_the_bootstrap_marks_equal_methods_as_often_as_it_says(statistic):
    low, high = bounds(bench.LEVEL)
    found = measure(bench.falsely_marked, clusters=BY_CLIP, statistic=statistic)
    assert low <= found <= high


def test_a_bootstrap_over_captions_alone_marks_them_too_often():
    assert measure(bench.falsely_marked, clusters=SINGLY) > bounds(bench.LEVEL)[1]


@pytest.mark.parametrize("num_seeds", [3, 5])
def test_the_t_test_marks_equal_methods_as_often_as_it_says(num_seeds):
    low, high = bounds(bench.LEVEL)
    assert low <= measure(bench.t_falsely_marked, num_seeds=num_seeds) <= high


def test_the_bootstrap_over_clips_says_nothing_of_other_trainings():
    """It marks the luck of three trainings, which is why s stands beside q."""
    assert measure(bench.q_marks_luck) > bounds(bench.LEVEL)[1]


def test_a_corrected_table_holds_no_false_mark_but_in_one_of_twenty():
    rates = bench.family_rates(150, seed=2, gain=0.0)
    assert rates["false_corrected"] <= bounds(bench.LEVEL, 150)[1]
    assert rates["false_uncorrected"] > 0.3


def test_a_better_method_is_still_found_and_the_others_are_not():
    rates = bench.family_rates(100, seed=3, gain=0.3)
    assert rates["found_corrected"] > 0.5
    assert rates["found_corrected"] <= rates["found_uncorrected"]
    assert rates["false_corrected"] <= bounds(bench.LEVEL, 100)[1]
