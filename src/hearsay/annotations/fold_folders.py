"""Write the CSV of reader `folder` for recordings in one folder a class, named as ESC-50's.

    python -m hearsay.annotations.fold_folders RECORDINGS CSV TEST_FOLD [...] [--unheard CLASS]

A name begins with the recording's fold: 3-155312-A.ogg is of fold 3, cut from source 155312. The
folds given are test. Of the others a fifth of each class's sources is val, seeded; takes of one
source stay together. Of a class that is to stay unheard in training the other folds are left out.
"""

import argparse
import csv
import os
import re
import sys
from pathlib import Path

import numpy as np

from hearsay.annotations.demo.sound_bank import SUFFIXES, class_name, source_of
from hearsay.annotations.folder import make_clip_id
from hearsay.errors import HearsayError
from hearsay.files import atomic_path

VAL_SHARE = 0.2  # of a class's sources, one at least
FOLD = re.compile(r"([1-9])-\d+-[A-Z]")


def list_fold_folders(
    recordings: Path,
    table: Path,
    test_folds: set[str],
    seed: int = 0,
    unheard: str | None = None,
) -> int:
    """Write path (relative to the CSV), clip_id, split, caption (the class's name) and labels.

    Args:
        recordings: one folder a class.
        table: the CSV to write.
        test_folds: their recordings are test.
        seed: of the draw of val.
        unheard: a class of which test alone is listed; None: none.

    Returns:
        The number of recordings, which is `num_clips` of the config.

    Raises:
        HearsayError: a folder is absent, a name has no fold, a class has too few sources, or no
            folder is that of the class unheard.
    """
    if not recordings.is_dir():
        raise HearsayError(f"{recordings} is no folder; give one with a folder per class")
    folders = sorted(path for path in recordings.iterdir() if path.is_dir())
    names = [class_name(folder) for folder in folders]
    if unheard is not None and unheard not in names:
        raise HearsayError(f"{recordings} has no class {unheard!r}; it has {', '.join(names)}")
    rows = []
    for folder, name in zip(folders, names, strict=True):
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
        splits = _divide(folder, files, test_folds, seed)
        for path in files:
            if name == unheard and splits[path] != "test":
                continue
            clip_id = make_clip_id(os.path.relpath(path, recordings))
            file_name = os.path.relpath(path, table.parent)
            rows.append([file_name, clip_id, splits[path], name, name])
    with atomic_path(table) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "clip_id", "split", "caption", "labels"])
        writer.writerows(rows)
    return len(rows)


def _divide(folder: Path, files: list[Path], test_folds: set[str], seed: int) -> dict[Path, str]:
    """Say which split each recording of a class is in."""
    folds = {}
    for path in files:
        match = FOLD.match(path.name)
        if match is None:
            raise HearsayError(f"{path}: its name is not of the form FOLD-SOURCE-TAKE, as ESC-50's")
        folds[path] = match[1]
    sources = sorted({source_of(path) for path in files if folds[path] not in test_folds})
    if len(sources) < 2:
        raise HearsayError(
            f"{folder}: {len(sources)} sources are left for train and val; name other test folds"
        )
    number = max(1, round(VAL_SHARE * len(sources)))
    val = set(np.random.default_rng(seed).permutation(sources)[:number].tolist())
    splits = {}
    for path in files:
        is_val = source_of(path) in val
        splits[path] = "test" if folds[path] in test_folds else "val" if is_val else "train"
    return splits


def _main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m hearsay.annotations.fold_folders",
        description="Write the CSV of reader folder for recordings named as ESC-50's.",
    )
    parser.add_argument("recordings", type=Path, help="a folder with one folder a class")
    parser.add_argument("csv", type=Path, help="to write")
    parser.add_argument("test_folds", nargs="+", metavar="TEST_FOLD", help="1 to 9")
    parser.add_argument("--unheard", metavar="CLASS", help="list only its test recordings")
    given = parser.parse_args()
    number = list_fold_folders(
        given.recordings, given.csv, set(given.test_folds), unheard=given.unheard
    )
    print(f"num_clips: {number}")


if __name__ == "__main__":
    try:
        _main()
    except HearsayError as error:
        sys.exit(f"hearsay: error: {error}")
