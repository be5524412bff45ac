"""Choices of pictures against the truth, on clips that can be counted by hand."""

import numpy as np
import pandas as pd
import pytest

from hearsay.errors import HearsayError
from hearsay.scoring.choices import COUNT_COLUMNS, count_choices, read_right_pictures

SOUNDS = {"a": ["dog", "dog:near"], "b": ["rain", "bell"], "c": ["dog"], "d": ["bell"]}
SHOWN = {  # right ones: a 1 of 4, b 2 of 4, c none, d all
    "a": [["dog", "dog:near"], ["cat"], [], ["cat", "cat:near"]],
    "b": [["bell"], ["dog"], ["rain", "rain:far"], []],
    "c": [["cat"], [], [], ["rain"]],
    "d": [["bell"]] * 4,
}


@pytest.fixture
def facts(tmp_path):
    rows = [("clip", clip, clip, own) for clip, own in SOUNDS.items()]
    rows += [("caption", f"{clip}-1", clip, own) for clip, own in SOUNDS.items()]
    rows += [
        ("image", f"{clip}#{number}", clip, own)
        for clip, pictures in SHOWN.items()
        for number, own in enumerate(pictures)
    ]
    path = tmp_path / "facts.parquet"
    pd.DataFrame(rows, columns=["kind", "id", "clip_id", "facts"]).to_parquet(path)
    return path


def write_choices(folder, method, seed, epochs):
    """Write the pictures that each clip was matched with, one string of four digits an epoch."""
    rows = [
        (epoch, clip, int(image))
        for epoch, images in enumerate(epochs)
        for clip, image in zip("abcd", images, strict=True)
    ]
    path = folder / method / f"seed{seed}" / "audio_image" / "choices.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(rows, columns=["epoch", "clip_id", "image"])
    table.astype({"image": "int8"}).to_parquet(path)
    return path


def count(files, facts, folder):
    count_choices(files, facts, "demo", "demo-clip", folder / "choices.csv")
    return pd.read_csv(folder / "choices.csv")


def test_a_picture_is_right_where_it_shows_a_class_that_sounds(facts):
    clips, is_right = read_right_pictures(facts)
    assert list(clips) == ["a", "b", "c", "d"]
    assert is_right.astype(int).tolist() == [[1, 0, 0, 0], [1, 0, 1, 0], [0] * 4, [1] * 4]


def test_counts_by_hand(facts, tmp_path):
    table = count([write_choices(tmp_path, "m", 3, ["0000", "1203"])], facts, tmp_path)
    assert tuple(table.columns) == COUNT_COLUMNS
    first, second = table.to_dict("records")
    assert (first["method"], first["seed"], first["epoch"], second["epoch"]) == ("m", 3, 0, 1)
    assert (first["right"], second["right"]) == (3, 2)  # a, b, d; then b, d
    for row in (first, second):
        assert (row["clips"], row["possible"], row["telling_clips"]) == (4, 3, 2)
        assert row["expected"] == 0.25 + 0.5 + 0 + 1
        assert row["telling_expected"] == 0.25 + 0.5
    assert (first["telling_right"], second["telling_right"]) == (2, 1)


def test_random_choices_meet_their_expectation(facts, tmp_path):
    draws = np.random.default_rng(0).integers(0, 4, size=(2000, 4)).astype(str)
    epochs = ["".join(row) for row in draws]
    table = count([write_choices(tmp_path, "m", 0, epochs)], facts, tmp_path)
    assert table["right"].mean() == pytest.approx(table["expected"].iloc[0], abs=0.06)


def test_a_method_without_choices_has_no_rows(facts, tmp_path):
    files = [write_choices(tmp_path, "all", 0, []), write_choices(tmp_path, "m", 0, ["0000"])]
    assert set(count(files, facts, tmp_path)["method"]) == {"m"}
    assert len(count(files[:1], facts, tmp_path)) == 0


def test_what_does_not_fit_is_named(facts, tmp_path):
    with pytest.raises(HearsayError, match="knows no picture 7 of clip a; train that run again"):
        count([write_choices(tmp_path, "m", 0, ["7000"])], facts, tmp_path)
    with pytest.raises(HearsayError, match="seed1/audio_image/choices.parquet does not exist"):
        count([tmp_path / "m" / "seed1" / "audio_image" / "choices.parquet"], facts, tmp_path)
    with pytest.raises(HearsayError, match="not of the form"):
        count([tmp_path / "choices.parquet"], facts, tmp_path)
    with pytest.raises(HearsayError, match="none.parquet does not exist; make the demo again"):
        count([], tmp_path / "none.parquet", tmp_path)
    table = pd.read_parquet(facts)
    table[table["id"] != "c#3"].to_parquet(facts)
    with pytest.raises(HearsayError, match="not the same number for every clip"):
        count([], facts, tmp_path)
