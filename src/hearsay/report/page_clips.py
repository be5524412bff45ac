"""The clips that the report page shows: sound, picture, spectrogram, captions and phrases."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from hearsay.errors import HearsayError
from hearsay.layout import DatasetFiles
from hearsay.pages.media import (
    data_address,
    mel_spectrogram,
    read_sound,
    small_picture,
    small_sound,
    spectrogram_png,
)
from hearsay.report.page_activity import Activity

LONGEST_S = 60.0  # of a sound inside the page
PICTURE_WIDTH = 160
ENCODED_AT_ONCE = 2


@dataclass(frozen=True)
class Phrase:
    """A phrase of a caption and when it is labelled as heard."""

    caption_id: str
    words: str
    onsets_s: tuple[float, ...]
    offsets_s: tuple[float, ...]


@dataclass(frozen=True)
class ClipTexts:
    """What is said of the test clips: captions and phrases by clip id."""

    captions: dict[str, dict[str, str]]
    phrases: dict[str, list[Phrase]]


def read_texts(data: DatasetFiles) -> ClipTexts:
    """Read captions and phrases of a data set; one without phrases has none.

    Raises:
        HearsayError: the index is absent.
    """
    captions: dict[str, dict[str, str]] = {}
    for row in _records(data.captions, ["clip_id", "caption_id", "text"]):
        captions.setdefault(str(row["clip_id"]), {})[str(row["caption_id"])] = str(row["text"])
    phrases: dict[str, list[Phrase]] = {}
    if data.phrases.exists():
        columns = ["clip_id", "caption_id", "phrase", "first_word", "onsets_s", "offsets_s"]
        rows = _records(data.phrases, columns)
        for row in sorted(rows, key=lambda row: (row["caption_id"], row["first_word"])):
            times = (tuple(float(time) for time in row[k]) for k in ("onsets_s", "offsets_s"))
            phrase = Phrase(str(row["caption_id"]), str(row["phrase"]), *times)
            phrases.setdefault(str(row["clip_id"]), []).append(phrase)
    return ClipTexts(captions, phrases)


def describe_clip(
    clip_id: str, media: Mapping[str, Any], texts: ClipTexts, asked: str | None
) -> dict[str, Any]:
    """Return what clip_view.js shows of a clip, but for scores over time.

    Args:
        clip_id: its id.
        media: of `read_media`.
        texts: of its data set.
        asked: the caption that asks for it; None: it is shown only as an answer to others.

    Returns:
        with `segments`: the phrases of the caption that asks, which come with its caption_id, and
        each sound event once, named by the first phrase with its times.
    """
    own = texts.phrases.get(clip_id, [])
    events: dict[tuple[Any, ...], Phrase] = {}
    for phrase in own:
        if phrase.onsets_s:
            events.setdefault((phrase.onsets_s, phrase.offsets_s), phrase)
    segments = [_segment(phrase, asked) for phrase in own if phrase.caption_id == asked]
    segments += [_segment(phrase, None) for phrase in sorted(events.values(), key=_first_onset)]
    return {
        "clip_id": clip_id,
        "captions": list(texts.captions.get(clip_id, {}).values()),
        "segments": segments,
        **media,
    }


def _first_onset(phrase: Phrase) -> tuple[tuple[float, ...], str]:
    return phrase.onsets_s, phrase.words


def _segment(phrase: Phrase, asked: str | None) -> dict[str, Any]:
    return {
        "phrase": phrase.words,
        "caption_id": phrase.caption_id,
        "asked": asked is not None,
        "onsets_s": [round(time, 2) for time in phrase.onsets_s],
        "offsets_s": [round(time, 2) for time in phrase.offsets_s],
    }


def add_activity(clip: dict[str, Any], runs: Sequence[Activity]) -> None:
    """Add to each segment of a clip how the runs scored its phrase over time."""
    for segment in clip["segments"]:
        key = (clip["clip_id"], segment["caption_id"], segment["phrase"])
        own = {run.method: run.scores[key] for run in runs if key in run.scores}
        if own:
            segment["scores"] = {method: scores for method, (_, scores) in own.items()}
            segment["end_s"] = next(iter(own.values()))[0]


def read_media(data: DatasetFiles, clip_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Make sound, picture and spectrogram of clips small enough for a page.

    Returns:
        by clip id: audio and spectrogram of its first LONGEST_S, duration_s of these, whole_s, and
        pictures (the one in the middle; none where the data set has none).

    Raises:
        HearsayError: a shard is absent, or a clip is in none.
    """
    wanted = set(clip_ids)
    columns = ["flac", "sample_rate_hz", "num_samples"]
    rows = [
        row for path in data.shards("audio", ".parquet") for row in _rows_of(path, wanted, columns)
    ]
    with ThreadPoolExecutor(ENCODED_AT_ONCE) as pool:  # MP3 takes most of the page's time
        sounds = pool.map(_hear, rows)
        found = {row["clip_id"]: sound for row, sound in zip(rows, sounds, strict=True)}
    missing = sorted(wanted - set(found))
    if missing:
        raise HearsayError(
            f"clip {missing[0]} has no sound in {data.root / 'audio'}; score the runs again"
        )
    for path in data.shards("images", ".parquet"):
        if not path.exists():  # a data set without pictures
            continue
        of_clip: dict[str, list[dict[str, Any]]] = {}
        rows = _rows_of(path, wanted, ["image_index", "timestamp_s", "jpeg"])
        for row in sorted(rows, key=lambda row: row["image_index"]):
            of_clip.setdefault(row["clip_id"], []).append(row)
        for clip_id, pictures in of_clip.items():
            found[clip_id]["pictures"] = [_picture(pictures[(len(pictures) - 1) // 2])]
    return found


def _hear(row: dict[str, Any]) -> dict[str, Any]:
    samples, rate_hz = read_sound(row["flac"], LONGEST_S)
    image = spectrogram_png(mel_spectrogram(samples, rate_hz), most_frames=300)
    return {
        "duration_s": round(len(samples) / rate_hz, 2),
        "whole_s": round(row["num_samples"] / row["sample_rate_hz"], 2),
        "audio": data_address(small_sound(samples, rate_hz), "audio/mpeg"),
        "spectrogram": {"src": data_address(image, "image/png")},
        "pictures": [],
    }


def _picture(row: dict[str, Any]) -> dict[str, Any]:
    small = small_picture(row["jpeg"], PICTURE_WIDTH)
    return {
        "src": data_address(small, "image/jpeg"),
        "time_s": round(float(row["timestamp_s"]), 2),
    }


def _rows_of(path: Path, wanted: set[str], columns: list[str]) -> list[dict[str, Any]]:
    """Read the rows of some clips; media of others are not even loaded where there is none."""
    try:
        ids = pq.read_table(path, columns=["clip_id"])["clip_id"].to_pylist()
        if wanted.isdisjoint(ids):
            return []
        filters = [("clip_id", "in", sorted(wanted.intersection(ids)))]
        return pq.read_table(path, columns=["clip_id", *columns], filters=filters).to_pylist()
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; decode the clips first") from None


def _records(path: Path, columns: list[str]) -> list[dict[str, Any]]:
    try:
        table = pd.read_parquet(path, columns=columns)
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; build the index first") from None
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
