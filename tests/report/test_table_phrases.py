"""Captions and phrases are counted as listed, and as found where their clip is."""

import pandas as pd
import pytest
from test_tables import cells, check_latex, outputs

from hearsay.errors import HearsayError
from hearsay.files import write_json, write_parquet
from hearsay.layout import DatasetFiles
from hearsay.report.table_phrases import make_table_phrases


def write_data(folder):
    """Three test clips, one of them lost, and a train clip; the lost clip has 2 of 4 captions."""
    clips = pd.DataFrame(
        {
            "clip_id": ["a", "b", "lost", "t"],
            "split": ["test", "test", "test", "train"],
            "available": [True, True, False, True],
        }
    )
    captions = [("a-1", "a"), ("b-1", "b"), ("lost-1", "lost"), ("lost-2", "lost"), ("t-1", "t")]
    phrases = [("a-1", "a", [1.0]), ("a-1", "a", []), ("lost-1", "lost", [0.0]), ("t-1", "t", [])]
    write_parquet(clips, folder / "availability.parquet")
    write_parquet(
        pd.DataFrame(captions, columns=["caption_id", "clip_id"]),
        folder / "index/captions.parquet",
    )
    write_parquet(
        pd.DataFrame(phrases, columns=["caption_id", "clip_id", "onsets_s"]),
        folder / "index/phrases.parquet",
    )
    write_json({"num_shards": 1}, folder / "availability.json")
    return DatasetFiles.open(folder)


def test_listed_and_found_are_counted_by_split(tmp_path):
    files = outputs(tmp_path)
    make_table_phrases(write_data(tmp_path / "mine"), *files)
    text = files[1].read_text()
    train, test = cells(text, "mine")
    # clips, captions, phrases, each listed and found; not heard
    assert test[1:] == ["test", "3", "2", "4", "2", "3", "2", "1"]
    assert train[1:] == ["train", "1", "1", "1", "1", "1", "1", "1"]
    check_latex(files[2].read_text())


def test_the_paper_stands_beside_and_other_data_are_said_to_be_others(tmp_path):
    files = outputs(tmp_path)
    make_table_phrases(write_data(tmp_path / "mine"), *files)
    paper = cells(files[1].read_text(), "AudioGrounding v1")
    assert [row[3::2] for row in paper] == [
        ["4,253", "4,253", "11,732"],
        ["30", "150", "439"],
        ["67", "335", "1,118"],
    ]
    assert "of another data set" in files[1].read_text()
    make_table_phrases(write_data(tmp_path / "audiogrounding"), *files)
    assert "of another data set" not in files[1].read_text()


def test_the_csv_has_a_row_a_split_and_the_published_ones(tmp_path):
    files = outputs(tmp_path)
    make_table_phrases(write_data(tmp_path / "mine"), *files)
    table = pd.read_csv(files[0], dtype="string").fillna("")
    assert table["dataset"].tolist() == ["mine"] * 2 + ["AudioGrounding v1 (published)"] * 3
    assert table["phrases_found"].tolist() == ["1", "2", "11732", "439", "1118"]
    assert table["phrases_listed"].tolist() == ["1", "3", "", "", ""]


def test_an_index_without_phrases_is_an_error(tmp_path):
    data = write_data(tmp_path / "mine")
    data.phrases.unlink()
    with pytest.raises(HearsayError, match=r"phrases\.parquet does not exist"):
        make_table_phrases(data, *outputs(tmp_path))
