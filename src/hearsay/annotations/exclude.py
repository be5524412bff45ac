"""Mark the clips of a data set whose videos another data set tests on."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from hearsay.errors import HearsayError

logger = logging.getLogger(__name__)

Video = tuple[str, str]  # where it is of, such as youtube, and its name there
UNTOLD = "archive"  # of a file that could be of any video


def mark_excluded(
    dataset: str, clips: pd.DataFrame, splits: Mapping[str, Sequence[str]], tables: Sequence[Path]
) -> pd.DataFrame:
    """Fill the column `excluded` of a clips table: whose video a clip shows, e.g. "audiocaps test".

    A video counts wherever in it a clip starts: a neighbouring piece of a test clip sounds much
    like it. A video of several data sets or splits gets the first of them.

    Args:
        dataset: whose clips these are, for messages.
        clips: CLIPS_SCHEMA.
        splits: data set -> its splits whose videos are not to be used.
        tables: clips tables of those data sets, in the order of `splits`.

    Returns:
        the clips with the column `excluded`, null where a clip may be used.

    Raises:
        HearsayError: a table is absent or not one a data set, a data set does not tell which videos
            its clips are of in a way that these clips know, or no clip would be left.
    """
    if len(tables) != len(splits):
        raise HearsayError(
            f"datasets.{dataset}.exclude names {len(splits)} data sets, but {len(tables)} index "
            "tables were given; give the clips table of each"
        )
    shown = _videos(clips)
    reason_of: dict[Video, str] = {}
    for (name, chosen), path in zip(splits.items(), tables, strict=True):
        for split in chosen:
            reason = f"{name} {split}"
            videos = _read_videos(path, split, dataset, reason, {video[0] for video in set(shown)})
            for video in videos:
                reason_of.setdefault(video, reason)
            _report(dataset, reason, shown, videos)
    excluded = pd.Series([reason_of.get(video) for video in shown], clips.index, dtype=object)
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


def _videos(clips: pd.DataFrame) -> list[Video]:
    """Say of each clip which video it is of, by kind and name.

    Of YouTube that is the video's id, also where an archive holds the clip as AudioGrounding v2
    does: a file `Y{id}.wav`, and the id for the clip's. Files of other archives are of no video
    that another data set could name.
    """
    columns = (clips[name] for name in ("clip_id", "source", "locator"))
    return [_video(*row) for row in zip(*columns, strict=True)]


def _video(clip_id: str, source: str, locator: str) -> Video:
    if source != "archive":
        return source, locator
    if locator.rpartition("/")[2] == f"Y{clip_id}.wav":
        return "youtube", clip_id
    return UNTOLD, clip_id


def _read_videos(
    path: Path, split: str, dataset: str, reason: str, comparable: set[str]
) -> set[Video]:
    """Read the videos of a split; `comparable` are the kinds of those of `dataset`."""
    if not Path(path).is_file():
        raise HearsayError(f"{path} does not exist; the step that writes it has not run")
    table = pd.read_parquet(path, columns=["clip_id", "source", "locator", "split"])
    videos = set(_videos(table[table["split"] == split]))
    kinds = {kind for kind, _ in videos}
    if kinds and not kinds & (comparable - {UNTOLD}):
        name = reason.rpartition(" ")[0]
        raise HearsayError(
            f"datasets.{dataset}.exclude: which of the clips of {dataset} ({_kinds(comparable)}) "
            f"are of videos of {reason} ({_kinds(kinds)}) cannot be told; take {name} out "
            "of exclude"
        )
    return videos


def _kinds(kinds: set[str]) -> str:
    return ", ".join(sorted(kinds))


def _report(dataset: str, reason: str, shown: Sequence[Video], videos: set[Video]) -> None:
    found = [video for video in shown if video in videos]
    logger.info(
        "%s: %d clips excluded, which show %d of the %d videos of %s",
        *(dataset, len(found), len(set(found)), len(videos), reason),
    )
    if not found:
        logger.warning("%s shows no video of %s; its exclusion changes nothing", dataset, reason)
