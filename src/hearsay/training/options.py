"""What steers a training: options that change its result, and the machine's that do not."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class StageOptions:
    """The options of config that steer the loop; see `families` there."""

    epochs: int
    warmup_epochs: int
    batch_size: int
    read_block: int
    optimizer: str
    learning_rate: float
    bias_learning_rate: float
    weight_decay: float
    scale_by_batch: bool
    schedule: str
    final_fraction: float
    cut_after: int
    cut_factor: float
    stop_after: int | None

    @classmethod
    def of(cls, options: dict[str, Any]) -> "StageOptions":
        """Take the loop's options out of those of a stage."""
        return cls(**{field.name: options[field.name] for field in fields(cls)})


@dataclass(frozen=True)
class Machine:
    """How a training uses its machine; see `training` in config.

    Attributes:
        device: auto, cpu or cuda.
        threads: of the CPU in each process; equal bits need equal threads.
        readers: threads that gather batches ahead.
        checkpoint_minutes: between two saves inside an epoch.
        compile: let torch.compile fuse the network's operations.
    """

    device: str
    threads: int
    readers: int
    checkpoint_minutes: float
    compile: bool
