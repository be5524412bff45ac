"""Train WAL-Net on the weak labels of a data set: what sounds in a clip, not when."""

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch
from torch import Tensor
from torch.nn import functional

from hearsay.encoders.wal_net_layers import WalNet
from hearsay.errors import HearsayError
from hearsay.features.store import ShardedArrays

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabelledClips:
    """The clips to train on.

    Attributes:
        features: their log-mel and others', on the disk.
        clip_ids: those with a label, of split train, in the order of the shards.
        num_frames: valid frames of each.
        targets: float32 [N, C], 1 where a clip bears a label.
        classes: the labels in the order of the targets, sorted.
    """

    features: ShardedArrays
    clip_ids: list[str]
    num_frames: list[int]
    targets: Tensor
    classes: list[str]


def read_labelled(clips: Path, arrays: Sequence[Path]) -> LabelledClips:
    """Find the train split's clips that have labels and features.

    Args:
        clips: index table.
        arrays: npy of each shard of extract_wal_logmel, with their index tables beside them.

    Raises:
        HearsayError: a table is absent, or fewer than two such clips exist.
    """
    if not Path(clips).is_file():
        raise HearsayError(f"{clips} does not exist; build_index has not run")
    table = pq.read_table(clips, columns=["clip_id", "split", "labels"]).to_pandas()
    table = table[(table["split"] == "train") & (table["labels"].map(len) > 0)]
    features = ShardedArrays(arrays)
    lengths = read_lengths(arrays)
    labels = table.set_index("clip_id")["labels"]
    clip_ids = [clip_id for clip_id in features.clip_ids if clip_id in labels.index]
    if len(clip_ids) < 2:
        raise HearsayError(
            f"{clips}: {len(clip_ids)} clips of the train split have labels and features; "
            "training WAL-Net needs at least two"
        )
    classes = sorted({label for clip_id in clip_ids for label in labels[clip_id]})
    place = {label: number for number, label in enumerate(classes)}
    targets = torch.zeros(len(clip_ids), len(classes))
    for row, clip_id in enumerate(clip_ids):
        targets[row, [place[label] for label in labels[clip_id]]] = 1.0
    num_frames = [lengths[clip_id] for clip_id in clip_ids]
    return LabelledClips(features, clip_ids, num_frames, targets, classes)


def read_lengths(arrays: Sequence[Path]) -> dict[str, int]:
    """Read how many frames each clip has, from the index tables beside the arrays."""
    columns = ["clip_id", "num_frames"]
    tables = [
        pd.read_parquet(Path(path).with_suffix(".parquet"), columns=columns) for path in arrays
    ]
    table = pd.concat(tables)
    return dict(zip(table["clip_id"], table["num_frames"].astype(int), strict=True))


def train_network(
    model: WalNet, clips: LabelledClips, options: dict[str, Any], device: torch.device
) -> None:
    """Train a network in place by binary cross-entropy on the mean over a clip's segments.

    An epoch shows every clip once, as one crop from a random place; the last incomplete batch is
    dropped. Adam at a fixed rate.

    Args:
        model: with its first weights.
        clips: at least two.
        options: seed, epochs, batch_size, crop_frames, learning_rate.
        device: to train on.

    Raises:
        HearsayError: a clip is shorter than a crop, or the loss is not finite.
    """
    _check_lengths(clips, options["crop_frames"])
    generator = torch.Generator().manual_seed(options["seed"])
    batch_size = min(options["batch_size"], len(clips.clip_ids))
    steps_per_epoch = len(clips.clip_ids) // batch_size
    # This order in memory is a fifth faster on a CPU.
    model.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(model.parameters(), lr=options["learning_rate"], fused=True)
    num_frames = torch.full((batch_size,), options["crop_frames"])
    shown = time.monotonic()
    for epoch in range(options["epochs"]):
        order = torch.randperm(len(clips.clip_ids), generator=generator)
        losses = []
        for rows in torch.split(order[: steps_per_epoch * batch_size], batch_size):
            crops = draw_crops(clips, rows.tolist(), options["crop_frames"], generator)
            probabilities, _ = model(crops.to(device), num_frames)
            targets = clips.targets[rows].to(device)
            loss = functional.binary_cross_entropy(probabilities, targets)
            if not math.isfinite(loss.item()):
                raise HearsayError(
                    f"wal_net.training: the loss is {loss.item()} in epoch {epoch}; lower "
                    "wal_net.training.learning_rate"
                )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.item())
        if epoch + 1 == options["epochs"] or time.monotonic() - shown > 5:
            shown = time.monotonic()
            logger.info(
                "wal_net: epoch %d of %d, loss %.4f", epoch + 1, options["epochs"], np.mean(losses)
            )
    model.eval()


def draw_crops(
    clips: LabelledClips, rows: list[int], crop_frames: int, generator: torch.Generator
) -> Tensor:
    """Cut a piece out of each clip, every place being as likely: float32 [B, crop_frames, F]."""
    stored = clips.features.gather([clips.clip_ids[row] for row in rows])  # [B, T, F]
    share = torch.rand(len(rows), generator=generator, dtype=torch.float64).tolist()
    crops = np.empty((len(rows), crop_frames, stored.shape[2]), np.float32)
    for crop, clip, row, part in zip(crops, stored, rows, share, strict=True):
        first = int(part * (clips.num_frames[row] - crop_frames + 1))
        crop[:] = clip[first : first + crop_frames]
    return torch.from_numpy(crops)


def _check_lengths(clips: LabelledClips, crop_frames: int) -> None:
    shortest = min(clips.num_frames)
    if shortest < crop_frames:
        clip_id = clips.clip_ids[clips.num_frames.index(shortest)]
        raise HearsayError(
            f"wal_net.training: clip {clip_id} has {shortest} frames, fewer than crop_frames "
            f"{crop_frames}; raise features.wal_logmel.min_frames to it"
        )
