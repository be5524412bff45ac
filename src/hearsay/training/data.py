"""What a stage trains on: which clips, and how a batch of them is gathered from the stores."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from hearsay.clips.subset_files import read_subset
from hearsay.layout import dataset_of
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.family import Batch
from hearsay.training.stores import Stores

PREFETCHED = 2  # batches that each reader is ahead of the network


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
        present.append(read_subset(subset, dataset_of(clips)))
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
        for store in self.stores.values():
            batch.update(store.gather(ids, part))
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
            store.read_ahead(ids)
