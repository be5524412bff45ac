"""Time and peak memory of build_index on lists of AudioSet's shape and size, generated.

    python benchmarks/bench_index.py [--num-rows N] [--folder DIR]

N is 2,084,320 by default: the unbalanced, the balanced and the evaluation list together. Ids are
random, labels are as many as AudioSet's: 2.5 a clip on average, of 527. The step runs in a process
of its own, whose processor time and peak memory are printed.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ALPHABET = np.array(list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"))
NUM_ROWS = {"val": 22_160, "test": 20_371}  # of the smaller lists; train has the rest


def write_lists(folder: Path, num_rows: int) -> None:
    """Write train.csv, val.csv and test.csv in AudioSet's form."""
    rng = np.random.default_rng(0)
    mids = [f"/m/{number:05x}" for number in range(527)]
    numbers = {"train": num_rows - sum(NUM_ROWS.values()), **NUM_ROWS}
    for split, number in numbers.items():
        ids = ALPHABET[rng.integers(64, size=(number, 11))]
        starts_s = 10 * rng.integers(30, size=number)
        counts = 1 + rng.poisson(1.5, size=number)
        labels = rng.integers(527, size=(number, counts.max()))
        with (folder / f"{split}.csv").open("w") as file:
            file.write("# Segments csv\n# num_ytids\n# YTID, start_seconds, end_seconds, labels\n")
            for row in range(number):
                named = ",".join(mids[label] for label in labels[row, : counts[row]])
                start_s = starts_s[row]
                file.write(f'{"".join(ids[row])}, {start_s}.000, {start_s + 10}.000, "{named}"\n')


def main() -> None:
    """Generate the lists, run the step, print a line."""
    parser = argparse.ArgumentParser(description="Time build_index at AudioSet's size.")
    parser.add_argument("--num-rows", type=int, default=2_084_320)
    parser.add_argument("--folder", type=Path, help="where the lists are and stay; else temporary")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "test.csv").is_file():
            write_lists(folder, given.num_rows)
        hearsay = str(Path(sys.executable).with_name("hearsay"))
        command = [hearsay, "build_index", "--dataset", "audioset"]
        command += ["--reader", "audioset", "--source", str(folder), "--shuffle-seed", "0"]
        command += ["--num-clips", str(given.num_rows)]
        for table in ("clips", "captions", "phrases"):
            command += [f"--{table}", str(Path(temporary) / f"{table}.parquet")]
        start = time.perf_counter()
        subprocess.run(command, check=True)
        wall_s = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"build_index of {given.num_rows:,} rows: {wall_s:.1f} s, "
        f"{used.ru_utime + used.ru_stime:.1f} s of processor time, "
        f"{used.ru_maxrss / 1024:.0f} MB at most"
    )


if __name__ == "__main__":
    main()
