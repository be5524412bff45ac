from pathlib import Path

import pytest
from fetch_media import write_clips

from hearsay.clips.shards import read_shard
from hearsay.errors import HearsayError


def test_shards_are_consecutive_rows_and_the_last_may_be_shorter(tmp_path: Path) -> None:
    path = tmp_path / "clips.parquet"
    write_clips(path, [{"clip_id": f"c{number}", "locator": "x"} for number in range(7)])
    shards = [list(read_shard(path, shard, 3)["clip_id"]) for shard in range(3)]
    assert shards == [["c0", "c1", "c2"], ["c3", "c4", "c5"], ["c6"]]
    assert read_shard(path, 0, 3)["end_s"].isna().all()


@pytest.mark.parametrize(("shard", "size"), [(3, 3), (-1, 3), (0, 0)])
def test_a_shard_outside_the_table_is_an_error(shard: int, size: int, tmp_path: Path) -> None:
    path = tmp_path / "clips.parquet"
    write_clips(path, [{"clip_id": f"c{number}", "locator": "x"} for number in range(7)])
    with pytest.raises(HearsayError, match="has 7 rows"):
        read_shard(path, shard, size)


def test_an_absent_index_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HearsayError, match="does not exist"):
        read_shard(tmp_path / "clips.parquet", 0, 3)
