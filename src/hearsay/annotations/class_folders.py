"""Write the CSV of reader `folder` for recordings that lie in one folder a class.

    python -m hearsay.annotations.class_folders RECORDINGS CSV

Recordings are divided between the splits by their source, seeded, as a sound bank is.
"""

import argparse
import csv
import os
import sys
from collections import Counter
from pathlib import Path

from hearsay.annotations.demo.sound_bank import SUFFIXES, divide_recordings
from hearsay.annotations.folder import make_clip_id
from hearsay.errors import HearsayError
from hearsay.files import atomic_path


def list_class_folders(recordings: Path, table: Path, seed: int = 0) -> Counter[str]:
    """Write path (relative to the CSV), clip_id, split, caption (the class's name) and labels.

    Returns:
        The number of recordings of each split; all together they are `num_clips` of the config.

    Raises:
        HearsayError: a folder is absent or holds too few recordings.
    """
    divided = divide_recordings(recordings, seed, "RECORDINGS")
    number: Counter[str] = Counter()
    with atomic_path(table) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "clip_id", "split", "caption", "labels"])
        for name, splits in sorted(divided.items()):
            for split, paths in sorted(splits.items()):
                for path in paths:
                    file_name = os.path.relpath(path, table.parent)
                    clip_id = make_clip_id(os.path.relpath(path, recordings))
                    writer.writerow([file_name, clip_id, split, name, name])
                    number[split] += 1
    return number


def _main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m hearsay.annotations.class_folders",
        description="Write the CSV of reader folder for recordings in one folder a class, three or "
        "more in each. About a quarter of a class is test, a tenth val; its name is the caption.",
    )
    parser.add_argument(
        "recordings",
        type=Path,
        help=f"a folder with one folder a class; {' '.join(sorted(SUFFIXES))}",
    )
    parser.add_argument("csv", type=Path, help="to write")
    parser.add_argument("--seed", type=int, default=0, help="of the division (0)")
    given = parser.parse_args()
    number = list_class_folders(given.recordings, given.csv, given.seed)
    splits = ", ".join(f"{number[split]} {split}" for split in ("train", "val", "test"))
    print(f"wrote {given.csv} ({splits}); in your config say\nnum_clips: {number.total()}")


if __name__ == "__main__":
    try:
        _main()
    except HearsayError as error:
        sys.exit(f"hearsay: error: {error}")
