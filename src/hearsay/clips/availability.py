"""Join all status tables: which clips exist, why the others do not, and a fingerprint."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from hearsay.errors import HearsayError
from hearsay.files import write_json, write_parquet

AVAILABILITY_SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("split", pa.string()),
        ("available", pa.bool_()),
        ("stage", pa.string()),  # that left the clip out: fetch, decode; "": none did
        ("status", pa.string()),
        ("detail", pa.string()),
    ]
)


def fingerprint(clip_ids: Iterable[str]) -> str:
    """Return 12 hexadecimal digits that stand for a set of clips, in whatever order."""
    return hashlib.sha256("\n".join(sorted(clip_ids)).encode()).hexdigest()[:12]


def read_subset(path: Path) -> set[str]:
    """Read a subset file: clip ids, one a line; empty lines do not count.

    Raises:
        HearsayError: the file is absent or names no clip.
    """
    if not Path(path).is_file():
        raise HearsayError(f"{path} does not exist; benchmark.subset is a text file of clip ids")
    clip_ids = {line.strip() for line in Path(path).read_text().splitlines()} - {""}
    if not clip_ids:
        raise HearsayError(f"{path} names no clip; write one clip id a line")
    return clip_ids


def collect_availability(
    dataset: str,
    clips: Path,
    fetch_status: list[Path],
    decode_status: list[Path],
    table: Path,
    summary: Path,
) -> None:
    """Write what became of every clip of the index, and how many are left per split.

    Args:
        dataset: name to write into the summary.
        clips: index table.
        fetch_status, decode_status: status tables of all shards, in shard order.
        table: AVAILABILITY_SCHEMA, in index order.
        summary: JSON; see docs/design.md, section 4.

    Raises:
        HearsayError: a clip of the index has no status row or several, or a row belongs to no
            clip of the index.
    """
    index = _read(clips, ["clip_id", "split"])
    fetched = _join(index["clip_id"], fetch_status, clips)
    decoded = _join(index["clip_id"], decode_status, clips)
    was_fetched = (fetched["status"] == "ok").to_numpy()
    available = was_fetched & (decoded["status"] == "ok").to_numpy()
    doubtful = (decoded["status"] == "ok").to_numpy() & ~was_fetched
    if doubtful.any():
        clip_id = index["clip_id"].iloc[int(doubtful.argmax())]
        raise HearsayError(
            f"clip {clip_id} of {clips} was decoded but not fetched; decode its shard again"
        )
    frame = pd.DataFrame(
        {
            "clip_id": index["clip_id"],
            "split": index["split"],
            "available": available,
            "stage": np.select([available, was_fetched], ["", "decode"], "fetch"),
            "status": np.where(was_fetched, decoded["status"], fetched["status"]),
            "detail": np.where(was_fetched, decoded["detail"], fetched["detail"]),
        }
    )
    write_parquet(
        pa.Table.from_pandas(frame, schema=AVAILABILITY_SCHEMA, preserve_index=False), table
    )
    splits = {
        str(split): {
            "listed": len(group),
            "available": int(group["available"].sum()),
            "fingerprint": fingerprint(group.loc[group["available"], "clip_id"]),
        }
        for split, group in frame.groupby("split", sort=True)
    }
    missing = frame.loc[~frame["available"], "status"].value_counts()
    write_json(
        {
            "dataset": dataset,
            "num_shards": len(fetch_status),
            "fingerprint": fingerprint(frame.loc[frame["available"], "clip_id"]),
            "splits": splits,
            "reasons": {str(name): int(missing[name]) for name in sorted(missing.index)},
        },
        summary,
    )


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    if not Path(path).is_file():
        raise HearsayError(f"{path} does not exist; the step that writes it has not run")
    frame: pd.DataFrame = pd.read_parquet(path, columns=columns)
    return frame


def _join(clip_ids: pd.Series, paths: Sequence[Path], clips: Path) -> pd.DataFrame:
    """Return status and detail of each clip, in the order of `clip_ids`."""
    if not paths:
        raise HearsayError(f"no status tables for {clips}; name those of all shards")
    tables = [_read(path, ["clip_id", "status", "detail"]) for path in paths]
    origin = {
        clip_id: path
        for path, part in zip(paths, tables, strict=True)
        for clip_id in part["clip_id"]
    }
    rows = pd.concat(tables, ignore_index=True)
    twice = rows["clip_id"].duplicated()
    if twice.any():
        clip_id = rows.loc[twice, "clip_id"].iloc[0]
        raise HearsayError(
            f"clip {clip_id} has two status rows, one in {origin[clip_id]}; the shards overlap: "
            "remove these tables and run again"
        )
    foreign = ~rows["clip_id"].isin(clip_ids)
    if foreign.any():
        clip_id = rows.loc[foreign, "clip_id"].iloc[0]
        raise HearsayError(
            f"clip {clip_id} of {origin[clip_id]} is not in {clips}; remove that table and run "
            "again"
        )
    missing = ~clip_ids.isin(rows["clip_id"])
    if missing.any():
        raise HearsayError(
            f"clip {clip_ids[missing].iloc[0]} and {int(missing.sum()) - 1} others of {clips} "
            f"have no row in the {len(paths)} status tables from {paths[0]} on; run their shards"
        )
    return rows.set_index("clip_id").loc[clip_ids].reset_index()
