"""Join all status tables: which clips exist, why the others do not, and a fingerprint."""

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from hearsay.clips.status_tables import join_status, read_columns
from hearsay.errors import HearsayError
from hearsay.files import atomic_path, read_json, write_json, write_parquet

logger = logging.getLogger(__name__)

MOST_REASONS = 5  # that an error names
MISSING = ["clip_id", "split", "stage", "status", "detail"]  # columns of the list of missing clips

AVAILABILITY_SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("split", pa.string()),
        ("available", pa.bool_()),
        ("stage", pa.string()),  # that left the clip out: index, fetch, decode; "": none did
        ("status", pa.string()),
        ("detail", pa.string()),
    ]
)


def fingerprint(clip_ids: Iterable[str]) -> str:
    """Return 12 hexadecimal digits that stand for a set of clips, in whatever order."""
    return hashlib.sha256("\n".join(sorted(clip_ids)).encode()).hexdigest()[:12]


def collect_availability(
    dataset: str,
    clips: Path,
    fetch_status: Sequence[Path],
    decode_status: Sequence[Path],
    max_missing: Mapping[str, float | None],
    table: Path,
    summary: Path,
) -> None:
    """Write what became of every clip of the index, and how many are left per split.

    Args:
        dataset: name to write into the summary.
        clips: index table.
        fetch_status, decode_status: status tables of all shards, in shard order.
        max_missing: split -> share of its clips, those excluded not counted, that may be missing;
            None: any.
        table: AVAILABILITY_SCHEMA, in index order. Where too many clips are missing these stand
            in missing.csv beside it instead, which Snakemake does not remove, as it does outputs.
        summary: JSON; see docs/design.md, section 4.

    Raises:
        HearsayError: more clips of a split are missing than may be, a clip of the index has no
            status row or several, or a row belongs to no clip of the index. Neither table nor
            summary is written.
    """
    index = read_columns(clips, ["clip_id", "split"]).combine_chunks()
    clip_ids = index["clip_id"].combine_chunks()
    joined = _join_stages(clip_ids, fetch_status, decode_status, clips)
    whole = pa.table({"clip_id": clip_ids, "split": index["split"], **joined})
    splits = {
        split: _count(whole.filter(pc.equal(whole["split"], split)))
        for split in sorted(pc.unique(whole["split"]).to_pylist())
    }
    for split, counts in splits.items():
        logger.info("%s %s: %s", dataset, split, describe_counts(counts))
    missing = table.with_name("missing.csv")
    try:
        check_missing(dataset, splits, max_missing, missing)
    except HearsayError:
        _list_missing(whole, missing)
        raise
    missing.unlink(missing_ok=True)  # of an earlier start: the table says it all
    write_parquet(whole.select(AVAILABILITY_SCHEMA.names).cast(AVAILABILITY_SCHEMA), table)
    write_json(
        {
            "dataset": dataset,
            "num_shards": len(fetch_status),
            "fingerprint": fingerprint(_available(whole)),
            "splits": splits,
            "reasons": _reasons(whole),
        },
        summary,
    )


def check_availability(
    summary: Path, max_missing: Mapping[str, float | None], record: Path
) -> None:
    """Hold what `collect_availability` has written to a limit that may have changed since.

    Args:
        summary: availability.json.
        max_missing: see `collect_availability`.
        record: JSON to write: the limits that are kept.

    Raises:
        HearsayError: as `check_missing`; nothing is written.
    """
    counted = read_json(summary)
    listed = summary.with_suffix(".parquet")
    check_missing(counted["dataset"], counted["splits"], max_missing, listed)
    write_json({"max_missing": dict(max_missing)}, record)


def check_missing(
    dataset: str,
    splits: Mapping[str, Mapping[str, Any]],
    max_missing: Mapping[str, float | None],
    listed: Path,
) -> None:
    """Refuse a data set of which too many clips are missing.

    Args:
        dataset: its name in the config.
        splits: split -> its counts, as in the summary.
        max_missing: see `collect_availability`.
        listed: where the missing clips are listed.

    Raises:
        HearsayError: with the split that misses the largest share, its most frequent statuses,
            and what other splits miss more than they may.
    """
    shares = {}
    for split, counts in splits.items():
        wanted = counts["listed"] - counts["excluded"]
        missing = wanted - counts["available"]
        limit = max_missing[split]
        if limit is None or missing <= limit * wanted + 1e-9:  # 0.29 x 100 is less than 29
            continue
        shares[split] = missing / wanted
    if not shares:
        return
    worst = max(shares, key=lambda split: shares[split])
    counts = splits[worst]
    wanted = counts["listed"] - counts["excluded"]
    beyond = [split for split in shares if split != worst]
    others = f"; too many of {' and '.join(beyond)} too" if beyond else ""
    raise HearsayError(
        f"{dataset} {worst} lacks {wanted - counts['available']:,} of {wanted:,} clips "
        f"({100 * shares[worst]:.1f} %, max_missing {100 * (max_missing[worst] or 0):g} %): "
        f"{_main_reasons(counts['reasons'])}{others}. All are in {listed}. "
        "hearsay retry-clips asks again for what may pass; else raise max_missing"
    )


def _list_missing(clips: pa.Table, path: Path) -> None:
    """Write why each missing clip is missing, those excluded left out, as CSV in index order."""
    gone = pc.and_(pc.invert(clips["available"]), pc.not_equal(clips["status"], "excluded"))
    with atomic_path(path) as temporary:
        csv.write_csv(clips.filter(gone).select(MISSING), temporary)


def describe_counts(counts: Mapping[str, Any]) -> str:
    """Say in words what became of the clips of a split."""
    parts = [f"{counts[key]:,} {key}" for key in ("listed", "excluded", "fetched", "available")]
    reasons = [f"{count:,} {name}" for name, count in counts["reasons"].items()]
    return ", ".join(parts) + (f" (left out: {', '.join(reasons)})" if reasons else "")


def _main_reasons(reasons: Mapping[str, int]) -> str:
    """Name the most frequent reasons with their counts, and how many clips the others took."""
    ordered = sorted(
        (item for item in reasons.items() if item[0] != "excluded"),
        key=lambda item: (-item[1], item[0]),
    )
    parts = [f"{count:,} {name}" for name, count in ordered[:MOST_REASONS]]
    rest = ordered[MOST_REASONS:]
    if rest:
        parts.append(f"{sum(count for _, count in rest):,} of {len(rest)} more statuses")
    return ", ".join(parts)


def _join_stages(
    clip_ids: pa.StringArray,
    fetch_status: Sequence[Path],
    decode_status: Sequence[Path],
    clips: Path,
) -> dict[str, pa.ChunkedArray]:
    """Say for each clip whether it is fetched and available, and else which stage left it out."""
    fetched = join_status(clip_ids, fetch_status, clips)
    decoded = join_status(clip_ids, decode_status, clips)
    was_fetched = pc.equal(fetched["status"], "ok")
    was_decoded = pc.equal(decoded["status"], "ok")
    doubtful = pc.and_(was_decoded, pc.invert(was_fetched))
    if pc.any(doubtful).as_py():
        clip_id = clip_ids.filter(doubtful.combine_chunks())[0]
        raise HearsayError(
            f"clip {clip_id} of {clips} was decoded but not fetched; decode its shard again"
        )
    before = pc.if_else(pc.equal(fetched["status"], "excluded"), "index", "fetch")
    return {
        "fetched": was_fetched,
        "available": was_decoded,
        "stage": pc.if_else(was_decoded, "", pc.if_else(was_fetched, "decode", before)),
        "status": pc.if_else(was_fetched, decoded["status"], fetched["status"]),
        "detail": pc.if_else(was_fetched, decoded["detail"], fetched["detail"]),
    }


def _count(clips: pa.Table) -> dict[str, Any]:
    """Count the clips of one split by what became of them."""
    reasons = _reasons(clips)
    return {
        "listed": clips.num_rows,
        "excluded": reasons.get("excluded", 0),
        "fetched": pc.sum(clips["fetched"]).as_py(),
        "available": pc.sum(clips["available"]).as_py(),
        "fingerprint": fingerprint(_available(clips)),
        "reasons": reasons,
    }


def _available(clips: pa.Table) -> list[str]:
    ids: list[str] = clips["clip_id"].filter(clips["available"]).to_pylist()
    return ids


def _reasons(clips: pa.Table) -> dict[str, int]:
    """Count the clips that were left out by their status, in the order of its name."""
    counts = clips["status"].filter(pc.invert(clips["available"])).value_counts().to_pylist()
    return {row["values"]: row["counts"] for row in sorted(counts, key=lambda row: row["values"])}
