from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pytest

from hearsay.annotations.index import shuffle_index
from hearsay.annotations.tables import Index, check_index, read_index, write_index
from hearsay.errors import HearsayError
from hearsay.files import write_parquet


def make_index(num_clips: int = 3) -> Index:
    ids = [f"clip-{number}" for number in range(num_clips)]
    clips = pd.DataFrame(
        {
            "clip_id": ids,
            "source": "youtube",
            "locator": ids,
            "start_s": 30.0,
            "end_s": [40.0] * (num_clips - 1) + [None],
            "split": "train",
            "labels": [["dog"]] * num_clips,
        }
    )
    captions = pd.DataFrame(
        {"caption_id": [f"{clip}-1" for clip in ids], "clip_id": ids, "text": "a dog barks"}
    )
    phrases = pd.DataFrame(
        {
            "caption_id": [f"{clip}-1" for clip in ids],
            "clip_id": ids,
            "phrase": "a dog",
            "first_word": 0,
            "onsets_s": [[0.0, 5.0]] + [[]] * (num_clips - 1),
            "offsets_s": [[1.0, 10.0]] + [[]] * (num_clips - 1),
        }
    )
    return Index(clips, captions, phrases)


def with_cell(table: pd.DataFrame, row: int, column: str, value: object) -> pd.DataFrame:
    table = table.astype({column: object})
    table.at[row, column] = value
    return table


def test_a_valid_index_survives_writing_and_reading(tmp_path):
    index = make_index()
    paths = [tmp_path / f"{name}.parquet" for name in ("clips", "captions", "phrases")]
    write_index(index, *paths)
    read = read_index(*paths)
    assert read.clips["clip_id"].tolist() == index.clips["clip_id"].tolist()
    assert pd.isna(read.clips["end_s"].iloc[2])
    assert list(read.phrases["offsets_s"].iloc[0]) == [1.0, 10.0]


@pytest.mark.parametrize(
    ("table", "row", "column", "value", "message"),
    [
        ("clips", 1, "clip_id", "clip-0", "clips, row 2, column clip_id: 'clip-0' stands"),
        ("clips", 2, "clip_id", "a b", "clips, row 3, column clip_id: 'a b' must match"),
        ("clips", 2, "clip_id", "", "clips, row 3, column clip_id: '' must match"),
        ("clips", 2, "clip_id", "a\n", r"clips, row 3, column clip_id: 'a\n' must match"),
        ("clips", 2, "clip_id", "ü", "clips, row 3, column clip_id: 'ü' must match"),
        ("clips", 2, "clip_id", None, "clips, row 3, column clip_id: None is missing"),
        ("clips", 1, "locator", " \t", r"clips, row 2, column locator: ' \t' must not be empty"),
        ("clips", 0, "source", "ftp", "clips, row 1, column source: 'ftp' must be one of"),
        ("clips", 0, "split", "dev", "clips, row 1, column split: 'dev' must be one of"),
        ("clips", 0, "start_s", -1.0, "clips, row 1, column start_s: -1.0 must be 0 or more"),
        ("clips", 1, "end_s", 30.0, "clips, row 2, column end_s: 30.0 must be greater"),
        ("captions", 1, "clip_id", "nobody", "captions, row 2, column clip_id: 'nobody' is not"),
        ("captions", 1, "text", " ", "captions, row 2, column text: ' ' must not be empty"),
        ("captions", 1, "caption_id", "clip-0-1", "captions, row 2, column caption_id"),
        ("phrases", 2, "caption_id", "x", "phrases, row 3, column caption_id: 'x' is not in"),
        ("phrases", 0, "offsets_s", [1.0], "phrases, row 1, column offsets_s: 1 offsets for 2"),
        ("phrases", 0, "onsets_s", [2.0, 5.0], "phrases, row 1, column onsets_s: 2.0 is not in"),
        ("phrases", 0, "offsets_s", [1.0, 10.1], "phrases, row 1, column offsets_s: 10.1 lies"),
    ],
)
def test_a_broken_rule_names_table_row_and_column(table, row, column, value, message):
    index = make_index()
    broken = replace(index, **{table: with_cell(getattr(index, table), row, column, value)})
    with pytest.raises(HearsayError) as error:
        check_index(broken)
    assert str(error.value).startswith(message)


def test_a_missing_column_and_a_wrong_type_name_the_file(tmp_path):
    index = make_index()
    paths = [tmp_path / f"{name}.parquet" for name in ("clips", "captions", "phrases")]
    write_index(index, *paths)
    write_parquet(index.captions.drop(columns="text"), paths[1])
    with pytest.raises(HearsayError, match=r"captions\.parquet: no column text"):
        read_index(*paths)
    write_parquet(pa.table({**index.captions, "text": [[1], [2], [3]]}), paths[1])
    with pytest.raises(HearsayError, match=r"captions\.parquet: a column has another type"):
        read_index(*paths)


def test_the_shuffle_depends_on_the_seed_and_not_on_the_order_of_rows():
    index = make_index(50)
    reversed_rows = replace(index, clips=index.clips.iloc[::-1].reset_index(drop=True))
    first = shuffle_index(index, 0).clips["clip_id"].tolist()
    assert first == shuffle_index(reversed_rows, 0).clips["clip_id"].tolist()
    assert first != shuffle_index(index, 1).clips["clip_id"].tolist()
    assert first != index.clips["clip_id"].tolist()
    assert sorted(first) == sorted(index.clips["clip_id"])


@pytest.mark.parametrize("locator", ["/etc/a.wav", "..", "../a.wav", "a/../b.wav", "a/.."])
def test_a_path_that_leads_out_of_its_archive_is_refused_and_of_a_file_is_not(locator):
    index = make_index()
    for source in ("archive", "file"):
        clips = index.clips.assign(source=source, locator=["a/..b.wav", "..a/b..", locator])
        if source == "file":
            check_index(replace(index, clips=clips))
            continue
        with pytest.raises(HearsayError, match="clips, row 3, column locator: .* inside the arch"):
            check_index(replace(index, clips=clips))
