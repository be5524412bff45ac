"""Readers of AudioGrounding: phrases of AudioCaps captions, with the times at which they sound.

Xu et al. 2021 (arXiv 2102.11474). The versions divide the clips into other splits, so numbers of
the two are never mixed. Both come as `train.json`, `val.json` and `test.json`: version 1 from the
repository wsntxxn/TextToAudioGrounding before 2021-10-15, version 2 from Zenodo 7269161.
"""

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from hearsay.annotations.nltk_tokens import spell, words_of_tokens
from hearsay.annotations.tables import (
    CAPTIONS_SCHEMA,
    CLIPS_SCHEMA,
    PHRASES_SCHEMA,
    SPLITS,
    Index,
)
from hearsay.annotations.text_file import read_text
from hearsay.annotations.youtube import youtube_clip_id
from hearsay.errors import HearsayError

COLUMNS = ("audiocap_id", "filename", "caption", "tokens", "soundtag", "start_word", "timestamps")
# The numbers are split off from the right: an id may hold "_" and "-" and begin with either.
FILE_NAME = re.compile(r"([A-Za-z0-9_-]+)_(\d+(?:\.\d+)?)_(\d+(?:\.\d+)?)\.wav")
AUDIO_ID = re.compile(r"Y([A-Za-z0-9_-]+)\.wav")
NOT_HEARD = [0, 0]  # the segment of a phrase that nobody heard


def read_audiogrounding(source: Path) -> Index:
    """Read version 1: one object a column, keyed by row; one row a phrase of a caption.

    A clip is a segment of a YouTube video with the id that reader audiocaps gives it; its length
    is that of `filename`. Captions stay as they are written; `first_word` counts their whitespace
    words, in which the data set's own tokens are found again. The segment [0, 0] stands for
    "not heard" and becomes an empty list. Offsets behind the clip's end, by up to 0.02 s in the
    data, become that end.

    Raises:
        HearsayError: a file is absent or no JSON, or a row breaks a rule; file, row (the key in
            the file) and column are named.
    """
    tables = _Tables("soundtag", "timestamps")
    for split in SPLITS:
        path = source / f"{split}.json"
        columns = _read_columns(path)
        for key in columns["filename"]:
            cells = {name: columns[name][key] for name in COLUMNS}
            where = f"{path}, row {key}"
            clip = _youtube_clip(cells["filename"], split, where)
            tokens = _tokens(cells["tokens"], where)
            text = _text(cells["caption"], "caption", where)
            caption = tables.caption(clip, cells["audiocap_id"], text, tokens, where)
            phrase = _text(cells["soundtag"], "soundtag", where)
            tables.phrase(caption, phrase, cells["start_word"], cells["timestamps"], where)
    return tables.index()


def read_audiogrounding_v2(source: Path, options: dict[str, Any]) -> Index:
    """Read version 2: a list of items, one a caption, each with its phrases.

    An item has `audiocap_id`, `audio_id` ("Y", the video's id, ".wav"), `tokens` and `phrases`;
    a phrase has `phrase`, `start_index`, `end_index` (of its last token) and `segments`. Clips
    are the files of the archive `audio.zip`, in whatever folder of it, whole, since neither start
    nor length is given. The caption is spelled from its tokens as version 1 spells all of its
    captions. No segment, or [0, 0], stands for "not heard".

    Args:
        source: the folder that holds the lists and what `audio.zip` unpacks to.
        options: none.

    Raises:
        HearsayError: a file is absent or no JSON, or an item breaks a rule; file, item and phrase
            (both counted from 1) and key are named.
    """
    tables = _Tables("phrase", "segments")
    places = {path.name: str(path.relative_to(source)) for path in sorted(source.rglob("*.wav"))}
    for split in SPLITS:
        path = source / f"{split}.json"
        for number, item in enumerate(_read_items(path), start=1):
            where = f"{path}, item {number}"
            keys = _keys(item, ("audiocap_id", "audio_id", "tokens", "phrases"), where)
            clip = _archive_clip(keys["audio_id"], places, split, where)
            tokens = _tokens(keys["tokens"], where)
            caption = tables.caption(clip, keys["audiocap_id"], spell(tokens), tokens, where)
            is_list = isinstance(keys["phrases"], list)
            _require(is_list, where, "phrases", keys["phrases"], "is no list")
            for position, phrase in enumerate(keys["phrases"], start=1):
                inner = f"{where}, phrase {position}"
                names = ("phrase", "start_index", "end_index", "segments")
                parts = _keys(phrase, names, inner)
                said = parts["phrase"]  # documented as tokens, read as a text by the authors
                said = " ".join(_tokens(said, inner)) if isinstance(said, list) else said
                text, first = _text(said, "phrase", inner), parts["start_index"]
                tables.phrase(caption, text, first, parts["segments"], inner)
                last = first + len(text.split()) - 1
                fits = parts["end_index"] == last
                _require(fits, inner, "end_index", parts["end_index"], f"should be {last}")
    return tables.index()


@dataclass(frozen=True)
class _Caption:
    """A caption under which phrases are filed."""

    caption_id: str
    clip: dict[str, Any]
    tokens: list[str]
    words: list[int]  # of each token


@dataclass
class _Tables:
    """The rows read so far; the names are those of the file, for messages."""

    phrase_name: str
    segments_name: str
    clips: dict[str, dict[str, Any]] = field(default_factory=dict)
    captions: dict[str, dict[str, Any]] = field(default_factory=dict)
    phrases: list[dict[str, Any]] = field(default_factory=list)

    def caption(
        self, clip: dict[str, Any], number: Any, text: str, tokens: list[str], where: str
    ) -> _Caption:
        """File a clip and a caption of it; both may be known, but not as another."""
        clip_id, caption_id = clip["clip_id"], str(number)
        row = {"caption_id": caption_id, "clip_id": clip_id, "text": text}
        same_clip = self.clips.setdefault(clip_id, clip) == clip
        _require(same_clip, where, "clip", clip_id, "stands in an earlier row with other times")
        same_caption = self.captions.setdefault(caption_id, row) == row
        rule = "stands in an earlier row with another text or clip"
        _require(same_caption, where, "audiocap_id", number, rule)
        try:
            words = words_of_tokens(tokens, text)
        except ValueError as error:
            raise HearsayError(f"{where}, tokens: {error}") from None
        return _Caption(caption_id, clip, tokens, words)

    def phrase(self, caption: _Caption, phrase: str, first: Any, segments: Any, where: str) -> None:
        """File a phrase: the tokens of the caption from `first` on."""
        run = phrase.split()
        in_range = isinstance(first, int) and 0 <= first < len(caption.tokens)
        stands_there = in_range and caption.tokens[first : first + len(run)] == run
        rule = f"is not what the tokens of the caption say from {first!r} on"
        _require(stands_there, where, self.phrase_name, phrase, rule)
        length_s = caption.clip["end_s"] - caption.clip["start_s"]  # nan: not known
        onsets_s, offsets_s = _segments(segments, length_s, f"{where}, {self.segments_name}")
        self.phrases.append(
            {
                "caption_id": caption.caption_id,
                "clip_id": caption.clip["clip_id"],
                "phrase": phrase,
                "first_word": caption.words[first],
                "onsets_s": onsets_s,
                "offsets_s": offsets_s,
            }
        )

    def index(self) -> Index:
        """Return all that was filed."""
        return Index(
            pd.DataFrame(list(self.clips.values()), columns=CLIPS_SCHEMA.names),
            pd.DataFrame(list(self.captions.values()), columns=CAPTIONS_SCHEMA.names),
            pd.DataFrame(self.phrases, columns=PHRASES_SCHEMA.names),
        )


def _segments(segments: Any, length_s: float, where: str) -> tuple[list[float], list[float]]:
    """Return the onsets and offsets inside a clip of `length_s` (nan: not known)."""
    if not isinstance(segments, list):
        raise HearsayError(f"{where}: {segments!r} is no list of pairs")
    onsets_s, offsets_s = [], []
    for segment in segments:
        if segment == NOT_HEARD:
            continue
        is_pair = isinstance(segment, list) and len(segment) == 2
        if not is_pair or not all(_is_number(time_s) for time_s in segment):
            raise HearsayError(f"{where}: {segment!r} is no pair of seconds")
        onset_s, offset_s = segment
        if not 0 <= onset_s < offset_s:
            raise HearsayError(f"{where}: {segment!r} does not begin at 0 or later and then end")
        if onset_s >= length_s:
            raise HearsayError(f"{where}: {segment!r} begins behind the clip of {length_s:g} s")
        onsets_s.append(float(onset_s))
        offsets_s.append(float(offset_s if math.isnan(length_s) else min(offset_s, length_s)))
    return onsets_s, offsets_s


def _youtube_clip(name: Any, split: str, where: str) -> dict[str, Any]:
    match = FILE_NAME.fullmatch(name) if isinstance(name, str) else None
    if match is None or not float(match[2]) < float(match[3]):
        raise HearsayError(f"{where}, filename: {name!r} is not of the form ID_start_end.wav")
    start_s = float(match[2])
    return {
        "clip_id": youtube_clip_id(match[1], start_s),
        "source": "youtube",
        "locator": match[1],
        "start_s": start_s,
        "end_s": float(match[3]),
        "split": split,
        "labels": [],
    }


def _archive_clip(name: Any, places: dict[str, str], split: str, where: str) -> dict[str, Any]:
    match = AUDIO_ID.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        raise HearsayError(f"{where}, audio_id: {name!r} is not of the form YID.wav")
    return {
        "clip_id": match[1],
        "source": "archive",
        "locator": places.get(name, name),  # a file that is not there is found out by fetch_clips
        "start_s": 0.0,
        "end_s": math.nan,  # to the end
        "split": split,
        "labels": [],
    }


def _read_json(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise HearsayError(f"{path} is no JSON ({error}); remove it and fetch it again") from error


def _read_columns(path: Path) -> dict[str, dict[str, Any]]:
    """Read a table of pandas: an object a column, all with the same rows."""
    table = _read_json(path)
    columns = _keys(table, COLUMNS, str(path))
    for name, column in columns.items():
        if not isinstance(column, dict) or column.keys() != columns["filename"].keys():
            raise HearsayError(f"{path}, column {name}: has other rows than column filename")
    return columns


def _read_items(path: Path) -> list[Any]:
    items = _read_json(path)
    if not isinstance(items, list):
        raise HearsayError(
            f"{path} is no list of items; it may be of version 1: use reader audiogrounding"
        )
    return items


def _keys(value: Any, names: tuple[str, ...], where: str) -> dict[str, Any]:
    """Take the named keys out of an object."""
    missing = [name for name in names if not isinstance(value, dict) or name not in value]
    if missing:
        raise HearsayError(f"{where}: no key {', '.join(missing)}")
    return {name: value[name] for name in names}


def _tokens(value: Any, where: str) -> list[str]:
    is_list = isinstance(value, list) and bool(value)
    whole = is_list and all(isinstance(token, str) and token.split() == [token] for token in value)
    _require(whole, where, "tokens", value, "is no list of words")
    return list(value)


def _text(value: Any, name: str, where: str) -> str:
    _require(isinstance(value, str) and bool(value.strip()), where, name, value, "is no text")
    return str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _require(holds: bool, where: str, name: str, value: Any, rule: str) -> None:
    if not holds:
        raise HearsayError(f"{where}, {name}: {value!r} {rule}")
