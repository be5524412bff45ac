"""Write the CSV of reader `folder` for recordings that lie in one folder a class.

    python -m hearsay.annotations.class_folders RECORDINGS CSV

Recordings are divided between the splits by their source, seeded, as a sound bank is.
"""

import csv
import os
import sys
from pathlib import Path

from hearsay.annotations.demo.sound_bank import open_sound_bank
from hearsay.annotations.folder import make_clip_id
from hearsay.errors import HearsayError
from hearsay.files import atomic_path


def list_class_folders(recordings: Path, table: Path, seed: int = 0) -> int:
    """Write path (relative to the CSV), clip_id, split, caption (the class's name) and labels.

    Returns:
        The number of recordings, which is `num_clips` of the config.

    Raises:
        HearsayError: a folder is absent or holds too few recordings.
    """
    bank = open_sound_bank(recordings, seed)
    with atomic_path(table) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "clip_id", "split", "caption", "labels"])
        num_rows = 0
        for name, splits in sorted(bank.recordings.items()):
            for split, paths in sorted(splits.items()):
                for path in paths:
                    file_name = os.path.relpath(path, table.parent)
                    clip_id = make_clip_id(os.path.relpath(path, recordings))
                    writer.writerow([file_name, clip_id, split, name, name])
                    num_rows += 1
    return num_rows


if __name__ == "__main__":
    try:
        print(f"num_clips: {list_class_folders(Path(sys.argv[1]), Path(sys.argv[2]))}")
    except IndexError:
        sys.exit("usage: python -m hearsay.annotations.class_folders RECORDINGS CSV")
    except HearsayError as error:
        sys.exit(f"hearsay: error: {error}")
