"""Mark the clips of a data set whose videos another data set tests on."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from hearsay.errors import HearsayError

logger = logging.getLogger(__name__)


def mark_excluded(
    dataset: str, clips: pd.DataFrame, splits: Mapping[str, Sequence[str]], tables: Sequence[Path]
) -> pd.DataFrame:
    """Fill the column `excluded` of a clips table: whose video a clip shows, e.g. "audiocaps test".

    A video is its source and its locator, wherever in it a clip starts: a neighbouring piece of a
    test clip sounds much like it. A video of several data sets or splits gets the first of them.

    Args:
        dataset: whose clips these are, for messages.
        clips: CLIPS_SCHEMA.
        splits: data set -> its splits whose videos are not to be used.
        tables: clips tables of those data sets, in the order of `splits`.

    Returns:
        the clips with the column `excluded`, null where a clip may be used.

    Raises:
        HearsayError: a table is absent or not one a data set, or no clip would be left.
    """
    if len(tables) != len(splits):
        raise HearsayError(
            f"datasets.{dataset}.exclude names {len(splits)} data sets, but {len(tables)} index "
            "tables were given; give the clips table of each"
        )
    reason_of: dict[tuple[str, str], str] = {}
    for (name, chosen), path in zip(splits.items(), tables, strict=True):
        for split in chosen:
            videos = _read_videos(path, split)
            for video in videos:
                reason_of.setdefault(video, f"{name} {split}")
            _report(dataset, f"{name} {split}", clips, videos)
    excluded = pd.Series(None, index=clips.index, dtype=object)
    suspects = clips["locator"].isin({locator for _, locator in reason_of})
    pairs = zip(clips.loc[suspects, "source"], clips.loc[suspects, "locator"], strict=True)
    excluded[suspects] = [reason_of.get(pair) for pair in pairs]
    if len(clips) and excluded.notna().all():
        raise HearsayError(
            f"datasets.{dataset}.exclude leaves none of its {len(clips)} clips; name fewer splits"
        )
    return clips.assign(excluded=excluded)


def read_excluded(clips: Path) -> set[str]:
    """Return the ids of an index's clips that are not to be used; none in one of earlier versions.

    For what learns from captions alone; whatever hears or sees a clip finds none of these.
    """
    if "excluded" not in pq.read_schema(clips).names:
        return set()
    table = pd.read_parquet(clips, columns=["clip_id", "excluded"])
    return set(table.loc[table["excluded"].notna(), "clip_id"])


def _read_videos(path: Path, split: str) -> set[tuple[str, str]]:
    if not Path(path).is_file():
        raise HearsayError(f"{path} does not exist; the step that writes it has not run")
    table = pd.read_parquet(path, columns=["source", "locator", "split"])
    table = table[table["split"] == split]
    return set(zip(table["source"], table["locator"], strict=True))


def _report(dataset: str, reason: str, clips: pd.DataFrame, videos: set[tuple[str, str]]) -> None:
    near = clips[clips["locator"].isin({locator for _, locator in videos})]
    shown = [pair in videos for pair in zip(near["source"], near["locator"], strict=True)]
    logger.info(
        "%s: %d clips excluded, which show %d of the %d videos of %s",
        dataset,
        sum(shown),
        len(near.loc[shown, ["source", "locator"]].drop_duplicates()),
        len(videos),
        reason,
    )
    if not any(shown):
        logger.warning("%s shows no video of %s; its exclusion changes nothing", dataset, reason)
