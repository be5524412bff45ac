"""Files of clip ids: plain lists, or sections that say of which data set and split the ids are.

A line `# clips: audiocaps test 845` begins a section: the ids below it are of split test of the
data set audiocaps, and there are 845. Split and number may be left out. Ids of videos are alike in
data sets that hold the same ones, so a list without such a line may mean several of them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from hearsay.annotations.tables import SPLITS
from hearsay.errors import HearsayError
from hearsay.files import write_text

COMMENT = "#"  # no clip id begins with it
BEGINS = re.compile(r"#\s*clips:")
HEADER = re.compile(
    rf"#\s*clips:\s*(?P<dataset>[\w.-]+)(?:\s+(?P<split>{'|'.join(SPLITS)}))?(?:\s+(?P<number>\d+))?"
)


@dataclass
class Section:
    """Ids of a file, and whose they are: None is any data set, or any split.

    Attributes:
        number: how many ids the header says there are; None: it does not say.
    """

    dataset: str | None = None
    split: str | None = None
    number: int | None = None
    clip_ids: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """The section's header without its number."""
        return " ".join(name for name in (self.dataset, self.split) if name)


def read_sections(path: Path) -> list[Section]:
    """Read a subset file; a plain list is one section of no data set. Empty lines do not count.

    Raises:
        HearsayError: the file is absent, no text, or names no clip; a header has another form, or
            another number than ids stand below it; ids stand above the first of them.
    """
    if not Path(path).is_file():
        raise HearsayError(f"{path} does not exist; benchmark.subset is a text file of clip ids")
    try:
        lines = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines()]
    except UnicodeDecodeError as error:
        raise HearsayError(f"{path} is not UTF-8 ({error}); write one clip id a line") from error
    plain = Section()
    sections = [plain]
    for number, line in enumerate(lines, start=1):
        if BEGINS.match(line):
            sections.append(_read_header(line, f"{path}, line {number}"))
        elif line and not line.startswith(COMMENT):
            sections[-1].clip_ids.add(line)
    if not any(section.clip_ids for section in sections):
        raise HearsayError(f"{path} names no clip; write one clip id a line")
    if len(sections) == 1:
        return sections
    if plain.clip_ids:
        raise HearsayError(
            f"{path}: {min(plain.clip_ids)} and others stand above the first line '# clips: ...'; "
            "write one above them too"
        )
    for section in sections:
        if section.number not in (None, len(section.clip_ids)):
            raise HearsayError(
                f"{path}: {len(section.clip_ids)} clips of {section.name} stand there, its header "
                f"says {section.number}; get the whole file, or leave the number out"
            )
    return sections[1:]


def read_subset(path: Path, dataset: str) -> set[str]:
    """Read the ids of a data set's clips in a subset file; of a plain list, all of them.

    Raises:
        HearsayError: see `read_sections`, or no section is of the data set.
    """
    sections = [s for s in read_sections(path) if s.dataset in (None, dataset)]
    if not sections:
        raise HearsayError(f"{path} has no line '# clips: {dataset}'; it names no clip of it")
    return set().union(*(section.clip_ids for section in sections))


def write_sections(clips: pd.DataFrame, heading: Sequence[str], path: Path) -> None:
    """Write ids by data set and split, sorted, behind some comments.

    Args:
        clips: clip_id, dataset and split.
        heading: comments.
    """
    lines = [f"{COMMENT} {line}" for line in heading]
    for (dataset, split), rows in clips.groupby(["dataset", "split"]):
        lines += [
            f"{COMMENT} clips: {dataset} {split} {len(rows)}",
            *sorted(rows["clip_id"].tolist()),
        ]
    write_text("\n".join([*lines, ""]), path)


def is_named(clips: pd.DataFrame, sections: Iterable[Section]) -> pd.Series:
    """Say of each row (clip_id, dataset, split) whether a section names it."""
    named = pd.Series(False, clips.index)
    for section in sections:
        meant = clips.loc[may_be_of(clips, section), "clip_id"]
        named[meant.index] |= meant.isin(section.clip_ids)
    return named


def may_be_of(clips: pd.DataFrame, section: Section) -> pd.Series:
    """Say of each row (dataset, split) whether the ids of a section may be of its split."""
    meant = pd.Series(True, clips.index)
    for column, name in (("dataset", section.dataset), ("split", section.split)):
        if name is not None:
            meant &= clips[column] == name
    return meant


def _read_header(line: str, where: str) -> Section:
    match = HEADER.fullmatch(line)
    if match is None:
        raise HearsayError(
            f"{where}: {line!r} is not of the form '# clips: DATASET SPLIT NUMBER', of which split "
            f"({', '.join(SPLITS)}) and number may be left out"
        )
    number = match["number"]
    return Section(match["dataset"], match["split"], None if number is None else int(number))
