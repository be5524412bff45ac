"""Holm's correction against values by hand, a naive version and its guarantee by simulation."""

import numpy as np
import pytest

from hearsay.metrics.holm import holm


def naive(p_values):
    """Ask, for every test and many levels, whether Holm's steps down reject it at that level."""
    ordered = sorted(range(len(p_values)), key=lambda place: p_values[place])
    candidates = sorted(
        {min(1.0, p * (len(p_values) - k)) for p in p_values for k in range(len(p_values))}
    )
    corrected = [1.0] * len(p_values)
    for level in reversed(candidates):  # the lowest level at which a test is still rejected
        for step, place in enumerate(ordered):
            if p_values[place] > level / (len(p_values) - step) * (1 + 1e-12):
                break
            corrected[place] = level
    return corrected


def test_five_tests_by_hand():
    """0.01 x 5; 0.012 x 4 is below it and rises; 0.02 x 3; 0.04 x 2; 0.3 x 1."""
    found = holm([0.04, 0.01, 0.3, 0.012, 0.02])
    assert found == pytest.approx([0.08, 0.05, 0.3, 0.05, 0.06])


def test_no_corrected_p_exceeds_one_or_lies_below_its_own():
    p_values = np.random.default_rng(0).random(50)
    found = holm(p_values)
    assert found.max() <= 1 and (found >= p_values).all()
    assert (np.diff(found[np.argsort(p_values)]) >= 0).all()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 12])
def test_it_equals_the_steps_down_at_every_level(size):
    generator = np.random.default_rng(size)
    for _ in range(20):
        p_values = (generator.random(size) ** 3).round(3) + 0.0001  # with ties
        assert holm(p_values) == pytest.approx(naive(p_values.tolist()))


def test_a_test_that_could_not_be_made_still_counts():
    found = holm([0.01, np.nan, 0.02])
    assert found[[0, 2]] == pytest.approx([0.03, 0.04])
    assert np.isnan(found[1])


def test_no_tests_and_one_test_are_left_alone():
    assert holm([]).tolist() == []
    assert holm([0.03]).tolist() == [0.03]
