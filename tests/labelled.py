"""A small data set of clips with labels: a vector a clip with a trace of its class."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from hearsay.encoders.label_store import LABEL_SCHEMA, LabelFiles
from hearsay.files import write_json, write_parquet
from hearsay.layout import DatasetFiles

NUM_CLASSES, NUM_CLIPS, WIDTH = 4, 60, 8

LABEL_OPTIONS: dict[str, Any] = {
    "family": "joint_embedding",
    "form": "toy",
    "forms": {"vectors": "wal_net", "transform": "none", "weights": "toy-net"},
    "num_pairs": 64,
    "pairs": "fixed",
    "loss": "bce",
    "measure": "exp_l2",
    "margin": 1.0,
    "output": "relu",
    "dropout": 0.5,
    "fit": "zero_pad",
    "text_noise": 0.0,
    "epochs": 20,
    "warmup_epochs": 0,
    "batch_size": 16,
    "read_block": 1,
    "optimizer": "adam",
    "learning_rate": 0.001,
    "bias_learning_rate": 0.001,
    "weight_decay": 0.0,
    "scale_by_batch": False,
    "schedule": "cosine",
    "final_fraction": 1.0,
    "cut_after": 5,
    "cut_factor": 0.1,
    "stop_after": None,
}


def write_labelled(root: Path, num_classes: int = NUM_CLASSES) -> DatasetFiles:
    """Write index, availability, form `toy` and text features.

    Clip n is of class n % num_classes; every fifth is val, every fifth test. clip_two bears two
    labels and clip_none none; both have vectors. The text asked for beside the labels is `puppy`.
    """
    generator = np.random.default_rng(0)
    names = [f"clip{number:02d}" for number in range(NUM_CLIPS)]
    classes = np.arange(NUM_CLIPS) % num_classes
    splits = [{3: "val", 4: "test"}.get(number % 5, "train") for number in range(NUM_CLIPS)]
    label_names = [f"class{number}" for number in range(max(num_classes, 2))]
    labels = [[label_names[row]] for row in classes]
    for folder in ("index", "forms"):
        (root / folder).mkdir(parents=True)
    clips = pd.DataFrame(
        {
            "clip_id": [*names, "clip_two", "clip_none"],
            "split": [*splits, "train", "train"],
            "labels": [*labels, label_names[:2], []],
        }
    )
    clips.to_parquet(root / "index/clips.parquet")
    status = clips[["clip_id", "split"]].assign(available=True, status="ok")
    status.to_parquet(root / "availability.parquet")
    centres = unit(generator.normal(size=(num_classes, 300)))
    vectors = unit(centres[classes] + 0.02 * generator.normal(size=(NUM_CLIPS, 300)))
    vectors = np.concatenate([vectors, unit(generator.normal(size=(2, 300)))]).astype(np.float32)
    np.save(root / "forms/toy.npy", vectors)
    index = pd.DataFrame({"clip_id": clips["clip_id"], "row": np.arange(len(clips))})
    index.to_parquet(root / "forms/toy.parquet")
    files = DatasetFiles(root, 1)
    write_texts(files, label_names, ["puppy"])
    write_json({"num_shards": 1, "fingerprint": "0123456789ab"}, files.availability)
    return files


def write_texts(data: DatasetFiles, labels: list[str], queries: list[str]) -> None:
    """Write what embed_labels writes, with random directions."""
    files, texts = LabelFiles.of(data), [*labels, *queries]
    vectors = unit(np.random.default_rng(1).normal(size=(len(texts), WIDTH)))
    np.save(files.array, vectors.astype(np.float32))
    rows = [
        {"label": text, "row": row, "is_label": row < len(labels), "words": [text], "unknown": []}
        for row, text in enumerate(texts)
    ]
    write_parquet(pa.Table.from_pylist(rows, schema=LABEL_SCHEMA), files.index)
    write_json({"vectors": "toy", "trained_on": None, "dimensions": WIDTH}, files.summary)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
