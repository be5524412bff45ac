"""The learning rate of every step: a linear rise, then half a cosine."""

import math


def rate_factor(step: int, warmup_steps: int, total_steps: int, final_fraction: float) -> float:
    """Return the share of the base rate that step `step` uses.

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
