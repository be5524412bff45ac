"""Reader `folder`: a CSV of the user's own files."""

import csv
import io
import math
import re
from pathlib import Path
from typing import Any

import pandas as pd

from hearsay.annotations.tables import (
    CAPTIONS_SCHEMA,
    CLIPS_SCHEMA,
    ID_PATTERN,
    PHRASES_SCHEMA,
    SPLITS,
    Index,
)
from hearsay.errors import HearsayError

REQUIRED = ("path", "split")
OPTIONAL = ("clip_id", "start_s", "end_s", "labels", "phrases")
CAPTION_COLUMN = re.compile(r"caption(_\d+)?")
LIST_SEPARATOR = ";"


def read_folder(path: Path) -> Index:
    """Read a CSV with one row per clip into index tables.

    Columns: `path` (relative to the CSV's folder, or absolute) and `split`; optional
    `clip_id` (else made from the path), `start_s` and `end_s` (else the whole file),
    `labels` (separated by ";"), `caption` or `caption_1`, `caption_2`, ... (empty cells are
    skipped), and `phrases`: "phrase@onset-offset,onset-offset; phrase@..." in seconds from
    the clip's start; "phrase@" alone means annotated but not heard. A phrase belongs to every
    caption of the row that contains it, word by word.

    Raises:
        HearsayError: the CSV or a file named in it is missing, a column is missing or
            unknown, or a cell cannot be read; the message names file, line and column.
    """
    columns, rows = _read_csv(path)
    caption_columns = [name for name in columns if CAPTION_COLUMN.fullmatch(name)]
    clips, captions, phrases = [], [], []
    lines: dict[str, int] = {}  # of each clip id
    for line, cells in rows:
        where = f"{path}, line {line}"
        clip = _clip(cells, where, path.parent)
        if clip["clip_id"] in lines:
            raise HearsayError(
                f"{where}: clip id {clip['clip_id']!r} is that of line {lines[clip['clip_id']]} "
                "too; tell them apart in a column clip_id"
            )
        lines[clip["clip_id"]] = line
        clips.append(clip)
        texts = [cells[name].strip() for name in caption_columns if cells[name].strip()]
        segments = _phrases(cells.get("phrases", ""), where)
        used = set()
        for number, text in enumerate(texts, start=1):
            caption_id = f"{clip['clip_id']}-{number}"
            captions.append({"caption_id": caption_id, "clip_id": clip["clip_id"], "text": text})
            for phrase, onsets_s, offsets_s in segments:
                first_word = find_words(phrase, text)
                if first_word is not None:
                    used.add(phrase)
                    phrases.append(
                        {
                            "caption_id": caption_id,
                            "clip_id": clip["clip_id"],
                            "phrase": phrase,
                            "first_word": first_word,
                            "onsets_s": onsets_s,
                            "offsets_s": offsets_s,
                        }
                    )
        lost = [phrase for phrase, *_ in segments if phrase not in used]
        if lost:
            raise HearsayError(f"{where}, column phrases: {lost[0]!r} stands in no caption")
    return Index(
        pd.DataFrame(clips, columns=CLIPS_SCHEMA.names),
        pd.DataFrame(captions, columns=CAPTIONS_SCHEMA.names),
        pd.DataFrame(phrases, columns=PHRASES_SCHEMA.names),
    )


def find_words(phrase: str, text: str) -> int | None:
    """Return the index of the first whitespace token of `text` where `phrase` begins."""
    words, wanted = text.lower().split(), phrase.lower().split()
    for first in range(len(words) - len(wanted) + 1):
        if words[first : first + len(wanted)] == wanted:
            return first
    return None


def _read_csv(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Return the columns, and of each row the line that it ends in and its cells by column."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # some spreadsheets put a mark in front
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; set the CSV of reader folder") from None
    except UnicodeDecodeError as error:
        raise HearsayError(f"{path} is not UTF-8 ({error}); save it as UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    try:
        columns = next(reader, [])
        _check_columns(columns, path)
        rows = []
        for cells in reader:
            if len(cells) not in (0, len(columns)):
                raise HearsayError(
                    f"{path}, line {reader.line_num}: {len(cells)} cells for {len(columns)} "
                    "columns; put a cell that holds a comma in double quotes"
                )
            if cells:
                rows.append((reader.line_num, dict(zip(columns, cells, strict=True))))
    except csv.Error as error:
        raise HearsayError(f"{path}, line {reader.line_num}: no CSV ({error})") from error
    return columns, rows


def _check_columns(columns: list[str], path: Path) -> None:
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise HearsayError(f"{path}: no column {', '.join(missing)}")
    for number, name in enumerate(columns):
        if name not in REQUIRED + OPTIONAL and not CAPTION_COLUMN.fullmatch(name):
            raise HearsayError(f"{path}: unknown column {name!r}; remove it or mend its name")
        if name in columns[:number]:
            raise HearsayError(f"{path}: column {name!r} stands twice; remove one of them")


def _clip(cells: dict[str, str], where: str, folder: Path) -> dict[str, Any]:
    name = cells["path"].strip()
    media = folder / name  # an absolute name replaces the folder
    if not name or not media.is_file():
        raise HearsayError(f"{where}, column path: file {str(media)!r} does not exist")
    if cells["split"] not in SPLITS:
        raise HearsayError(
            f"{where}, column split: {cells['split']!r} must be one of {', '.join(SPLITS)}"
        )
    clip_id = cells.get("clip_id", "").strip() or make_clip_id(name)
    if not ID_PATTERN.fullmatch(clip_id):
        raise HearsayError(
            f"{where}: clip id {clip_id!r} must match [A-Za-z0-9_-]+; give one in a column clip_id"
        )
    start_s = _seconds(cells.get("start_s", ""), where, "start_s", 0.0)
    end_s = _seconds(cells.get("end_s", ""), where, "end_s", float("nan"))
    if end_s <= start_s:
        raise HearsayError(f"{where}, column end_s: {end_s:g} must be greater than start_s")
    labels = [label.strip() for label in cells.get("labels", "").split(LIST_SEPARATOR)]
    return {
        "clip_id": clip_id,
        "source": "file",
        "locator": str(media),
        "start_s": start_s,
        "end_s": end_s,
        "split": cells["split"],
        "labels": [label for label in labels if label],
    }


def make_clip_id(path: str) -> str:
    """Make a clip id from a relative path: without suffix, other characters become `-`."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", str(Path(path).with_suffix(""))).strip("-")


def _seconds(cell: str, where: str, column: str, default: float) -> float:
    if not cell.strip():
        return default
    try:
        seconds = float(cell)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise HearsayError(f"{where}, column {column}: {cell!r} is not a number")
    return seconds


def _phrases(cell: str, where: str) -> list[tuple[str, list[float], list[float]]]:
    parsed = []
    for item in filter(None, (part.strip() for part in cell.split(LIST_SEPARATOR))):
        phrase, at, times = item.rpartition("@")
        try:
            pairs = [span.split("-") for span in times.split(",") if span.strip()]
            segments = [(float(onset), float(offset)) for onset, offset in pairs]
        except ValueError:
            at = ""
        if not at:
            raise HearsayError(
                f"{where}, column phrases: {item!r} is not of the form phrase@onset-offset"
            )
        if any(not 0 <= onset < offset for onset, offset in segments):
            raise HearsayError(
                f"{where}, column phrases: {item!r}: an onset must be 0 or more and lie before "
                "its offset"
            )
        onsets, offsets = [on for on, _ in segments], [off for _, off in segments]
        parsed.append((phrase.strip(), onsets, offsets))
    return parsed
