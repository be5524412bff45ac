"""Reader of Clotho v2.1: Freesound clips of 15 to 30 s, five captions each (Zenodo 4783391).

Drossos, Lipping and Virtanen 2020. For each of development, validation and evaluation the record
has a 7z archive of a folder of that name, a list of captions and one of metadata.
"""

import hashlib
import logging
import math
import re
from pathlib import Path
from typing import Any

import pandas as pd

from hearsay.annotations.csv_rows import read_rows, require
from hearsay.annotations.tables import CAPTIONS_SCHEMA, CLIPS_SCHEMA, PHRASES_SCHEMA, Index
from hearsay.errors import HearsayError

logger = logging.getLogger(__name__)

FOLDERS = {"train": "development", "val": "validation", "test": "evaluation"}
CAPTIONS = [f"caption_{number}" for number in range(1, 6)]
METADATA_COLUMNS = [
    "file_name", "keywords", "sound_id", "sound_link", "start_end_samples", "manufacturer",
    "license",
]  # fmt: skip
METADATA_ENCODING = "iso-8859-1"  # unlike the captions, which are UTF-8
NOT_STATED = ("", "Not found")
LONGEST_NAME = 60  # of a clip id's readable part


def read_clotho(source: Path, options: dict[str, Any]) -> Index:
    """Read the lists in the folder that the archives unpack to; a clip is a whole file.

    Development is train, validation val, evaluation test. File names hold spaces, commas and
    other signs, begin with a space or stand in two splits, so `clotho_clip_id` makes ids of them.
    Each clip keeps its licence (an address) and its Freesound id where the metadata state them.

    Args:
        options: none.

    Raises:
        HearsayError: a list or an archive's folder is absent, a row is malformed, a file stands
            twice, or metadata are of a file without captions; file and line are named.
    """
    clips: list[dict[str, Any]] = []
    captions: list[dict[str, str]] = []
    for split, folder in FOLDERS.items():
        if not (source / folder).is_dir():
            raise HearsayError(
                f"{source} has no folder {folder}; name clotho_audio_{folder}.7z in clotho.files "
                "of the config and run the rule fetch_archive"
            )
        path = source / f"clotho_captions_{folder}.csv"
        own: dict[str, dict[str, Any]] = {}
        for where, row in read_rows(path, ["file_name", *CAPTIONS]):
            name = row["file_name"]
            _check_name(name, where)
            require(name not in own, where, "file_name", name, "stands in an earlier row too")
            own[name] = clip = _clip(name, split, folder)
            for number, column in enumerate(CAPTIONS, start=1):
                caption_id = f"{clip['clip_id']}-{number}"
                text = row[column].strip()
                captions.append(
                    {"caption_id": caption_id, "clip_id": clip["clip_id"], "text": text}
                )
        _add_metadata(own, source / f"clotho_metadata_{folder}.csv")
        clips += own.values()
    return Index(
        pd.DataFrame(clips, columns=CLIPS_SCHEMA.names),
        pd.DataFrame(captions, columns=CAPTIONS_SCHEMA.names),
        pd.DataFrame(columns=PHRASES_SCHEMA.names),
    )


def clotho_clip_id(name: str, folder: str) -> str:
    """Name a clip by its file: readable signs of the name, and eight of its place's SHA-256.

    The latter tell apart names that differ in other signs alone, and files of two splits.
    """
    readable = re.sub(r"[^A-Za-z0-9]+", "-", name.removesuffix(".wav"))[:LONGEST_NAME].strip("-")
    digits = hashlib.sha256(f"{folder}/{name}".encode()).hexdigest()[:8]
    return "-".join(part for part in (readable, digits) if part)


def _check_name(name: str, where: str) -> None:
    is_plain = name.endswith(".wav") and name.isprintable() and not {"/", "\\"} & {*name}
    require(is_plain, where, "file_name", name, "is not of the form NAME.wav")


def _clip(name: str, split: str, folder: str) -> dict[str, Any]:
    return {
        "clip_id": clotho_clip_id(name, folder),
        "source": "archive",
        "locator": f"{folder}/{name}",
        "start_s": 0.0,
        "end_s": math.nan,  # to the end
        "split": split,
        "labels": [],
        "licence": None,
        "freesound_id": None,
    }


def _add_metadata(clips: dict[str, dict[str, Any]], path: Path) -> None:
    """Add licences and Freesound ids to the clips of one split, by file name."""
    seen: set[str] = set()
    may_be_empty = METADATA_COLUMNS[1:]
    for where, row in read_rows(path, METADATA_COLUMNS, may_be_empty, METADATA_ENCODING):
        name, number = row["file_name"], row["sound_id"].strip()
        require(name in clips, where, "file_name", name, "has no captions in its split's list")
        require(name not in seen, where, "file_name", name, "stands in an earlier row too")
        seen.add(name)
        is_number = number in NOT_STATED or (number.isascii() and number.isdecimal())
        require(is_number, where, "sound_id", number, "is no number")
        clips[name]["freesound_id"] = None if number in NOT_STATED else number
        licence = row["license"].strip()
        clips[name]["licence"] = None if licence in NOT_STATED else licence
    missing = sorted({*clips} - seen)
    if missing:
        logger.warning("%s states nothing of %d files, e.g. %r", path, len(missing), missing[0])
