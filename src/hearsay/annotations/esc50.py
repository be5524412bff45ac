"""Reader of ESC-50: 2,000 environmental recordings of 5 s, 50 classes (github karolpiczak/ESC-50).

Piczak 2015. The zip holds one folder with `meta/esc50.csv` and `audio/`.
"""

import math
import re
from pathlib import Path
from typing import Any

import pandas as pd

from hearsay.annotations.csv_rows import read_rows, require
from hearsay.annotations.tables import CAPTIONS_SCHEMA, CLIPS_SCHEMA, PHRASES_SCHEMA, Index
from hearsay.errors import HearsayError

COLUMNS = ["filename", "fold", "target", "category", "esc10", "src_file", "take"]
FILE_NAME = re.compile(r"([1-5])-(\d+)-([A-Z])-(\d+)\.wav")
NAMED = ("fold", "src_file", "take", "target")  # in a file's name
FOLDS = ("1", "2", "3", "4", "5")
LICENCES = {
    "True": "CC BY",
    "False": "CC BY-NC",
}  # of ESC-10 and of the rest, by the data set's page


def read_esc50(source: Path, options: dict[str, Any]) -> Index:
    """Read the list in the folder that the zip unpacks to; there are no captions.

    Clips cut from one recording lie in one fold, so whole folds become splits. Each clip keeps
    its Freesound id and the licence under which its part of the data set is distributed: Creative
    Commons Attribution for ESC-10, Attribution-NonCommercial for the rest.

    Args:
        options: `val_folds` and `test_folds` (of 1 to 5; the others are train) and `esc10`
            (true: only the 400 clips of ESC-10).

    Raises:
        HearsayError: the list is absent or there are several, a fold is both val and test, none
            is left for train, or a row is malformed; file, line and column are named.
    """
    splits = _splits(options["val_folds"], options["test_folds"])
    path = _find_list(source)
    folder = path.parents[1].relative_to(source)
    clips: dict[str, dict[str, Any]] = {}
    for where, row in read_rows(path, COLUMNS):
        _check(row, where)
        is_new = Path(row["filename"]).stem not in clips
        require(is_new, where, "filename", row["filename"], "stands in an earlier row too")
        if row["esc10"] == "True" or not options["esc10"]:
            clip = _clip(row, splits[row["fold"]], folder)
            clips[clip["clip_id"]] = clip
    return Index(
        pd.DataFrame(list(clips.values()), columns=CLIPS_SCHEMA.names),
        pd.DataFrame(columns=CAPTIONS_SCHEMA.names),
        pd.DataFrame(columns=PHRASES_SCHEMA.names),
    )


def _splits(val_folds: list[int], test_folds: list[int]) -> dict[str, str]:
    both = sorted({*val_folds} & {*test_folds})
    if both:
        raise HearsayError(f"config: fold {both[0]} is in esc50.val_folds and in esc50.test_folds")
    if {*map(str, val_folds), *map(str, test_folds)} >= {*FOLDS}:
        raise HearsayError("config: esc50.val_folds and esc50.test_folds leave no fold for train")
    splits = dict.fromkeys(FOLDS, "train")
    splits.update(dict.fromkeys(map(str, val_folds), "val"))
    splits.update(dict.fromkeys(map(str, test_folds), "test"))
    return splits


def _find_list(source: Path) -> Path:
    """Find meta/esc50.csv, whose folder bears the name of a branch or a version."""
    found = sorted([*source.glob("meta/esc50.csv"), *source.glob("*/meta/esc50.csv")])
    if len(found) != 1:
        raise HearsayError(
            f"{source}: {len(found)} files meta/esc50.csv instead of one; mend esc50.address in "
            "config and run the rule fetch_archive"
        )
    return found[0]


def _check(row: dict[str, str], where: str) -> None:
    match = FILE_NAME.fullmatch(row["filename"])
    rule = "is not of the form FOLD-ID-TAKE-TARGET.wav"
    require(match is not None, where, "filename", row["filename"], rule)
    named = dict(zip(NAMED, match.groups(), strict=True)) if match else {}
    for column, value in named.items():
        require(row[column] == value, where, column, row[column], f"is {value} in the file's name")
    require(row["esc10"] in LICENCES, where, "esc10", row["esc10"], "must be True or False")


def _clip(row: dict[str, str], split: str, folder: Path) -> dict[str, Any]:
    return {
        "clip_id": Path(row["filename"]).stem,
        "source": "archive",
        "locator": str(folder / "audio" / row["filename"]),
        "start_s": 0.0,
        "end_s": math.nan,  # to the end
        "split": split,
        "labels": [row["category"]],
        "licence": LICENCES[row["esc10"]],
        "freesound_id": row["src_file"],
    }
