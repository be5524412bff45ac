import numpy as np
import pytest
import soundfile

from hearsay.annotations.class_folders import list_class_folders
from hearsay.annotations.folder import read_folder
from hearsay.annotations.tables import check_index
from hearsay.errors import HearsayError


def test_class_folders_become_a_csv_that_the_folder_reader_reads(tmp_path):
    for name in ("001 - Dog bark", "002 - Rain", "owl", "gong", "saw"):
        folder = tmp_path / "bank" / name
        folder.mkdir(parents=True)
        for take in range(4):
            soundfile.write(folder / f"{name[-3:]}{take}.wav", np.zeros(100), 8000)
    table = tmp_path / "lists" / "clips.csv"
    table.parent.mkdir()
    assert list_class_folders(tmp_path / "bank", table) == {"test": 5, "train": 10, "val": 5}
    index = read_folder(table)
    check_index(index)
    assert set(index.captions["text"]) == {"dog bark", "rain", "owl", "gong", "saw"}
    assert index.clips.groupby("split").size().to_dict() == {"test": 5, "train": 10, "val": 5}


def test_a_missing_folder_is_one_line(tmp_path):
    with pytest.raises(HearsayError, match="is no folder"):
        list_class_folders(tmp_path / "none", tmp_path / "clips.csv")


def test_one_class_will_do_but_not_two_recordings_of_it(tmp_path):
    folder = tmp_path / "bank" / "owl"
    folder.mkdir(parents=True)
    for take in range(2):
        soundfile.write(folder / f"{take}.wav", np.zeros(100), 8000)
    with pytest.raises(HearsayError, match="RECORDINGS .*owl holds 2 recordings .* at least 3"):
        list_class_folders(tmp_path / "bank", tmp_path / "clips.csv")
    soundfile.write(folder / "2.wav", np.zeros(100), 8000)
    assert list_class_folders(tmp_path / "bank", tmp_path / "clips.csv").total() == 3


def test_a_folder_without_folders_is_one_line(tmp_path):
    with pytest.raises(HearsayError, match="RECORDINGS .* holds no folder; give one with"):
        list_class_folders(tmp_path, tmp_path / "clips.csv")
