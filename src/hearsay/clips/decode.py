"""Turn the fetched media of one shard into sound and pictures, and record what became of each."""

import logging
import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hearsay.clips.decode_clip import DecodedClip, DecodeOptions, Task, decode_clip
from hearsay.clips.shards import read_shard
from hearsay.clips.status import DECODE_SCHEMA
from hearsay.errors import HearsayError
from hearsay.files import atomic_path, write_parquet
from hearsay.options import take_options
from hearsay.progress import progress

AUDIO_SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("flac", pa.binary()),  # mono, 16 bit
        ("sample_rate_hz", pa.int64()),
        ("num_samples", pa.int64()),
    ]
)
IMAGES_SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("image_index", pa.int64()),
        ("timestamp_s", pa.float64()),  # true, from the clip's start
        ("jpeg", pa.binary()),
    ]
)
ROWS_PER_GROUP = 64  # so many are held in memory: about 15 MB of sound

logger = logging.getLogger(__name__)
Item = TypeVar("Item")
Result = TypeVar("Result")


def decode_clips(
    clips: Path,
    shard: int,
    shard_size: int,
    fetch_status: Path,
    audio: Path,
    images: Path | None,
    status: Path,
    options: dict[str, Any],
    num_workers: int,
) -> None:
    """Decode the fetched clips of one shard to FLAC and JPEGs; write a status row for every clip.

    A clip that cannot be decoded is a row with a reason. `audio` and `images` hold the clips
    with status ok alone; all three tables are in index order.

    Args:
        images: None where the data set has no pictures.
        options: see `DecodeOptions`.
        num_workers: clips decoded at once, each on one core.

    Raises:
        HearsayError: a table is absent or does not fit the shard, all media files are gone, or
            the disk is full.
    """
    settings = take_options(DecodeOptions, options, "decode_clips")
    if settings.num_images and images is None:
        raise HearsayError("decode_clips takes pictures but got no file to write them to")
    rows = read_shard(clips, shard, shard_size)
    tasks = plan_tasks(rows, fetch_status)
    status_rows = []
    with ExitStack() as stack:
        audio_table = stack.enter_context(open_table(audio, AUDIO_SCHEMA))
        images_table = stack.enter_context(open_table(images, IMAGES_SCHEMA)) if images else None
        pool = stack.enter_context(ThreadPoolExecutor(max(1, num_workers)))
        decoded = map_in_order(pool, lambda task: decode_clip(task, settings), tasks, num_workers)
        for clip in progress(decoded, len(tasks), "clip"):
            pictures = clip.pictures
            status_rows.append(
                (clip.clip_id, clip.status, clip.detail, len(pictures), clip.duration_s)
            )
            if clip.status == "ok":
                audio_table.add(clip.clip_id, clip.flac, settings.sample_rate_hz, clip.num_samples)
                if images_table is None:
                    continue
                for number, picture in enumerate(pictures):
                    images_table.add(clip.clip_id, number, picture.timestamp_s, picture.jpeg)
            elif clip.status != "not_fetched":
                logger.info("%s: %s: %s", clip.clip_id, clip.status, clip.detail)
    write_parquet(table_of(status_rows, DECODE_SCHEMA), status)
    counts = Counter(name for _, name, *_ in status_rows)
    logger.info("shard %d: %s", shard, ", ".join(f"{n} {name}" for name, n in counts.items()))


def plan_tasks(rows: pd.DataFrame, fetch_status: Path) -> list[Task | DecodedClip]:
    """Say what is to be done for each row of the shard; what was not fetched is done already.

    Raises:
        HearsayError: the status table does not list just these clips, or no media file is there.
    """
    if not Path(fetch_status).exists():
        raise HearsayError(f"{fetch_status} does not exist; fetch the clips of this shard first")
    fetched = pd.read_parquet(fetch_status)
    if fetched["clip_id"].duplicated().any() or set(fetched["clip_id"]) != set(rows["clip_id"]):
        raise HearsayError(
            f"{fetch_status} does not list the clips of this shard; remove it and fetch again"
        )
    by_id = fetched.set_index("clip_id")
    tasks: list[Task | DecodedClip] = []
    for row in rows.itertuples(index=False):
        clip = by_id.loc[row.clip_id]
        if clip["status"] != "ok":
            detail = ": ".join(filter(None, (clip["status"], clip["detail"])))
            tasks.append(DecodedClip(row.clip_id, "not_fetched", detail))
        else:
            length_s = math.inf if pd.isna(row.end_s) else row.end_s - row.start_s
            path, start_s = Path(clip["path"]), float(clip["start_offset_s"])
            tasks.append(Task(row.clip_id, path, start_s, length_s))
    paths = [task.path for task in tasks if isinstance(task, Task)]
    if paths and not any(path.exists() for path in paths):
        raise HearsayError(
            f"none of the {len(paths)} media files of {fetch_status} exists (the first: "
            f"{paths[0]}); remove that table and fetch again, or start in the right folder"
        )
    return tasks


def map_in_order(
    pool: Executor, function: Callable[[Item], Result], items: Iterable[Item], num_workers: int
) -> Iterator[Result]:
    """Map in order on a pool while no more than a few results wait to be taken."""
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= 4 * max(1, num_workers):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


class RowGroupWriter:
    """Gather rows and write them in groups, so that a shard is never held in memory whole."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self.writer = writer
        self.schema = schema
        self.rows: list[tuple[Any, ...]] = []

    def add(self, *row: Any) -> None:
        """Take one row, in the schema's order."""
        self.rows.append(row)
        if len(self.rows) >= ROWS_PER_GROUP:
            self.flush()

    def flush(self) -> None:
        """Write what has been gathered."""
        if self.rows:
            self.writer.write_table(table_of(self.rows, self.schema))
            self.rows = []


@contextmanager
def open_table(path: Path, schema: pa.Schema) -> Iterator[RowGroupWriter]:
    """Yield a writer of a Parquet file that takes its name once the block has succeeded."""
    # FLAC and JPEG shrink no further
    with (
        atomic_path(path) as temporary,
        pq.ParquetWriter(
            temporary, schema, compression="none", use_dictionary=False, write_statistics=False
        ) as writer,
    ):
        rows = RowGroupWriter(writer, schema)
        yield rows
        rows.flush()


def table_of(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    """Turn rows, in the schema's order, into a table."""
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [pa.array(list(c), f.type) for c, f in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
