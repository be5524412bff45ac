"""How fast an epoch is read: clips a second from 20 GB of filter banks, cold and warm.

    python benchmarks/bench_read.py --gigabytes 20 --folder FOLDER

The training loop itself goes through an epoch, its network one number: the order of the clips, the
reading ahead by windows, the threads that gather and normalise, batches of 128, image embeddings
beside the filter banks, as in workflow/configs/tsubaki2024.yaml. Cold: the system is told to
forget the files first, and Linux counts what then came from the disk. Warm: a part of the shards
that the memory holds, read once before. Both with the paper config's read_block of 16 and in plain
random order. Files of random numbers, shards of 1,500 clips, are made in FOLDER and always removed.
Writes results/benchmarks/bench_read.json.
"""

import argparse
import json
import math
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from machine import describe_machine
from paper_stage import OPTIONS, forget
from torch import nn

from hearsay.features.extract import INDEX_SCHEMA
from hearsay.files import write_json
from hearsay.layout import DatasetFiles
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.family import Batch, Loss
from hearsay.training.checkpoint import Checkpoint
from hearsay.training.data import Clips
from hearsay.training.loop import Trainer
from hearsay.training.options import StageOptions
from hearsay.training.processes import Processes
from hearsay.training.stop import StopRequest
from hearsay.training.stores import open_stores

FBANK, IMAGES = (1000, 128), (4, 512)  # of a clip, float16
CLIP_BYTES = 2 * math.prod(FBANK)
DRAWN_CLIPS = 512  # different ones; shards repeat them in orders of their own


class Nothing:
    """A family that reads its batches and learns nothing."""

    def requires(self) -> tuple[str, ...]:
        """Name the stores of the audio_image stage."""
        return ("fbank", "image_embeddings")

    def loss(self, network: nn.Module, batch: Batch, epoch: int, part: BatchPart) -> Loss:
        """Return a loss without a look at the batch."""
        return Loss(next(network.parameters()).sum() ** 2)

    def logit_scale(self, network: nn.Module) -> float:
        """There is none."""
        return math.nan


def write_shards(folder: Path, num_shards: int, shard_size: int) -> DatasetFiles:
    """Write shards of random numbers as extract_fbank and embed_images write them, in pieces."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, 0x3C00, (DRAWN_CLIPS, *FBANK), dtype=np.uint16).view(np.float16)
    for name in ("fbank", "image_embeddings"):
        (folder / name).mkdir(parents=True)
    for shard in range(num_shards):
        columns: dict[str, Any] = {
            "clip_id": [f"clip{shard * shard_size + row:08d}" for row in range(shard_size)],
            "row": np.arange(shard_size),
            "num_frames": np.full(shard_size, FBANK[0]),
            "sum": np.zeros(shard_size),
            "sum_squares": np.zeros(shard_size),
        }
        index = pa.Table.from_pydict(columns, schema=INDEX_SCHEMA)
        for name, shape in (("fbank", FBANK), ("image_embeddings", IMAGES)):
            path = folder / name / f"{shard:05d}"
            pq.write_table(index, path.with_suffix(".parquet"))
            header = {"descr": "<f2", "fortran_order": False, "shape": (shard_size, *shape)}
            with path.with_suffix(".npy").open("wb") as file:
                np.lib.format.write_array_header_1_0(file, header)
                for row in rng.integers(0, DRAWN_CLIPS, shard_size):
                    file.write(drawn[row].reshape(-1)[: math.prod(shape)].data)
    return DatasetFiles(folder, num_shards)


def open_clips(data: DatasetFiles) -> Clips:
    """Open the stores as a run does."""
    stores = open_stores(data, Nothing().requires(), OPTIONS, {"mean": 0.0, "std": 1.0})
    return Clips(list(stores["fbank"].clip_ids), stores)


def read_epoch(clips: Clips, read_block: int, batch_size: int, readers: int) -> dict[str, Any]:
    """Let the training loop go through an epoch; return its speed and what came from the disk."""
    options = {**OPTIONS, "epochs": 1, "read_block": read_block, "batch_size": batch_size}
    network = nn.Linear(1, 1, bias=False)
    stop, before = StopRequest(), bytes_from_disk()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Checkpoint(Path(folder) / "checkpoint.pt", options, "")
        used = time.process_time()
        trainer = Trainer(
            Nothing(),  # type: ignore[arg-type]
            network,
            clips,
            Clips([], clips.stores),
            StageOptions.of(options),
            0,
            torch.device("cpu"),
            checkpoint,
            processes=Processes(),
            readers=readers,
            checkpoint_minutes=math.inf,
            stop=stop,
        )
        row = trainer.fit().history.iloc[0]
    number = trainer.num_steps * trainer.batch_size
    return {
        "clips": number,
        "clips_per_s": round(float(row["clips_per_s"])),
        "gb_per_s": round(float(row["clips_per_s"]) * CLIP_BYTES / 1e9, 2),
        "processor_ms_a_clip": round(1e3 * (time.process_time() - used) / number, 3),
        "read_from_disk_share": round((bytes_from_disk() - before) / (number * CLIP_BYTES), 2),
    }


def bytes_from_disk() -> int:
    """Return how many bytes this process has had read from a disk so far (Linux)."""
    counted = Path("/proc/self/io").read_text()
    return int(counted.split("read_bytes:")[1].split()[0])


def measure(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Write the shards, read epochs cold and warm."""
    num_shards = math.ceil(given.gigabytes * 1e9 / CLIP_BYTES / given.shard_size)
    started = time.perf_counter()
    data = write_shards(folder, num_shards, given.shard_size)
    print(f"{num_shards} shards written in {time.perf_counter() - started:.0f} s", flush=True)
    num_warm = max(1, int(given.warm_gigabytes * 1e9 / CLIP_BYTES / given.shard_size))
    warm = open_clips(DatasetFiles(folder, min(num_warm, num_shards)))
    cold = open_clips(data)
    results: dict[str, dict[str, Any]] = {}

    def read(name: str, clips: Clips, read_block: int) -> None:
        results[name] = read_epoch(clips, read_block, given.batch_size, given.readers)
        print(name, results[name], flush=True)

    for order, read_block in (("blocks", given.read_block), ("random", 1)):
        forget(cold)
        read(f"{order}, cold", cold, read_block)
    forget(cold)
    read("to warm up", warm, given.read_block)
    for order, read_block in (("blocks", given.read_block), ("random", 1)):
        read(f"{order}, warm", warm, read_block)
    return {
        "what": "an epoch read by the training loop, clips a second",
        "gigabytes": round(len(cold) * CLIP_BYTES / 1e9, 1),
        "gigabytes_warm": round(len(warm) * CLIP_BYTES / 1e9, 1),
        "shard_size": given.shard_size,
        "read_block": given.read_block,
        "batch_size": given.batch_size,
        "readers": given.readers,
        "results": results,
        **describe_machine(torch=torch.__version__),
    }


def main() -> None:
    """Measure and report; the shards are removed whatever happens."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=20.0)
    parser.add_argument("--warm-gigabytes", type=float, default=6.0, help="less than the memory")
    parser.add_argument("--shard-size", type=int, default=1500)
    parser.add_argument("--read-block", type=int, default=16)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--folder", type=Path, help="in which to write; default: a temporary one")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/bench_read.json"))
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the shards are removed
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        free = shutil.disk_usage(folder).free
        if free < 1.2e9 * given.gigabytes:
            raise SystemExit(
                f"{folder} has {free / 1e9:.0f} GB free, {1.2 * given.gigabytes:.0f} are needed; "
                "give --folder"
            )
        report = measure(Path(folder) / "random", given)
    write_json(report, given.output)
    print(json.dumps(report["results"], indent=1))


if __name__ == "__main__":
    main()
