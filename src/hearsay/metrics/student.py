"""Student's paired t-test: does a difference repeat from training to training?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SAME = 1e-9  # differences that agree to this share of their size are one number


@dataclass(frozen=True)
class SeedTest:
    """The test of differences that were paired by seed.

    Attributes:
        t: mean over standard error; NaN where it is undefined.
        degrees_of_freedom: number of differences minus one.
        p_value: two-sided; NaN where it is undefined.
    """

    t: float
    degrees_of_freedom: int
    p_value: float


def paired_t_test(differences: Sequence[float]) -> SeedTest:
    """Test whether the mean of paired differences is 0, two-sided.

    Undefined (NaN) for fewer than two differences, and where all are the same number but not 0:
    recalls of a small test set move in steps, so that this happens by chance, and it says
    nothing of the spread. Differences that are all 0 give t = 0 and p = 1.

    Args:
        differences: one a seed.
    """
    values = np.asarray(differences, dtype=np.float64)
    freedom = max(len(values) - 1, 0)
    if freedom == 0:
        return SeedTest(math.nan, freedom, math.nan)
    size = float(np.abs(values).max())
    if size == 0:
        return SeedTest(0.0, freedom, 1.0)
    if float(np.ptp(values)) <= SAME * size:
        return SeedTest(math.nan, freedom, math.nan)
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    t = float(values.mean()) / error
    return SeedTest(t, freedom, two_sided_p(t, freedom))


def two_sided_p(t: float, degrees_of_freedom: int) -> float:
    """Return the probability that |T| is at least |t|.

    The finite sums of Abramowitz and Stegun 1964, 26.7.3 and 26.7.4: exact for a whole number
    of degrees of freedom, from 1 on.
    """
    angle = math.atan2(abs(t), math.sqrt(degrees_of_freedom))
    is_odd = degrees_of_freedom % 2
    term = math.cos(angle) if is_odd else 1.0
    total = term if degrees_of_freedom > 1 else 0.0
    for k in range(2 + is_odd, degrees_of_freedom - 1, 2):
        term *= (k - 1) / k * math.cos(angle) ** 2
        total += term
    inside = math.sin(angle) * total
    if is_odd:
        inside = 2 / math.pi * (angle + inside)
    return min(max(1.0 - inside, 0.0), 1.0)


def critical_t(p_value: float, degrees_of_freedom: int) -> float:
    """Return the |t| whose two-sided p is `p_value`, to nine digits.

    Args:
        p_value: above 0 and at most 1.
        degrees_of_freedom: at least 1.
    """
    low, high = 0.0, 1.0
    while two_sided_p(high, degrees_of_freedom) > p_value:
        low, high = high, 2 * high
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        if two_sided_p(middle, degrees_of_freedom) > p_value:
            low = middle
        else:
            high = middle
    return high
