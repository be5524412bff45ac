"""Which rows of the index are one shard."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from hearsay.errors import HearsayError


def read_shard(clips: Path, shard: int, size: int) -> pd.DataFrame:
    """Read the rows shard * size .. (shard + 1) * size of the index table `clips`.

    The last shard may be shorter. `end_s` is NaN where the clip has no end.

    Raises:
        HearsayError: the table is absent, or it ends before the shard begins.
    """
    if not Path(clips).exists():
        raise HearsayError(f"{clips} does not exist; the step that writes it has not run")
    table = pq.read_table(clips)
    first = shard * size
    if size < 1 or not 0 <= first < table.num_rows:
        raise HearsayError(
            f"shard {shard} of {size} clips begins at row {first}, but {clips} has "
            f"{table.num_rows} rows; set num_clips and shard_size to what the index holds"
        )
    frame: pd.DataFrame = table.slice(first, size).to_pandas()
    return frame
