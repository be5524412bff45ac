from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from open_clip.model import CLIP

from hearsay.files import write_json
from hearsay.layout import DatasetFiles

NUM_TRAIN, NUM_VAL, SHARD_SIZE, WIDTH = 34, 9, 20, 6

OPTIONS: dict[str, Any] = {
    "family": "frame_match",
    "image_choice": "random",
    "tower": {"time_stride": 8, "mel_stride": 8},
    "masks": {"max_bins": 4, "max_frames": 8},
    "segments": 1,
    "caption_audio": "segments",
    "nearest_from_epoch": 0,
    "fbank": {"num_frames": 32, "num_mel_bins": 16, "pad": "before"},
    "epochs": 4,
    "warmup_epochs": 1,
    "batch_size": 8,
    "read_block": 1,
    "optimizer": "adamw",
    "learning_rate": 0.003,
    "bias_learning_rate": 0.003,
    "weight_decay": 1.0e-6,
    "scale_by_batch": False,
    "final_fraction": 0.001,
}


@dataclass(frozen=True)
class Small:
    """A data set of noise with a trace of its class in sound, images and captions alike."""

    data: DatasetFiles
    weights: Path
    clip_ids: list[str]


@pytest.fixture
def options() -> dict[str, Any]:
    return {**OPTIONS}


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    root = tmp_path_factory.mktemp("data") / "small"
    generator = np.random.default_rng(0)
    num_clips = NUM_TRAIN + NUM_VAL
    clip_ids = [f"clip{number:02d}" for number in range(num_clips)]
    splits = ["val" if number % 5 == 4 else "train" for number in range(num_clips)]
    splits = [*splits[:-1], "val"]
    centres = _unit(generator.normal(size=(4, WIDTH)))
    classes = np.arange(num_clips) % 4
    fbank = generator.normal(size=(num_clips, 32, 16)) * 3 - 5
    fbank[np.arange(num_clips), :, classes * 4] += 9
    images = _unit(centres[classes][:, None] + 0.3 * generator.normal(size=(num_clips, 4, WIDTH)))
    for folder in ("index", "fbank", "image_embeddings"):
        (root / folder).mkdir(parents=True)
    pd.DataFrame({"clip_id": clip_ids, "split": splits}).to_parquet(root / "index/clips.parquet")
    for shard, start in enumerate(range(0, num_clips, SHARD_SIZE)):
        rows = slice(start, start + SHARD_SIZE)
        index = pd.DataFrame({"clip_id": clip_ids[rows]})
        index["row"] = np.arange(len(index))
        for name, array in (("fbank", fbank), ("image_embeddings", images)):
            np.save(root / name / f"{shard:05d}.npy", array[rows].astype(np.float16))
            index.assign(num_frames=32, sum=0.0, sum_squares=0.0).to_parquet(
                root / name / f"{shard:05d}.parquet"
            )
    captions = pd.DataFrame({"clip_id": np.repeat(clip_ids, 2)})
    captions["caption_id"] = [f"c{number}" for number in range(len(captions))]
    captions["row"] = np.arange(len(captions))
    captions["text"] = "a sound"
    captions.to_parquet(root / "caption_embeddings.parquet")
    texts = centres[np.repeat(classes, 2)] + 0.3 * generator.normal(size=(len(captions), WIDTH))
    np.save(root / "caption_embeddings.npy", _unit(texts).astype(np.float16))
    write_json({"mean": -4.4, "std": 3.8}, root / "fbank/statistics.json")
    write_json({"num_shards": 3, "fingerprint": "0123456789ab"}, root / "availability.json")
    return Small(DatasetFiles(root, 3), make_weights(root / "clip.pt"), clip_ids)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def make_weights(path: Path) -> Path:
    """Write random towers as `prepare_clip` writes them."""
    config = {
        "embed_dim": WIDTH,
        "quick_gelu": True,
        "vision_cfg": {
            "image_size": 16,
            "patch_size": 8,
            "width": 16,
            "layers": 1,
            "head_width": 8,
        },
        "text_cfg": {
            "context_length": 8,
            "vocab_size": 49408,
            "width": 4,
            "heads": 1,
            "layers": 1,
        },
    }
    torch.manual_seed(0)
    model = CLIP(**config)
    torch.save(
        {
            "name": "small-clip",
            "model": config,
            "state_dict": model.state_dict(),
            "mean": [0.5] * 3,
            "std": [0.25] * 3,
            "training": None,
        },
        path,
    )
    return path
