import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fetch_media import write_clips

from hearsay.annotations.tables import (
    CAPTIONS_SCHEMA,
    PHRASES_SCHEMA,
    ROWS_PER_GROUP,
    Index,
    write_index,
)
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


def numbered_index(folder: Path, num_clips: int) -> Path:
    """Write an index whose clip in row k is called k; return its clips table."""
    ids = np.arange(num_clips).astype(str)
    clips = pd.DataFrame({"clip_id": ids, "source": "youtube", "locator": ids, "start_s": 0.0})
    clips["end_s"], clips["split"], clips["labels"] = (
        10.0,
        "train",
        [["/m/04rlf", "/m/09x0r"]] * num_clips,
    )
    captions, phrases = (s.empty_table().to_pandas() for s in (CAPTIONS_SCHEMA, PHRASES_SCHEMA))
    paths = [folder / f"{name}.parquet" for name in ("clips", "captions", "phrases")]
    write_index(Index(clips, captions, phrases), *paths)
    return paths[0]


@pytest.mark.parametrize("size", [7, 1000, 4096, 10_000, 15_000, 100_000])
def test_every_row_is_in_its_shard_whatever_the_row_groups(size: int, tmp_path: Path) -> None:
    path = numbered_index(tmp_path, 2 * ROWS_PER_GROUP + 5)
    num_clips = pq.read_metadata(path).num_rows
    last_shard = (num_clips - 1) // size
    for shard in sorted({0, last_shard // 2, last_shard}):
        found = read_shard(path, shard, size)["clip_id"].astype(int).tolist()
        assert found == list(range(shard * size, min((shard + 1) * size, num_clips)))


def test_rows_outside_the_shard_are_not_read(tmp_path: Path) -> None:
    path = numbered_index(tmp_path, 3 * ROWS_PER_GROUP)
    metadata = pq.read_metadata(path)
    damaged = bytearray(path.read_bytes())
    for group in (0, 2):
        for number in range(metadata.num_columns):
            column = metadata.row_group(group).column(number)
            first = column.dictionary_page_offset or column.data_page_offset
            damaged[first : first + column.total_compressed_size] = (
                b"\xff" * column.total_compressed_size
            )
    path.write_bytes(damaged)
    shard = read_shard(path, ROWS_PER_GROUP // 100 + 3, 100)
    assert list(shard["clip_id"].astype(int)) == list(
        range(ROWS_PER_GROUP + 300, ROWS_PER_GROUP + 400)
    )
    with pytest.raises((OSError, pa.ArrowException)):
        read_shard(path, 0, 100)


def test_an_index_of_one_row_group_is_read_too(tmp_path: Path) -> None:
    path = numbered_index(tmp_path, 2 * ROWS_PER_GROUP)
    pq.write_table(pq.read_table(path), path)
    assert pq.read_metadata(path).num_row_groups == 1
    assert list(read_shard(path, 150, 100)["clip_id"].astype(int)) == list(range(15_000, 15_100))


READ_ONE_SHARD = """
import sys
from pathlib import Path
from hearsay.clips.shards import read_shard

def peak_mib():
    # not getrusage: its peak begins with that of the process which started this one
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

small, large = (Path(argument) for argument in sys.argv[1:])
read_shard(small, 0, 1000)
before = peak_mib()
read_shard(large, 300, 1000)
print(peak_mib() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from Linux's /proc")
def test_memory_does_not_grow_with_the_index(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    small = numbered_index(tmp_path / "small", ROWS_PER_GROUP)
    paths = [str(small), str(numbered_index(tmp_path, 500_000))]  # read whole: 68 MiB more
    command = [sys.executable, "-c", READ_ONE_SHARD, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 20
