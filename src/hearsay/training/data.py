"""What a stage trains on: which clips, and how a batch of them is gathered from the stores."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch
from torch import Tensor

from hearsay.clips.availability import read_subset
from hearsay.errors import HearsayError
from hearsay.features.normalise import normalise
from hearsay.features.store import ShardedArrays
from hearsay.layout import DatasetFiles
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.family import Batch

PREFETCHED = 2  # batches that each reader is ahead of the network


class NormalisedFeatures:
    """Filter banks of any clips, padded and normalised.

    Args:
        arrays: the shards' .npy files; their indexes lie beside them.
        statistics: mean and std of the set that the network was first trained on.
        pad: `before` or `after` the normalisation (`features.fbank.pad`).
    """

    def __init__(self, arrays: Sequence[Path], statistics: Mapping[str, Any], pad: str) -> None:
        self.paths = [Path(array) for array in arrays]
        self.store = ShardedArrays(arrays)
        indexes = [pq.read_table(path.with_suffix(".parquet")) for path in self.paths]
        self.num_frames: dict[str, int] = {
            clip_id: frames
            for index in indexes
            for clip_id, frames in zip(
                index["clip_id"].to_pylist(), index["num_frames"].to_pylist(), strict=True
            )
        }
        self.statistics = statistics
        self.pad = pad

    @property
    def clip_ids(self) -> Sequence[str]:
        """All clips that have features."""
        return list(self.num_frames)

    def gather(self, clip_ids: Sequence[str]) -> Tensor:
        """Gather float32 [B, T, F]."""
        features = self.store.gather(clip_ids)
        num_frames = np.array([self.num_frames[clip_id] for clip_id in clip_ids], dtype=np.int64)
        return torch.as_tensor(normalise(features, num_frames, self.statistics, self.pad))


class ImageEmbeddings:
    """The image embeddings of any clips."""

    def __init__(self, arrays: Sequence[Path]) -> None:
        self.paths = [Path(array) for array in arrays]
        self.store = ShardedArrays(arrays)

    @property
    def clip_ids(self) -> Sequence[str]:
        """All clips that have images."""
        return self.store.clip_ids

    def gather(self, clip_ids: Sequence[str]) -> Tensor:
        """Gather float32 [B, L, D]."""
        return torch.from_numpy(self.store.gather(clip_ids).astype(np.float32))


class CaptionEmbeddings:
    """The caption embeddings of any clips.

    Args:
        array: the .npy of all captions; the table beside it says whose they are.
    """

    def __init__(self, array: Path) -> None:
        self.paths = [Path(array)]
        index = pq.read_table(Path(array).with_suffix(".parquet"), columns=["clip_id", "row"])
        self.array = np.load(array, mmap_mode="r")  # [M, D]
        rows = index.to_pandas().groupby("clip_id", sort=False)["row"].agg(list)
        self.rows: dict[str, list[int]] = rows.to_dict()

    @property
    def clip_ids(self) -> Sequence[str]:
        """All clips that have a caption."""
        return list(self.rows)

    def gather(self, clip_ids: Sequence[str], part: BatchPart) -> Tensor:
        """Gather one caption of each clip, drawn at random: float32 [B, D]."""
        share = part.uniform(len(clip_ids)).tolist()
        rows = [
            self.rows[clip_id][int(part * len(self.rows[clip_id]))]
            for clip_id, part in zip(clip_ids, share, strict=True)
        ]
        return torch.from_numpy(np.asarray(self.array[rows], dtype=np.float32))


Store = NormalisedFeatures | ImageEmbeddings | CaptionEmbeddings
Stores = dict[str, Store]


def open_stores(
    data: DatasetFiles, names: Sequence[str], statistics: Mapping[str, Any], pad: str
) -> Stores:
    """Open the stores that a family requires, by name.

    Raises:
        HearsayError: a name is unknown.
    """
    makers: dict[str, Callable[[], Store]] = {
        "fbank": lambda: NormalisedFeatures(data.shards("fbank", ".npy"), statistics, pad),
        "image_embeddings": lambda: ImageEmbeddings(data.shards("image_embeddings", ".npy")),
        "caption_embeddings": lambda: CaptionEmbeddings(data.caption_embeddings),
    }
    unknown = set(names) - set(makers)
    if unknown:
        raise HearsayError(f"no store {', '.join(sorted(unknown))}; known: {', '.join(makers)}")
    return {name: makers[name]() for name in names}


def choose_clips(clips: Path, split: str, stores: Stores, subset: Path | None) -> list[str]:
    """List the clips of a split, in index order, that every store holds and the subset names.

    Args:
        clips: index table.
        split: train, val or test.
        stores: of `open_stores`.
        subset: a text file of clip ids, one a line; None: no restriction.

    Raises:
        HearsayError: the subset file is absent or names no clip.
    """
    table: pd.DataFrame = pq.read_table(clips, columns=["clip_id", "split"]).to_pandas()
    present = [set(store.clip_ids) for store in stores.values()]
    if subset is not None:
        present.append(read_subset(subset))
    listed = table.loc[table["split"] == split, "clip_id"].tolist()
    return [clip_id for clip_id in listed if all(clip_id in known for known in present)]


@dataclass(frozen=True)
class Clips:
    """Clips of one split, and the stores that their batches are gathered from."""

    clip_ids: list[str]
    stores: Stores

    def __len__(self) -> int:
        return len(self.clip_ids)

    def gather(self, rows: Sequence[int], part: BatchPart) -> Batch:
        """Gather some clips on the CPU; captions are drawn by `part`."""
        ids = [self.clip_ids[row] for row in rows]
        batch: Batch = {}
        for name, store in self.stores.items():
            if isinstance(store, CaptionEmbeddings):
                batch[name] = store.gather(ids, part)
            else:
                batch[name] = store.gather(ids)
        return batch

    def batches(
        self,
        rows: Iterable[Sequence[int]],
        parts: Iterable[BatchPart],
        readers: int,
        pin: bool = False,
    ) -> Iterator[tuple[Sequence[int], Batch]]:
        """Yield each list of rows with its batch, gathered ahead by other threads.

        Each batch has draws of its own, so the order of reading changes none.

        Args:
            rows: of each batch.
            parts: one for each batch.
            readers: threads; reading and converting release the interpreter.
            pin: put batches where a GPU can fetch them by itself.
        """

        def read(of_batch: Sequence[int], part: BatchPart) -> Batch:
            batch = self.gather(of_batch, part)
            return {k: v.pin_memory() for k, v in batch.items()} if pin else batch

        waiting: deque[tuple[Sequence[int], Future[Batch]]] = deque()
        with ThreadPoolExecutor(readers) as pool:
            for of_batch, part in zip(rows, parts, strict=True):
                waiting.append((of_batch, pool.submit(read, of_batch, part)))
                if len(waiting) > PREFETCHED * readers:
                    done, future = waiting.popleft()
                    yield done, future.result()
            for done, future in waiting:
                yield done, future.result()

    def read_ahead(self, rows: Sequence[int]) -> None:
        """Ask the system to read the features of some clips, soon, in the order of the disk."""
        ids = [self.clip_ids[row] for row in rows]
        for store in self.stores.values():
            if isinstance(store, NormalisedFeatures):
                store.store.read_ahead(ids)
