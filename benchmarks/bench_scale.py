"""The data stage at AudioSet's size without its media: what each step on all clips takes.

    python benchmarks/bench_scale.py

Lists of 2,084,320 clips of AudioSet's shape and 51,308 of AudioCaps' are generated, and Snakemake
takes workflow/configs/tsubaki2024.yaml from them to the target `data`, Table II and its plot. A
program that stands first on PATH as `hearsay` lays out true-sized status tables in place of
fetching and decoding, 2,850 jobs; every other job is the real one, and so are the subset of another
lab and the start of a training run, on stores whose arrays are holes in files of the true size.
Each step has a process of its own. Writes results/benchmarks/bench_scale.json and removes the rest
(about 1 GB).
"""

import argparse
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from usage import Usage, run_measured

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "workflow" / "configs" / "tsubaki2024.yaml"
RESULTS = Path("results") / "tsubaki2024"
SETS = ("audioset", "audiocaps")
GOALS = {"wall_s": 120, "peak_mb": 3000}


def in_child(function: Callable[..., None], *arguments: object) -> None:
    """Do it in another process: this one has to stay small (see `run_measured`)."""
    child = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    child.start()
    child.join()
    if child.exitcode:
        raise SystemExit(f"{function.__name__} failed")


def prepare(folder: Path, num_clips: int, num_captioned: int, shard_size: int) -> None:
    """Write the lists, and the config that lies over the paper's."""
    import scale_lists

    lists = folder / "lists"
    scale_lists.write_audioset(lists / "audioset", num_clips)
    unbalanced = lists / "audioset" / "train.csv"
    scale_lists.write_audiocaps(lists / "audiocaps", unbalanced, num_captioned)
    datasets = {
        name: {
            "num_clips": number,
            "shard_size": shard_size,
            "fetch": {"clips_per_hour": None},
            name: scale_lists.describe(lists / name),
        }
        for name, number in zip(SETS, (num_clips, num_captioned), strict=True)
    }
    (folder / "scale.yaml").write_text(json.dumps({"datasets": datasets}))
    subset = {"benchmark": {"subset": "all.txt"}}
    (folder / "subset.yaml").write_text(json.dumps(subset))
    shutil.copy(ROOT / "config.yaml", folder)


def write_tables(folder: Path, shard_size: int) -> None:
    """Write the status tables that the stand-in lays out."""
    import pyarrow.parquet as pq
    import scale_tables

    from hearsay.clips.decode import AUDIO_SCHEMA, IMAGES_SCHEMA

    for name in SETS:
        own, data = folder / "tables" / name, RESULTS / "data" / name
        index = folder / data / "index" / "clips.parquet"
        scale_tables.write_status_tables(index, shard_size, f"{data}/clips", own)
        for kind, schema in (("audio", AUDIO_SCHEMA), ("images", IMAGES_SCHEMA)):
            pq.write_table(schema.empty_table(), own / f"{kind}.parquet")


def write_stores(data: Path, num_shards: int) -> None:
    """Write the stores that a run opens."""
    import scale_tables

    scale_tables.write_stores(data, num_shards)


def start_run(data: Path, num_shards: int) -> None:
    """Do what a training run of the audio_image stage does before its first batch."""
    from hearsay.layout import DatasetFiles
    from hearsay.machine import allow_many_files
    from hearsay.training.data import Clips, choose_clips
    from hearsay.training.order import epoch_order
    from hearsay.training.processes import make_generator
    from hearsay.training.stores import open_stores

    allow_many_files()
    files = DatasetFiles(data, num_shards)
    options = {"fbank": {"pad": "before"}}
    stores = open_stores(files, ("fbank", "image_embeddings"), options, {"mean": 0.0, "std": 1.0})
    train, val = (
        Clips(choose_clips(files.clips, split, stores, None), stores) for split in ("train", "val")
    )
    epoch_order(len(train), 16, make_generator(0))
    print(f"{len(train):,} train clips, {len(val):,} val clips")


class Bench:
    """The workflow in a folder, with the stand-in before the real program."""

    def __init__(self, folder: Path, cores: int) -> None:
        self.folder, self.cores = folder, cores
        self.record = folder / "record.tsv"
        self.steps: dict[str, dict[str, float]] = {}
        real = Path(sys.executable).with_name("hearsay")
        shim = folder / "bin" / "hearsay"
        shim.parent.mkdir()
        stand_in = Path(__file__).with_name("stand_in.py")
        parts = (sys.executable, "-I", "-S", stand_in, folder / "tables", real, self.record)
        shim.write_text(f'#!/bin/sh\nexec {" ".join(map(str, parts))} "$@"\n')
        shim.chmod(0o755)
        # Behind it the folder of the real one, so that the workflow does not put that before all.
        path = [str(shim.parent), str(real.parent), os.environ.get("PATH", os.defpath)]
        self.environment = {"PATH": os.pathsep.join(path)}

    def snakemake(self, *targets: str, subset: bool = False) -> Usage:
        """Make targets; what each real job took goes into `steps`."""
        start = [sys.executable, "-m", "snakemake", *targets, "--snakefile", ROOT / "Snakefile"]
        files = [CONFIG, "scale.yaml", *(["subset.yaml"] if subset else [])]
        how = ["--directory", self.folder, "--cores", self.cores, "--quiet", "rules"]
        command = [*start, *how, "--configfile", *files]
        return self._run([str(part) for part in command])

    def hearsay(self, *arguments: object) -> Usage:
        """Run a subcommand by hand."""
        return self._run(["hearsay", *map(str, arguments)])

    def _run(self, command: list[str]) -> Usage:
        if command[0] == "hearsay":
            command[0] = str(self.folder / "bin" / "hearsay")
        used = run_measured(command, self.folder / "printed.txt", self.environment, self.folder)
        self._read_record()
        return used

    def _read_record(self) -> None:
        lines = self.record.read_text().splitlines() if self.record.exists() else []
        self.record.unlink(missing_ok=True)
        for line in lines:
            wall_s, processor_s, peak_mb, *arguments = line.split("\t")
            name = name_step(arguments)
            self.add(name, Usage(float(wall_s), float(processor_s), float(peak_mb)))

    def add(self, name: str, used: Usage) -> None:
        """Keep what a step took, and print it."""
        self.steps[name] = used.rounded()
        print(f"{name}: {self.steps[name]}", flush=True)


def name_step(arguments: list[str]) -> str:
    """Name a job of hearsay by its subcommand, and by data set or store where it has one."""
    if arguments[0] == "--log":
        arguments = arguments[2:]
    name = arguments[0].replace("-", "_")
    if "--among" in arguments:
        return f"{name} --among"
    given = dict(pairwise(arguments))
    if name == "check_shards":
        return f"{name} {Path(given['--folder']).name}"
    named = [given.get("--dataset"), Path(given.get("--data", "")).name]
    named.append(Path(given.get("--availability", "")).parent.name)
    own = next((name for name in named if name in SETS), None)
    alone = name in ("export_subset", "check_subset", "make_table_clips", "plot_availability")
    return f"{name} {own}" if own and not alone else name


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Go through the data stage, the subset and the start of a run."""
    sizes = (arguments.clips, arguments.captioned_clips, arguments.shard_size)
    in_child(prepare, folder, *sizes)
    bench = Bench(folder, arguments.cores)
    bench.snakemake(*(f"{RESULTS}/data/{name}/index/clips.parquet" for name in SETS))
    in_child(write_tables, folder, arguments.shard_size)
    began = time.perf_counter()
    tables = [RESULTS / "tables" / "table_2.md", RESULTS / "plots" / "availability.svg"]
    stage = bench.snakemake("data", *map(str, tables))
    print(f"data stage: {time.perf_counter() - began:.0f} s", flush=True)
    data = [RESULTS / "data" / name for name in SETS]
    bench.hearsay("export-subset", "--data", *data, "--file", "all.txt")
    bench.hearsay("export-subset", "--data", *data, "--among", "all.txt", "--file", "both.txt")
    bench.snakemake(str(RESULTS / "subset" / "all.txt"), subset=True)
    num_shards = -(-arguments.clips // arguments.shard_size)
    in_child(write_stores, folder / data[0], num_shards)
    for store in ("fbank", "image_embeddings"):
        own = data[0] / store
        shards = ("--num-shards", num_shards, "--record", own / "shards.json")
        bench.hearsay("check_shards", "--folder", own, *shards)
    fbank = json.dumps({"num_frames": 1000, "pad": "before"})
    statistics = data[0] / "fbank" / "statistics.json"
    bench.hearsay(
        "measure_fbank", "--data", data[0], "--options", fbank, "--statistics", statistics
    )
    run = [sys.executable, __file__, "--start-run", str(data[0]), str(num_shards)]
    bench.add(
        "start of train_run", run_measured(run, folder / "printed.txt", bench.environment, folder)
    )
    print((folder / "printed.txt").read_text())
    summary = json.loads((folder / data[0] / "availability.json").read_text())
    status = sorted((folder / data[0]).glob("*/*.status.parquet"))
    return {
        "what": "steps on all clips: seconds, peak resident memory of the process",
        "clips": {"audioset": arguments.clips, "audiocaps": arguments.captioned_clips},
        "stand_in_jobs": len(list((folder / RESULTS / "data").glob("*/*/*.status.parquet"))),
        "status_tables_mb": round(sum(path.stat().st_size for path in status) / 2**20),
        "whole_stage": {"wall_s": round(stage.wall_s), "processor_s": round(stage.processor_s)},
        "splits": summary["splits"],
        "steps": bench.steps,
        "beyond_goals": sorted(
            f"{name} {key}"
            for name, step in bench.steps.items()
            for key, goal in GOALS.items()
            if step[key] > goal
        ),
        "goals": GOALS,
    }


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=2_084_320)
    parser.add_argument("--captioned-clips", type=int, default=51_308)
    parser.add_argument("--shard-size", type=int, default=1500)
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, help="in which to work; default: a temporary one")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/bench_scale.json"))
    parser.add_argument("--start-run", nargs=2, metavar=("DATA", "SHARDS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.start_run:
        start_run(Path(arguments.start_run[0]), int(arguments.start_run[1]))
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        report = measure(Path(folder), arguments)
    from machine import describe_machine  # here, since it makes this process large

    from hearsay.files import write_json

    write_json({**report, **describe_machine()}, arguments.output)


if __name__ == "__main__":
    main()
