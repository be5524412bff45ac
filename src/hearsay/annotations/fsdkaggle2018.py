"""Reader of FSDKaggle2018: Freesound clips of 41 classes (Zenodo 2552860).

Fonseca et al. 2018 (DCASE 2018, task 2). Three zips hold `FSDKaggle2018.meta`, `.audio_train` and
`.audio_test`, each a folder of the same name.
"""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hearsay.annotations.csv_rows import read_rows, require
from hearsay.annotations.tables import CAPTIONS_SCHEMA, CLIPS_SCHEMA, PHRASES_SCHEMA, Index

TRAIN_COLUMNS = ["fname", "label", "manually_verified", "freesound_id", "license"]
TEST_COLUMNS = ["fname", "label", "usage", "freesound_id", "license"]
FILE_NAME = re.compile(r"([A-Za-z0-9_-]+)\.wav")


def read_fsdkaggle2018(source: Path, options: dict[str, Any]) -> Index:
    """Read the two lists of the folder that the zips unpack to; there are no captions.

    Test is the official one (the 1,600 clips that were scored). Val is a part of the official
    train, drawn class by class; the data set itself has none. Each clip keeps the licence that
    the list states and its Freesound id.

    Args:
        options: `val_share` (of each class of train, rounded half up; 0: no val) and `val_seed`.

    Raises:
        HearsayError: a list is absent or a row is malformed; file, line and column are named.
    """
    meta = source / "FSDKaggle2018.meta"
    clips: dict[str, dict[str, Any]] = {}
    lists = (
        ("train", meta / "train_post_competition.csv", TRAIN_COLUMNS),
        ("test", meta / "test_post_competition_scoring_clips.csv", TEST_COLUMNS),
    )
    for split, path, columns in lists:
        for where, row in read_rows(path, columns):
            clip = _clip(row, split, where)
            is_new = clip["clip_id"] not in clips
            require(is_new, where, "fname", row["fname"], "stands in an earlier row too")
            clips[clip["clip_id"]] = clip
    table = pd.DataFrame(list(clips.values()), columns=CLIPS_SCHEMA.names)
    table.loc[_draw_val(table, options["val_share"], options["val_seed"]), "split"] = "val"
    return Index(
        table,
        pd.DataFrame(columns=CAPTIONS_SCHEMA.names),
        pd.DataFrame(columns=PHRASES_SCHEMA.names),
    )


def _clip(row: dict[str, str], split: str, where: str) -> dict[str, Any]:
    match = FILE_NAME.fullmatch(row["fname"])
    require(match is not None, where, "fname", row["fname"], "is not of the form NAME.wav")
    number = row["freesound_id"]
    require(number.isascii() and number.isdecimal(), where, "freesound_id", number, "is no number")
    if split == "train":
        verified = row["manually_verified"]
        require(verified in ("0", "1"), where, "manually_verified", verified, "must be 0 or 1")
    return {
        "clip_id": Path(row["fname"]).stem,
        "source": "archive",
        "locator": f"FSDKaggle2018.audio_{split}/{row['fname']}",
        "start_s": 0.0,
        "end_s": math.nan,  # to the end
        "split": split,
        "labels": [row["label"]],
        "licence": row["license"],
        "freesound_id": number,
    }


def _draw_val(clips: pd.DataFrame, share: float, seed: int) -> list[int]:
    """Draw the rows of train that become val, whatever the order of the rows is."""
    train = clips[clips["split"] == "train"].sort_values("clip_id")
    rng = np.random.default_rng(seed)
    drawn: list[int] = []
    for _, rows in train.groupby(train["labels"].str[0], sort=True):
        num_val = math.floor(len(rows) * share + 0.5)
        drawn += rng.permutation(rows.index.to_numpy())[:num_val].tolist()
    return drawn
