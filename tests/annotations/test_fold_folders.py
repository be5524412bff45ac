import pandas as pd
import pytest

from hearsay.annotations.fold_folders import list_fold_folders
from hearsay.annotations.folder import read_folder
from hearsay.annotations.tables import check_index
from hearsay.errors import HearsayError


def make_recordings(folder, names):
    for label in ("001 - Dog bark", "002 - Rain"):
        (folder / label).mkdir(parents=True)
        for name in names:
            (folder / label / f"{name}.ogg").touch()


def test_folds_become_splits_and_takes_of_a_source_stay_together(tmp_path):
    # Five sources of folds 1 and 2, one with three takes; a fifth of them is val.
    trained = ["1-10-A", "1-11-A", "1-12-A", "2-13-A", "2-14-A", "2-14-B", "2-14-C"]
    make_recordings(tmp_path / "bank", [*trained, "3-20-A", "3-21-A"])
    table = tmp_path / "clips.csv"
    assert list_fold_folders(tmp_path / "bank", table, {"3"}) == 18
    index = read_folder(table)
    check_index(index)
    rows = pd.read_csv(table)
    rows["source"] = rows["path"].str.extract(r"\d-(\d+)-[A-Z]")
    assert set(rows.loc[rows["path"].str.contains("/3-"), "split"]) == {"test"}
    assert set(rows.loc[~rows["path"].str.contains("/3-"), "split"]) == {"train", "val"}
    of_class = rows.groupby("labels")
    assert set(rows["labels"]) == {"dog bark", "rain"}
    for _, own in of_class:
        assert own.loc[own["split"] == "val", "source"].nunique() == 1
        assert (own.groupby("source")["split"].nunique() == 1).all()


def test_of_an_unheard_class_test_alone_is_listed_and_the_others_stay_as_they_are(tmp_path):
    make_recordings(tmp_path / "bank", ["1-10-A", "1-11-A", "2-13-A", "3-20-A", "3-21-A"])
    whole, table = tmp_path / "whole.csv", tmp_path / "clips.csv"
    assert list_fold_folders(tmp_path / "bank", whole, {"3"}) == 10
    assert list_fold_folders(tmp_path / "bank", table, {"3"}, unheard="rain") == 7
    check_index(read_folder(table))
    heard, found = pd.read_csv(whole), pd.read_csv(table)
    kept = heard[(heard["labels"] != "rain") | (heard["split"] == "test")]
    pd.testing.assert_frame_equal(found, kept.reset_index(drop=True))
    with pytest.raises(HearsayError, match="has no class 'gong'; it has dog bark, rain"):
        list_fold_folders(tmp_path / "bank", table, {"3"}, unheard="gong")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["bark"], "bark.ogg: its name is not of the form FOLD-SOURCE-TAKE"),
        (["1-10-A", "3-11-A"], "1 sources are left for train and val"),
    ],
)
def test_recordings_that_cannot_be_divided_are_one_line(tmp_path, names, message):
    make_recordings(tmp_path / "bank", names)
    with pytest.raises(HearsayError, match=message):
        list_fold_folders(tmp_path / "bank", tmp_path / "clips.csv", {"3"})
    with pytest.raises(HearsayError, match="is no folder"):
        list_fold_folders(tmp_path / "none", tmp_path / "clips.csv", {"3"})
