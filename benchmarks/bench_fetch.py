"""What fetching with a record of every clip costs more than yt-dlp alone.

yt-dlp alone: its own download of a section (download_ranges, which cuts by ffmpeg too), one reused
YoutubeDL a worker, nothing verified and nothing recorded. hearsay: fetch_clips, which finds the
addresses by yt-dlp, cuts by an ffmpeg of its own, reads what has come to its end and keeps a
journal. Both get the same media from the same server on loopback, a process of its own, with as
many workers, in turns within one run: sections of 10 s out of films of a minute (as YouTube's),
and films of 10 s whole (as the demo's), of which yt-dlp alone stores the body as it comes.
Writes results/benchmarks/bench_fetch.json.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yt_dlp
from machine import describe_machine
from yt_dlp.utils import download_range_func

from hearsay.clips.fetch import fetch_clips
from hearsay.clips.ffmpeg import find_ffmpeg
from hearsay.clips.server import serve_media
from hearsay.files import write_json

SECTION_S = 10.0
FILM_S = 60
KEY_FRAME_INTERVAL_S = 5
GOAL = 1.25
FETCH: dict[str, Any] = {
    "clips_per_hour": None,
    "max_attempts": 1,
    "backoff_s": 0.5,
    "timeout_s": 20,
    "format": "b",
    "address": "https://www.youtube.com/watch?v={video_id}",
    "cookies": None,
    "proxy": None,
    "extractor_args": {},
    "js_runtimes": {},
    "min_duration_s": 5.0,
    "require_video": True,
}


def make_film(folder: Path) -> None:
    """Generate a film of a minute and its first ten seconds, unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = [
        *("-f", "lavfi", "-i", f"testsrc2=s=640x360:r=25:d={FILM_S}"),
        *("-f", "lavfi", "-i", f"anoisesrc=d={FILM_S}:c=pink:r=44100"),
    ]
    for name, duration_s in (("film.mp4", FILM_S), ("short.mp4", SECTION_S)):
        path = folder / name
        if path.exists():
            continue
        partial = path.with_suffix(".partial.mp4")
        coding = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", str(KEY_FRAME_INTERVAL_S * 25)]
        coding += ["-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart", "-t", str(duration_s)]
        subprocess.run(
            [find_ffmpeg(), "-v", "error", "-y", *sources, *coding, str(partial)], check=True
        )
        partial.rename(path)


@contextmanager
def ffmpeg_on_path() -> Iterator[None]:
    """Let yt-dlp find the ffmpeg that hearsay takes; it looks on PATH, for this name alone."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "ffmpeg").symlink_to(find_ffmpeg())
        os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
        yield


@contextmanager
def serve_elsewhere(folder: Path) -> Iterator[str]:
    """Serve a folder from a process of its own, so that its work is nobody's here."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(folder, theirs))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join()


def _serve(folder: Path, pipe: Connection) -> None:
    with serve_media(folder) as address:
        pipe.send(address)
        pipe.recv()


def fetch_by_yt_dlp(clips: pd.DataFrame, folder: Path, num_workers: int) -> None:
    """Fetch as a script around yt-dlp does; a body cut short would pass unnoticed."""

    def fetch(rows: pd.DataFrame) -> None:
        options = {
            "format": FETCH["format"],
            "quiet": True,
            "no_warnings": True,
            "noprogress": True,
            "cachedir": False,
            "allowed_extractors": ["generic"],
            "outtmpl": str(folder / f"{rows['clip_id'].iloc[0]}_%(autonumber)s.%(ext)s"),
        }
        with yt_dlp.YoutubeDL(options) as downloader:
            for row in rows.itertuples():
                if row.start_s > 0:
                    span = [(row.start_s, row.end_s)]
                    downloader.params["download_ranges"] = download_range_func(None, span)
                downloader.download([row.locator])

    with ThreadPoolExecutor(num_workers) as pool:
        list(pool.map(fetch, [clips.iloc[first::num_workers] for first in range(num_workers)]))


def fetch_by_hearsay(clips: pd.DataFrame, folder: Path, num_workers: int) -> None:
    """Fetch as the rule fetch_clips does."""
    index = folder / "clips.parquet"
    clips.to_parquet(index)
    fetch_clips(
        index,
        0,
        len(clips),
        folder / "media",
        folder / "status.parquet",
        FETCH,
        folder / "run",
        None,
        num_workers,
    )
    status = pd.read_parquet(folder / "status.parquet")["status"]
    if (status != "ok").any():
        raise RuntimeError(f"a fetch failed on loopback: {status.value_counts().to_dict()}")


def cpu_s() -> float:
    """Return the processor time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


Fetch = Callable[[pd.DataFrame, Path, int], None]


def measure(fetch: Fetch, clips: pd.DataFrame, num_workers: int) -> tuple[float, float]:
    """Fetch all clips into a folder thrown away; return seconds and CPU seconds a clip."""
    with tempfile.TemporaryDirectory() as folder:
        begin, begin_cpu_s = time.perf_counter(), cpu_s()
        fetch(clips, Path(folder), num_workers)
        end, end_cpu_s = time.perf_counter(), cpu_s()
    return (end - begin) / len(clips), (end_cpu_s - begin_cpu_s) / len(clips)


def compare(clips: pd.DataFrame, num_rounds: int, num_workers: int) -> dict[str, object]:
    """Measure both ways in turns; the first round, with its imports, does not count."""
    ways = (fetch_by_yt_dlp, fetch_by_hearsay)
    rounds = [[measure(way, clips, num_workers) for way in ways] for _ in range(num_rounds + 1)]
    taken = np.array(rounds[1:])  # [rounds, ways, (wall, CPU)]
    ratios = taken[:, 1] / taken[:, 0]
    alone, ours = np.median(taken, axis=0)
    return {
        "yt_dlp_s_per_clip": round(float(alone[0]), 4),
        "hearsay_s_per_clip": round(float(ours[0]), 4),
        "ratio": round(float(np.median(ratios[:, 0])), 2),
        "ratio_of_each_round": np.round(ratios[:, 0], 2).tolist(),
        "yt_dlp_cpu_s_per_clip": round(float(alone[1]), 4),
        "hearsay_cpu_s_per_clip": round(float(ours[1]), 4),
        "cpu_ratio": round(float(np.median(ratios[:, 1])), 2),
    }


def list_clips(address: str, num_clips: int, sections: bool) -> pd.DataFrame:
    """List clips of the one film, cut at other places each, or of the short one, whole."""
    starts_s = np.zeros(num_clips)
    if sections:
        starts_s = np.random.default_rng(0).uniform(1.0, FILM_S - SECTION_S - 1.0, num_clips)
    name = "film.mp4" if sections else "short.mp4"
    return pd.DataFrame(
        {
            "clip_id": [f"clip{number:04d}" for number in range(num_clips)],
            "source": "http",
            # The query tells the clips apart, as a server's log would.
            "locator": [f"{address}media/{name}?clip={number}" for number in range(num_clips)],
            "start_s": starts_s.round(3),
            "end_s": (starts_s + SECTION_S).round(3),
            "split": "train",
        }
    )


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=80)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--media",
        type=Path,
        default=Path(tempfile.gettempdir()) / "hearsay_bench_fetch",
        help="folder of the generated films, kept between runs",
    )
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/bench_fetch.json"))
    arguments = parser.parse_args()
    make_film(arguments.media)
    with ffmpeg_on_path(), serve_elsewhere(arguments.media) as address:
        results = {
            name: compare(
                list_clips(address, arguments.clips, sections),
                arguments.rounds,
                arguments.workers,
            )
            for name, sections in (("sections of a film", True), ("whole short films", False))
        }
    report = {
        "what": "seconds a clip, fetch_clips over yt-dlp alone, the same media on loopback",
        "workers": arguments.workers,
        "num_clips": arguments.clips,
        "goal": GOAL,
        "results": results,
        **describe_machine(yt_dlp=yt_dlp.version.__version__),
    }
    write_json(report, arguments.output)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
