"""The vocabulary of scores, and writing and reading them."""

import pandas as pd
import pytest

from hearsay.errors import HearsayError
from hearsay.files import write_json
from hearsay.scoring.records import (
    COLUMNS,
    RANK_COLUMNS,
    ScoreIdentity,
    check_record,
    make_record,
    read_scores,
    write_scores,
)

IDENTITY = ScoreIdentity("demo", "test", "all", "vip_ant", "audio_text", "demo-clip", 0, "abc")


def record(**changes):
    fields = {
        "task": "audio_text_retrieval",
        "protocol": "full_gallery",
        "direction": "audio_to_text",
        "metric": "R@1",
        "value": 0.25,
        "chance": 0.01,
        "interval": (0.2, 0.3),
        "num_queries": 20,
        "num_candidates": 100,
    }
    return make_record(IDENTITY, **(fields | changes))


def rank_table():
    return pd.DataFrame([dict.fromkeys(RANK_COLUMNS, 1)])


def test_a_record_has_exactly_the_columns_of_the_design():
    assert tuple(record()) == COLUMNS
    assert " ".join(COLUMNS) == (
        "dataset split subset task protocol method stage weights direction metric seed value "
        "chance ci_low ci_high num_queries num_candidates availability"
    )


@pytest.mark.parametrize(
    ("column", "wrong"),
    [
        ("task", "retrieval"),
        ("direction", "audio_to_video"),
        ("metric", "R@2"),
        ("protocol", ""),
        ("value", 25.0),
        ("value", float("nan")),
        ("interval", (-0.1, 0.3)),
        ("num_queries", 0),
    ],
)
def test_what_is_outside_the_vocabulary_is_refused(column, wrong):
    with pytest.raises(HearsayError):
        record(**{column: wrong})


def test_a_median_rank_is_a_rank_and_not_a_share():
    assert record(metric="median_rank", value=12.5, chance=50.5, interval=(9, 16))["value"] == 12.5
    with pytest.raises(HearsayError, match="from 1 to 100"):
        record(metric="median_rank", value=0.5, chance=50.5, interval=(9, 16))


def test_a_missing_column_is_refused():
    wrong = record()
    del wrong["chance"]
    with pytest.raises(HearsayError, match="exactly the columns"):
        check_record(wrong, "here")


def test_scores_come_back_as_written(tmp_path):
    folder = tmp_path / "runs" / "vip_ant"
    write_scores([record(), record(metric="R@5")], rank_table(), folder)
    assert read_scores(folder / "scores.json") == [record(), record(metric="R@5")]
    assert tuple(pd.read_parquet(folder / "ranks.parquet").columns) == RANK_COLUMNS
    assert sorted(path.name for path in folder.iterdir()) == ["ranks.parquet", "scores.json"]


def test_a_wrong_record_leaves_no_file(tmp_path):
    with pytest.raises(HearsayError, match="record 1"):
        write_scores([record(), record() | {"metric": "R@7"}], rank_table(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_reading_names_the_file_at_fault(tmp_path):
    write_json([record() | {"task": "karaoke"}], tmp_path / "scores.json")
    with pytest.raises(HearsayError, match=r"scores\.json, record 0: task 'karaoke'"):
        read_scores(tmp_path / "scores.json")
    write_json({"not": "a list"}, tmp_path / "scores.json")
    with pytest.raises(HearsayError, match="not a list"):
        read_scores(tmp_path / "scores.json")
