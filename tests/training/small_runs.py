"""Train on the small data set, and compare weights."""

from pathlib import Path
from typing import Any

import torch

from hearsay.encoders.frozen import FrozenEncoders
from hearsay.encoders.image_tower import read_image_tower
from hearsay.training.load import read_model
from hearsay.training.options import Machine
from hearsay.training.run import train_run

CPU = torch.device("cpu")


def train(small: Any, options: dict[str, Any], folder: Path, **changes: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "method": "vip_ant",
        "stage": "audio_image",
        "seed": 0,
        "options": options,
        "data": small.data,
        "weights": small.weights,
        "init": None,
        "subset": None,
        "folder": folder,
        "machine": Machine("cpu", threads=1, readers=1, checkpoint_minutes=60, compile=False),
        **changes,
    }
    train_run(**arguments)
    return read_model(folder / "model.pt")


def towers(weights: Path) -> FrozenEncoders:
    return FrozenEncoders(read_image_tower(weights))


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())
