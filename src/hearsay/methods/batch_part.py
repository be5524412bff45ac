"""The part of a batch that one process holds, and what is drawn and gathered for it."""

from collections.abc import Callable

import torch
from torch import Tensor


def keep(x: Tensor) -> Tensor:
    """Return x: the gathering of a single process."""
    return x


class BatchPart:
    """One process's clips of a batch that several processes share.

    Everything random is drawn for the whole batch, by every process alike, and each takes its
    own clips' draws. So the pairs, masks and captions of a batch, and with them its loss, do not
    depend on the number of processes.

    Args:
        generator: on the CPU, in the same state in every process.
        rank: of this process, from 0; it holds the rank-th of `size` equal parts.
        size: number of processes.
        gather: joins the parts of all processes in order, [B / size, ...] → [B, ...], with
            gradient.
    """

    def __init__(
        self,
        generator: torch.Generator,
        rank: int = 0,
        size: int = 1,
        gather: Callable[[Tensor], Tensor] = keep,
    ) -> None:
        self.generator = generator
        self.rank = rank
        self.size = size
        self.gather = gather

    def uniform(self, num_clips: int) -> Tensor:
        """Draw a share from [0, 1) for each of this part's clips: float64 [num_clips], CPU."""
        whole = torch.rand(num_clips * self.size, generator=self.generator, dtype=torch.float64)
        return whole[self.rank * num_clips : (self.rank + 1) * num_clips]

    def choose(self, num_clips: int, num_choices: int) -> Tensor:
        """Draw one of `num_choices`, each as likely, for each clip: int64 [num_clips], CPU."""
        return (self.uniform(num_clips) * num_choices).long()
