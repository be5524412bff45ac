"""Stands in for `hearsay` in bench_scale.py: lays out what fetching and decoding would write.

Called as `stand_in.py TABLES REAL RECORD ...` with hearsay's own arguments behind. `fetch_clips`
and `decode_clips` copy the tables of their shard out of TABLES; every other subcommand is the
program REAL, and what it took becomes a line of the file RECORD. Imports little: it runs thousands
of times, and its own memory would count as that of what it starts.
"""

import os
import shutil
import sys
import time
from pathlib import Path


def main() -> int:
    """Do one job."""
    tables, real, record, *arguments = sys.argv[1:]
    for name, folder in (("fetch_clips", "clips"), ("decode_clips", "decode")):
        if name in arguments:
            lay_out(Path(tables) / dataset_of(arguments), folder, arguments)
            return 0
    return run_real([real, *arguments], record)


def value_of(option: str, arguments: list[str]) -> str:
    """Return what stands behind an option."""
    return arguments[arguments.index(option) + 1]


def dataset_of(arguments: list[str]) -> str:
    """Name the data set, by its index."""
    return value_of("--clips", arguments).split("/")[-3]


def lay_out(tables: Path, folder: str, arguments: list[str]) -> None:
    """Write the outputs of a shard."""
    status = Path(value_of("--status", arguments))
    shutil.copyfile(tables / folder / status.name, status)
    for option in ("--audio", "--images"):
        if option in arguments:
            shutil.copyfile(tables / f"{option[2:]}.parquet", value_of(option, arguments))


def run_real(command: list[str], record: str) -> int:
    """Run the real program and record what it took."""
    started = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ)
    _, status, used = os.wait4(child, 0)
    wall_s = time.perf_counter() - started
    taken = (wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
    code = os.waitstatus_to_exitcode(status)
    with Path(record).open("a") as file:
        file.write("\t".join([f"{value:.2f}" for value in taken] + command[1:]) + "\n")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
