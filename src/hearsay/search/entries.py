"""What the rows of an index stand for: clips, captions, labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hearsay.errors import HearsayError
from hearsay.files import write_parquet
from hearsay.layout import DatasetFiles

CLIPS_SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("split", pa.string()),
        ("source", pa.string()),
        ("locator", pa.string()),
        ("start_s", pa.float64()),  # in its source
        ("end_s", pa.float64()),  # null: to the end
        ("shard", pa.int32()),  # of the tables of sound and pictures
        ("place", pa.int32()),  # among the clips of that shard
    ]
)
CAPTIONS_SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("clip_row", pa.int64()),  # of the table of clips
        ("text", pa.string()),
    ]
)
LABELS_SCHEMA = pa.schema([("text", pa.string())])


class Entries:
    """The rows of one table, read whole; safe for several threads."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        """Read a table.

        Raises:
            HearsayError: it is absent or damaged.
        """
        if not path.is_file():
            raise HearsayError(f"{path} does not exist; build the search index again")
        try:
            self.table = pq.read_table(path, schema=schema).combine_chunks()
        except (OSError, pa.ArrowException) as error:
            raise HearsayError(f"{path} is damaged ({error}); build the index again") from error

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def take(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Return some rows, in the order asked for."""
        found: list[dict[str, Any]] = self.table.take(pa.array(rows, pa.int64())).to_pylist()
        return found

    def find(self, clip_id: str) -> dict[str, Any]:
        """Return the row of a clip.

        Raises:
            HearsayError: it is not there.
        """
        row = pc.index(self.table["clip_id"], pa.scalar(clip_id, pa.string())).as_py()
        if row < 0:
            raise HearsayError(f"clip {clip_id!r} is not in this index; see hearsay search")
        return self.take([row])[0]


def list_clips(data: DatasetFiles) -> pd.DataFrame:
    """List the clips of a data set that have sound, with the columns of CLIPS_SCHEMA.

    In the order of the index table, which is that of the shards. All splits: what was trained on
    can be found too, and says so.

    Raises:
        HearsayError: none has, or a table is absent.
    """
    places = []
    for shard, path in enumerate(data.shards("audio", ".parquet")):
        if not path.is_file():
            raise HearsayError(f"{path} does not exist; decode the clips of this shard first")
        clip_ids = pq.read_table(path, columns=["clip_id"])["clip_id"].to_pylist()
        places.append(
            pd.DataFrame({"clip_id": clip_ids, "shard": shard, "place": range(len(clip_ids))})
        )
    heard = pd.concat(places, ignore_index=True)
    if heard.empty:
        raise HearsayError(
            f"data set {data.name}: no clip is available, so there is nothing to search; see "
            f"{data.availability_table}"
        )
    columns = ["clip_id", "split", "source", "locator", "start_s", "end_s"]
    listed = pq.read_table(data.clips, columns=columns).to_pandas()
    return listed.merge(heard, on="clip_id", how="inner", validate="one_to_one")


def write_entries(columns: dict[str, Any], schema: pa.Schema, path: Path) -> None:
    """Write a table of entries, atomically."""
    # From lists, where pandas has nan for what is unknown.
    table = pa.Table.from_pydict(
        {name: pa.array(list(columns[name]), schema.field(name).type, from_pandas=True)
         for name in schema.names},
        schema=schema,
    )  # fmt: skip
    write_parquet(table, path)
