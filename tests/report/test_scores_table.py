"""scores.csv: complete, sorted, without duplicates, the same whatever the order of the files."""

import math
import shutil

import pandas as pd
import pytest

from hearsay.errors import HearsayError
from hearsay.files import read_json
from hearsay.report.scores import collect_scores, read_score_table, summarise_seeds
from hearsay.scoring.records import COLUMNS


def test_every_record_arrives_once(score_files, scores):
    table = read_score_table(scores)
    assert tuple(table.columns) == COLUMNS
    assert len(table) == sum(len(read_json(path)) for path in score_files)
    assert table.loc[table["metric"] != "median_rank", "value"].max() <= 1  # never percent


def test_the_order_of_the_files_changes_nothing(score_files, scores, tmp_path):
    collect_scores(score_files[::-1], tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == scores.read_bytes()


def test_a_number_given_twice_names_both_files(score_files, tmp_path):
    copy = tmp_path / "copy" / "scores.json"
    copy.parent.mkdir()
    shutil.copy(score_files[0], copy)
    with pytest.raises(HearsayError) as error:
        collect_scores([score_files[0], copy], tmp_path / "scores.csv")
    assert str(copy) in str(error.value)
    assert str(score_files[0]) in str(error.value)
    assert not (tmp_path / "scores.csv").exists()


def test_no_record_at_all_is_an_error(tmp_path):
    with pytest.raises(HearsayError, match="no score record"):
        collect_scores([], tmp_path / "scores.csv")


def test_seeds_become_mean_and_sample_deviation():
    row = dict.fromkeys(COLUMNS, "x") | {"metric": "R@1", "chance": 0.1}
    row |= {"num_queries": 10, "num_candidates": 10, "ci_low": 0.2, "ci_high": 0.4}
    values = {2: 0.5, 0: 0.2, 1: 0.2}
    table = pd.DataFrame([row | {"seed": s, "value": v} for s, v in values.items()])
    summary = summarise_seeds(table).iloc[0]
    assert summary["mean"] == pytest.approx(0.3)
    assert summary["std"] == pytest.approx(math.sqrt(0.03))
    assert summary["standard_error"] == pytest.approx(0.1)
    assert (summary["seeds"], summary["num_seeds"]) == ("0 1 2", 3)
    assert summary["per_seed"] == [0.2, 0.2, 0.5]
    assert math.isnan(summarise_seeds(table[:1]).iloc[0]["std"])


@pytest.mark.parametrize(
    ("metric", "interval", "above"),
    [
        ("R@1", (0.11, 0.3), True),
        ("R@1", (0.1, 0.3), False),
        ("median_rank", (2.0, 4.9), True),
        ("median_rank", (2.0, 5.0), False),
    ],
)
def test_above_chance_needs_the_whole_interval_on_the_good_side(metric, interval, above):
    chance = 5.0 if metric == "median_rank" else 0.1
    row = dict.fromkeys(COLUMNS, "x") | {"metric": metric, "chance": chance, "value": 2.0}
    row |= {"seed": 0, "ci_low": interval[0], "ci_high": interval[1]}
    assert summarise_seeds(pd.DataFrame([row])).iloc[0]["above_chance"] == above


def test_a_table_with_a_wrong_row_is_refused(scores, tmp_path):
    text = scores.read_text().splitlines()
    (tmp_path / "bad.csv").write_text("\n".join([text[0], text[1].replace(",R@1,", ",R@3,")]))
    with pytest.raises(HearsayError, match="row 2: metric 'R@3'"):
        read_score_table(tmp_path / "bad.csv")
    (tmp_path / "short.csv").write_text("dataset,split\ndemo,test\n")
    with pytest.raises(HearsayError, match="exactly the columns"):
        read_score_table(tmp_path / "short.csv")
    with pytest.raises(HearsayError, match="does not exist"):
        read_score_table(tmp_path / "none.csv")
