"""The record of a store's shards: one file that says all are there and fit together."""

import hashlib
from pathlib import Path

from hearsay.features.store import ShardedArrays
from hearsay.files import write_json
from hearsay.layout import DatasetFiles


def check_shards(folder: Path, num_shards: int, record: Path) -> None:
    """Check that the shards of a store are complete and of one shape, and record them.

    Runs name the record as their input instead of every shard. Its `state` is a digest of the
    files' names, sizes and times of writing, so a shard that was written anew changes the record,
    and what was made of the store is made again, even where its numbers came out the same.

    Raises:
        HearsayError: a shard is absent or damaged, or two differ in shape or type.
    """
    files = DatasetFiles(folder.parent, num_shards)
    arrays = files.shards(folder.name, ".npy")
    store = ShardedArrays(arrays)
    state = hashlib.sha256()
    for path in [*arrays, *files.shards(folder.name, ".parquet")]:
        status = path.stat()
        state.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    summary = {
        "num_shards": num_shards,
        "num_clips": len(store),
        "shape": list(store.shape[1:]),
        "dtype": str(store.dtype),
        "state": state.hexdigest()[:12],
    }
    write_json(summary, record)
