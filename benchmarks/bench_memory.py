"""How much memory the data stage takes: a shard of few and of many clips, of a very large index.

Each step runs in a process of its own, as the workflow's jobs do, on the first shard of an index
of 2.08 million clips, and the peak of its resident memory is read from Linux's /proc. The media
are the clips of bench_prepare.py (10 s, 640x360, H.264 and AAC), named many times over.
Writes results/benchmarks/bench_memory.json.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from bench_prepare import DECODING, FEATURES, make_clips
from machine import describe_machine

from hearsay.annotations.tables import CAPTIONS_SCHEMA, PHRASES_SCHEMA, Index, write_index
from hearsay.files import write_json

CONFIG = Path(__file__).parents[1] / "config.yaml"
PEAK = """
import json, sys
from pathlib import Path
from {module} import {function}
arguments, paths = json.loads(sys.argv[1]), json.loads(sys.argv[2])
{function}(**arguments, **{{name: path and Path(path) for name, path in paths.items()}})
status = Path("/proc/self/status").read_text()
peak, mapped = (int(status.split(name)[1].split()[0]) // 1024 for name in ("VmHWM:", "RssFile:"))
print(json.dumps({{"peak": peak, "of_which_mapped_files": mapped}}))
"""


def write_large_index(folder: Path, media: list[Path], num_clips: int, served: bool) -> Path:
    """Write an index table as that of AudioSet, whose every clip is one of a few files."""
    numbers = np.arange(num_clips)
    addresses = [f"http://localhost/media/{path.name}" if served else str(path) for path in media]
    names = np.array(addresses, object)
    clips = pd.DataFrame({"clip_id": [f"clip_{number:011d}" for number in numbers]})
    clips["source"] = "http" if served else "file"
    clips["locator"] = names[numbers % len(media)]
    clips["start_s"], clips["end_s"], clips["split"] = 0.0, 10.0, "train"
    labels = [[f"/m/{number % 97:05d}", f"/m/{number % 89:05d}"] for number in range(10_000)]
    clips["labels"] = [labels[number % 10_000] for number in numbers]
    nothing = [schema.empty_table().to_pandas() for schema in (CAPTIONS_SCHEMA, PHRASES_SCHEMA)]
    paths = [folder / f"{name}.parquet" for name in ("clips", "captions", "phrases")]
    write_index(Index(clips, *nothing), *paths)
    return paths[0]


def peak_mib(module: str, function: str, arguments: dict, paths: dict) -> dict[str, int]:
    """Run one step in a process of its own; return its peak in MiB.

    Mapped files are the code of libraries, which processes share: of torch's build for CUDA most
    of what importing it takes.
    """
    code = PEAK.format(module=module, function=function)
    texts = [json.dumps(value, default=str) for value in (arguments, paths)]
    command = [sys.executable, "-c", code, *texts]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout))


def measure(
    index: Path, folder: Path, size: int, num_workers: int, serve_folder: Path | None
) -> dict[str, dict[str, int]]:
    """Take the first shard of `size` clips through the three steps."""
    folder.mkdir()
    shard = {"shard": 0, "shard_size": size, "num_workers": num_workers}
    table = {name: folder / f"{name}.parquet" for name in ("fetch", "audio", "images", "decode")}
    media = {"clips": index, "media_folder": folder / "media", "status": table["fetch"]}
    media |= {"run_folder": folder / "run", "serve_folder": serve_folder}
    decoded = {"clips": index, "fetch_status": table["fetch"], "status": table["decode"]}
    decoded |= {"audio": table["audio"], "images": table["images"]}
    features = {"audio": table["audio"], "array": folder / "fbank.npy"}
    features |= {"index": folder / "fbank.parquet"}
    options = yaml.safe_load(CONFIG.read_text())["datasets"]["demo"]["fetch"]
    options |= {"min_duration_s": DECODING["min_duration_s"], "require_video": True}
    fetching, decoding = {**shard, "options": options}, {**shard, "options": DECODING}
    return {
        "fetch_clips": peak_mib("hearsay.clips.fetch", "fetch_clips", fetching, media),
        "decode_clips": peak_mib("hearsay.clips.decode", "decode_clips", decoding, decoded),
        "extract_fbank": peak_mib(
            "hearsay.features.fbank", "extract_fbank", {"options": FEATURES}, features
        ),
    }


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--index-rows", type=int, default=2_084_320)
    parser.add_argument("--shards", type=int, nargs="+", default=[200, 1500])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4])
    parser.add_argument(
        "--media", type=Path, default=Path(tempfile.gettempdir()) / "hearsay_bench_media"
    )
    parser.add_argument(
        "--served", action="store_true", help="fetch over http from this machine, by yt-dlp"
    )
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/bench_memory.json"))
    arguments = parser.parse_args()
    clips = make_clips(arguments.media, 40, 10)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        index = write_large_index(Path(folder), clips, arguments.index_rows, arguments.served)
        for size in arguments.shards:
            for num_workers in arguments.workers:
                name = f"{size} clips, {num_workers} at once"
                results[name] = measure(
                    index,
                    Path(folder) / name,
                    size,
                    num_workers,
                    arguments.media if arguments.served else None,
                )
                print(name, results[name], flush=True)
    report = {
        "what": "peak resident memory of a process, MiB",
        "index_rows": arguments.index_rows,
        "fetched": "over http by yt-dlp" if arguments.served else "local files, verified",
        "results": results,
        **describe_machine(),
    }
    write_json(report, arguments.output)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
