"""Holm's correction: many tests, and still at most 5 % for any false mark among them."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return p values corrected for having made all these tests (Holm 1979).

    The smallest is multiplied by the number of tests m, the next by m - 1 and so on, none below
    one before it, none above 1. A test is significant at a level where its corrected p lies below
    that level; the probability of any false one is then at most the level, whichever hypotheses
    are true and however the tests depend on each other.

    Args:
        p_values: [m], one a test. NaN is a test that could not be made: it counts as one of the
            m, as if its p were 1, and stays NaN.

    Returns:
        [m], in the order of `p_values`.
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")  # NaN last
    factors = np.arange(len(values), 0, -1)
    corrected = np.empty_like(values)
    corrected[order] = np.maximum.accumulate(np.minimum(values[order] * factors, 1.0))
    return corrected
