"""The paired t-test against printed quantiles, SciPy and values by hand."""

import math

import pytest
from scipy import stats

from hearsay.metrics.student import critical_t, paired_t_test, two_sided_p


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (10, 2.228), (29, 2.045)],
)
def test_the_printed_quantiles_leave_five_percent_outside(freedom, quantile):
    assert two_sided_p(quantile, freedom) == pytest.approx(0.05, abs=5e-5)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 8, 9, 30, 31])
def test_p_equals_that_of_scipy(freedom):
    for t in (0.0, 0.3, 1.0, -2.5, 4.3, 60.0):
        assert two_sided_p(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), abs=1e-14)


def test_three_differences_by_hand():
    """Mean 2, deviation 1, error 1/sqrt(3): t = 2 sqrt(3), and p = 1 - t / sqrt(t² + 2)."""
    found = paired_t_test([1.0, 2.0, 3.0])
    assert found.degrees_of_freedom == 2
    assert found.t == pytest.approx(2 * math.sqrt(3))
    assert found.p_value == pytest.approx(1 - math.sqrt(12 / 14))
    assert found.p_value == pytest.approx(stats.ttest_1samp([1, 2, 3], 0).pvalue)


def test_the_order_and_the_sign_of_differences_change_no_p():
    expected = paired_t_test([0.4, -0.1, 0.2]).p_value
    assert paired_t_test([-0.2, 0.1, -0.4]).p_value == pytest.approx(expected)


def test_one_seed_has_no_test():
    found = paired_t_test([0.3])
    assert math.isnan(found.t) and math.isnan(found.p_value)
    assert found.degrees_of_freedom == 0


def test_no_difference_with_any_seed_is_no_difference():
    found = paired_t_test([0.0, 0.0, 0.0])
    assert (found.t, found.p_value) == (0, 1)


def test_one_and_the_same_difference_with_every_seed_says_nothing_of_the_spread():
    step = 1 / 162  # one more hit; the binary fractions of these differ in their last digits
    found = paired_t_test([(k + 1) * step - k * step for k in (3, 50, 120)])
    assert math.isnan(found.p_value)


@pytest.mark.parametrize("freedom", [1, 2, 3, 9])
@pytest.mark.parametrize("p_value", [0.5, 0.05, 0.05 / 120])
def test_the_critical_t_has_that_p(freedom, p_value):
    expected = stats.t.isf(p_value / 2, freedom)
    assert critical_t(p_value, freedom) == pytest.approx(expected, rel=1e-6)
