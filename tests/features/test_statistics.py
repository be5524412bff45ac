"""Mean and std of the train split, with the padding and without."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hearsay.errors import HearsayError
from hearsay.features.statistics import measure_features

VALID = {"a": 4, "b": 2, "c": 3, "d": 4}
SPLITS = {"a": "train", "b": "train", "c": "test", "d": "train", "e": "train"}


@pytest.fixture
def features(tmp_path):
    """Two shards of random features [clips, 4, 3], the true values by clip, and the index."""
    generator = np.random.default_rng(0)
    values, indexes = {}, []
    for shard, clip_ids in enumerate((["a", "b"], ["c", "d"])):
        array = np.zeros((2, 4, 3), np.float16)
        rows = []
        for row, clip_id in enumerate(clip_ids):
            valid = VALID[clip_id]
            array[row, :valid] = generator.normal(-5, 3, (valid, 3))
            exact = values[clip_id] = array[row].astype(np.float64)
            rows.append([clip_id, row, valid, exact.sum(), (exact**2).sum()])
        np.save(tmp_path / f"{shard}.npy", array)
        names = ["clip_id", "row", "num_frames", "sum", "sum_squares"]
        pd.DataFrame(rows, columns=names).to_parquet(tmp_path / f"{shard}.parquet")
        indexes.append(tmp_path / f"{shard}.parquet")
    clips = pd.DataFrame({"clip_id": list(SPLITS), "split": list(SPLITS.values())})
    clips.to_parquet(tmp_path / "clips.parquet")
    return values, indexes


def measure(folder: Path, indexes: list[Path], pad: str, subset: Path | None = None, **changes):
    output = folder / "statistics.json"
    options = {"num_frames": 4, "pad": pad} | changes
    measure_features(folder / "clips.parquet", indexes, output, options, subset)
    return json.loads(output.read_text())


def test_padding_before_normalising_counts_as_zeros(tmp_path, features):
    values, indexes = features
    found = measure(tmp_path, indexes, "before")
    expected = np.stack([values[clip_id] for clip_id in "abd"])
    assert found["mean"] == pytest.approx(expected.mean(), rel=1e-12)
    assert found["std"] == pytest.approx(expected.std(), rel=1e-12)
    assert (found["num_clips"], found["num_frames"], found["pad"]) == (3, 12, "before")


def test_padding_after_normalising_does_not_count(tmp_path, features):
    values, indexes = features
    found = measure(tmp_path, indexes, "after")
    expected = np.concatenate([values[clip_id][: VALID[clip_id]] for clip_id in "abd"])
    assert found["mean"] == pytest.approx(expected.mean(), rel=1e-12)
    assert found["std"] == pytest.approx(expected.std(), rel=1e-12)
    assert (found["num_clips"], found["num_frames"]) == (3, 10)


def test_subset_restricts_the_train_split(tmp_path, features):
    values, indexes = features
    subset = tmp_path / "subset.txt"
    subset.write_text("b\nc\n")
    found = measure(tmp_path, indexes, "before", subset)
    assert found["num_clips"] == 1
    assert found["mean"] == pytest.approx(values["b"].mean(), rel=1e-12)


def test_nothing_to_measure_is_an_error(tmp_path, features):
    _, indexes = features
    subset = tmp_path / "subset.txt"
    subset.write_text("c\n")
    with pytest.raises(HearsayError, match="no frame of a clip of split train"):
        measure(tmp_path, indexes, "before", subset)


def test_arrays_of_another_length_are_an_error(tmp_path, features):
    _, indexes = features
    with pytest.raises(HearsayError, match="have 4 frames, the config says 1000"):
        measure(tmp_path, indexes, "before", num_frames=1000)


def test_unknown_pad_is_an_error(tmp_path, features):
    _, indexes = features
    with pytest.raises(HearsayError, match="pad: never"):
        measure(tmp_path, indexes, "never")
