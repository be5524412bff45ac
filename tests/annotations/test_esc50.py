"""ESC-50: a generated list of the data set's form and size, and the real recordings of ESC-10."""

import re
from collections import Counter
from pathlib import Path

import pytest

from hearsay.annotations.esc50 import read_esc50
from hearsay.annotations.index import build_index
from hearsay.annotations.tables import check_index, read_index
from hearsay.errors import HearsayError

ESC10 = Path(__file__).parents[3] / "shared" / "data" / "esc10"
HEADER = "filename,fold,target,category,esc10,src_file,take"
OPTIONS = {"val_folds": [4], "test_folds": [5], "esc10": False}


def write_list(source: Path, rows: list[str], folder: str = "ESC-50-master") -> Path:
    meta = source / folder / "meta"
    meta.mkdir(parents=True)
    (meta / "esc50.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    return source


def full_size() -> list[str]:
    """Make 50 classes of 40 clips, 8 a fold; every fifth class belongs to ESC-10."""
    rows = []
    for fold in range(1, 6):
        for target in range(50):
            for k in range(8):
                number, take = 1000 * fold + 10 * target + k // 2, "AB"[k % 2]
                name = f"{fold}-{number}-{take}-{target}.wav"
                esc10 = target % 5 == 0
                rows.append(f"{name},{fold},{target},class_{target},{esc10},{number},{take}")
    return rows


ROWS = [
    "1-100032-A-0.wav,1,0,dog,True,100032,A",
    "4-7-B-14.wav,4,14,chirping_birds,False,7,B",
    "5-8-A-0.wav,5,0,dog,True,8,A",
]


def test_a_row_becomes_a_clip_with_its_licence_and_freesound_id(tmp_path):
    index = read_esc50(write_list(tmp_path, ROWS), OPTIONS)
    check_index(index)
    columns = ["clip_id", "source", "locator", "split", "labels", "licence", "freesound_id"]
    audio = "ESC-50-master/audio"
    dog, birds = ["dog"], ["chirping_birds"]
    assert index.clips[columns].to_numpy().tolist() == [
        ["1-100032-A-0", "archive", f"{audio}/1-100032-A-0.wav", "train", dog, "CC BY", "100032"],
        ["4-7-B-14", "archive", f"{audio}/4-7-B-14.wav", "val", birds, "CC BY-NC", "7"],
        ["5-8-A-0", "archive", f"{audio}/5-8-A-0.wav", "test", dog, "CC BY", "8"],
    ]
    assert index.captions.empty and index.phrases.empty


@pytest.mark.parametrize(
    ("val_folds", "test_folds", "esc10", "counts"),
    [
        ([4], [5], False, {"train": 1200, "val": 400, "test": 400}),
        ([], [1], False, {"train": 1600, "test": 400}),
        ([3, 4], [1, 2], False, {"train": 400, "val": 800, "test": 800}),
        ([4], [5], True, {"train": 240, "val": 80, "test": 80}),
    ],
)
def test_folds_become_splits_without_a_recording_in_two(
    tmp_path, val_folds, test_folds, esc10, counts
):
    options = {"val_folds": val_folds, "test_folds": test_folds, "esc10": esc10}
    clips = read_esc50(write_list(tmp_path, full_size()), options).clips
    assert Counter(clips["split"]) == counts
    folds = {"val": val_folds, "test": test_folds}
    for split, chosen in folds.items():
        assert {int(name[0]) for name in clips.loc[clips["split"] == split, "clip_id"]} == {*chosen}
    assert (clips.groupby("freesound_id")["split"].nunique() == 1).all()
    per_class = Counter(clips["labels"].str[0])
    assert set(per_class.values()) == {40} and len(per_class) == (10 if esc10 else 50)
    assert Counter(clips["licence"])["CC BY"] == 400


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1-1-A-0.wav,1,0,dog,true,1,A", "line 4, column esc10: 'true' must be True or False"),
        ("1-1-A-0.wav,2,0,dog,True,1,A", "line 4, column fold: '2' is 1 in the file's name"),
        ("1-1-A-0.wav,1,3,dog,True,1,A", "line 4, column target: '3' is 0 in the file's name"),
        ("1-1-A-0.wav,1,0,dog,True,2,A", "line 4, column src_file: '2' is 1 in"),
        ("6-1-A-0.wav,6,0,dog,True,1,A", "line 4, column filename: '6-1-A-0.wav' is not of"),
        ("../1-1-A-0.wav,1,0,dog,True,1,A", "line 4, column filename: '../1-1-A-0.wav' is not"),
        ("5-8-A-0.wav,5,0,dog,True,8,A", "line 4, column filename: '5-8-A-0.wav' stands in"),
        ("1-1-A-0.wav,1,0,,True,1,A", "line 4, column category: '' is empty"),
        ("1-1-A-0.wav,1,0,dog,True,1", "line 4: 6 cells for 7 columns"),
    ],
)
def test_a_malformed_row_is_named_with_file_and_line(tmp_path, row, message):
    rows = [ROWS[0], ROWS[2], row]
    with pytest.raises(HearsayError) as caught:
        read_esc50(write_list(tmp_path, rows), {**OPTIONS, "esc10": True})
    assert f"{tmp_path}/ESC-50-master/meta/esc50.csv, {message}" in str(caught.value)


@pytest.mark.parametrize(
    ("val_folds", "test_folds", "message"),
    [
        ([5], [5], "fold 5 is in esc50.val_folds and in esc50.test_folds"),
        ([1, 2], [3, 4, 5], "leave no fold for train"),
    ],
)
def test_folds_that_make_no_splits_are_refused(tmp_path, val_folds, test_folds, message):
    options = {"val_folds": val_folds, "test_folds": test_folds, "esc10": False}
    with pytest.raises(HearsayError, match=message):
        read_esc50(write_list(tmp_path, ROWS), options)


def test_none_or_several_lists_are_refused(tmp_path):
    with pytest.raises(HearsayError, match="0 files meta/esc50.csv instead of one"):
        read_esc50(tmp_path, OPTIONS)
    write_list(write_list(tmp_path, ROWS), ROWS, "ESC-50-2.0.0")
    with pytest.raises(HearsayError, match="2 files meta/esc50.csv instead of one"):
        read_esc50(tmp_path, OPTIONS)


def test_build_index_keeps_licence_and_freesound_id(tmp_path):
    outputs = [tmp_path / f"{table}.parquet" for table in ("clips", "captions", "phrases")]
    source = write_list(tmp_path / "in", ROWS)
    build_index("esc", "esc50", source, 2, 0, *outputs, options={**OPTIONS, "esc10": True})
    clips = read_index(*outputs).clips.set_index("clip_id")
    assert clips.loc["5-8-A-0", ["licence", "freesound_id"]].tolist() == ["CC BY", "8"]
    assert len(clips) == 2


@pytest.mark.skipif(not ESC10.is_dir(), reason="no ESC-10 recordings in ../shared/data/esc10")
def test_the_real_names_of_esc10_give_its_counts(tmp_path):
    """ESC-10's own release lacks a list and the target at the end of a name: both are made."""
    rows = []
    for path in sorted(ESC10.glob("*/*.ogg")):
        target, category = re.fullmatch(r"(\d+) - (.+)", path.parent.name).groups()
        fold, number, take = path.stem.split("-")
        name = f"{path.stem}-{int(target)}.wav"
        rows.append(f"{name},{fold},{int(target)},{category},True,{number},{take}")
    options = {"val_folds": [2], "test_folds": [3], "esc10": True}
    clips = read_esc50(write_list(tmp_path, rows), options).clips
    assert Counter(clips["split"]) == {"train": 80, "val": 80, "test": 80}  # folds 1 to 3
    assert len(set(clips["labels"].str[0])) == 10
    assert (clips.groupby("freesound_id")["split"].nunique() == 1).all()
