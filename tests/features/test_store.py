"""Arrays of any clips out of several shards."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hearsay.errors import HearsayError
from hearsay.features.store import ShardedArrays


def write_shard(path: Path, clip_ids: list[str], array: np.ndarray, rows=None) -> Path:
    np.save(path, array)
    rows = range(len(clip_ids)) if rows is None else rows
    index = pd.DataFrame({"clip_id": clip_ids, "row": list(rows)})
    index.astype({"clip_id": "str", "row": "int64"}).to_parquet(path.with_suffix(".parquet"))
    return path


@pytest.fixture
def shards(tmp_path):
    values = np.arange(5 * 2 * 3, dtype=np.float16).reshape(5, 2, 3)
    return [
        write_shard(tmp_path / "00000.npy", ["a", "b"], values[:2]),
        write_shard(tmp_path / "00001.npy", [], values[:0]),
        write_shard(tmp_path / "00002.npy", ["e", "d", "c"], values[2:], rows=[2, 1, 0]),
    ]


def first_values(array: np.ndarray) -> list[float]:
    return array[:, 0, 0].tolist()


def test_clips_come_in_the_order_asked_for_across_shards(shards):
    store = ShardedArrays(shards)
    found = store.gather(["e", "a", "c", "b", "a"])
    assert found.shape == (5, 2, 3)
    assert found.dtype == np.float16
    assert first_values(found) == [24, 0, 12, 6, 0]


def test_shape_and_ids_cover_all_shards(shards):
    store = ShardedArrays(shards)
    assert store.shape == (5, 2, 3)
    assert len(store) == 5
    assert store.clip_ids == ["a", "b", "e", "d", "c"]
    assert "d" in store and "z" not in store


def test_gathered_arrays_are_copies(shards):
    store = ShardedArrays(shards)
    store.gather(["a"])[:] = -1
    assert first_values(store.gather(["a"])) == [0]


def test_no_clip_gives_an_empty_batch(shards):
    assert ShardedArrays(shards).gather([]).shape == (0, 2, 3)


def test_shards_are_mapped_not_read(shards):
    store = ShardedArrays(shards)
    assert isinstance(store.arrays[0].base, np.memmap)


def test_random_gathers_agree_with_plain_indexing(tmp_path):
    generator = np.random.default_rng(0)
    values = generator.standard_normal((60, 4)).astype(np.float32)
    paths = [
        write_shard(
            tmp_path / f"{k}.npy",
            [f"c{n}" for n in range(20 * k, 20 * k + 20)],
            values[20 * k : 20 * k + 20],
        )
        for k in range(3)
    ]
    chosen = generator.integers(0, 60, 200)
    found = ShardedArrays(paths).gather([f"c{n}" for n in chosen])
    np.testing.assert_array_equal(found, values[chosen])


def test_unknown_clip_is_an_error(shards):
    with pytest.raises(HearsayError, match="clip z is in none of the 3 shards"):
        ShardedArrays(shards).gather(["a", "z"])


def test_array_and_index_of_different_length_are_an_error(shards):
    np.save(shards[0], np.zeros((3, 2, 3), np.float16))
    with pytest.raises(HearsayError, match="has 3 rows, but .*00000.parquet names 2"):
        ShardedArrays(shards)


def test_absent_files_are_errors(shards):
    shards[0].with_suffix(".parquet").unlink()
    with pytest.raises(HearsayError, match="00000.parquet does not exist"):
        ShardedArrays(shards)
    shards[0].unlink()
    with pytest.raises(HearsayError, match="00000.npy does not exist"):
        ShardedArrays(shards)
    with pytest.raises(HearsayError, match="no feature arrays"):
        ShardedArrays([])


def test_array_cut_short_is_an_error(shards):
    shards[0].write_bytes(shards[0].read_bytes()[:-4])
    with pytest.raises(HearsayError, match="is no complete array"):
        ShardedArrays(shards)


def test_clip_in_two_shards_is_an_error(shards, tmp_path):
    again = write_shard(tmp_path / "9.npy", ["b"], np.zeros((1, 2, 3), np.float16))
    with pytest.raises(HearsayError, match="clip b stands twice"):
        ShardedArrays([*shards, again])


def test_shards_of_another_shape_are_an_error(shards, tmp_path):
    other = write_shard(tmp_path / "9.npy", ["z"], np.zeros((1, 2, 4), np.float16))
    with pytest.raises(HearsayError, match="compute the shards anew"):
        ShardedArrays([*shards, other])


def test_an_empty_shard_may_have_another_shape(tmp_path):
    """Such as that of pictures, where no clip told how many there are."""
    empty = write_shard(tmp_path / "00000.npy", [], np.zeros((0, 1, 3), np.float16))
    full = write_shard(tmp_path / "00001.npy", ["a"], np.ones((1, 4, 3), np.float16))
    store = ShardedArrays([empty, full])
    assert store.shape == (1, 4, 3)
    assert store.gather(["a"]).shape == (1, 4, 3)


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="the system takes no such advice")
def test_reading_ahead_asks_for_exactly_the_pages_of_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    width = 70_000
    paths = [
        write_shard(tmp_path / "00000.npy", ["a", "b", "c", "d"], np.zeros((4, width), np.float16)),
        write_shard(tmp_path / "00001.npy", ["e"], np.zeros((1, width), np.float16)),
    ]
    store = ShardedArrays(paths)
    asked: list[tuple[int, int]] = []

    def advise(file: int, start: int, length: int, advice: int) -> None:
        assert advice == os.POSIX_FADV_WILLNEED
        asked.append((start, start + length))
        files.add(os.fstat(file).st_ino)

    files: set[int] = set()
    monkeypatch.setattr(os, "posix_fadvise", advise)
    store.read_ahead([])
    assert asked == []
    store.read_ahead(["c", "b"])
    header, row = store.arrays[0].base.offset, 2 * width
    assert asked[0][0] == (header + row) // 4096 * 4096, "b begins inside this page"
    assert asked[-1][1] == header + 3 * row, "c ends here"
    assert all(end == start for (_, end), (start, _) in pairwise(asked)), "they lie together"
    assert max(end - start for start, end in asked) <= 128 * 1024
    assert files == {paths[0].stat().st_ino}
    asked.clear()
    store.read_ahead(["e"])
    assert (asked[0][0], asked[-1][1]) == (0, header + row)
