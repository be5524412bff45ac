"""Fetch the media of one shard of clips and record what became of each."""

import logging
import math
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from hearsay.clips.fetcher import (
    LOCAL_SOURCES,
    REPEATED_FETCH_STATUSES,
    Clip,
    Fetcher,
    Outcome,
)
from hearsay.clips.ffmpeg import find_ffmpeg
from hearsay.clips.server import serve_media
from hearsay.clips.shards import read_shard
from hearsay.clips.status import FETCH_SCHEMA
from hearsay.errors import HearsayError
from hearsay.files import write_parquet
from hearsay.progress import progress

logger = logging.getLogger(__name__)

MOST_UNREACHED = 0.5  # of a shard; with more, the network or the source is what failed


def fetch_clips(
    clips: Path,
    shard: int,
    shard_size: int,
    media_folder: Path,
    status: Path,
    options: dict[str, Any],
    run_folder: Path,
    serve_folder: Path | None,
    num_workers: int,
    archive_folder: Path | None = None,
) -> None:
    """Fetch the media of the clips of one shard and write the status table, one row a clip.

    What is settled stands in a journal in `media_folder`, so that a later start, after a kill
    or with other options, fetches only what is missing. A media file under its final name is
    complete and has been verified (`verify_media`). Files of sources `file` and `archive` are
    verified where they lie.

    Args:
        media_folder: takes one media file a clip, named by its id, and the journal.
        options: the data set's `fetch` section, `min_duration_s` and `require_video`.
        run_folder: on a file system that all jobs of the run share; holds the rate limit.
        serve_folder: served on loopback for the time of the call, in place of
            "http://localhost/media/" in locators; None: nothing is served.
        archive_folder: in which locators of source `archive` lie; None: there are none.

    Raises:
        HearsayError: what concerns all clips: no ffmpeg, no network, a source that refuses
            everything, a full disk, no folder for a source `archive`, a shard beyond the index.
    """
    rows = [_clip(row) for row in read_shard(clips, shard, shard_size).to_dict("records")]
    for clip in rows:
        if clip.source == "archive" and archive_folder is None:
            raise HearsayError(
                f"clip {clip.clip_id} has source archive, and its reader has no archive that "
                "could be fetched; unpack it and give the files to reader folder"
            )
    if any(clip.source not in LOCAL_SOURCES and not clip.excluded for clip in rows):
        find_ffmpeg()
    media_folder.mkdir(parents=True, exist_ok=True)
    for leftover in media_folder.glob(".*.partial.*"):
        leftover.unlink(missing_ok=True)
    with ExitStack() as stack:
        address = stack.enter_context(serve_media(serve_folder)) if serve_folder else None
        fetcher = Fetcher(media_folder, options, run_folder, address, archive_folder)
        outcomes = {
            outcome.clip_id: outcome
            for outcome in progress(_fetch_all(fetcher, rows, num_workers), len(rows), "clip")
        }
    counts = Counter(outcome.status for outcome in outcomes.values())
    in_order = [outcomes[clip.clip_id] for clip in rows]
    unreached = [outcome for outcome in in_order if outcome.status in REPEATED_FETCH_STATUSES]
    num_asked = len(rows) - counts["excluded"]
    if len(unreached) > MOST_UNREACHED * num_asked:
        raise HearsayError(
            f"{len(unreached)} of the {num_asked} clips of shard {shard} could not be reached "
            f"({unreached[0].status}: {unreached[0].detail[:300]}); check the network, fetch.proxy "
            "and fetch.cookies, then start again: what is fetched stays"
        )
    logger.info(
        "shard %d: %s", shard, ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))
    )
    table = pd.DataFrame([asdict(outcome) for outcome in in_order])
    write_parquet(pa.Table.from_pandas(table, schema=FETCH_SCHEMA, preserve_index=False), status)


def _clip(row: Mapping[Hashable, Any]) -> Clip:
    end_s = row["end_s"]
    return Clip(
        clip_id=row["clip_id"],
        source=row["source"],
        locator=row["locator"],
        start_s=row["start_s"],
        end_s=None if end_s is None or math.isnan(end_s) else end_s,
        # An index of earlier versions has no such column.
        excluded=excluded if isinstance(excluded := row.get("excluded"), str) else None,
    )


def _fetch_all(fetcher: Fetcher, rows: list[Clip], num_workers: int) -> Iterator[Outcome]:
    """Yield the outcomes as they come; one that concerns all clips stops the others."""
    with ThreadPoolExecutor(max(1, num_workers)) as pool:
        futures: list[Future[Outcome]] = [pool.submit(fetcher.fetch, clip) for clip in rows]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            fetcher.stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
