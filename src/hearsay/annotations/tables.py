"""The three index tables, the only thing later stages know of a data set, and their checks."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hearsay.errors import HearsayError
from hearsay.files import write_parquet

SPLITS = ("train", "val", "test")
SOURCES = ("youtube", "http", "file", "archive")
ID_PATTERN = re.compile(r"[A-Za-z0-9_-]+")
UPWARDS = r"(?:^|/)\.\.(?:/|$)"  # a part of a path that leads out of its folder

CLIPS_SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("source", pa.string()),
        ("locator", pa.string()),  # video id, URL or path
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),  # null: to the end
        ("split", pa.string()),
        ("labels", pa.list_(pa.string())),
        ("licence", pa.string()),  # of the clip, in its data set's words; null: not stated
        ("freesound_id", pa.string()),  # of the recording it is cut from; null: not stated
        ("excluded", pa.string()),  # why it is never used, e.g. "audiocaps test"; null: it may be
    ]
)
# A job reads the rows of its shard and not the millions around them.
ROWS_PER_GROUP = 10_000
NOT_ALWAYS_STATED = ("licence", "freesound_id", "excluded")  # a table may do without these columns
CAPTIONS_SCHEMA = pa.schema(
    [("caption_id", pa.string()), ("clip_id", pa.string()), ("text", pa.string())]
)
PHRASES_SCHEMA = pa.schema(
    [
        ("caption_id", pa.string()),
        ("clip_id", pa.string()),
        ("phrase", pa.string()),
        ("first_word", pa.int64()),
        ("onsets_s", pa.list_(pa.float64())),
        ("offsets_s", pa.list_(pa.float64())),  # both empty: annotated, not heard
    ]
)


@dataclass(frozen=True)
class Index:
    """The annotations of one data set: clips, captions and phrases as checked tables."""

    clips: pd.DataFrame
    captions: pd.DataFrame
    phrases: pd.DataFrame


def read_index(clips: Path, captions: Path, phrases: Path) -> Index:
    """Read the three tables and check them.

    Raises:
        HearsayError: a table is absent, has other columns or types, or breaks a rule of
            `check_index`; the message names the file, the row and the column.
    """
    index = Index(
        _read_table(clips, CLIPS_SCHEMA),
        _read_table(captions, CAPTIONS_SCHEMA),
        _read_table(phrases, PHRASES_SCHEMA),
    )
    check_index(index, str(clips), str(captions), str(phrases))
    return index


def write_index(index: Index, clips: Path, captions: Path, phrases: Path) -> None:
    """Write the three tables with their fixed schemas."""
    for frame, schema, path in (
        (_with_all_columns(index.clips), CLIPS_SCHEMA, clips),
        (index.captions, CAPTIONS_SCHEMA, captions),
        (index.phrases, PHRASES_SCHEMA, phrases),
    ):
        table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
        write_parquet(table, path, ROWS_PER_GROUP)


def check_index(
    index: Index,
    clips_name: str = "clips",
    captions_name: str = "captions",
    phrases_name: str = "phrases",
) -> None:
    """Check ids, references, vocabularies and times of an index.

    Rows are counted from 1, as a spreadsheet without its header counts them.

    Raises:
        HearsayError: with the first fault found: file, row, column, value and rule.
    """
    clips, captions, phrases = index.clips, index.captions, index.phrases
    if clips.empty:
        raise HearsayError(f"{clips_name}: no clips; the data set needs at least one row")
    rows = _Rows(clips_name, clips)
    rows.require("clip_id", lambda v: v.str.fullmatch(ID_PATTERN), "must match [A-Za-z0-9_-]+")
    rows.require_unique("clip_id")
    rows.require("source", lambda v: v.isin(SOURCES), f"must be one of {', '.join(SOURCES)}")
    rows.require("locator", _is_filled, "must not be empty")
    inside = clips["locator"].where(clips["source"] == "archive", "")
    leads_out = inside.str.startswith("/") | inside.str.contains(UPWARDS)
    rows.refuse(leads_out, "locator", "must be a path inside the archive")
    rows.require("split", lambda v: v.isin(SPLITS), f"must be one of {', '.join(SPLITS)}")
    rows.require("start_s", lambda v: v >= 0, "must be 0 or more")
    late = clips["end_s"].notna() & ~(clips["start_s"] < clips["end_s"])
    rows.refuse(late, "end_s", "must be greater than start_s")
    for name in NOT_ALWAYS_STATED:
        if name in clips:
            blank = ~_is_filled(clips[name].dropna().astype(str))
            blank = blank.reindex(clips.index, fill_value=False)
            rows.refuse(blank, name, "must be null where it is not stated")

    rows = _Rows(captions_name, captions)
    rows.require_unique("caption_id")
    rows.require_reference("clip_id", clips["clip_id"], clips_name)
    rows.require("text", _is_filled, "must not be empty")

    rows = _Rows(phrases_name, phrases)
    rows.require_reference("caption_id", captions["caption_id"], captions_name)
    rows.require_reference("clip_id", clips["clip_id"], clips_name)
    rows.require("phrase", _is_filled, "must not be empty")
    rows.require("first_word", lambda v: v >= 0, "must be 0 or more")
    _check_segments(rows, clips)


class _Rows:
    """One table under check; knows its file name so that a fault can be named."""

    def __init__(self, name: str, frame: pd.DataFrame) -> None:
        self.name = name
        self.frame = frame

    def refuse(self, fault: pd.Series, column: str, rule: str) -> None:
        """Raise for the first row where `fault` is true."""
        if fault.any():
            row = int(fault.to_numpy().argmax())
            value = self.frame[column].iloc[row]
            raise HearsayError(f"{self.name}, row {row + 1}, column {column}: {value!r} {rule}")

    def require(self, column: str, accepts: Callable[[pd.Series], pd.Series], rule: str) -> None:
        """Raise for the first value that is missing or that is false in what `accepts` returns.

        Whole columns are asked for at once: a call a row takes minutes at AudioSet's size.
        """
        self.refuse(self.frame[column].isna(), column, "is missing")
        if len(self.frame):
            self.refuse(~accepts(self.frame[column]).astype(bool), column, rule)

    def require_unique(self, column: str) -> None:
        """Raise for the first value that stands in two rows."""
        self.refuse(self.frame[column].isna(), column, "is missing")
        self.refuse(self.frame[column].duplicated(), column, "stands in an earlier row too")

    def require_reference(self, column: str, known: pd.Series, where: str) -> None:
        """Raise for the first value that the other table does not hold."""
        if len(self.frame):
            self.refuse(~self.frame[column].isin(known), column, f"is not in {where}")


def _is_filled(column: pd.Series) -> pd.Series:
    return column.str.strip() != ""


def _check_segments(rows: _Rows, clips: pd.DataFrame) -> None:
    """Check that each phrase's segments are ordered pairs inside its clip."""
    length_s = (clips["end_s"] - clips["start_s"]).set_axis(clips["clip_id"])
    for row, phrase in enumerate(rows.frame.itertuples(index=False)):
        onsets_s, offsets_s = list(phrase.onsets_s), list(phrase.offsets_s)
        where = f"{rows.name}, row {row + 1}, column"
        if len(onsets_s) != len(offsets_s):
            raise HearsayError(
                f"{where} offsets_s: {len(offsets_s)} offsets for {len(onsets_s)} onsets"
            )
        end_s = length_s[phrase.clip_id]
        for onset_s, offset_s in zip(onsets_s, offsets_s, strict=True):
            if not 0 <= onset_s < offset_s:
                raise HearsayError(f"{where} onsets_s: {onset_s} is not in [0, {offset_s})")
            if pd.notna(end_s) and offset_s > end_s + 1e-6:
                raise HearsayError(
                    f"{where} offsets_s: {offset_s} lies outside clip {phrase.clip_id} of {end_s} s"
                )


def _read_table(path: Path, schema: pa.Schema) -> pd.DataFrame:
    if not Path(path).is_file():
        raise HearsayError(f"{path} does not exist; the step that writes it has not run")
    table = pq.read_table(path)
    for name in NOT_ALWAYS_STATED:
        if name in schema.names and name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
    missing = [name for name in schema.names if name not in table.column_names]
    if missing:
        raise HearsayError(f"{path}: no column {', '.join(missing)}")
    unknown = [name for name in table.column_names if name not in schema.names]
    if unknown:
        raise HearsayError(f"{path}: unknown column {', '.join(unknown)}")
    try:
        table = table.select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise HearsayError(f"{path}: a column has another type ({error})") from error
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _with_all_columns(clips: pd.DataFrame) -> pd.DataFrame:
    """Add what the reader of a data set does not state, as null."""
    missing = [name for name in NOT_ALWAYS_STATED if name not in clips]
    return clips.assign(**dict.fromkeys(missing))
