"""What the jobs of each rule take: peak memory, cores and seconds, as workflow/profiles/slurm asks.

Runs the workflow in a folder of its own, with a `hearsay` first on PATH that starts the real one
and watches it: the resident memory of all its processes together, five times a second, and the
peak that the kernel tells of the largest one. By default the demo with every method, one seed and
one epoch, since epochs and seeds change no memory.
Writes results/benchmarks/bench_rules.json, a row a rule.
"""

import argparse
import json
import os
import resource
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import yaml
from machine import describe_machine

from hearsay.config import merge
from hearsay.files import write_json

ROOT = Path(__file__).parents[1]
RECORD = "HEARSAY_BENCH_RULES"
WATCHER = '#!/bin/sh\nexec {python} {script} --watch "$@"\n'
MB = 1e6


def watch(arguments: list[str]) -> int:
    """Run the real `hearsay`, note what it took, and return its exit status."""
    started = time.monotonic()
    process = psutil.Popen([sys.executable, "-m", "hearsay.cli", *arguments])
    together = 0
    while process.poll() is None:
        together = max(together, resident(process))
        time.sleep(0.2)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    row = {
        "rule": arguments[2] if arguments[0] == "--log" else arguments[0],
        "peak_mb": max(together, used.ru_maxrss * 1024) / MB,
        "cpu_s": used.ru_utime + used.ru_stime,
        "wall_s": time.monotonic() - started,
    }
    with Path(os.environ[RECORD]).open("a") as record:
        record.write(json.dumps(row) + "\n")
    return int(process.returncode)


def resident(process: psutil.Process) -> int:
    """Sum the resident bytes of a process and of all that it has started."""
    total = 0
    for member in [process, *process.children(recursive=True)]:
        try:
            total += member.memory_info().rss
        except psutil.NoSuchProcess:  # ended meanwhile
            continue
    return total


def short(config: dict[str, Any]) -> dict[str, Any]:
    """Take one seed and one epoch of everything that is trained."""
    families = {
        family: {stage: {"epochs": 1, "warmup_epochs": 0} for stage in stages}
        for family, stages in (
            ("frame_match", ("audio_image", "audio_text")),
            ("word_align", ("audio_text",)),
            ("joint_embedding", ("audio_label",)),
        )
    }
    methods = {name: {"nearest_from_epoch": 0} for name in config["methods"] if "nearest" in name}
    quick = {"benchmark": {"seeds": [0]}, "families": families, "methods": methods}
    return merge(merge(config, quick), {"clip": {"training": {"epochs": 1}}})


def measure(config: dict[str, Any], folder: Path, arguments: list[str]) -> pd.DataFrame:
    """Run the workflow of a config in a folder; a row a job."""
    command = folder / "bin" / "hearsay"
    command.parent.mkdir()
    command.write_text(WATCHER.format(python=sys.executable, script=Path(__file__).resolve()))
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    record = folder / "record.jsonl"
    path = os.pathsep.join(
        [str(command.parent), str(Path(sys.executable).parent), os.environ["PATH"]]
    )
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    subprocess.run(
        [*snakemake, "--directory", str(folder), "--quiet", "rules", *arguments],
        env={**os.environ, "PATH": path, RECORD: str(record)},
        check=True,
    )
    return pd.read_json(record, lines=True)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configfile", type=Path, help="over config.yaml; whole, not shortened")
    parser.add_argument("--cores", default="all")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/bench_rules.json"))
    arguments = parser.parse_args()
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    if arguments.configfile:
        config = merge(config, yaml.safe_load(arguments.configfile.read_text()))
    else:
        config = short(config)
    with tempfile.TemporaryDirectory() as folder:
        jobs = measure(config, Path(folder), ["--cores", arguments.cores])
    rules = jobs.groupby("rule", sort=False).agg(
        jobs=("rule", "size"),
        peak_mb=("peak_mb", "max"),
        cpu_s=("cpu_s", "max"),
        wall_s=("wall_s", "max"),
    )
    print(rules.round(1).to_string())
    write_json({"rules": rules.round(2).to_dict("index"), **describe_machine()}, arguments.output)
    print(f"wrote {arguments.output}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--watch"]:
        sys.exit(watch(sys.argv[2:]))
    main()
