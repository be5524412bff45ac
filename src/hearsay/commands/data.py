"""The steps from annotations to clips, and what became of each."""

from collections.abc import Callable
from pathlib import Path

from hearsay.commands.options import Options
from hearsay.layout import DatasetFiles


def make_demo(
    folder: Path, num_clips: int, clip_duration_s: float, options: Options, num_workers: int
) -> None:
    """Generate the demo data set: media and annotations with known truth."""
    from hearsay.annotations.demo import generate

    generate.make_demo(options, num_clips, clip_duration_s, folder, num_workers)


def fetch_annotations(options: Options, access: Options, file: Path) -> None:
    """Bring one annotation file of a data set from its public address or a local path."""
    from hearsay.annotations import download

    download.fetch_annotations({**access, **options}, file)  # each has an address


def fetch_archive(
    options: Options, access: Options, archives: Path, folder: Path, summary: Path
) -> None:
    """Bring the archives of a data set, verified, and unpack them."""
    from hearsay.annotations import archives as fetching

    fetching.fetch_archive({**access, **options}, archives, folder, summary)


def build_index(
    dataset: str,
    reader: str,
    source: Path,
    num_clips: int,
    shuffle_seed: int,
    clips: Path,
    captions: Path,
    phrases: Path,
    options: Options | None,
    excluded_splits: Options | None,
    excluded_clips: list[Path] | None,
) -> None:
    """Read the annotations of a data set into the index tables, shuffled once."""
    from hearsay.annotations import index

    index.build_index(
        dataset,
        reader,
        source,
        num_clips,
        shuffle_seed,
        clips,
        captions,
        phrases,
        options,
        excluded_splits,
        excluded_clips or [],
    )


def fetch_clips(
    clips: Path,
    shard: int,
    shard_size: int,
    media_folder: Path,
    status: Path,
    options: Options,
    access: Options,
    run_folder: Path,
    serve_folder: Path | None,
    num_workers: int,
    archive_folder: Path | None,
) -> None:
    """Fetch the clips of one shard and record what became of each."""
    from hearsay.clips import fetch

    fetch.fetch_clips(
        clips,
        shard,
        shard_size,
        media_folder,
        status,
        {**options, **access},
        run_folder,
        serve_folder,
        num_workers,
        archive_folder,
    )


def decode_clips(
    clips: Path,
    shard: int,
    shard_size: int,
    fetch_status: Path,
    audio: Path,
    images: Path,
    status: Path,
    options: Options,
    num_workers: int,
) -> None:
    """Decode the fetched clips of one shard to sound and pictures."""
    from hearsay.clips import decode

    decode.decode_clips(
        clips, shard, shard_size, fetch_status, audio, images, status, options, num_workers
    )


def collect_availability(
    data: Path, num_shards: int, max_missing: Options, table: Path, summary: Path
) -> None:
    """Join all status tables: what became of every clip, with a fingerprint."""
    from hearsay.clips import availability

    files = DatasetFiles(data, num_shards)
    availability.collect_availability(
        files.name,
        files.clips,
        files.shards("clips", ".status.parquet"),
        files.shards("decode", ".status.parquet"),
        max_missing,
        table,
        summary,
    )


def check_missing(availability: Path, max_missing: Options, record: Path) -> None:
    """Hold a data set that is there to the limit of missing clips, which may have changed."""
    from hearsay.clips import availability as checking

    checking.check_availability(availability, max_missing["max_missing"], record)


def check_subset(subset: Path, data: list[Path], file: Path) -> None:
    """Check that every clip of benchmark.subset is available, and list those that runs may use."""
    from hearsay.clips import subsets

    subsets.check_subset(subset, data, file)


COMMANDS: list[Callable[..., None]] = [
    make_demo,
    fetch_annotations,
    fetch_archive,
    build_index,
    fetch_clips,
    decode_clips,
    collect_availability,
    check_missing,
    check_subset,
]
