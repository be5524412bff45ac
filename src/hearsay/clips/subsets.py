"""Lists of clip ids that let labs with different dead links train and score on the same clips."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from hearsay.annotations.tables import SPLITS
from hearsay.clips.availability import fingerprint
from hearsay.clips.subset_files import (
    Section,
    is_named,
    may_be_of,
    read_sections,
    write_sections,
)
from hearsay.errors import HearsayError
from hearsay.layout import DatasetFiles

MOST_NAMED = 2  # clips that a line names

logger = logging.getLogger(__name__)


def export_subset(
    data: Sequence[Path], splits: Sequence[str] | None, among: Sequence[Path], file: Path
) -> None:
    """Write the ids of clips that are available here and stand in every list of `among`.

    A clip that is available in one data set and missing in another, which holds the same video, is
    left out of both: a video is a clip of all of them or of none.

    Args:
        data: folders of data sets, such as results/data/audiocaps.
        splits: whose clips to write; None: all.
        among: subset files of other labs.
        file: a comment with counts and fingerprints, then a section of each data set and split.

    Raises:
        HearsayError: a folder or a list is absent, a split is unknown, or no clip is left.
    """
    unknown = sorted(set(splits or []) - set(SPLITS))
    if unknown:
        raise HearsayError(f"--splits {unknown[0]} is none of {', '.join(SPLITS)}")
    clips = _read_clips(data)
    asked = clips[clips["split"].isin(splits)] if splits else clips
    usable = asked[asked["available"] & ~asked["clip_id"].isin(_missing(clips))]
    for path in among:
        sections = read_sections(path)
        shared = usable[is_named(usable, sections)]
        _report_other(path, sections, clips, asked, shared)
        usable = shared
    if usable.empty:
        where = ", ".join(_names(asked)) or "the data"
        lists = f" and in {', '.join(map(str, among))}" if among else ""
        raise HearsayError(f"no clip of {where} is available{lists}; nothing was written")
    ids = set(usable["clip_id"])
    parts = [f"{len(ids):,} clips, fingerprint {fingerprint(ids)}"]
    for (dataset, split), rows in usable.groupby(["dataset", "split"]):
        parts.append(
            f"{dataset} {split} {len(rows):,}, fingerprint {fingerprint(rows['clip_id'].tolist())}"
        )
    logger.info("%s: %s", file, "; ".join(parts))
    write_sections(usable, [f"hearsay export-subset: {'; '.join(parts)}"], file)


def check_subset(subset: Path, data: Sequence[Path], file: Path) -> None:
    """Write which clips runs may use: those of a subset file, if all of them are available here.

    A split of a data set that the file names no clip of is not restricted, so that a list of test
    clips restricts the scores alone, and val still chooses epochs and thresholds.

    Args:
        subset: sections of clip ids, or a plain list of ids that one data set alone has.
        data: folders of the data sets of the run.
        file: all clip ids that may be used, in a section of each data set and split.

    Raises:
        HearsayError: clips of the file are in none of the data sets, or not available; a plain list
            may mean several of them; a section is of another data set.
    """
    sections = read_sections(subset)
    clips = _read_clips(data)
    clips = clips[clips["status"] != "excluded"]
    _check_scope(subset, sections, clips, {Path(folder).name for folder in data})
    faults = [fault for section in sections for fault in _faults(section, clips)]
    if faults:
        folders = " ".join(map(str, data))
        raise HearsayError(
            f"benchmark.subset {subset}: {'; '.join(faults)}; so scores would be of other clips "
            f"than its lab's: make a list of what both have with hearsay export-subset --data "
            f"{folders} --among {subset} --file both.txt"
        )
    chosen = []
    named = is_named(clips, sections)
    for (dataset, split), rows in clips.groupby(["dataset", "split"]):
        available = rows[rows["available"]]
        own = available[named[available.index]]
        if own.empty:
            logger.info("%s %s: none is named, so all %d stay", dataset, split, len(available))
        else:
            logger.info("%s %s: %d of %d are used", dataset, split, len(own), len(available))
        chosen.append(available if own.empty else own)
    write_sections(pd.concat(chosen), [f"hearsay check_subset: {Path(subset).name}"], file)


def _check_scope(
    subset: Path, sections: Sequence[Section], clips: pd.DataFrame, datasets: set[str]
) -> None:
    """Refuse a list that may mean several data sets, and sections of others than the run's."""
    used = ", ".join(sorted(datasets))
    for section in sections:
        if section.dataset is None:
            own = clips[clips["clip_id"].isin(section.clip_ids)]
            twice = own[own["clip_id"].duplicated(keep=False)]
            if len(twice):
                several = sorted(set(twice["dataset"]))
                raise HearsayError(
                    f"benchmark.subset {subset}: {twice['clip_id'].nunique():,} of its "
                    f"{len(section.clip_ids):,} clips stand in {' and in '.join(several)}, and "
                    "would restrict all of them; say whose clips are meant by a line above them, "
                    f"such as '# clips: {several[0]}' or '# clips: {several[0]} test'"
                )
        elif section.dataset not in datasets:
            raise HearsayError(
                f"benchmark.subset {subset}: the line '# clips: {section.name}' is of no data set "
                f"of this run ({used}); name it as the config does, or take its section out"
            )


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


def _faults(section: Section, clips: pd.DataFrame) -> list[str]:
    """Say what of a list is not here, and why; `clips` without those excluded."""
    faults = []
    named = section.clip_ids
    own = f"{len(named):,} clips" + (f" of {section.name}" if section.name else "")
    meant = clips[may_be_of(clips, section)]
    missing = meant[meant["clip_id"].isin(named) & ~meant["available"]]
    if len(missing):
        first = missing.sort_values("clip_id").iloc[0]
        number = missing["clip_id"].nunique()
        faults.append(
            f"{number:,} of its {own} are not available here "
            f"({_count(missing['status'])}), the first {first['clip_id']} of {first['dataset']}"
        )
    strange = named.difference(meant["clip_id"].tolist())
    if strange:
        names = section.name or f"any of {', '.join(sorted(clips['dataset'].unique()))}"
        faults.append(
            f"{len(strange):,} of its {own} are not listed in {names}, the first {min(strange)}"
        )
    return faults


def _report_other(
    path: Path,
    sections: Sequence[Section],
    clips: pd.DataFrame,
    asked: pd.DataFrame,
    shared: pd.DataFrame,
) -> None:
    """Say how much of another lab's list is here, and why the rest is not."""
    theirs = set().union(*(section.clip_ids for section in sections))
    usable = set(shared["clip_id"])
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
    foreign = {section.dataset for section in sections} - {None, *clips["dataset"]}
    if foreign:
        parts.append(f"its data sets {', '.join(sorted(map(str, foreign)))} are none of those here")
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
