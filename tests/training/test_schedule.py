import math

import pytest

from hearsay.training.options import StageOptions
from hearsay.training.schedule import cosine_factor, plateau_factor, rate_factor, should_stop

NAN = math.nan


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
    assert math.isclose(cosine_factor(step, 4, 12, 0.001), expected, rel_tol=1e-12)


def test_without_warmup_the_first_step_has_the_full_rate() -> None:
    assert cosine_factor(0, 0, 5, 0.1) == 1.0


def test_warmup_of_all_steps_never_reaches_the_full_rate() -> None:
    assert [cosine_factor(step, 4, 4, 0.001) for step in range(4)] == [0.0, 0.25, 0.5, 0.75]


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([], 1.0),
        ([3.0, 2.0, 1.0, 0.5], 1.0),
        ([3.0, 3.0], 1.0),
        ([3.0, 3.0, 3.1], 0.5),  # equal is not better
        ([3.0, 3.0, 3.1, 3.0], 0.5),  # counted anew after a cut
        ([3.0, 3.0, 3.1, 3.0, 3.0], 0.25),
        ([3.0, 3.0, 2.9, 3.0], 1.0),
        ([NAN, NAN, NAN, NAN], 1.0),  # no val split
    ],
)
def test_the_rate_is_cut_after_two_epochs_without_a_lower_loss(
    losses: list[float], expected: float
) -> None:
    assert plateau_factor(losses, cut_after=2, cut_factor=0.5) == expected


@pytest.mark.parametrize(
    ("losses", "expected"),
    [([], False), ([1.0, 1.2], False), ([1.0, 1.2, 1.0], True), ([1.0, 1.2, 0.9], False)],
)
def test_stops_two_epochs_after_the_lowest_loss(losses: list[float], expected: bool) -> None:
    assert should_stop(losses, 2) is expected
    assert not should_stop(losses, None)
    assert not should_stop([NAN] * 5, 2)


def test_a_plateau_rises_first_where_it_is_told_to(options: dict[str, object]) -> None:
    stage = StageOptions.of({**options, "schedule": "plateau", "cut_after": 1, "warmup_epochs": 1})
    assert rate_factor(stage, 2, 4, []) == 0.5
    assert rate_factor(stage, 9, 4, [1.0, 2.0]) == pytest.approx(0.1)
