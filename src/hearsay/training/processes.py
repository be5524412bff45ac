"""The processes that train one run together, one a GPU, as torchrun starts them."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_gather

from hearsay.errors import HearsayError
from hearsay.methods.batch_part import BatchPart


@dataclass(frozen=True)
class Processes:
    """This process among its like; a single one needs no group.

    Attributes:
        rank: from 0; process 0 alone writes files.
        size: number of processes.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def part(self, *key: int) -> BatchPart:
        """Make this process's part of a batch, with draws keyed by e.g. (seed, epoch, step)."""
        generator = make_generator(*key)
        if self.size == 1:
            return BatchPart(generator)
        return BatchPart(generator, self.rank, self.size, gather)

    def join(self, x: Tensor) -> Tensor:
        """Join tensors of one size of all processes, in order of rank."""
        return x if self.size == 1 else gather(x)

    def own(self, rows: Sequence[int]) -> Sequence[int]:
        """Take this process's rows of a batch, an equal part."""
        share = len(rows) // self.size
        return rows[self.rank * share : (self.rank + 1) * share]

    def check_batch(self, batch_size: int) -> None:
        """Refuse a batch that cannot be shared equally.

        Raises:
            HearsayError: its size is no multiple of the number of processes.
        """
        if batch_size % self.size:
            raise HearsayError(
                f"batch_size {batch_size} cannot be shared by {self.size} processes; use a number "
                "of GPUs that divides it"
            )

    def average_gradients(self, network: nn.Module) -> None:
        """Average the gradients over the processes, in one exchange.

        Every process has computed the whole batch's loss, and gathering has summed what all of
        them ask of each embedding, so the average is the gradient of that loss. The loss uses
        weights outside the forward pass (the temperature), which a wrapper around the forward
        pass would not see.
        """
        if self.size == 1:
            return
        gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.size
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()

    def any(self, flag: bool, device: torch.device) -> bool:
        """Say whether any process raises the flag; all get the same answer."""
        if self.size == 1:
            return flag
        raised = torch.tensor(float(flag), device=device)
        distributed.all_reduce(raised)
        return raised.item() > 0

    def wait(self) -> None:
        """Wait for all processes."""
        if self.size > 1:
            distributed.barrier()


def gather(x: Tensor) -> Tensor:
    """Join the parts [b, ...] of all processes in order of rank, with gradient: [B, ...]."""
    return torch.cat(all_gather(x.contiguous()))  # type: ignore[no-untyped-call]


@contextmanager
def join_processes(device: torch.device) -> Iterator[tuple[Processes, torch.device]]:
    """Join the group that torchrun started; alone without one.

    A group that this process has joined before is used and left open.

    Yields:
        the processes, and this one's device: each has a card of its own.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ or os.environ["WORLD_SIZE"] == "1":
        yield Processes(), device
        return
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    local = int(os.environ["LOCAL_RANK"])
    if device.type == "cuda":
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    is_new = not distributed.is_initialized()
    if is_new:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Processes(rank, size), device
    finally:
        if is_new:
            distributed.destroy_process_group()


def make_generator(*key: int) -> torch.Generator:
    """Make a CPU generator of its own for each key, e.g. (seed, epoch, step, purpose)."""
    # With its length, since a seed sequence takes trailing zeros for nothing.
    state = np.random.SeedSequence([len(key), *key]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]) >> 1)
