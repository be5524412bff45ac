"""Read arrays of any clips out of memory-mapped shards."""

import mmap
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hearsay.errors import HearsayError

ADVICE_BYTES = 128 * 1024  # Linux reads no more than its read-ahead, often this, for one advice


class ShardedArrays:
    """The rows of several npy shards as one, found by clip id.

    Beside each `{shard}.npy` [clips, ...] lies `{shard}.parquet` with the columns clip_id and
    row. Nothing is read before it is asked for.

    Attributes:
        paths: of the shards.
        clip_ids: all clips, shard after shard.
        shape: (number of clips, ...) over all shards.

    Raises:
        HearsayError: a file is absent or damaged, an array and its index differ in length, a
            clip stands in two places, or two shards differ in shape or type.
    """

    def __init__(self, arrays: Sequence[Path]) -> None:
        if not arrays:
            raise HearsayError("no feature arrays given; name the shards' .npy files")
        self.paths = [Path(path) for path in arrays]
        self.arrays = [_open_array(path) for path in self.paths]
        self.clip_ids: list[str] = []
        shard_of, row_of = [], []
        # A shard that lost all its clips is empty, and its shape says nothing.
        first, first_path = next(
            (pair for pair in zip(self.arrays, arrays, strict=True) if len(pair[0])),
            (self.arrays[0], arrays[0]),
        )
        for shard, (path, array) in enumerate(zip(arrays, self.arrays, strict=True)):
            clip_ids, rows = _read_index(Path(path), len(array))
            self.clip_ids += clip_ids
            shard_of.append(np.full(len(rows), shard, np.int64))
            row_of.append(rows)
            if len(array) and (array.shape[1:], array.dtype) != (first.shape[1:], first.dtype):
                raise HearsayError(
                    f"{path} holds {array.shape[1:]} {array.dtype} a clip, {first_path} "
                    f"{first.shape[1:]} {first.dtype}; compute the shards anew with one config"
                )
        self._shard_of = np.concatenate(shard_of)  # [N]
        self._row_of = np.concatenate(row_of)  # [N]
        self._position = {clip_id: k for k, clip_id in enumerate(self.clip_ids)}
        if len(self._position) < len(self.clip_ids):
            twice = next(clip for clip, number in Counter(self.clip_ids).items() if number > 1)
            raise HearsayError(f"clip {twice} stands twice in the shards beside {arrays[0]}")
        self.shape: tuple[int, ...] = (len(self.clip_ids), *first.shape[1:])
        self.dtype = first.dtype

    def __len__(self) -> int:
        return len(self.clip_ids)

    def __contains__(self, clip_id: object) -> bool:
        return clip_id in self._position

    def gather(self, clip_ids: Sequence[str]) -> npt.NDArray[Any]:
        """Copy the arrays of some clips, in the order asked for: [B, ...] in the stored type.

        A clip may be asked for more than once. Rows are read shard by shard in the order in which
        they lie on the disk.

        Raises:
            HearsayError: a clip is in no shard.
        """
        try:
            positions = np.array([self._position[clip_id] for clip_id in clip_ids], np.int64)
        except KeyError as error:
            raise HearsayError(
                f"clip {error.args[0]} is in none of the {len(self.arrays)} shards; "
                "see availability.parquet for what became of it"
            ) from None
        gathered = np.empty((len(positions), *self.shape[1:]), self.dtype)
        shards, rows = self._shard_of[positions], self._row_of[positions]
        for place in np.lexsort((rows, shards)):
            gathered[place] = self.arrays[shards[place]][rows[place]]
        return gathered

    def read_ahead(self, clip_ids: Sequence[str]) -> None:
        """Ask the system to read the rows of some clips into memory, without waiting for them.

        Rows that lie together are asked for together, in pieces small enough that the system
        reads all of each. Where it takes no such advice, nothing happens: rows are then read
        when they are gathered.
        """
        if not len(clip_ids):
            return
        positions = np.array([self._position[clip_id] for clip_id in clip_ids], np.int64)
        shards, rows = self._shard_of[positions], self._row_of[positions]
        for shard in np.unique(shards):
            _advise(self.arrays[shard], np.sort(rows[shards == shard]))


def read_num_frames(arrays: Sequence[Path]) -> dict[str, int]:
    """Read how many frames of features are a clip's own, from the indexes beside the shards."""
    num_frames: dict[str, int] = {}
    for path in arrays:
        index = pq.read_table(path.with_suffix(".parquet"), columns=["clip_id", "num_frames"])
        num_frames.update(
            zip(index["clip_id"].to_pylist(), index["num_frames"].to_pylist(), strict=True)
        )
    return num_frames


def _advise(array: npt.NDArray[Any], rows: npt.NDArray[np.int64]) -> None:
    """Tell the system that some rows of a mapped array, in ascending order, will be needed.

    By the file and not by the mapping: Python lets no other thread run during `madvise`.
    """
    mapped = array.base
    if not isinstance(mapped, np.memmap) or not hasattr(os, "posix_fadvise"):
        return
    file = os.open(str(mapped.filename), os.O_RDONLY)
    try:
        for together in np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1):
            first = mapped.offset + int(together[0]) * array.strides[0]
            end = first + len(together) * array.strides[0]
            first -= first % mmap.PAGESIZE  # else a piece would have a page too many
            for piece in range(first, end, ADVICE_BYTES):
                length = min(ADVICE_BYTES, end - piece)
                os.posix_fadvise(file, piece, length, os.POSIX_FADV_WILLNEED)
    finally:
        os.close(file)


def _open_array(path: Path) -> npt.NDArray[Any]:
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; the step that writes it has not run") from None
    except OSError as error:
        raise HearsayError(f"cannot open {path}: {error.strerror or error}") from error
    except (ValueError, EOFError) as error:
        # A shard of no clips has nothing to map.
        empty = _load_empty(path)
        if empty is not None:
            return empty
        raise HearsayError(f"{path} is no complete array ({error}); remove it and run again") from (
            error
        )
    return np.asarray(mapped)  # the same mapping; plain indexing is four times as fast


def _load_empty(path: Path) -> npt.NDArray[Any] | None:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError):
        return None
    return array if array.size == 0 else None


def _read_index(path: Path, num_rows: int) -> tuple[list[str], npt.NDArray[np.int64]]:
    index = path.with_suffix(".parquet")
    if not index.exists():
        raise HearsayError(f"{index} does not exist; the step that writes it has not run")
    try:
        table = pq.read_table(index, columns=["clip_id", "row"])
    except (OSError, pa.ArrowException) as error:
        raise HearsayError(f"{index} cannot be read ({error}); remove it and run again") from error
    rows = np.asarray(table["row"], np.int64)
    if len(rows) != num_rows or not np.array_equal(np.sort(rows), np.arange(num_rows)):
        raise HearsayError(
            f"{path} has {num_rows} rows, but {index} names {len(rows)} others; "
            "remove both and run again"
        )
    return table["clip_id"].to_pylist(), rows
