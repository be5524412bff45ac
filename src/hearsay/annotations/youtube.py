"""Readers of data sets whose clips are segments of YouTube videos: AudioSet and AudioCaps.

Each reads one CSV per split, `train.csv`, `val.csv` and `test.csv`, in the data set's own form.
"""

import re
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hearsay.annotations.csv_rows import read_rows, require
from hearsay.annotations.tables import (
    CAPTIONS_SCHEMA,
    CLIPS_SCHEMA,
    ID_PATTERN,
    PHRASES_SCHEMA,
    SPLITS,
    Index,
)
from hearsay.annotations.text_file import read_text
from hearsay.errors import HearsayError

AUDIOCAPS_DURATION_S = 10.0
AUDIOCAPS_COLUMNS = ["audiocap_id", "youtube_id", "start_time", "caption"]
AUDIOSET_LINE = re.compile(
    r'([A-Za-z0-9_-]+), (\d+(?:\.\d+)?), (\d+(?:\.\d+)?), "(/[^",\s]+(?:,/[^",\s]+)*)"'
)


def read_audioset(source: Path) -> Index:
    """Read AudioSet's segment lists: `YTID, start_seconds, end_seconds, "mid,mid"`.

    The clip id is the video id and the start in milliseconds, since a video may be in two
    lists. Labels are the ontology's ids (mids). AudioSet has no captions.

    Raises:
        HearsayError: a list is absent, or a line has another form, ends before it starts or is
            of the clip of an earlier one; file and line are named.
    """
    known: set[str] = set()
    parts = [_read_segments(source / f"{split}.csv", split, known) for split in SPLITS]
    return Index(
        pd.concat(parts, ignore_index=True),
        pd.DataFrame(columns=CAPTIONS_SCHEMA.names),
        pd.DataFrame(columns=PHRASES_SCHEMA.names),
    )


def _read_segments(path: Path, split: str, known: set[str]) -> pd.DataFrame:
    """Read a list of AudioSet; its clips are added to those known."""
    clip_ids: list[str] = []
    video_ids: list[str] = []
    starts_s, ends_s = array("d"), array("d")
    labels: list[list[str]] = []
    alike: dict[str, list[str]] = {}  # rows with the same labels share a list, to save memory
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.startswith("#") or not line.strip():
            continue
        match = AUDIOSET_LINE.fullmatch(line.rstrip("\r"))
        if match is None:
            raise HearsayError(
                f'{path}, line {number}: {line!r} is not of the form YTID, start, end, "mid,mid"'
            )
        video_id, mids = match[1], match[4]
        start_s, end_s = float(match[2]), float(match[3])
        clip_id = youtube_clip_id(video_id, start_s)
        if not start_s < end_s:
            raise HearsayError(f"{path}, line {number}: {line!r} does not end after its start")
        if clip_id in known:
            raise HearsayError(f"{path}, line {number}: {line!r} is of a clip of an earlier line")
        known.add(clip_id)
        clip_ids.append(clip_id)
        video_ids.append(video_id)
        starts_s.append(start_s)
        ends_s.append(end_s)
        if mids not in alike:
            alike[mids] = mids.split(",")
        labels.append(alike[mids])
    columns: dict[str, Any] = {
        "clip_id": pd.Series(clip_ids, dtype=str),
        "source": "youtube",
        "locator": pd.Series(video_ids, dtype=str),
        "start_s": np.asarray(starts_s, np.float64),
        "end_s": np.asarray(ends_s, np.float64),
        "split": split,
        "labels": pd.Series(labels, dtype=object),
    }
    return pd.DataFrame(columns)


def read_audiocaps(source: Path) -> Index:
    """Read AudioCaps' lists: `audiocap_id,youtube_id,start_time,caption`; clips last 10 s.

    Val and test have a row per caption, so a clip's rows are joined. Versions 1 and 2 have the
    same form.

    Raises:
        HearsayError: a list is absent or has other columns, or a row has another form, the
            number of an earlier one, or a clip of another split; file and line are named.
    """
    clips: dict[str, dict[str, Any]] = {}
    captions: dict[str, dict[str, str]] = {}
    for split in SPLITS:
        for where, row in read_rows(source / f"{split}.csv", AUDIOCAPS_COLUMNS):
            number, video_id, start = row["audiocap_id"], row["youtube_id"], row["start_time"]
            is_id = ID_PATTERN.fullmatch(video_id) is not None
            require(is_id, where, "youtube_id", video_id, "is no id of a video")
            is_whole = start.isascii() and start.isdecimal()
            require(is_whole, where, "start_time", start, "is no whole number of seconds")
            clip = _audiocaps_clip(video_id, float(start), split)
            known = clips.setdefault(clip["clip_id"], clip)
            same = known["split"] == split
            require(same, where, "youtube_id", video_id, f"is a clip of {known['split']} too")
            is_new = number not in captions
            require(is_new, where, "audiocap_id", number, "stands in an earlier row too")
            captions[number] = {
                "caption_id": number,
                "clip_id": clip["clip_id"],
                "text": row["caption"],
            }
    return Index(
        pd.DataFrame(list(clips.values()), columns=CLIPS_SCHEMA.names),
        pd.DataFrame(list(captions.values()), columns=CAPTIONS_SCHEMA.names),
        pd.DataFrame(columns=PHRASES_SCHEMA.names),
    )


def _audiocaps_clip(video_id: str, start_s: float, split: str) -> dict[str, Any]:
    return {
        "clip_id": youtube_clip_id(video_id, start_s),
        "source": "youtube",
        "locator": video_id,
        "start_s": start_s,
        "end_s": start_s + AUDIOCAPS_DURATION_S,
        "split": split,
        "labels": [],
    }


def youtube_clip_id(video_id: str, start_s: float) -> str:
    """Name a clip by its video and its start in milliseconds, alike in all data sets."""
    return f"{video_id}_{round(start_s * 1000)}"
