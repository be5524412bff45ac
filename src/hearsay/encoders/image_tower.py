"""The weights of the frozen image tower, read without the library that runs it.

Trained networks start from these weights and have layers of their own, so training and scoring
need not import open_clip, which takes longer than many a small run.
"""

import hashlib
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hearsay.errors import HearsayError

KNOWN_KEYS = {"image_size", "patch_size", "width", "layers", "head_width", "mlp_ratio"}
DEFAULTS = {"image_size": 224, "head_width": 64, "mlp_ratio": 4.0}  # those of open_clip
READ_ERRORS = (pickle.UnpicklingError, KeyError, RuntimeError, TypeError, EOFError, ValueError)


@dataclass(frozen=True)
class ImageTower:
    """A plain ViT with a class token, as CLIP has it.

    Attributes:
        name: of the weights, as in config.
        patch_size: side of its square patches.
        grid_size: patches along height and width.
        num_heads: of each layer.
        quick_gelu: whether the activation is x · sigmoid(1.702 x).
        state: open_clip's names → weights, on the CPU.
    """

    name: str
    width: int
    layers: int
    num_heads: int
    mlp_width: int
    embed_dim: int
    patch_size: int
    grid_size: tuple[int, int]
    quick_gelu: bool
    state: dict[str, Tensor]

    @property
    def digest(self) -> str:
        """Tell these weights from others by their name, projection and positions."""
        hashed = hashlib.sha256(self.name.encode())
        for name in ("proj", "positional_embedding"):
            hashed.update(self.state[name].float().contiguous().numpy().tobytes())
        return hashed.hexdigest()[:16]


def read_image_tower(path: Path) -> ImageTower:
    """Read the image tower out of clip.pt of `prepare_clip`.

    Raises:
        HearsayError: the file is absent or is no such file, or as `make_image_tower`.
    """
    if not Path(path).is_file():
        raise HearsayError(f"{path} does not exist; prepare_clip has not run")
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return make_image_tower(saved["name"], saved["model"], saved["state_dict"])
    except READ_ERRORS as error:
        raise HearsayError(
            f"{path} holds no CLIP of this program ({type(error).__name__}); remove it and run "
            "prepare_clip again"
        ) from error


def make_image_tower(
    name: str, model: Mapping[str, Any], state: Mapping[str, Tensor]
) -> ImageTower:
    """Take the image tower out of a CLIP.

    Args:
        name: of the weights.
        model: sizes as `open_clip.model.CLIP` takes them.
        state: weights of the whole CLIP; those of the image tower are copied.

    Raises:
        HearsayError: the tower is no plain ViT that pools by its class token.
    """
    sizes = {**DEFAULTS, **model["vision_cfg"]}
    if set(sizes) - KNOWN_KEYS or not isinstance(sizes["layers"], int):
        raise HearsayError(
            "clip.model: the image tower is not a ViT that pools by its class token; use a model "
            "such as ViT-B-32-quickgelu"
        )
    side = sizes["image_size"] // sizes["patch_size"]
    return ImageTower(
        name=name,
        width=sizes["width"],
        layers=sizes["layers"],
        num_heads=sizes["width"] // sizes["head_width"],
        mlp_width=int(sizes["width"] * sizes["mlp_ratio"]),
        embed_dim=model["embed_dim"],
        patch_size=sizes["patch_size"],
        grid_size=(side, side),
        quick_gelu=model["quick_gelu"],
        state={
            key.removeprefix("visual."): weight.clone()
            for key, weight in state.items()
            if key.startswith("visual.")
        },
    )
