"""The record of a store's shards: one file that says all are there and fit together."""

import hashlib
from pathlib import Path

import pyarrow.parquet as pq

from hearsay.features.store import ShardedArrays
from hearsay.files import write_json
from hearsay.layout import DatasetFiles


def check_shards(folder: Path, num_shards: int, record: Path) -> None:
    """Check that the shards of a store are complete and fit together, and record them.

    Runs name the record as their input instead of every shard. Its `state` is a digest of what the
    shards hold, so that shards made anew with the same content leave the record as it was.

    Raises:
        HearsayError: an array or its index is absent or damaged, the two differ in length, a clip
            stands in two shards, or two shards differ in shape or type.
    """
    files = DatasetFiles(folder.parent, num_shards)
    arrays = files.shards(folder.name, ".npy")
    store = ShardedArrays(arrays)
    state = hashlib.sha256()
    for path in arrays:
        state.update(_digest(path))
    summary = {
        "num_shards": num_shards,
        "num_clips": len(store),
        "shape": list(store.shape[1:]),
        "dtype": str(store.dtype),
        "state": state.hexdigest()[:12],
    }
    write_json(summary, record)


def _digest(array: Path) -> bytes:
    """Digest an array of a shard with its index.

    Spectrograms of a large data set are hundreds of GB. Their indexes hold the sums of every clip,
    which stand for them; embeddings, a hundredth of that, are read.
    """
    index = pq.read_table(array.with_suffix(".parquet"))
    columns = {name: index[name].to_pylist() for name in sorted(index.column_names)}
    digest = hashlib.sha256(repr((array.name, array.stat().st_size, columns)).encode())
    if "sum" not in columns:
        with array.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.digest()
