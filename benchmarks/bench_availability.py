"""Time collect_availability on status tables of AudioSet's size: 2,084,320 clips, 1,390 shards.

    python benchmarks/bench_availability.py --folder /tmp/tables

Tables are made in the folder (about 100 MB; 18 % of the links dead, in 14 ways, with messages) and
left there. Not part of `make bench`: making them takes longer than reading them.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from machine import describe_machine

from hearsay.annotations.tables import CLIPS_SCHEMA
from hearsay.clips.availability import collect_availability
from hearsay.clips.status import DECODE_SCHEMA, FETCH_SCHEMA, FETCH_STATUSES

NUM_CLIPS = 2_084_320
SHARD_SIZE = 1_500
SPLITS = {"train": 2_041_789, "val": 22_160, "test": 20_371}
DEAD, BROKEN = 0.18, 0.005
MESSAGE = "ERROR: [youtube] {}: Video unavailable. This video is no longer available because the "
MESSAGE += "YouTube account associated with this video has been terminated."


def make_tables(folder: Path) -> None:
    """Write an index and the status tables of its shards, as the rules would."""
    draws = np.random.default_rng(0)
    letters = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"))
    videos = ["".join(row) for row in letters[draws.integers(0, 64, (NUM_CLIPS, 11))]]
    clip_ids = [f"{video}_30000" for video in videos]
    splits = draws.permutation(np.repeat(list(SPLITS), list(SPLITS.values())))
    _write(
        folder / "clips.parquet",
        CLIPS_SCHEMA,
        {"clip_id": clip_ids, "source": "youtube", "locator": videos, "split": splits},
    )
    failures = [name for name in FETCH_STATUSES if name not in ("ok", "excluded")][:14]
    dead = draws.random(NUM_CLIPS) < DEAD
    chosen = np.where(dead, draws.choice(failures, NUM_CLIPS), "ok")
    broken = ~dead & (draws.random(NUM_CLIPS) < BROKEN)
    decoded = np.where(dead, "not_fetched", np.where(broken, "silent", "ok"))
    for shard in range(-(-NUM_CLIPS // SHARD_SIZE)):
        rows = slice(shard * SHARD_SIZE, (shard + 1) * SHARD_SIZE)
        messages = [
            MESSAGE.format(video) if is_dead else ""
            for video, is_dead in zip(videos[rows], dead[rows], strict=True)
        ]
        for stage, schema, status in (
            ("clips", FETCH_SCHEMA, chosen),
            ("decode", DECODE_SCHEMA, decoded),
        ):
            columns = {"clip_id": clip_ids[rows], "status": status[rows], "detail": messages}
            _write(folder / stage / f"{shard:05d}.status.parquet", schema, columns)


def _write(path: Path, schema: pa.Schema, columns: dict[str, object]) -> None:
    """Write a table whose other columns are null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    num_rows = len(columns["clip_id"])
    arrays = []
    for field in schema:
        values = columns.get(field.name)
        if values is None:
            arrays.append(pa.nulls(num_rows, field.type))
        else:
            repeated = [values] * num_rows if isinstance(values, str) else values
            arrays.append(pa.array(repeated, field.type))
    table = pa.Table.from_arrays(arrays, schema=schema)
    pq.write_table(table, path, compression="zstd")


def main() -> None:
    """Make the tables where they are not there yet, and print what joining them takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    folder = parser.parse_args().folder
    if not (folder / "clips.parquet").exists():
        make_tables(folder)
        print("tables made; start again to measure")  # their making used memory too
        return
    stages = [sorted((folder / name).glob("*.status.parquet")) for name in ("clips", "decode")]
    started, used = time.perf_counter(), time.process_time()
    collect_availability(
        "audioset",
        folder / "clips.parquet",
        *stages,
        dict.fromkeys(SPLITS, 0.35),
        folder / "availability.parquet",
        folder / "availability.json",
    )
    print(
        json.dumps(
            {
                "machine": describe_machine(),
                "shards": len(stages[0]),
                "wall_s": round(time.perf_counter() - started, 1),
                "processor_s": round(time.process_time() - used, 1),
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
