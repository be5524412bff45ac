"""Features of every clip of one audio table, stored as one array with its index beside it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from hearsay.clips.audio import decode_flac
from hearsay.errors import HearsayError
from hearsay.files import atomic_path, write_parquet
from hearsay.progress import progress

CLIPS_PER_BATCH = 64  # read from the audio table at once

INDEX_SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("row", pa.int64()),
        ("num_frames", pa.int64()),  # before the padding
        ("sum", pa.float64()),  # over these frames, of the stored values
        ("sum_squares", pa.float64()),
    ]
)


def extract_features(
    audio: Path,
    array: Path,
    index: Path,
    compute: Callable[[Tensor], Tensor],
    sample_rate_hz: int,
    num_frames: int,
    num_bins: int,
) -> None:
    """Compute the features of the clips of one audio table, in its order.

    Args:
        audio: table of decode_clips.
        array: npy to write: float16 [clips, num_frames, F], cropped or padded with zeros.
        index: table to write: INDEX_SCHEMA; its num_frames says how many rows are no padding.
        compute: maps a waveform, float32 [samples], to its features, float32 [T, F].
        sample_rate_hz: the rate that `compute` is made for.
        num_frames: rows of every clip.
        num_bins: F.

    Raises:
        HearsayError: the table is absent, or its sound has another sample rate.
    """
    if not Path(audio).exists():
        raise HearsayError(f"{audio} does not exist; decode the clips of this shard first")
    rows = []
    with pq.ParquetFile(audio) as table, atomic_path(array) as temporary:
        shape = (table.metadata.num_rows, num_frames, num_bins)
        stored = _open_array(temporary, shape)
        clips = (
            clip for batch in table.iter_batches(CLIPS_PER_BATCH) for clip in batch.to_pylist()
        )
        for row, clip in enumerate(progress(clips, shape[0], "clip")):
            if clip["sample_rate_hz"] != sample_rate_hz:
                raise HearsayError(
                    f"{audio}: clip {clip['clip_id']} has {clip['sample_rate_hz']} Hz, not "
                    f"{sample_rate_hz}; decode this shard again"
                )
            valid = compute(torch.from_numpy(decode_flac(clip["flac"])))[:num_frames].half()
            stored[row, : len(valid)] = valid.numpy()
            exact = valid.double()
            sums = (exact.sum().item(), exact.square().sum().item())
            rows.append(
                dict(
                    zip(INDEX_SCHEMA.names, (clip["clip_id"], row, len(valid), *sums), strict=True)
                )
            )
        if shape[0]:
            stored.flush()
        del stored
    write_parquet(pa.Table.from_pylist(rows, schema=INDEX_SCHEMA), index)


def _open_array(path: Path, shape: tuple[int, ...]) -> Any:
    """Make an npy file of zeros; one of no rows cannot be mapped and is written at once."""
    if shape[0] == 0:
        np.save(path, np.zeros(shape, np.float16))
        return np.zeros(shape, np.float16)
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=shape)
    if hasattr(os, "posix_fallocate"):  # Linux; a mapped file that meets a full disk kills us
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array
