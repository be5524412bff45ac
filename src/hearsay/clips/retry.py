"""Have clips asked for again whose failure may have passed."""

import logging
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hearsay.clips.journal import JOURNAL_FILE
from hearsay.clips.status import (
    DECODE_STATUSES,
    FAILED_FETCH_STATUSES,
    PASSING_FETCH_STATUSES,
)
from hearsay.errors import HearsayError
from hearsay.files import write_text
from hearsay.layout import STATUS_SUFFIX, mark_path

logger = logging.getLogger(__name__)

TABLES = f"*/clips/*{STATUS_SUFFIX}"
JOURNALS = f"*/clips/*/{JOURNAL_FILE}"


def retry_clips(data: Path, statuses: list[str] | None, dry_run: bool) -> Counter[tuple[str, str]]:
    """Mark the shards with such clips, so that the workflow looks through these again.

    Nothing is removed: the next start of the workflow fetches no file that is there, and asks for
    no permanent failure unless the way of asking has changed. A mark is a small file beside the
    status table, which the rule fetch_clips has for a parameter. A shard with a journal and without
    a table, since fetching it failed or was stopped, needs no mark: the next start goes on with it.

    Args:
        data: folder of data sets, results/data.
        statuses: those to retry; None: all that may pass.
        dry_run: count only.

    Returns:
        clips by data set and status.

    Raises:
        HearsayError: an unknown status; no status table below `data`, or one that cannot be read;
            a folder that cannot be written.
    """
    wanted = set(PASSING_FETCH_STATUSES if statuses is None else statuses)
    unknown = sorted(wanted - FAILED_FETCH_STATUSES)
    whole = [status for status in unknown if status in DECODE_STATUSES and status != "ok"]
    if whole:
        raise HearsayError(
            f"{whole[0]!r} is what decoding says of media that are fetched, so there is nothing to "
            "ask for again"
        )
    if unknown:
        raise HearsayError(
            f"{unknown[0]!r} is no status of a clip that failed; "
            f"known: {', '.join(sorted(FAILED_FETCH_STATUSES))}"
        )
    tables = sorted(Path(data).glob(TABLES))
    unfinished = _count_unfinished(data, tables)
    if not tables and not unfinished:
        raise HearsayError(
            f"no status table of fetched clips below {data}; give the folder data of a run's "
            "results, as results/data"
        )
    clips: Counter[tuple[str, str]] = Counter()
    shards: Counter[str] = Counter()
    for table in tables:
        dataset = table.parents[1].name
        found = {s: n for s, n in _count(table).items() if s in wanted}
        clips.update({(dataset, status): number for status, number in found.items()})
        if found:
            shards[dataset] += 1
            if not dry_run:
                write_text(f"{time.time_ns()}\n", mark_path(table))
    _tell(clips, shards, unfinished, dry_run)
    return clips


def _count_unfinished(data: Path, tables: list[Path]) -> Counter[str]:
    """Count by data set the shards that were begun and have no status table."""
    finished = {table.with_name(table.name.removesuffix(STATUS_SUFFIX)) for table in tables}
    begun = {journal.parent for journal in Path(data).glob(JOURNALS)}
    return Counter(folder.parents[1].name for folder in begun - finished)


def _count(table: Path) -> Counter[str]:
    try:
        return Counter(pq.read_table(table, columns=["status"])["status"].to_pylist())
    except (OSError, pa.ArrowException, KeyError) as error:
        raise HearsayError(
            f"{table} cannot be read: {error}; remove it, and the workflow makes it anew"
        ) from error


def _tell(
    clips: Counter[tuple[str, str]], shards: Counter[str], unfinished: Counter[str], dry_run: bool
) -> None:
    for (dataset, status), number in sorted(clips.items()):
        logger.info("%s: %d %s", dataset, number, status)
    for dataset, number in sorted(unfinished.items()):
        logger.info(
            "%s: %d shards were begun and have no status table; the next start goes on with them",
            *(dataset, number),
        )
    if not clips and not unfinished:
        logger.info("no clip to ask for again")
        return
    looks = "would look" if dry_run else "looks"
    for dataset, number in sorted(shards.items()):
        logger.info(
            "%s: the next start of the workflow %s through %d shards again", dataset, looks, number
        )
