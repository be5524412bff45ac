"""Floating-point operations and sizes of the networks, from their shapes alone.

A multiplication with its addition counts as two operations; of a clip's forward pass, matrix
products and convolutions alone, which are nearly all. A training step takes three times as many.
"""

import importlib.util
import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from hearsay.errors import HearsayError

Sizes = dict[str, Any]  # of a CLIP, as open_clip writes them

TRAINING = 3  # forward, and backward to inputs and to weights
MLP_RATIO = 4
RGB = 3
CRNN_POOLS = {0: (2, 4), 2: (2, 4), 4: (1, 4)}  # after which block, window of (time, mel)
WAL_NET_GROUPS = ((16, 16), (32, 32), (64, 64), (128, 128), (256, 256), (512,))
WAL_NET_WIDTH = 1024
JOINT_WIDTHS = (300, 1024, 512, 512, 1024)


@dataclass(frozen=True)
class Network:
    """What one clip costs in a network, and what the network weighs.

    Attributes:
        kind: which rate it runs at: `transformer`, `crnn`, `wal_net` or `joint`.
        flops: of the forward pass of one clip, picture or text.
        parameters: how many numbers are trained.
    """

    kind: str
    flops: float
    parameters: int


def image_tower(model: Sizes) -> Network:
    """Count CLIP's image tower: of one picture."""
    vision = model["vision_cfg"]
    patches = (vision["image_size"] // vision["patch_size"]) ** 2
    patch = RGB * vision["patch_size"] ** 2
    width, layers = vision["width"], vision["layers"]
    flops = 2 * patches * patch * width + _blocks(patches + 1, width, layers)
    flops += 2 * width * model["embed_dim"]
    return Network("transformer", flops, _vit_parameters(model, patches + 1))


def text_tower(model: Sizes) -> Network:
    """Count CLIP's text tower: of one text, padded to the length of its context."""
    text = model["text_cfg"]
    width, layers, length = text["width"], text["layers"], text["context_length"]
    parameters = (text["vocab_size"] + length + model["embed_dim"]) * width + 2 * width
    return Network(
        "transformer",
        _blocks(length, width, layers) + 2 * width * model["embed_dim"],
        parameters + layers * _block_parameters(width),
    )


def audio_vit(model: Sizes, fbank: dict[str, Any], tower: dict[str, int], segments: int) -> Network:
    """Count the audio tower of frame_match on a clip in so many equal segments."""
    vision = model["vision_cfg"]
    patch, width = vision["patch_size"], vision["width"]
    rows = (fbank["num_frames"] // segments - patch) // tower["time_stride"] + 1
    columns = (fbank["num_mel_bins"] - patch) // tower["mel_stride"] + 1
    patches = rows * columns
    tokens = patches + 1
    flops = 2 * patches * patch**2 * width + _blocks(tokens, width, vision["layers"] - 1)
    # The last layer makes the class token alone, out of the keys and values of all.
    flops += 4 * tokens * width**2 + 4 * tokens * width + 4 * (1 + MLP_RATIO) * width**2
    flops += 2 * width * model["embed_dim"]
    return Network("transformer", segments * flops, _vit_parameters(model, patches + 1))


def crnn(options: dict[str, Any], logmel: dict[str, Any], width: int) -> Network:
    """Count the CRNN of word_align, with frames as wide as the vectors of words."""
    frames, bins, half = logmel["num_frames"], logmel["num_mel_bins"], width // 2
    channels = [1, *options["channels"]]
    flops, parameters = 0.0, 0
    for block, (before, after) in enumerate(pairwise(channels)):
        # A single channel is computed as two: see `hearsay.models.crnn`.
        flops += 2 * 9 * max(before, 2) * after * frames * bins
        parameters += 9 * before * after + 2 * before  # with its batch norm
        time, mel = CRNN_POOLS.get(block, (1, 1))
        frames, bins = frames // time, bins // mel
    last = channels[-1]
    flops += 2 * 2 * 3 * half * (last + half) * frames  # both directions, three gates
    parameters += 2 * 3 * half * (last + half + 2)
    return Network("crnn", flops, parameters)


def wal_net(num_frames: int, num_bins: int, num_classes: int) -> Network:
    """Count WAL-Net on a clip of so many frames."""
    flops, parameters, before = 0.0, 0, 1
    frames, bins = num_frames, num_bins
    for group in WAL_NET_GROUPS:
        for after in group:
            flops += 2 * 9 * before * after * frames * bins
            parameters += 9 * before * after + 3 * after  # with bias and batch norm
            before = after
        frames, bins = frames // 2, bins // 2
    segments = (frames - 1) * (bins - 1)
    flops += 2 * segments * WAL_NET_WIDTH * (4 * before + num_classes)
    parameters += WAL_NET_WIDTH * (4 * before + 3 + num_classes) + num_classes
    return Network("wal_net", flops, parameters)


def joint_mlp() -> Network:
    """Count the network of joint_embedding, of one clip or one label."""
    layers = list(pairwise(JOINT_WIDTHS))
    weights = sum(before * after for before, after in layers)
    return Network("joint", 2 * weights, weights + sum(after for _, after in layers))


def clip_model(model: str | Sizes) -> Sizes:
    """Return the sizes of the towers: as given, or those of open_clip's model of that name.

    Read from open_clip's own file, since importing it takes seconds.

    Raises:
        HearsayError: open_clip has no such model, or one of another kind.
    """
    if isinstance(model, dict):
        return model
    spec = importlib.util.find_spec("open_clip")
    folder = Path(str(spec.origin)).parent / "model_configs" if spec else Path()
    file = folder / f"{model}.json"
    if not file.exists():
        raise HearsayError(f"config: clip.model {model!r}: open_clip knows no model of this name")
    sizes: Sizes = json.loads(file.read_text())
    if not isinstance(sizes["vision_cfg"].get("layers"), int) or "width" not in sizes["text_cfg"]:
        raise HearsayError(f"config: clip.model {model!r} is no pair of plain transformers")
    return sizes


def _blocks(tokens: int, width: int, layers: int) -> float:
    """Count the layers of a transformer: four projections, an MLP, and attention itself."""
    dense = 2 * tokens * (4 + 2 * MLP_RATIO) * width**2
    return layers * (dense + 2 * 2 * tokens**2 * width)


def _block_parameters(width: int) -> int:
    return (4 + 2 * MLP_RATIO) * width**2 + (4 + MLP_RATIO + 1 + 4) * width


def _vit_parameters(model: Sizes, tokens: int) -> int:
    vision = model["vision_cfg"]
    width = vision["width"]
    # The convolution, the class token, two norms, positions, and the way to the joint space.
    around = RGB * vision["patch_size"] ** 2 + 1 + 4 + tokens + model["embed_dim"]
    return int(around * width + vision["layers"] * _block_parameters(width))
