"""Features of every clip of one audio table, stored as one array with its index beside it."""

from collections.abc import Callable, Iterator, Sequence
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

CLIPS_PER_BATCH = 16  # read from the audio table at once

INDEX_SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("row", pa.int64()),
        ("num_frames", pa.int64()),  # before the padding
        ("sum", pa.float64()),  # over these frames, of the stored values
        ("sum_squares", pa.float64()),
    ]
)
VECTOR_SCHEMA = pa.schema([("clip_id", pa.string()), ("row", pa.int64())])


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
    rows = []
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(np.float16)),
        "fortran_order": False,
        "shape": (count_sounds(audio), num_frames, num_bins),
    }
    # Clip after clip, not by a memory map, whose pages would fill the memory with the whole shard.
    with atomic_path(array) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for row, (clip_id, waveform) in enumerate(read_sounds(audio, sample_rate_hz)):
            valid = compute(waveform)[:num_frames].half()
            stored = np.zeros((num_frames, num_bins), np.float16)
            stored[: len(valid)] = valid.numpy()
            file.write(stored.data)
            exact = valid.double()
            sums = (exact.sum().item(), exact.square().sum().item())
            rows.append(
                dict(zip(INDEX_SCHEMA.names, (clip_id, row, len(valid), *sums), strict=True))
            )
    write_parquet(pa.Table.from_pylist(rows, schema=INDEX_SCHEMA), index)


def extract_vectors(
    audio: Path,
    array: Path,
    index: Path,
    compute: Callable[[Tensor], Tensor],
    sample_rate_hz: int,
    width: int,
) -> None:
    """Compute one vector for each clip of one audio table, in its order.

    Args:
        audio: table of decode_clips.
        array: npy to write: float32 [clips, width].
        index: table to write: VECTOR_SCHEMA.
        compute: maps a waveform, float32 [samples], to float32 [width].
        sample_rate_hz: the rate that `compute` is made for.
        width: D of the vectors.

    Raises:
        HearsayError: the table is absent, or its sound has another sample rate.
    """
    clip_ids = []
    vectors = np.empty((count_sounds(audio), width), np.float32)
    for row, (clip_id, waveform) in enumerate(read_sounds(audio, sample_rate_hz)):
        clip_ids.append(clip_id)
        vectors[row] = compute(waveform).numpy()
    write_vectors(clip_ids, vectors, array, index)


def write_vectors(clip_ids: Sequence[str], vectors: Any, array: Path, index: Path) -> None:
    """Write vectors [N, D] as float32, and beside them VECTOR_SCHEMA."""
    with atomic_path(array) as temporary:
        np.save(temporary, np.asarray(vectors, np.float32))
    columns = {"clip_id": list(clip_ids), "row": np.arange(len(clip_ids), dtype=np.int64)}
    write_parquet(pa.Table.from_pydict(columns, schema=VECTOR_SCHEMA), index)


def count_sounds(audio: Path) -> int:
    """Count the clips of an audio table.

    Raises:
        HearsayError: the table is absent.
    """
    if not Path(audio).exists():
        raise HearsayError(f"{audio} does not exist; decode the clips of this shard first")
    return int(pq.read_metadata(audio).num_rows)


def read_sounds(audio: Path, sample_rate_hz: int) -> Iterator[tuple[str, Tensor]]:
    """Yield id and waveform, float32 [samples], of the clips of an audio table, in its order.

    Raises:
        HearsayError: the table is absent, or its sound has another sample rate.
    """
    num_clips = count_sounds(audio)
    # pre_buffer would hold the whole table in memory
    with pq.ParquetFile(audio, pre_buffer=False) as table:
        batches = table.iter_batches(CLIPS_PER_BATCH)
        clips = (clip for batch in batches for clip in batch.to_pylist())
        for clip in progress(clips, num_clips, "clip"):
            if clip["sample_rate_hz"] != sample_rate_hz:
                raise HearsayError(
                    f"{audio}: clip {clip['clip_id']} has {clip['sample_rate_hz']} Hz, not "
                    f"{sample_rate_hz}; decode this shard again"
                )
            yield clip["clip_id"], torch.from_numpy(decode_flac(clip["flac"]))
