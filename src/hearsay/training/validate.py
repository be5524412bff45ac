"""The loss on clips that are not trained on."""

import math

import torch
from torch import nn

from hearsay.errors import HearsayError
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.family import Batch, Family
from hearsay.training.data import Clips
from hearsay.training.options import StageOptions
from hearsay.training.processes import make_generator

# What a generator is for, as the last number of its key.
GATHER, LOSS = range(10, 12)


def measure_loss(
    family: Family,
    network: nn.Module,
    clips: Clips,
    options: StageOptions,
    device: torch.device,
    readers: int,
) -> float:
    """Return the last epoch's loss over all clips in their order, a clip's mean; nan without any.

    The draws depend on no seed and no epoch, so epochs and seeds are compared on the same pairs.
    The last batch may be smaller, which makes it easier by the same amount every time; a clip that
    would be alone joins the batch before it, since losses need another to compare with. Of several
    processes each measures all clips: the loss is the same and needs no exchange. A split of one
    clip counts as none.
    """
    if len(clips) < 2:
        return math.nan
    network.eval()
    rows = cut_batches(len(clips), options.batch_size)
    total = 0.0
    with torch.inference_mode():
        parts = (BatchPart(make_generator(step, GATHER)) for step in range(len(rows)))
        for step, (of_batch, batch) in enumerate(clips.batches(rows, parts, readers)):
            part = BatchPart(make_generator(step, LOSS))
            loss = family.loss(network, move(batch, device), options.epochs - 1, part)
            total += loss.value.item() * len(of_batch)
    return total / len(clips)


def cut_batches(num_clips: int, size: int) -> list[range]:
    """Cut clips into batches; one that would be alone joins those before it.

    >>> cut_batches(5, 2)
    [range(0, 2), range(2, 5)]
    """
    starts = list(range(0, num_clips, size))
    if len(starts) > 1 and num_clips - starts[-1] == 1:
        starts.pop()
    return [range(a, b) for a, b in zip(starts, [*starts[1:], num_clips], strict=True)]


def check_finite(value: float, epoch: int, step: int) -> None:
    """Refuse to go on with a loss that is not a number.

    Raises:
        HearsayError: it is nan or infinite.
    """
    if not math.isfinite(value):
        raise HearsayError(
            f"the loss is {value} in epoch {epoch}, by step {step}; lower learning_rate"
        )


def move(batch: Batch, device: torch.device) -> Batch:
    """Bring a batch to a device; from pinned memory without waiting for it."""
    return {name: value.to(device, non_blocking=True) for name, value in batch.items()}
