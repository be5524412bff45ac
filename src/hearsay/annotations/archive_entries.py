"""Files in archives that nobody has vouched for: their names, and how they are written."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Protocol

from hearsay.errors import HearsayError
from hearsay.files import cannot_write
from hearsay.progress import progress

LEAST_BYTES = 512  # that a file costs, however empty: a million of them fill a disk too
DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True)
class Entry:
    """A file in an archive, under a name that has been checked."""

    archive: Path
    name: str  # as the archive lists it
    path: PurePosixPath  # inside the folder that it is unpacked to
    size: int  # bytes, as listed


class Archive(Protocol):
    """An open archive."""

    entries: list[Entry]

    def extract(self, target: "Target") -> None:
        """Write every entry to the target; what is damaged is a HearsayError."""

    def close(self) -> None:
        """Close the file."""


def check_name(name: str, archive: Path) -> PurePosixPath:
    """Return the path of a name inside the folder that the archive is unpacked to.

    Raises:
        HearsayError: the name is absolute, leads out, or is not printable.
    """
    path = PurePosixPath(name)
    is_plain = name.isprintable() and "\\" not in name
    if not is_plain or not path.parts or ".." in path.parts or name[0] == "/" or DRIVE.match(name):
        raise HearsayError(
            f"{archive}: the name of entry {name!r} is none inside its folder; the archive is not "
            "used"
        )
    return path


def check_together(entries: Collection[Entry], max_bytes: int) -> None:
    """Check what archives unpack to side by side.

    Raises:
        HearsayError: the sizes exceed `max_bytes`, each file counting as LEAST_BYTES at least; a
            name stands twice or lies in another one.
    """
    num_bytes = sum(max(entry.size, LEAST_BYTES) for entry in entries)
    if num_bytes > max_bytes:
        names = ", ".join(sorted({str(entry.archive) for entry in entries}))
        raise HearsayError(
            f"{names}: {num_bytes} bytes when unpacked, but max_bytes is {max_bytes}; raise it in "
            "config if the source can be trusted"
        )
    seen: set[PurePosixPath] = set()
    for entry in entries:
        if entry.path in seen:
            raise HearsayError(
                f"{entry.archive}: entry {str(entry.path)!r} stands twice; the archive is not used"
            )
        seen.add(entry.path)
    for entry in entries:
        if not seen.isdisjoint(entry.path.parents):
            raise HearsayError(
                f"{entry.archive}: entry {str(entry.path)!r} lies in what another entry says is a "
                "file; the archive is not used"
            )


class Target:
    """The folder that entries are written to, before it takes its name."""

    def __init__(self, temporary: Path, folder: Path, num_entries: int) -> None:
        self.temporary = temporary
        self._folder = folder
        self._steps = progress(range(num_entries), num_entries, "file")

    def open(self, entry: Entry) -> "EntryFile":
        """Return the new file of an entry, open for writing."""
        next(self._steps, None)
        return EntryFile(entry, self.temporary / entry.path, self._folder)


class EntryFile:
    """A file that is unpacked: as long as listed, or an error.

    Raises:
        HearsayError: by each method: more or less is written than listed, or the disk is full.
    """

    def __init__(self, entry: Entry, path: Path, folder: Path) -> None:
        self._entry = entry
        self._folder = folder  # that messages name
        self._num_bytes = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("xb")
        except OSError as error:
            raise cannot_write(folder, error) from error

    def __enter__(self) -> "EntryFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.abandon()

    def write(self, block: bytes | bytearray) -> int:
        """Append a block and return its length."""
        self._num_bytes += len(block)
        if self._num_bytes > self._entry.size:
            raise self._wrong_size("more than")
        try:
            return self._file.write(block)
        except OSError as error:
            raise cannot_write(self._folder, error) from error

    def finish(self) -> None:
        """Close the file, which is whole."""
        try:
            self._file.close()
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        if self._num_bytes != self._entry.size:
            raise self._wrong_size(f"{self._num_bytes}, not")

    def abandon(self) -> None:
        """Close the file, whatever is in it."""
        try:
            self._file.close()
        except OSError:
            return  # of what was not written either; the first error is told

    def _wrong_size(self, found: str) -> HearsayError:
        entry = self._entry
        return HearsayError(
            f"{entry.archive}: entry {entry.name!r} unpacks to {found} the {entry.size} bytes "
            "listed; the archive is not used"
        )
