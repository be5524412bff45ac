"""The record of a store's shards."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hearsay.errors import HearsayError
from hearsay.features.shards import check_shards
from hearsay.files import read_json


def write_shard(
    path: Path, clip_ids: list[str], width: int = 3, value: float = 1.0, **columns: float
) -> None:
    path.parent.mkdir(exist_ok=True)
    np.save(path, np.full((len(clip_ids), 2, width), value, np.float16))
    index = pd.DataFrame({"clip_id": clip_ids, "row": np.arange(len(clip_ids)), **columns})
    index.to_parquet(path.with_suffix(".parquet"))


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


def test_a_shard_made_anew_with_the_same_content_leaves_the_record(fbank: Path) -> None:
    before = recorded(fbank)
    inodes = [path.stat().st_ino for path in sorted(fbank.glob("0*"))]
    for path in fbank.glob("0*"):
        path.rename(fbank / f"old_{path.name}")
    write_shard(fbank / "00000.npy", ["a", "b"])
    write_shard(fbank / "00001.npy", ["c"])
    assert [path.stat().st_ino for path in sorted(fbank.glob("0*"))] != inodes
    assert recorded(fbank) == before


@pytest.mark.parametrize(
    ("clip_ids", "changed"),
    [
        (["d"], {}),  # another clip
        (["c"], {"value": 2.0}),  # other numbers, of embeddings
        (["c"], {"sum": 6.0}),  # the sums stand for spectrograms
        (["c"], {"sum": 7.0}),
        (["c", "d"], {}),
    ],
)
def test_other_content_changes_the_record(
    fbank: Path, clip_ids: list[str], changed: dict[str, float]
) -> None:
    states = {recorded(fbank)["state"]}
    write_shard(fbank / "00001.npy", clip_ids, **changed)
    states.add(recorded(fbank)["state"])
    write_shard(fbank / "00000.npy", ["b", "a"])
    states.add(recorded(fbank)["state"])
    assert len(states) == 3


def test_an_index_that_does_not_fit_its_array_is_refused(fbank: Path) -> None:
    index = fbank / "00001.parquet"
    pd.DataFrame({"clip_id": ["c", "d"], "row": [0, 1]}).to_parquet(index)
    with pytest.raises(HearsayError, match=r"00001.npy has 1 rows, but .*00001.parquet names 2"):
        recorded(fbank)
    index.write_bytes(b"torn")
    with pytest.raises(HearsayError, match=r"00001.parquet cannot be read \(.*\); remove it and"):
        recorded(fbank)
    index.unlink()
    with pytest.raises(HearsayError, match=r"00001.parquet does not exist; the step that writes"):
        recorded(fbank)
    assert not (fbank / "shards.json").exists()


def test_shards_that_do_not_fit_together_are_refused(fbank: Path) -> None:
    write_shard(fbank / "00001.npy", ["c"], width=4)
    with pytest.raises(HearsayError, match="compute the shards anew with one config"):
        recorded(fbank)
    (fbank / "00001.npy").unlink()
    with pytest.raises(HearsayError, match="00001.npy does not exist"):
        recorded(fbank)
    assert not (fbank / "shards.json").exists()
