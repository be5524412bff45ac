"""The record of a store's shards."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hearsay.errors import HearsayError
from hearsay.features.shards import check_shards
from hearsay.files import read_json


def write_shard(path: Path, clip_ids: list[str], width: int = 3) -> None:
    path.parent.mkdir(exist_ok=True)
    np.save(path, np.ones((len(clip_ids), 2, width), np.float16))
    index = pd.DataFrame({"clip_id": clip_ids, "row": np.arange(len(clip_ids))})
    index.to_parquet(path.with_suffix(".parquet"))
    for file in (path, path.with_suffix(".parquet")):
        os.utime(file, ns=(1_000, 1_000))


@pytest.fixture
def fbank(tmp_path: Path) -> Path:
    write_shard(tmp_path / "fbank" / "00000.npy", ["a", "b"])
    write_shard(tmp_path / "fbank" / "00001.npy", ["c"])
    return tmp_path / "fbank"


def recorded(fbank: Path) -> dict[str, object]:
    check_shards(fbank, 2, fbank / "shards.json")
    return read_json(fbank / "shards.json")


def test_the_record_counts_clips_and_names_their_shape(fbank: Path) -> None:
    record = recorded(fbank)
    state = record.pop("state")
    assert record == {"num_shards": 2, "num_clips": 3, "shape": [2, 3], "dtype": "float16"}
    assert recorded(fbank)["state"] == state, "the same files have the same record"


@pytest.mark.parametrize("suffix", [".npy", ".parquet"])
def test_a_shard_written_anew_changes_the_record_whatever_it_holds(
    fbank: Path, suffix: str
) -> None:
    state = recorded(fbank)["state"]
    os.utime(fbank / f"00001{suffix}", ns=(2_000, 2_000))
    assert recorded(fbank)["state"] != state


def test_shards_that_do_not_fit_together_are_refused(fbank: Path) -> None:
    write_shard(fbank / "00001.npy", ["c"], width=4)
    with pytest.raises(HearsayError, match="compute the shards anew with one config"):
        recorded(fbank)
    (fbank / "00001.npy").unlink()
    with pytest.raises(HearsayError, match="00001.npy does not exist"):
        recorded(fbank)
    assert not (fbank / "shards.json").exists()
