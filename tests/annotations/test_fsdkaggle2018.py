"""FSDKaggle2018: the real lists, and generated ones with faults."""

import shutil
from collections import Counter
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from hearsay.annotations.fsdkaggle2018 import read_fsdkaggle2018
from hearsay.annotations.index import build_index
from hearsay.annotations.tables import check_index, read_index
from hearsay.errors import HearsayError

SHARED = Path(__file__).parents[3] / "shared" / "data" / "fsdkaggle2018"
needs_lists = pytest.mark.skipif(
    not SHARED.is_dir(), reason="FSDKaggle2018's lists (../shared/data/fsdkaggle2018) not here"
)
TRAIN = "train_post_competition.csv"
TEST = "test_post_competition_scoring_clips.csv"
NO_VAL = {"val_share": 0, "val_seed": 0}

ROWS = {
    TRAIN: """fname,label,manually_verified,freesound_id,license
00044347.wav,Hi-hat,0,28739,Attribution
001ca53d.wav,Saxophone,1,358827,Creative Commons 0
002d256b.wav,Hi-hat,1,10897,Attribution Noncommercial
""",
    TEST: """fname,label,usage,freesound_id,license
00326aa9.wav,Saxophone,Private,355125,Attribution
""",
}


def write_lists(folder: Path, lists: dict[str, str] = ROWS) -> Path:
    meta = folder / "FSDKaggle2018.meta"
    meta.mkdir()
    for name, text in lists.items():
        (meta / name).write_text(text)
    return folder


def changed(name: str, old: str, new: str) -> dict[str, str]:
    assert old in ROWS[name]
    return {**ROWS, name: ROWS[name].replace(old, new, 1)}


def test_a_row_becomes_a_clip_with_its_licence_and_freesound_id(tmp_path):
    index = read_fsdkaggle2018(write_lists(tmp_path), NO_VAL)
    check_index(index)
    columns = ["clip_id", "locator", "split", "labels", "licence", "freesound_id"]
    train, test = "FSDKaggle2018.audio_train", "FSDKaggle2018.audio_test"
    hi_hat, sax = ["Hi-hat"], ["Saxophone"]
    noncommercial = "Attribution Noncommercial"
    assert index.clips[columns].to_numpy().tolist() == [
        ["00044347", f"{train}/00044347.wav", "train", hi_hat, "Attribution", "28739"],
        ["001ca53d", f"{train}/001ca53d.wav", "train", sax, "Creative Commons 0", "358827"],
        ["002d256b", f"{train}/002d256b.wav", "train", hi_hat, noncommercial, "10897"],
        ["00326aa9", f"{test}/00326aa9.wav", "test", sax, "Attribution", "355125"],
    ]
    assert set(index.clips["source"]) == {"archive"}
    assert (index.clips["start_s"] == 0).all() and index.clips["end_s"].isna().all()
    assert index.captions.empty and index.phrases.empty


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (TRAIN, "001ca53d.wav", "../1ca53d.wav", "line 3, column fname: '../1ca53d.wav' is not"),
        (TRAIN, "001ca53d.wav", "00044347.wav", "line 3, column fname: '00044347.wav' stands in"),
        (TEST, "00326aa9.wav", "00044347.wav", "line 2, column fname: '00044347.wav' stands in"),
        (TRAIN, "358827", "358827.0", "line 3, column freesound_id: '358827.0' is no number"),
        (TRAIN, ",1,10897", ",yes,10897", "line 4, column manually_verified: 'yes' must be 0"),
        (TRAIN, "Hi-hat,1", " ,1", "line 4, column label: ' ' is empty"),
        (TEST, ",Attribution", ",", "line 2, column license: '' is empty"),
        (TEST, ",Attribution", "", "line 2: 4 cells for 5 columns"),
        (TRAIN, "Attribution\n", "Attribution,by\n", "line 2: 6 cells for 5 columns"),
        (TEST, "usage", "manually_verified", "line 1: the columns are 'fname,label,manually_"),
        (TRAIN, "Saxophone", '"Saxophone', "line 4: no CSV (unexpected end of data)"),
        (TEST, ROWS[TEST], "", "line 1: the columns are '', not 'fname,label,usage,"),
    ],
)
def test_a_malformed_row_is_named_with_file_and_line(tmp_path, name, old, new, message):
    write_lists(tmp_path, changed(name, old, new))
    with pytest.raises(HearsayError) as caught:
        read_fsdkaggle2018(tmp_path, NO_VAL)
    assert f"{tmp_path}/FSDKaggle2018.meta/{name}, {message}" in str(caught.value)


def test_an_absent_list_names_the_rule_that_brings_it(tmp_path):
    write_lists(tmp_path)
    (tmp_path / "FSDKaggle2018.meta" / TEST).unlink()
    with pytest.raises(HearsayError, match=f"{TEST} does not exist; the rule that fetches"):
        read_fsdkaggle2018(tmp_path, NO_VAL)


def test_val_is_the_same_share_of_each_class_and_of_train_alone(tmp_path):
    sizes = {"Bark": 10, "Cough": 7, "Gong": 2}
    lines = [ROWS[TRAIN].splitlines()[0]]
    for label, count in sizes.items():
        lines += [f"{label}{k}.wav,{label},0,{k},Attribution" for k in range(count)]
    write_lists(tmp_path, {**ROWS, TRAIN: "\n".join(lines) + "\n"})
    clips = read_fsdkaggle2018(tmp_path, {"val_share": 0.25, "val_seed": 1}).clips
    val = Counter(clips.loc[clips["split"] == "val", "labels"].str[0])
    assert val == {"Bark": 3, "Cough": 2, "Gong": 1}  # 2.5, 1.75 and 0.5, rounded half up
    assert (clips["split"] == "test").sum() == 1
    assert (
        clips.loc[clips["split"] == "val", "locator"]
        .str.startswith("FSDKaggle2018.audio_train/")
        .all()
    )


def test_the_same_seed_draws_the_same_val_whatever_the_order_of_the_rows(tmp_path):
    header, *rows = ROWS[TRAIN].splitlines()
    rows = [f"{k:08x}.wav,Bark,0,{k},Attribution" for k in range(40)]
    drawn = []
    for number, ordered in enumerate((rows, rows[::-1], rows)):
        folder = tmp_path / str(number)
        folder.mkdir()
        write_lists(folder, {**ROWS, TRAIN: "\n".join([header, *ordered]) + "\n"})
        options = {"val_share": 0.5, "val_seed": 7 if number < 2 else 8}
        clips = read_fsdkaggle2018(folder, options).clips
        drawn.append(set(clips.loc[clips["split"] == "val", "clip_id"]))
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 20


def test_build_index_keeps_licence_and_freesound_id(tmp_path):
    outputs = [tmp_path / f"{table}.parquet" for table in ("clips", "captions", "phrases")]
    source = write_lists(tmp_path)
    build_index("fsd", "fsdkaggle2018", source, 4, 0, *outputs, options=NO_VAL)
    clips = read_index(*outputs).clips.set_index("clip_id")
    assert clips.loc["002d256b", ["licence", "freesound_id"]].tolist() == [
        "Attribution Noncommercial",
        "10897",
    ]


def test_an_index_of_earlier_days_lacks_both_columns_and_can_be_read(tmp_path):
    outputs = [tmp_path / f"{table}.parquet" for table in ("clips", "captions", "phrases")]
    build_index("fsd", "fsdkaggle2018", write_lists(tmp_path), 4, 0, *outputs, options=NO_VAL)
    table = pq.read_table(outputs[0])
    pq.write_table(table.drop_columns(["licence", "freesound_id"]), outputs[0])
    clips = read_index(*outputs).clips
    assert clips[["licence", "freesound_id"]].isna().all(axis=None) and len(clips) == 4


@needs_lists
def test_the_counts_of_the_real_lists(tmp_path):
    meta = tmp_path / "FSDKaggle2018.meta"
    meta.mkdir()
    for name in (TRAIN, TEST):
        shutil.copy(SHARED / name, meta)
    index = read_fsdkaggle2018(tmp_path, NO_VAL)
    check_index(index)
    clips = index.clips
    assert Counter(clips["split"]) == {"train": 9473, "test": 1600}
    labels = clips["labels"].str[0]
    per_class = {split: Counter(labels[clips["split"] == split]) for split in ("train", "test")}
    assert len(per_class["train"]) == len(per_class["test"]) == 41
    assert (min(per_class["train"].values()), max(per_class["train"].values())) == (94, 300)
    assert (min(per_class["test"].values()), max(per_class["test"].values())) == (25, 110)
    assert clips["freesound_id"].is_unique  # no recording is in both splits, or twice
    assert Counter(clips["licence"]) == {
        "Attribution": 5210 + 938,
        "Creative Commons 0": 4260 + 662,
        "Attribution Noncommercial": 3,
    }
    raw = pd.read_csv(SHARED / TEST, dtype=str)
    own = clips[clips["split"] == "test"]
    assert own["freesound_id"].tolist() == raw["freesound_id"].tolist()
    assert own["licence"].tolist() == raw["license"].tolist()


@needs_lists
def test_a_fifth_of_the_real_train_keeps_the_mix_of_classes(tmp_path):
    meta = tmp_path / "FSDKaggle2018.meta"
    meta.mkdir()
    for name in (TRAIN, TEST):
        shutil.copy(SHARED / name, meta)
    clips = read_fsdkaggle2018(tmp_path, {"val_share": 0.2, "val_seed": 0}).clips
    labels = clips["labels"].str[0]
    of = {split: labels[clips["split"] == split].value_counts() for split in ("train", "val")}
    total = of["train"] + of["val"]
    assert total.sum() == 9473 and (of["val"] - 0.2 * total).abs().max() <= 0.5
    assert (clips["split"] == "test").sum() == 1600
