"""Readers of data sets whose clips are segments of YouTube videos: AudioSet and AudioCaps.

Each reads one CSV per split, `train.csv`, `val.csv` and `test.csv`, in the data set's own form.
"""

from pathlib import Path

import pandas as pd

from hearsay.annotations.tables import CAPTIONS_SCHEMA, PHRASES_SCHEMA, SPLITS, Index
from hearsay.errors import HearsayError

AUDIOCAPS_DURATION_S = 10.0
AUDIOCAPS_COLUMNS = ["audiocap_id", "youtube_id", "start_time", "caption"]


def read_audioset(source: Path) -> Index:
    """Read AudioSet's segment lists: `YTID, start_seconds, end_seconds, "mid,mid"`.

    The clip id is the video id and the start in milliseconds, since a video may be in two
    lists. Labels are the ontology's ids (mids). AudioSet has no captions.

    Raises:
        HearsayError: a list is absent or a line has another form; file and line are named.
    """
    parts = []
    for split in SPLITS:
        path = source / f"{split}.csv"
        rows = []
        for number, line in enumerate(read_text(path).splitlines(), start=1):
            if line.startswith("#") or not line.strip():
                continue
            try:
                video_id, start, end, mids = line.split(", ", 3)
                start_s, end_s = float(start), float(end)
            except ValueError:
                raise HearsayError(
                    f"{path}, line {number}: {line!r} is not of the form "
                    'YTID, start, end, "mid,mid"'
                ) from None
            rows.append((video_id, start_s, end_s, mids.strip().strip('"').split(",")))
        part = pd.DataFrame(rows, columns=["locator", "start_s", "end_s", "labels"])
        parts.append(part.assign(split=split))
    return Index(
        _clips(pd.concat(parts, ignore_index=True)),
        pd.DataFrame(columns=CAPTIONS_SCHEMA.names),
        pd.DataFrame(columns=PHRASES_SCHEMA.names),
    )


def read_audiocaps(source: Path) -> Index:
    """Read AudioCaps' lists: `audiocap_id,youtube_id,start_time,caption`; clips last 10 s.

    Val and test have a row per caption, so a clip's rows are joined.

    Raises:
        HearsayError: a list is absent, a column is missing or a start is no number; the file
            and the row are named.
    """
    parts = []
    for split in SPLITS:
        path = source / f"{split}.csv"
        read_text(path)
        try:
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
        except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            raise HearsayError(f"{path} cannot be read as CSV: {error}") from error
        missing = [name for name in AUDIOCAPS_COLUMNS if name not in table.columns]
        if missing:
            raise HearsayError(f"{path}: no column {', '.join(missing)}")
        start_s = pd.to_numeric(table["start_time"], errors="coerce")
        if start_s.isna().any():
            row = int(start_s.isna().to_numpy().argmax())
            raise HearsayError(
                f"{path}, row {row + 1}, column start_time: "
                f"{table['start_time'].iloc[row]!r} is not a number"
            )
        parts.append(table.assign(split=split, start_s=start_s.astype(float)))
    rows = pd.concat(parts, ignore_index=True)
    rows = rows.assign(
        locator=rows["youtube_id"], end_s=rows["start_s"] + AUDIOCAPS_DURATION_S, labels=None
    )
    clip_ids = _clip_ids(rows)
    captions = pd.DataFrame(
        {"caption_id": rows["audiocap_id"], "clip_id": clip_ids, "text": rows["caption"]}
    )
    clips = _clips(rows[~clip_ids.duplicated()].reset_index(drop=True))
    clips["labels"] = [[] for _ in range(len(clips))]
    return Index(clips, captions, pd.DataFrame(columns=PHRASES_SCHEMA.names))


def _clips(rows: pd.DataFrame) -> pd.DataFrame:
    columns = ["clip_id", "source", "locator", "start_s", "end_s", "split", "labels"]
    return rows.assign(clip_id=_clip_ids(rows), source="youtube")[columns]


def _clip_ids(rows: pd.DataFrame) -> pd.Series:
    pairs = zip(rows["locator"], rows["start_s"], strict=True)
    return pd.Series([youtube_clip_id(*pair) for pair in pairs], rows.index, dtype=str)


def youtube_clip_id(video_id: str, start_s: float) -> str:
    """Name a clip by its video and its start in milliseconds, alike in all data sets."""
    return f"{video_id}_{round(start_s * 1000)}"


def read_text(path: Path) -> str:
    """Read an annotation file as UTF-8.

    Raises:
        HearsayError: it is absent, or in another encoding.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; run the rule fetch_annotations") from None
    except UnicodeDecodeError as error:
        raise HearsayError(f"{path} is not UTF-8 ({error}); fetch it again") from error
