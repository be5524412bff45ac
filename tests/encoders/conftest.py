import copy
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 200, 40),
    "blue": (30, 40, 220),
    "yellow": (220, 210, 30),
    "white": (240, 240, 240),
    "black": (10, 10, 10),
}
SIZES: dict[str, Any] = {
    "embed_dim": 16,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "patch_size": 8, "width": 32, "layers": 1, "head_width": 16},
    "text_cfg": {
        "context_length": 10,
        "vocab_size": 49408,
        "width": 16,
        "heads": 2,
        "layers": 1,
    },
}
OPTIONS: dict[str, Any] = {
    "weights": "small-clip",
    "model": SIZES,
    "pretrained": None,
    "training": {
        "dataset": "colours",
        "seed": 0,
        "epochs": 30,
        "batch_size": 12,
        "learning_rate": 0.003,
        "weight_decay": 0.05,
    },
}


@dataclass(frozen=True)
class Dataset:
    clips: Path
    captions: Path
    images: list[Path]
    colours: dict[str, str]


def make_jpeg(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """72 clips of noisy coloured pictures, 2 each, in two shards; every third clip is test."""
    folder = tmp_path_factory.mktemp("colours")
    generator = np.random.default_rng(0)
    clips, captions, images, truth = [], [], [], {}
    for number in range(72):
        clip_id = f"clip{number:02d}"
        colour = list(COLOURS)[number % len(COLOURS)]
        truth[clip_id] = colour
        clips.append({"clip_id": clip_id, "split": "test" if number % 12 >= 6 else "train"})
        for wording, text in enumerate((f"a {colour} picture", f"it looks {colour}")):
            captions.append(
                {"caption_id": f"{clip_id}-{wording}", "clip_id": clip_id, "text": text}
            )
        for index in range(2):
            noise = generator.normal(0, 25, (40, 48, 3))
            pixels = np.clip(np.array(COLOURS[colour]) + noise, 0, 255).astype(np.uint8)
            images.append(
                {
                    "clip_id": clip_id,
                    "image_index": index,
                    "timestamp_s": 1.0 * index,
                    "jpeg": make_jpeg(pixels),
                }
            )
    pd.DataFrame(clips).to_parquet(folder / "clips.parquet")
    pd.DataFrame(captions).to_parquet(folder / "captions.parquet")
    paths = [folder / f"{shard:05d}.parquet" for shard in range(2)]
    for shard, path in enumerate(paths):
        pd.DataFrame(images[72 * shard : 72 * (shard + 1)]).to_parquet(path)
    return Dataset(folder / "clips.parquet", folder / "captions.parquet", paths, truth)


@pytest.fixture
def options() -> dict[str, Any]:
    """Options of the section `clip` that train the session's small towers."""
    return copy.deepcopy(OPTIONS)


@pytest.fixture(scope="session")
def weights(colours: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from hearsay.encoders.clip import prepare_clip

    path = tmp_path_factory.mktemp("weights") / "clip.pt"
    prepare_clip(
        OPTIONS,
        path,
        "cpu",
        images=colours.images,
        captions=colours.captions,
        clips=colours.clips,
    )
    return path
