"""Lists of clip ids that let labs with different dead links train and score on the same clips."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from hearsay.annotations.tables import SPLITS
from hearsay.clips.availability import fingerprint
from hearsay.errors import HearsayError
from hearsay.files import write_text
from hearsay.layout import DatasetFiles

COMMENT = "#"  # no clip id begins with it
MOST_NAMED = 2  # clips that a line names

logger = logging.getLogger(__name__)


def read_subset(path: Path) -> set[str]:
    """Read a subset file: clip ids, one a line; empty lines and comments do not count.

    Raises:
        HearsayError: the file is absent, no text, or names no clip.
    """
    if not Path(path).is_file():
        raise HearsayError(f"{path} does not exist; benchmark.subset is a text file of clip ids")
    try:
        lines = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines()]
    except UnicodeDecodeError as error:
        raise HearsayError(f"{path} is not UTF-8 ({error}); write one clip id a line") from error
    clip_ids = {line for line in lines if not line.startswith(COMMENT)} - {""}
    if not clip_ids:
        raise HearsayError(f"{path} names no clip; write one clip id a line")
    return clip_ids


def export_subset(
    data: Sequence[Path], splits: Sequence[str] | None, among: Sequence[Path], file: Path
) -> None:
    """Write the ids of clips that are available here and stand in every list of `among`.

    A clip that is available in one data set and missing in another, which holds the same video, is
    left out: the lab that gets the list could not use it as one clip.

    Args:
        data: folders of data sets, such as results/data/audiocaps.
        splits: whose clips to write; None: all.
        among: subset files of other labs.
        file: a comment with counts and fingerprints, then the ids, sorted, one a line.

    Raises:
        HearsayError: a folder or a list is absent, a split is unknown, or no clip is left.
    """
    unknown = sorted(set(splits or []) - set(SPLITS))
    if unknown:
        raise HearsayError(f"--splits {unknown[0]} is none of {', '.join(SPLITS)}")
    clips = _read_clips(data)
    asked = clips[clips["split"].isin(splits)] if splits else clips
    usable = asked[asked["available"] & ~asked["clip_id"].isin(_missing(clips))]
    shared = set(usable["clip_id"])
    for path in among:
        theirs = read_subset(path)
        _report_other(path, theirs, clips, asked, shared)
        shared &= theirs
    if not shared:
        where = ", ".join(_names(asked)) or "the data"
        lists = f" and in {', '.join(map(str, among))}" if among else ""
        raise HearsayError(f"no clip of {where} is available{lists}; nothing was written")
    usable = usable[usable["clip_id"].isin(shared)]
    parts = [f"{len(shared):,} clips, fingerprint {fingerprint(shared)}"]
    for (dataset, split), rows in usable.groupby(["dataset", "split"]):
        parts.append(f"{dataset} {split} {len(rows):,}, fingerprint {fingerprint(rows['clip_id'])}")
    logger.info("%s: %s", file, "; ".join(parts))
    lines = [f"{COMMENT} hearsay export-subset: {'; '.join(parts)}", *sorted(shared)]
    write_text("\n".join([*lines, ""]), file)


def check_subset(subset: Path, data: Sequence[Path], file: Path) -> None:
    """Write which clips runs may use: those of a subset file, if all of them are available here.

    A split of a data set that the file names no clip of is not restricted, so that a list of test
    clips restricts the scores alone, and val still chooses epochs and thresholds.

    Args:
        subset: clip ids, one a line.
        data: folders of the data sets of the run.
        file: all clip ids that may be used, one a line.

    Raises:
        HearsayError: clips of the file are in none of the data sets, or not available.
    """
    named = read_subset(subset)
    clips = _read_clips(data)
    clips = clips[clips["status"] != "excluded"]
    faults = _faults(named, clips)
    if faults:
        folders = " ".join(map(str, data))
        raise HearsayError(
            f"benchmark.subset {subset}: {'; '.join(faults)}; so scores would be of other clips "
            f"than its lab's: make a list of what both have with hearsay export-subset --data "
            f"{folders} --among {subset} --file both.txt"
        )
    chosen: set[str] = set()
    for (dataset, split), rows in clips.groupby(["dataset", "split"]):
        available = rows.loc[rows["available"], "clip_id"]
        own = available[available.isin(named)]
        if own.empty:
            logger.info("%s %s: none is named, so all %d stay", dataset, split, len(available))
        else:
            logger.info("%s %s: %d of %d are used", dataset, split, len(own), len(available))
        chosen.update(available if own.empty else own)
    write_text("\n".join([*sorted(chosen), ""]), file)


def _read_clips(data: Sequence[Path]) -> pd.DataFrame:
    """Read what became of the clips of some data sets: a row a clip and data set."""
    columns = ["clip_id", "split", "available", "status"]
    parts = []
    for folder in data:
        path = DatasetFiles(Path(folder), 0).availability_table
        if not path.is_file():
            raise HearsayError(
                f"{path} does not exist; name the folder of a data set whose availability is known"
            )
        parts.append(pd.read_parquet(path, columns=columns).assign(dataset=Path(folder).name))
    return pd.concat(parts, ignore_index=True)


def _missing(clips: pd.DataFrame) -> pd.Series:
    """Return the ids that a data set lists, may use and does not have."""
    gone = ~clips["available"] & (clips["status"] != "excluded")
    ids: pd.Series = clips.loc[gone, "clip_id"]
    return ids


def _faults(named: set[str], clips: pd.DataFrame) -> list[str]:
    """Say what of a list is not here, and why; `clips` without those excluded."""
    faults = []
    missing = clips[clips["clip_id"].isin(named) & ~clips["available"]]
    if len(missing):
        first = missing.sort_values("clip_id").iloc[0]
        number = missing["clip_id"].nunique()
        faults.append(
            f"{number:,} of its {len(named):,} clips are not available here "
            f"({_count(missing['status'])}), the first {first['clip_id']} of {first['dataset']}"
        )
    strange = named.difference(clips["clip_id"])
    if strange:
        names = ", ".join(sorted(clips["dataset"].unique()))
        faults.append(
            f"{len(strange):,} of its {len(named):,} clips are in none of {names}, the first "
            f"{min(strange)}"
        )
    return faults


def _report_other(
    path: Path, theirs: set[str], clips: pd.DataFrame, asked: pd.DataFrame, usable: set[str]
) -> None:
    """Say how much of another lab's list is here, and why the rest is not."""
    lacking = asked[asked["clip_id"].isin(theirs - usable) & ~asked["available"]]
    parts = [f"{path}: {len(theirs):,} clips, {len(theirs & usable):,} of them available here"]
    if len(lacking):
        parts.append(f"missing here: {_count(lacking['status'])}")
    others = clips[clips["clip_id"].isin(theirs.difference(asked["clip_id"]))]
    if len(others):
        where = ", ".join(_names(others))
        parts.append(f"not of the splits asked for but of {where}: {_name(set(others['clip_id']))}")
    strange = theirs.difference(clips["clip_id"])
    if strange:
        names = ", ".join(sorted(clips["dataset"].unique()))
        parts.append(f"not listed in {names} at all: {_name(strange)}")
    logger.info("%s", "; ".join(parts))


def _name(clip_ids: set[str]) -> str:
    """Count clips and name the first two."""
    dots = ", …" if len(clip_ids) > MOST_NAMED else ""
    return f"{len(clip_ids):,} ({', '.join(sorted(clip_ids)[:MOST_NAMED])}{dots})"


def _names(clips: pd.DataFrame) -> list[str]:
    pairs: Iterable[tuple[str, str]] = clips.groupby(["dataset", "split"]).groups
    return [f"{dataset} {split}" for dataset, split in pairs]


def _count(statuses: pd.Series) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in statuses.value_counts().items())
