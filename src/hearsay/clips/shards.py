"""Which rows of the index are one shard."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from hearsay.errors import HearsayError


def read_shard(clips: Path, shard: int, size: int) -> pd.DataFrame:
    """Read the rows shard * size .. (shard + 1) * size of the index table `clips`.

    The last shard may be shorter. `end_s` is NaN where the clip has no end. Only the row groups
    that hold the shard are read, so that a worker's memory does not grow with the data set.

    Raises:
        HearsayError: the table is absent, or it ends before the shard begins.
    """
    if not Path(clips).exists():
        raise HearsayError(f"{clips} does not exist; the step that writes it has not run")
    first = shard * size
    with pq.ParquetFile(clips) as table:
        num_rows = table.metadata.num_rows
        if size < 1 or not 0 <= first < num_rows:
            raise HearsayError(
                f"shard {shard} of {size} clips begins at row {first}, but {clips} has "
                f"{num_rows} rows; set num_clips and shard_size to what the index holds"
            )
        groups, begin = _groups_of(table.metadata, first, first + size)
        frame: pd.DataFrame = table.read_row_groups(groups).slice(first - begin, size).to_pandas()
    return frame


def _groups_of(metadata: pq.FileMetaData, first: int, last: int) -> tuple[list[int], int]:
    """Return which row groups hold the rows first .. last, and the first row of these groups."""
    groups: list[int] = []
    begin = following = 0
    for group in range(metadata.num_row_groups):
        row, following = following, following + metadata.row_group(group).num_rows
        if row < last and following > first:
            begin = begin if groups else row
            groups.append(group)
    return groups, begin
