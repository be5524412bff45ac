"""What fetching, decoding and extracting would leave of a data set of any size, without media.

Status tables as `fetch_clips` and `decode_clips` write them, of an index that is there: the same
columns, 18 % of the links dead for the reasons and in the words of the site, 0.5 % of the files of
no use. Stores as `extract_fbank` and `embed_images` write them, whose arrays are holes: files of
the true size that take no disk and read as zeros.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hearsay.clips.status import DECODE_SCHEMA, FETCH_SCHEMA
from hearsay.features.extract import INDEX_SCHEMA

HELP = (
    "Use --cookies-from-browser or --cookies for the authentication. See "
    "https://github.com/yt-dlp/yt-dlp/wiki/FAQ#how-do-i-pass-cookies-to-yt-dlp for how to manually "
    "pass cookies"
)
# status -> (share of all clips, what the site or the check says of the video)
FAILURES = {
    "removed": (0.068, "Video unavailable. This video has been removed by the uploader"),
    "private": (
        0.046,
        f"Private video. Sign in if you've been granted access to it. {HELP}",
    ),
    "account_terminated": (
        0.031,
        "Video unavailable. This video is no longer available because the YouTube account "
        "associated with this video has been terminated.",
    ),
    "copyright": (
        0.012,
        "Video unavailable. This video is no longer available due to a copyright claim by a third "
        "party",
    ),
    "age_restricted": (
        0.008,
        "Sign in to confirm your age. This video may be inappropriate for some users. " + HELP,
    ),
    "geo_blocked": (
        0.006,
        "The uploader has not made this video available in your country. This video is available "
        "in Austria, Germany, Switzerland. You might want to use a VPN or a proxy server (with "
        "--proxy) to workaround.",
    ),
    "members_only": (
        0.001,
        "Join this channel to get access to members-only content like this video, and other "
        "exclusive perks.",
    ),
    "not_found": (0.001, "HTTP Error 404: Not Found"),
    "no_audio": (0.002, "the file has no audio stream"),
    "too_short": (0.002, "0.4 s of 10.0 s are there, min_duration_s is 1.0"),
    "forbidden": (0.001, "unable to download video data: HTTP Error 403: Forbidden"),
    "network": (0.001, "The read operation timed out"),
    "corrupt": (0.0005, "ffmpeg ended with 1: moov atom not found"),
    "unknown": (0.0005, "This video is not available on this app. Watch on the latest version"),
}
BROKEN = {"corrupt": (0.004, "no picture at 3.3 s: Invalid data found"), "silent": (0.001, "")}
TOOL = "yt-dlp 2026.08.19"
FBANK, IMAGES = (1000, 128), (4, 512)  # of a clip, float16


def write_status_tables(index: Path, shard_size: int, media: str, folder: Path) -> None:
    """Write clips/{shard}.status.parquet and decode/{shard}.status.parquet for every shard.

    Args:
        index: clips.parquet of the data set.
        shard_size: clips a shard.
        media: folder of the media files, as the tables name them.
        folder: to write to; empty tables of sound and pictures go there too.
    """
    rng = np.random.default_rng(2)
    table = pq.read_table(index, columns=["clip_id", "excluded"])
    for name in ("clips", "decode"):
        (folder / name).mkdir(parents=True)
    for shard, first in enumerate(range(0, table.num_rows, shard_size)):
        part = table.slice(first, shard_size)
        clip_ids, excluded = part["clip_id"].to_pylist(), part["excluded"].to_pylist()
        fetched = _fetched(clip_ids, excluded, f"{media}/{shard:05d}", rng)
        decoded = _decoded(fetched, rng)
        for name, schema, rows in (
            ("clips", FETCH_SCHEMA, fetched),
            ("decode", DECODE_SCHEMA, decoded),
        ):
            path = folder / name / f"{shard:05d}.status.parquet"
            pq.write_table(pa.Table.from_pylist(rows, schema), path, compression="zstd")


def _fetched(
    clip_ids: list[str], excluded: list[str | None], media: str, rng: np.random.Generator
) -> list[dict[str, object]]:
    """Say of each clip of a shard what fetching it came to: rows of FETCH_SCHEMA."""
    ends = np.cumsum([share for share, _ in FAILURES.values()])
    kinds = np.searchsorted(ends, rng.random(len(clip_ids)), side="right")
    sizes, starts_s = rng.integers(200_000, 900_000, len(clip_ids)), rng.random(len(clip_ids))
    names = list(FAILURES)
    rows: list[dict[str, object]] = []
    for number, (clip_id, kind, why) in enumerate(zip(clip_ids, kinds, excluded, strict=True)):
        row: dict[str, object] = {"clip_id": clip_id, "attempts": 0, "bytes": 0, "duration_s": 0.0}
        row |= {"path": "", "start_offset_s": 0.0, "detail": "", "tool": TOOL}
        if why is not None:
            row |= {"status": "excluded", "detail": why, "tool": ""}
        elif kind < len(names):
            video_id = clip_id.rpartition("_")[0]
            detail = f"[youtube] {video_id}: {FAILURES[names[kind]][1]}"
            row |= {"status": names[kind], "detail": detail, "attempts": 1}
        else:
            row |= {"status": "ok", "attempts": 1, "bytes": int(sizes[number])}
            row |= {"duration_s": 10.0, "start_offset_s": round(float(starts_s[number]), 6)}
            row |= {"path": f"{media}/{clip_id}.mp4"}
        rows.append(row)
    return rows


def _decoded(fetched: list[dict[str, object]], rng: np.random.Generator) -> list[dict[str, object]]:
    """Say of each clip of a shard what decoding it came to: rows of DECODE_SCHEMA."""
    ends = np.cumsum([share for share, _ in BROKEN.values()])
    kinds = np.searchsorted(ends, rng.random(len(fetched)), side="right")
    names = list(BROKEN)
    rows: list[dict[str, object]] = []
    for clip, kind in zip(fetched, kinds, strict=True):
        row: dict[str, object] = {"clip_id": clip["clip_id"], "num_images": 0, "duration_s": 0.0}
        if clip["status"] != "ok":
            row |= {"status": "not_fetched", "detail": f"{clip['status']}: {clip['detail']}"}
        elif kind < len(names):
            row |= {"status": names[kind], "detail": BROKEN[names[kind]][1], "duration_s": 10.0}
        else:
            row |= {"status": "ok", "detail": "", "num_images": 4, "duration_s": 10.005}
        rows.append(row)
    return rows


def write_stores(data: Path, num_shards: int) -> None:
    """Write fbank/ and image_embeddings/ of a data set: true indexes, arrays of holes."""
    rng = np.random.default_rng(3)
    for name in ("fbank", "image_embeddings"):
        (data / name).mkdir(exist_ok=True)
    for shard in range(num_shards):
        status = pq.read_table(data / "decode" / f"{shard:05d}.status.parquet")
        kept = status.filter(pa.compute.equal(status["status"], "ok"))["clip_id"]
        number = len(kept)
        sums = rng.normal(0, 1e5, number)
        columns = {"clip_id": kept, "row": np.arange(number), "num_frames": np.full(number, 998)}
        columns |= {"sum": sums, "sum_squares": 1e6 + np.abs(sums)}
        whole = pa.Table.from_pydict(columns, schema=INDEX_SCHEMA)
        vectors = whole.select(["clip_id", "row"])
        for name, index, shape in (
            ("fbank", whole, FBANK),
            ("image_embeddings", vectors, IMAGES),
        ):
            path = data / name / f"{shard:05d}"
            pq.write_table(index, path.with_suffix(".parquet"), compression="zstd")
            write_holes(path.with_suffix(".npy"), (number, *shape))


def write_holes(path: Path, shape: tuple[int, ...]) -> None:
    """Write a float16 array of zeros that takes no disk, where the file system knows holes."""
    header = {"descr": "<f2", "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + 2 * int(np.prod(shape)))
