"""What a family notes of each clip while it trains, such as the image that it was matched with."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hearsay.training.processes import Processes

NOTED_CLIPS = 10_000  # the first ones of the split; the index is shuffled, so a fair sample


class Notes:
    """Notes of the first clips of a split: epoch, clip and a column a name.

    Args:
        clip_ids: of the split, in its order.
        limit: clips with a later row are not noted, which bounds the table.
    """

    def __init__(self, clip_ids: Sequence[str], limit: int = NOTED_CLIPS) -> None:
        self.clip_ids = clip_ids
        self.limit = limit
        self.collected: list[dict[str, Tensor]] = []  # of all processes
        self.waiting: list[dict[str, Tensor]] = []  # of this process alone

    def add(self, epoch: int, rows: Sequence[int], notes: dict[str, Tensor]) -> None:
        """Note what a family says of this process's clips of one batch; nothing waits for a GPU."""
        if notes:
            own = {"epoch": torch.full((len(rows),), epoch), "row": torch.tensor(rows), **notes}
            self.waiting.append(own)

    def collect(self, processes: Processes, device: torch.device) -> None:
        """Join what all processes have noted since the last call."""
        if not self.waiting:
            return
        names = list(self.waiting[0])
        joined = {
            name: processes.join(
                torch.cat([noted[name].to(device) for noted in self.waiting])
            ).cpu()
            for name in names
        }
        kept = joined["row"] < self.limit
        self.collected.append(
            {name: values[kept].to(torch.int32) for name, values in joined.items()}
        )
        self.waiting = []

    def table(self) -> pd.DataFrame:
        """Return epoch, clip_id and a column a name, sorted by epoch and clip's row."""
        if not self.collected:
            return pd.DataFrame({"epoch": [], "clip_id": []})
        columns = {
            name: np.concatenate([noted[name].numpy() for noted in self.collected])
            for name in self.collected[0]
        }
        table = pd.DataFrame(columns).sort_values(["epoch", "row"], ignore_index=True)
        rows = table.pop("row")
        table.insert(1, "clip_id", [self.clip_ids[row] for row in rows])
        return table

    def state(self) -> list[dict[str, Tensor]]:
        """Return what a checkpoint keeps."""
        return self.collected

    def load(self, state: Any) -> None:
        """Go on from what a checkpoint kept."""
        self.collected = list(state)
