"""Read the status tables of all shards as one, in the order of the index."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hearsay.errors import HearsayError


def read_columns(path: Path, columns: list[str]) -> pa.Table:
    """Read some columns of text of one table.

    Raises:
        HearsayError: it is absent or lacks a column.
    """
    if not Path(path).is_file():
        raise HearsayError(f"{path} does not exist; the step that writes it has not run")
    with pq.ParquetFile(path) as file:  # of 1,390 shards: less work than a data set of one file
        missing = [name for name in columns if name not in file.schema_arrow.names]
        if missing:
            raise HearsayError(f"{path}: no column {', '.join(missing)}; run its rule again")
        return file.read(columns=columns).cast(pa.schema([(n, pa.string()) for n in columns]))


def join_status(clip_ids: pa.StringArray, paths: Sequence[Path], clips: Path) -> pa.Table:
    """Return status and detail of each clip, in the order of `clip_ids`.

    Args:
        clip_ids: of the index.
        paths: status tables of all shards.
        clips: the index, for messages.

    Raises:
        HearsayError: a clip of the index has no row or several, or a row is of no clip of it.
    """
    if not paths:
        raise HearsayError(f"no status tables for {clips}; name those of all shards")
    tables = [read_columns(path, ["clip_id", "status", "detail"]) for path in paths]
    ends = np.cumsum([table.num_rows for table in tables])
    rows = pa.concat_tables(tables)

    def origin(row: int) -> Path:
        return paths[int(np.searchsorted(ends, row, side="right"))]

    found = rows["clip_id"].combine_chunks()
    repeated = pc.index_in(found, value_set=found).to_numpy() != np.arange(len(found))
    if repeated.any():
        row = int(repeated.argmax())
        raise HearsayError(
            f"clip {found[row]} has two status rows, one in {origin(row)}; the shards overlap: "
            "remove these tables and run again"
        )
    foreign = pc.index_in(found, value_set=clip_ids).is_null().to_numpy(zero_copy_only=False)
    if foreign.any():
        row = int(foreign.argmax())
        raise HearsayError(
            f"clip {found[row]} of {origin(row)} is not in {clips}; remove that table and run again"
        )
    places = pc.index_in(clip_ids, value_set=found)
    if places.null_count:
        absent = clip_ids.filter(places.is_null())
        raise HearsayError(
            f"clip {absent[0]} and {len(absent) - 1} others of {clips} "
            f"have no row in the {len(paths)} status tables from {paths[0]} on; run their shards"
        )
    return rows.select(["status", "detail"]).take(places)
