"""What planning takes: time and memory of Snakemake's graph by the number of its jobs.

    python benchmarks/bench_graph.py

Dry runs of workflow/configs/tsubaki2024.yaml as it is, with fewer clips (about 1,000 jobs) and with
smaller shards (about 10,000), and of one index alone: what is left there is reading the Snakefile
and the config, which every job of a cluster does again. Nothing is fetched or written but the
report, results/benchmarks/bench_graph.json.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from usage import run_measured

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "workflow" / "configs" / "tsubaki2024.yaml"
# Overrides of the data set audioset: four jobs a shard, about 200 for all else.
SIZES: dict[str, dict[str, int]] = {
    "about 1,000 jobs": {"num_clips": 297_000},
    "AudioSet": {},
    "about 10,000 jobs": {"shard_size": 852},
}
ONE_INDEX = "results/tsubaki2024/data/audiocaps/index/clips.parquet"


def plan(folder: Path, overrides: dict[str, int], target: str) -> dict[str, Any]:
    """Plan once, in a process of its own; return what that took and the jobs."""
    changed = folder / "changed.yaml"
    changed.write_text(json.dumps({"datasets": {"audioset": overrides}} if overrides else {}))
    shutil.copy(ROOT / "config.yaml", folder)
    snakemake = [sys.executable, "-m", "snakemake", target, "--snakefile", str(ROOT / "Snakefile")]
    files = ["--configfile", str(CONFIG), str(changed)]
    how = ["--directory", str(folder), "--cores", "1", "--dry-run", "--quiet", "host"]
    printed = folder / "printed.txt"
    used = run_measured([*snakemake, *how, *files], printed)
    jobs = count_jobs(printed.read_text())
    return {"jobs": jobs.total(), **used.rounded(), "printed_mb": _megabytes(printed)}


def count_jobs(printed: str) -> Counter[str]:
    """Read the table of jobs by rule that a dry run begins with."""
    table = re.search(r"^job +count\n[- ]+\n(.*?)^total ", printed, re.M | re.S)
    if table is None:
        raise SystemExit(f"no table of jobs in:\n{printed[-3000:]}")
    counts = dict(line.split() for line in table[1].strip().splitlines())
    return Counter({rule: int(number) for rule, number in counts.items()})


def _megabytes(path: Path) -> float:
    return round(path.stat().st_size / 2**20, 1)


def each_job_more(small: dict[str, Any], large: dict[str, Any]) -> dict[str, float]:
    """Return what a job costs, over what no job does: the slope between two sizes."""
    jobs = large["jobs"] - small["jobs"]
    return {
        "processor_ms": round(1e3 * (large["processor_s"] - small["processor_s"]) / jobs, 2),
        "memory_kb": round(1024 * (large["peak_mb"] - small["peak_mb"]) / jobs, 1),
    }


def main() -> None:
    """Plan each size, print a line each, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", choices=[*SIZES], default=[*SIZES])
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/bench_graph.json"))
    arguments = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        results["one index"] = plan(folder, {}, ONE_INDEX)
        print("one index", results["one index"], flush=True)
        for name in arguments.sizes:
            results[name] = plan(folder, SIZES[name], "all")
            print(name, results[name], flush=True)
    largest = max(results.values(), key=lambda result: result["jobs"])
    report = {
        "what": "a dry run: seconds, peak resident memory",
        "results": results,
        "each_job_more": each_job_more(results["one index"], largest),
        "goals": {"wall_s": 30, "peak_mb": 500},
    }
    from machine import describe_machine  # here, since it makes this process large

    report |= describe_machine()
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report["each_job_more"]))


if __name__ == "__main__":
    main()
