"""Build the index of a data set: read its annotations, check, shuffle once, freeze."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hearsay.annotations.audiogrounding import read_audiogrounding, read_audiogrounding_v2
from hearsay.annotations.clotho import read_clotho
from hearsay.annotations.esc50 import read_esc50
from hearsay.annotations.exclude import mark_excluded
from hearsay.annotations.folder import read_folder
from hearsay.annotations.fsdkaggle2018 import read_fsdkaggle2018
from hearsay.annotations.tables import Index, check_index, read_index, write_index
from hearsay.annotations.youtube import read_audiocaps, read_audioset
from hearsay.errors import HearsayError

Reader = Callable[[Path], Index]
ArchiveReader = Callable[[Path, dict[str, Any]], Index]  # takes its section of the config too


def read_demo(source: Path) -> Index:
    """Read the tables that `make_demo` wrote beside its media."""
    return read_index(
        source / "clips.parquet", source / "captions.parquet", source / "phrases.parquet"
    )


READERS: dict[str, Reader] = {
    "demo": read_demo,
    "folder": read_folder,
    "audioset": read_audioset,
    "audiocaps": read_audiocaps,
    "audiogrounding": read_audiogrounding,
}
ARCHIVE_READERS: dict[str, ArchiveReader] = {  # of folders that fetch_archive unpacks
    "fsdkaggle2018": read_fsdkaggle2018,
    "esc50": read_esc50,
    "clotho": read_clotho,
    "audiogrounding_v2": read_audiogrounding_v2,
}


def build_index(
    dataset: str,
    reader: str,
    source: Path,
    num_clips: int,
    shuffle_seed: int,
    clips: Path,
    captions: Path,
    phrases: Path,
    options: dict[str, Any] | None = None,
    excluded_splits: Mapping[str, Sequence[str]] | None = None,
    excluded_clips: Sequence[Path] = (),
) -> None:
    """Write the index tables of a data set, its clips in one seeded random order.

    The order makes the first shards an unbiased sample of the data set; it is frozen from
    here on, since shard k is rows k * shard_size to (k + 1) * shard_size.

    Args:
        options: of the readers in ARCHIVE_READERS; the others take none.
        excluded_splits, excluded_clips: see `mark_excluded`; None: every clip may be used.

    Raises:
        HearsayError: the reader is unknown, the annotations break a rule, or their number
            of clips is not `num_clips`, from which the workflow knows the number of shards.
    """
    if reader in ARCHIVE_READERS:
        index = ARCHIVE_READERS[reader](source, options or {})
    elif reader in READERS:
        index = READERS[reader](source)
    else:
        known = " or ".join([*READERS, *ARCHIVE_READERS])
        raise HearsayError(f"datasets.{dataset}.reader: {reader!r} is unknown; choose {known}")
    check_index(index, *(f"{source}: {table}" for table in ("clips", "captions", "phrases")))
    if len(index.clips) != num_clips:
        raise HearsayError(
            f"datasets.{dataset}.num_clips is {num_clips}, but the annotations hold "
            f"{len(index.clips)} clips; set it to {len(index.clips)}"
        )
    if excluded_splits:
        marked = mark_excluded(dataset, index.clips, excluded_splits, excluded_clips)
        index = replace(index, clips=marked)
    write_index(shuffle_index(index, shuffle_seed), clips, captions, phrases)


def shuffle_index(index: Index, seed: int) -> Index:
    """Put the clips in a random order that depends on the seed and the clip ids alone."""
    clips = index.clips.sort_values("clip_id", ignore_index=True)
    order = np.random.default_rng(seed).permutation(len(clips))
    return replace(index, clips=clips.iloc[order].reset_index(drop=True))
