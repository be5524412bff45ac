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
    The last batch may be smaller, which makes it easier by the same amount every time. Of several
    processes each measures all clips: the loss is the same and needs no exchange.
    """
    if not len(clips):
        return math.nan
    network.eval()
    size = options.batch_size
    rows = [range(start, min(start + size, len(clips))) for start in range(0, len(clips), size)]
    total = 0.0
    with torch.inference_mode():
        parts = (BatchPart(make_generator(step, GATHER)) for step in range(len(rows)))
        for step, (of_batch, batch) in enumerate(clips.batches(rows, parts, readers)):
            part = BatchPart(make_generator(step, LOSS))
            loss = family.loss(network, move(batch, device), options.epochs - 1, part)
            total += loss.value.item() * len(of_batch)
    return total / len(clips)


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
