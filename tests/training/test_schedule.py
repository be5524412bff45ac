import math

import pytest

from hearsay.training.schedule import rate_factor


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (0, 0.0),
        (1, 0.25),
        (3, 0.75),
        (4, 1.0),
        (8, 0.5 + 0.001 * 0.5),  # the middle of the cosine
        (6, 0.5 * (1 + math.sqrt(0.5)) * 0.999 + 0.001),  # a quarter of the way
        (12, 0.001),  # one past the last step
    ],
)
def test_hand_values_of_four_steps_up_and_eight_down(step: int, expected: float) -> None:
    assert math.isclose(rate_factor(step, 4, 12, 0.001), expected, rel_tol=1e-12)


def test_without_warmup_the_first_step_has_the_full_rate() -> None:
    assert rate_factor(0, 0, 5, 0.1) == 1.0


def test_warmup_of_all_steps_never_reaches_the_full_rate() -> None:
    assert [rate_factor(step, 4, 4, 0.001) for step in range(4)] == [0.0, 0.25, 0.5, 0.75]
