"""The learning rate of every step, and when to stop: pure functions of the past.

A cosine knows all steps beforehand; a plateau looks at the validation losses so far.
"""

import math
from collections.abc import Sequence

from hearsay.errors import HearsayError
from hearsay.training.options import StageOptions


def rate_factor(
    options: StageOptions, step: int, num_steps: int, val_losses: Sequence[float]
) -> float:
    """Return the share of the base rate that a step uses.

    Args:
        options: of the stage.
        step: of the whole training, from 0.
        num_steps: of one epoch.
        val_losses: after each epoch done; nan where there is no val split.

    Raises:
        HearsayError: the schedule is unknown.
    """
    warmup_steps = options.warmup_epochs * num_steps
    if options.schedule == "cosine":
        return cosine_factor(step, warmup_steps, options.epochs * num_steps, options.final_fraction)
    if options.schedule == "plateau":
        rise = min(1.0, step / warmup_steps) if warmup_steps else 1.0
        return rise * plateau_factor(val_losses, options.cut_after, options.cut_factor)
    raise HearsayError(f"schedule {options.schedule!r} must be cosine or plateau")


def cosine_factor(step: int, warmup_steps: int, total_steps: int, final_fraction: float) -> float:
    """Return the share of the base rate of a linear rise and then half a cosine.

    Steps count from 0 and the schedule is evaluated before the step, as VIP-ANT's code does: the
    first step of a warm-up has rate 0, step `warmup_steps` the full rate. The last step stands one
    short of the end of the cosine, so its rate is a little above `final_fraction`.

    Args:
        step: from 0.
        warmup_steps: steps of the rise; 0: none.
        total_steps: with the warm-up.
        final_fraction: where the cosine ends, as a share of the base rate.
    """
    if step < warmup_steps:
        return step / warmup_steps
    progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * progress))
    return cosine + final_fraction * (1 - cosine)


def plateau_factor(val_losses: Sequence[float], cut_after: int, cut_factor: float) -> float:
    """Return the share of the base rate after some epochs: cut whenever nothing gets better.

    After `cut_after` epochs without a lower validation loss than any before, the rate is
    multiplied by `cut_factor`, and the epochs are counted anew (Xie et al. 2022: 5 and 0.1).
    Without a val split the rate stays.

    >>> plateau_factor([3.0, 2.0, 2.5, 2.0], cut_after=2, cut_factor=0.1)
    0.1
    """
    factor, lowest, waited = 1.0, math.inf, 0
    for loss in val_losses:
        waited = 0 if math.isnan(loss) or loss < lowest else waited + 1
        lowest = min(lowest, loss)
        if waited == cut_after:
            factor, waited = factor * cut_factor, 0
    return factor


def should_stop(val_losses: Sequence[float], stop_after: int | None) -> bool:
    """Say whether `stop_after` epochs have passed since the lowest validation loss.

    Never where it is None, or without a val split.

    >>> should_stop([3.0, 2.0, 2.5, 2.0], stop_after=2)
    True
    """
    if stop_after is None or not val_losses or any(math.isnan(loss) for loss in val_losses):
        return False
    return len(val_losses) - 1 - val_losses.index(min(val_losses)) >= stop_after
