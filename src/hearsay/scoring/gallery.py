"""The test clips of a data set that are scored, and what every record says of them."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from hearsay.clips.availability import fingerprint
from hearsay.clips.subset_files import read_subset
from hearsay.errors import HearsayError
from hearsay.layout import DatasetFiles
from hearsay.scoring.records import ScoreIdentity

logger = logging.getLogger(__name__)

SPLIT = "test"


@dataclass(frozen=True)
class Gallery:
    """The clips of a data set that are scored, and what every record says of them."""

    files: DatasetFiles
    clip_ids: Sequence[str]
    identity: ScoreIdentity


def open_gallery(
    data: DatasetFiles,
    subset: Path | None,
    identity: ScoreIdentity,
    captioned: Collection[str] | None = None,
) -> Gallery:
    """Choose the available test clips, in the subset if there is one; sign them.

    Args:
        data: the data set.
        subset: a text file of clip ids; None: no restriction.
        identity: what the scores say of themselves; the fingerprint is filled in.
        captioned: the clips that have captions, where the task needs them; None: it does not.

    Raises:
        HearsayError: none is left.
    """
    clip_ids = available_clips(data, SPLIT, subset)
    if captioned is not None:
        silent = len(clip_ids)
        clip_ids = [clip_id for clip_id in clip_ids if clip_id in captioned]
        silent -= len(clip_ids)
        if silent:
            logger.warning("%d test clips of %s have no caption: left out", silent, data.name)
    if not clip_ids:
        where = f" and in {subset}" if subset else ""
        raise HearsayError(
            f"data set {data.name}: no clip of split {SPLIT} is available{where}; "
            f"see {data.availability_table}"
        )
    return Gallery(data, clip_ids, replace(identity, availability=fingerprint(clip_ids)))


def available_clips(data: DatasetFiles, split: str, subset: Path | None) -> list[str]:
    """List the available clips of a split, in the subset if there is one, sorted."""
    columns = ["clip_id", "split", "available"]
    table = pd.read_parquet(data.availability_table, columns=columns)
    chosen = table["available"] & (table["split"] == split)
    if subset is not None:
        chosen &= table["clip_id"].isin(read_subset(subset, data.name))
    return sorted(table.loc[chosen, "clip_id"])


def subset_name(subset: Path | None) -> str:
    """Name a subset as scores do: by its file, or `all`."""
    return subset.stem if subset else "all"
