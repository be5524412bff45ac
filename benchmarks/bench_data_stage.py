"""Prepare thousands of clips off a bad server, killed three times, and compare with no kill at all.

An AudioSet-shaped set is made: three segment lists, and a server on loopback, a process of its own,
that stands for YouTube (`fetch.address`). 18 % of the links are dead (404, 410, 403), 2 % of the
bodies faulty (cut short, reset, a page instead of a film, half a film, a hole of noise, errors 500
for ever, 429 once). The workflow's data stage and filter banks run once undisturbed, then again in
another folder, where all of its processes are killed (SIGKILL) at random three times, at shares of
the work that are drawn, and it is started again. Both must end with the same status tables,
pictures, sounds and features, byte by byte; after a kill no finished film may be asked for again.
Of a status row the column `attempts` is
left out: a clip that was killed between two tries begins to count anew.
Writes results/benchmarks/bench_data_stage.json.
"""

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from data_stage_media import make_set
from machine import describe_machine

from hearsay.config import merge
from hearsay.files import write_json

ROOT = Path(__file__).parents[1]
DATASET = "audioset"
DATA = Path("results") / "data" / DATASET
CONFIG: dict[str, Any] = {
    "benchmark": {
        "methods": [],
        "reference": None,
        "stages": dict.fromkeys(("audio_image", "audio_text", "audio_label"), DATASET),
        "phrase_grounding": False,
    },
    "clip": {"training": {"dataset": DATASET}},
    "datasets": {
        DATASET: {
            "reader": "audioset",
            "clip_duration_s": 2.0,
            "min_duration_s": 1.0,
            # A fifth is missing on purpose, and by chance more of a small split.
            "max_missing": dict.fromkeys(("train", "val", "test")),
            DATASET: {split: f"lists/{split}.csv" for split in ("train", "val", "test")},
        }
    },
    "features": {"fbank": {"num_frames": 100}},
}
FETCH = {"format": "b", "max_attempts": 2, "backoff_s": 0.05, "timeout_s": 2}


def configure(folder: Path, num_clips: int, shard_size: int, port: int) -> None:
    """Write the config of one run: the default one, but for the data set."""
    defaults = yaml.safe_load((ROOT / "config.yaml").read_text())
    dataset = {key: value for key, value in defaults["datasets"]["demo"].items() if key != "demo"}
    address = f"http://127.0.0.1:{port}/media/{{video_id}}.mp4"
    dataset["fetch"] = {**dataset["fetch"], **FETCH, "address": address}
    dataset |= {"num_clips": num_clips, "shard_size": shard_size}
    config = merge(defaults, {"datasets": {DATASET: dataset}})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(merge(config, CONFIG)))


@contextmanager
def server(media: Path, port: int, log: Path) -> Iterator[int]:
    """Serve the films from another process that logs every request; yield the port."""
    program = [sys.executable, str(Path(__file__).with_name("data_stage_media.py"))]
    with subprocess.Popen(
        [*program, str(media), str(port), str(log)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def start(folder: Path, cores: int) -> subprocess.Popen[bytes]:
    """Start the workflow in a group of processes of its own."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--cores", str(cores), "--rerun-incomplete"]
    log = (folder / "snakemake.log").open("ab")
    return subprocess.Popen(
        [*command, "features"], stdout=log, stderr=subprocess.STDOUT, start_new_session=True
    )


def run_through(folder: Path, cores: int) -> float:
    """Run the workflow to its end; return the seconds it took."""
    begin = time.monotonic()
    if start(folder, cores).wait() != 0:
        raise SystemExit((folder / "snakemake.log").read_text()[-3000:])
    return time.monotonic() - begin


def kill_at(folder: Path, cores: int, wanted: float) -> dict[str, float]:
    """Run the workflow until it has come so far, then kill all of its processes.

    Returns the time of the kill for each film that lay there by then, by its clip's id.
    """
    process = start(folder, cores)
    while progress(folder) < wanted:
        if process.poll() is not None:
            raise SystemExit("the run ended before it could be killed")
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    killed_at = time.time()
    unlock = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    subprocess.run(
        [*unlock, "--directory", str(folder), "--unlock"], check=True, capture_output=True
    )
    films = (folder / DATA / "clips").glob("*/[!.]*.mp4")
    return {film.stem: killed_at for film in films}


def progress(folder: Path) -> float:
    """Return how far a run has come: the share of clips settled, decoded and turned to features."""
    lists = (folder / "lists").glob("*.csv")
    num_clips = sum(not line.startswith("#") for path in lists for line in path.open())
    journals = (folder / DATA / "clips").glob("*/journal.jsonl")
    settled = sum(path.read_bytes().count(b"\n") for path in journals)
    decoded = len(list((folder / DATA / "decode").glob("*.parquet")))
    extracted = len(list((folder / DATA / "fbank").glob("*.npy")))
    size = yaml.safe_load((folder / "config.yaml").read_text())["datasets"][DATASET]["shard_size"]
    return float((settled + size * (decoded + extracted)) / (3 * num_clips))


def requests_after(log: Path, finished: dict[str, float]) -> int:
    """Count requests for films that had been finished before."""
    since = {clip_id.rpartition("_")[0]: killed_at for clip_id, killed_at in finished.items()}
    count = 0
    for line in log.read_text().splitlines():
        match = re.match(r'([\d.]+) "GET /media/([^ ]+)\.mp4', line)
        if match and float(match[1]) > since.get(match[2], float("inf")):
            count += 1
    return count


def contents(folder: Path) -> dict[str, str]:
    """Return a hash of every result; status tables without the number of attempts."""
    hashes = {}
    for path in sorted((folder / DATA).rglob("*")):
        if not path.is_file() or path.name == "journal.jsonl":
            continue
        if path.parent.name == "clips" and path.name.endswith(".status.parquet"):
            content = pd.read_parquet(path).drop(columns="attempts").to_csv().encode()
        else:
            content = path.read_bytes()
        hashes[str(path.relative_to(folder))] = hashlib.sha256(content).hexdigest()
    return hashes


def peak_memory_mb(folder: Path) -> dict[str, float]:
    """Return the largest resident memory of a job of each rule, as Snakemake measured it."""
    rules = {}
    for rule in ("fetch_clips", "decode_clips", "extract_fbank"):
        files = (folder / "results" / "benchmarks" / rule).rglob("*.tsv")
        rules[rule] = max(pd.read_csv(file, sep="\t")["max_rss"].iloc[0] for file in files)
    return rules


def main() -> None:
    """Make the set, run both ways, compare and report; exit 1 where they differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=5000)
    parser.add_argument("--shard-size", type=int, default=500)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "hearsay_data_stage"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("results/benchmarks/bench_data_stage.json")
    )
    arguments = parser.parse_args()
    folder = arguments.folder
    shutil.rmtree(folder, ignore_errors=True)
    undisturbed, killed = folder / "undisturbed", folder / "killed"
    planned = make_set(folder / "media", folder / "lists", arguments.clips, arguments.seed)
    with server(folder / "media", 0, folder / "undisturbed.log") as port:
        for run in (undisturbed, killed):
            configure(run, arguments.clips, arguments.shard_size, port)
            shutil.copytree(folder / "lists", run / "lists")
        taken_s = run_through(undisturbed, arguments.cores)
    generator = random.Random(arguments.seed)
    kills_at = sorted(generator.uniform(0.05, 0.9) for _ in range(arguments.kills))
    finished: dict[str, float] = {}
    num_finished = []
    with server(folder / "media", port, folder / "killed.log"):
        for wanted in kills_at:
            finished = {**kill_at(killed, arguments.cores, wanted), **finished}
            num_finished.append(len(finished))
        run_through(killed, arguments.cores)
    before, after = contents(undisturbed), contents(killed)
    different = sorted(name for name in before | after if before.get(name) != after.get(name))
    table = pd.read_parquet(undisturbed / DATA / "availability.parquet")
    report = {
        "clips": arguments.clips,
        "planned_faults": planned,
        "status": dict(Counter(table["status"])),
        "undisturbed_s": round(taken_s, 1),
        "listed_clips_per_s": round(arguments.clips / taken_s, 1),
        "killed_at_share_of_the_work": [round(share, 3) for share in kills_at],
        "films_finished_at_each_kill": num_finished,
        "requests_for_finished_films": requests_after(folder / "killed.log", finished),
        "files_compared": len(before | after),
        "files_that_differ": different,
        "peak_memory_mb": peak_memory_mb(undisturbed),
        **describe_machine(),
    }
    write_json(report, arguments.output)
    print(json.dumps(report, indent=1))
    if different or report["requests_for_finished_films"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
