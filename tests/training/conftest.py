from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from open_clip.model import CLIP

from hearsay.encoders.word_store import CAPTIONS_SCHEMA, PHRASES_SCHEMA, WordFiles
from hearsay.files import write_json, write_parquet
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
    "schedule": "cosine",
    "final_fraction": 0.001,
    "cut_after": 5,
    "cut_factor": 0.1,
    "stop_after": None,
}


WORD_OPTIONS: dict[str, Any] = {
    "family": "word_align",
    "crnn": {"channels": [2, 4, 4, 4, 4], "dropout": 0.1},
    "loss": "info_nce",
    "margin": 1.0,
    "over_frames": "max",
    "over_words": "mean",
    "unknown_words": "skip",
    "logmel": {"num_mel_bins": 64, "frame_shift_ms": 40.0},
    "epochs": 4,
    "warmup_epochs": 0,
    "batch_size": 8,
    "read_block": 1,
    "optimizer": "adam",
    "learning_rate": 0.01,
    "bias_learning_rate": 0.01,
    "weight_decay": 0.0,
    "scale_by_batch": False,
    "schedule": "plateau",
    "final_fraction": 0.001,
    "cut_after": 5,
    "cut_factor": 0.1,
    "stop_after": 10,
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


@pytest.fixture
def word_options() -> dict[str, Any]:
    return {**WORD_OPTIONS}


@pytest.fixture(scope="session")
def worded(small: Small) -> DatasetFiles:
    """The same data set with log-mel spectrograms of different length, and words by the class.

    A clip's captions are its class's word (rows 1 to 4) beside one that all share (row 5); the
    caption of clip01 is of unknown words alone.
    """
    generator = np.random.default_rng(1)
    root, num_clips = small.data.root, len(small.clip_ids)
    classes, lengths = np.arange(num_clips) % 4, 12 + np.arange(num_clips) % 9
    logmel = generator.normal(size=(num_clips, 20, 64)) - 8
    for clip, (kind, length) in enumerate(zip(classes, lengths, strict=True)):
        logmel[clip, :length, kind * 16 : kind * 16 + 8] += 6
        logmel[clip, length:] = 0
    (root / "logmel").mkdir(exist_ok=True)
    for shard, start in enumerate(range(0, num_clips, SHARD_SIZE)):
        rows = slice(start, start + SHARD_SIZE)
        np.save(root / "logmel" / f"{shard:05d}.npy", logmel[rows].astype(np.float16))
        index = pd.DataFrame({"clip_id": small.clip_ids[rows], "num_frames": lengths[rows]})
        index.assign(row=np.arange(len(index))).to_parquet(root / f"logmel/{shard:05d}.parquet")
    captions = pd.read_parquet(root / "caption_embeddings.parquet")[["caption_id", "clip_id"]]
    rows_of = [[1 + clip % 4, 5] if clip != 1 else [0, 0] for clip in range(num_clips)]
    captions["rows"] = [rows_of[int(clip_id[4:])] for clip_id in captions["clip_id"]]
    write_words(root, captions)
    return small.data


def write_words(root: Path, captions: pd.DataFrame) -> None:
    """Write what embed_words writes: seven words, and one phrase a caption, its first word."""
    files = WordFiles.of(DatasetFiles(root, 1))
    captions = captions.assign(words=[[f"w{row}" for row in rows] for rows in captions["rows"]])
    phrases = captions.assign(
        phrase_number=0,
        rows=[rows[:1] for rows in captions["rows"]],
        words=[words[:1] for words in captions["words"]],
    )
    vectors = _unit(np.random.default_rng(2).normal(size=(7, 8))).astype(np.float32)
    np.save(files.array, vectors)
    for table, schema, path in (
        (captions, CAPTIONS_SCHEMA, files.captions),
        (phrases, PHRASES_SCHEMA, files.phrases),
    ):
        write_parquet(pa.Table.from_pandas(table, schema=schema, preserve_index=False), path)
    summary = {
        "vectors": "toy",
        "trained_on": None,
        "space": "toy space",
        "num_rows": 7,
        "dimensions": 8,
    }
    write_json(summary, files.summary)


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
