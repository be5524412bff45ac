"""Clotho's lists and file names, in a small record of the documented form."""

import csv
import hashlib
import io
import re
from pathlib import Path

import pandas as pd
import py7zr
import pytest
from archive_server import FETCH, OPTIONS, make_sound, serve_record, serve_site

from hearsay.annotations.archives import fetch_archive
from hearsay.annotations.clotho import clotho_clip_id, read_clotho
from hearsay.annotations.index import build_index
from hearsay.annotations.tables import ID_PATTERN, check_index
from hearsay.clips.fetch import fetch_clips
from hearsay.errors import HearsayError

CAPTION_COLUMNS = ["file_name", *(f"caption_{number}" for number in range(1, 6))]
METADATA_COLUMNS = [
    "file_name",
    "keywords",
    "sound_id",
    "sound_link",
    "start_end_samples",
    "manufacturer",
    "license",
]
CC0 = "http://creativecommons.org/publicdomain/zero/1.0/"
BY = "http://creativecommons.org/licenses/by/3.0/"
# As the real ones: a leading space, commas, a name of two splits, signs alone, no Freesound id.
FILES = {
    "development": {
        " Ambience Birds.wav": ("86163", CC0),
        "City Ambience w_ Car Passing_1-2.wav": ("130603", BY),
        "-rain, heavy (50%) #2.wav": ("Not found", ""),
    },
    "validation": {
        "City Ambience w_ Car Passing_1-2.wav": ("130603", BY),
        "Àrbol.wav": ("7", CC0),
    },
    "evaluation": {"!!!.wav": ("8", BY), "???".replace("?", "¡") + ".wav": ("9", BY)},
}
SPLITS = {"development": "train", "validation": "val", "evaluation": "test"}


def caption(folder: str, name: str, number: int) -> str:
    return f'Someone says "{name}", {number} times in {folder}.'


def as_csv(rows: list[list[str]], encoding: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(encoding)


def lists_of(folder: str) -> dict[str, bytes]:
    """Write the two lists of a split; the manufacturer's name makes the second no UTF-8."""
    names = FILES[folder]
    captions = [[name, *(caption(folder, name, k) for k in range(1, 6))] for name in names]
    metadata = [
        [name, "birds;forest", number, f"https://freesound.org/s/{number}", "[0, 99]", "Áron", by]
        for name, (number, by) in reversed(names.items())
    ]
    return {
        f"clotho_captions_{folder}.csv": as_csv([CAPTION_COLUMNS, *captions], "utf-8"),
        f"clotho_metadata_{folder}.csv": as_csv([METADATA_COLUMNS, *metadata], "iso-8859-1"),
    }


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Lay out what the archives unpack to, without sound."""
    folder = tmp_path / "archive"
    for name in FILES:
        (folder / name).mkdir(parents=True)
        for path, content in lists_of(name).items():
            (folder / path).write_bytes(content)
    return folder


def test_splits_captions_licences_and_ids_are_those_of_the_lists(source):
    index = read_clotho(source, {})
    check_index(index)
    clips = index.clips.set_index("locator")
    assert clips["split"].to_dict() == {
        f"{folder}/{name}": SPLITS[folder] for folder, names in FILES.items() for name in names
    }
    birds = clips.loc["development/ Ambience Birds.wav"]
    assert (birds["freesound_id"], birds["licence"]) == ("86163", CC0)
    rain = clips.loc["development/-rain, heavy (50%) #2.wav"]
    assert pd.isna(rain["freesound_id"]) and pd.isna(rain["licence"])
    assert clips["end_s"].isna().all() and (clips["source"] == "archive").all()
    assert len(index.captions) == 5 * 7
    own = index.captions[index.captions["clip_id"] == clips.loc["validation/Àrbol.wav", "clip_id"]]
    assert own["text"].tolist() == [caption("validation", "Àrbol.wav", k) for k in range(1, 6)]


def test_clip_ids_are_safe_unique_and_readable():
    names = [f"{folder}/{name}" for folder, own in FILES.items() for name in own]
    ids = [clotho_clip_id(Path(name).name, Path(name).parent.name) for name in names]
    assert len(set(ids)) == len(ids)
    assert all(ID_PATTERN.fullmatch(clip_id) for clip_id in ids)
    digits = hashlib.sha256(b"development/ Ambience Birds.wav").hexdigest()[:8]
    assert ids[0] == f"Ambience-Birds-{digits}"
    assert re.fullmatch("[0-9a-f]{8}", ids[-1])  # of a name of signs alone
    assert len(clotho_clip_id("x" * 200 + ".wav", "development")) == 60 + 1 + 8


@pytest.mark.parametrize(
    ("path", "row", "line"),
    [
        ("captions_validation", "a.wav,1,2,3,4", "line 4: 5 cells for 6 columns"),
        ("captions_validation", "a.wav,1,2, ,4,5", "line 4, column caption_3: ' ' is empty"),
        ("captions_validation", "a.mp3,1,2,3,4,5", "line 4, column file_name: 'a.mp3' is not of"),
        ("captions_validation", "../a.wav,1,2,3,4,5", "line 4, column file_name: '../a.wav' is"),
        ("captions_validation", "Àrbol.wav,1,2,3,4,5", "line 4, column file_name: 'Àrbol.wav' st"),
        ("metadata_validation", "b.wav,k,1,l,0,m,c", "line 4, column file_name: 'b.wav' has no ca"),
        ("metadata_evaluation", "!!!.wav,k,1,l,0,m,c", "line 4, column file_name: '!!!.wav' stan"),
        ("metadata_evaluation", "!!!.wav,k,x1,l,0,m", "line 4: 6 cells for 7 columns"),
    ],
)
def test_a_malformed_row_is_named_by_file_and_line(source, path, row, line):
    with (source / f"clotho_{path}.csv").open("ab") as file:
        encoding = "utf-8" if path.startswith("captions") else "iso-8859-1"
        file.write(f"{row}\r\n".encode(encoding))
    with pytest.raises(HearsayError, match=re.escape(f"clotho_{path}.csv, {line}")):
        read_clotho(source, {})


def test_an_id_that_is_no_number_is_named(source):
    path = source / "clotho_metadata_evaluation.csv"
    path.write_bytes(path.read_bytes().replace(b",8,", b",eight,"))
    with pytest.raises(HearsayError, match="line 3, column sound_id: 'eight' is no number"):
        read_clotho(source, {})


def test_what_is_missing_is_told(source, caplog):
    lines = (source / "clotho_metadata_evaluation.csv").read_bytes().splitlines(keepends=True)
    (source / "clotho_metadata_evaluation.csv").write_bytes(b"".join(lines[:2]))
    index = read_clotho(source, {})
    assert "evaluation.csv states nothing of 1 files, e.g. '!!!.wav'" in caplog.text
    clips = index.clips.set_index("locator")
    assert pd.isna(clips.loc["evaluation/!!!.wav", "licence"])
    (source / "validation").rmdir()
    with pytest.raises(HearsayError, match="has no folder validation; name clotho_audio_valid"):
        read_clotho(source, {})


def pack_record(folder: Path) -> dict[str, bytes]:
    """Return the nine files of the record by name."""
    files: dict[str, bytes] = {}
    for number, (name, names) in enumerate(FILES.items(), start=1):
        files.update(lists_of(name))
        with py7zr.SevenZipFile(folder / "audio.7z", "w") as archive:
            for sound_name in names:
                archive.writestr(make_sound(0.5 * number), f"{name}/{sound_name}")
        files[f"clotho_audio_{name}.7z"] = (folder / "audio.7z").read_bytes()
    return files


def test_a_small_record_comes_from_loopback_to_verified_clips(tmp_path):
    with serve_site() as site:
        options = {**OPTIONS, **serve_record(site, pack_record(tmp_path))}
        site.bodies["/clotho_audio_development.7z"].cuts = [1000]
        data = tmp_path / "data"
        fetch_archive(options, data / "archives", data / "archive", data / "archive.json")
    assert site.ranges("/clotho_audio_development.7z") == [None, "bytes=1000-"]
    tables = [data / f"{table}.parquet" for table in ("clips", "captions", "phrases")]
    build_index("clotho", "clotho", data / "archive", 7, 0, *tables, options={})
    status = data / "status.parquet"
    fetch_clips(
        tables[0], 0, 7, data / "media", status, FETCH, data / "run", None, 1, data / "archive"
    )
    clips = pd.read_parquet(tables[0]).set_index("clip_id")
    found = pd.read_parquet(status).set_index("clip_id")
    assert set(found["status"]) == {"ok"} and sorted(found.index) == sorted(clips.index)
    for clip_id, split in clips["split"].items():
        duration_s = {"train": 0.5, "val": 1.0, "test": 1.5}[split]
        assert found.loc[clip_id, "duration_s"] == pytest.approx(duration_s, abs=0.01)
        assert found.loc[clip_id, "path"] == str(data / "archive" / clips.loc[clip_id, "locator"])
