"""7z archives that nobody has vouched for."""

import lzma
import struct
import zlib
from pathlib import Path, PurePosixPath

import py7zr
from py7zr.exceptions import AbsolutePathError, ArchiveError, PasswordRequired
from py7zr.io import Py7zIO, WriterFactory

from hearsay.annotations.archive_entries import Entry, EntryFile, Target, check_name
from hearsay.errors import HearsayError

MAGIC = b"7z\xbc\xaf\x27\x1c"
# What py7zr and the decompressors behind it raise for content that is damaged or unknown; it
# trusts the numbers of a header, whence the errors of a programmer among them.
DAMAGE = (
    ArchiveError,
    AbsolutePathError,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
    MemoryError,
)


def is_seven_zip(path: Path) -> bool:
    """Say whether a file is meant to be a 7z archive, by its name or its first bytes."""
    with path.open("rb") as file:
        return path.suffix == ".7z" or file.read(len(MAGIC)) == MAGIC


class SevenZipArchive:
    """An open 7z archive whose names and kinds of entries have been checked.

    py7zr never writes by itself: it hands what it unpacks to the files of a `Target`.

    Raises:
        HearsayError: when it is made: it is no 7z archive, or an entry is refused; see
            `extract_archives`.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("rb")
        try:
            # Given a name it would unpack its blocks in threads of their own.
            self._archive = py7zr.SevenZipFile(self._file)
            infos = self._archive.list()
            is_encrypted = self._archive.needs_password()
        except PasswordRequired as error:
            self._file.close()
            raise self._encrypted() from error
        except DAMAGE as error:
            self._file.close()
            raise HearsayError(
                f"{path} is no 7z archive ({error}); remove it and fetch it again"
            ) from error
        if is_encrypted:
            self.close()
            raise self._encrypted()
        self.entries = []
        for info in infos:
            name = check_name(info.filename, path)
            if not info.is_file and not info.is_directory:
                raise HearsayError(
                    f"{path}: entry {info.filename!r} is a link or a device; the archive is not "
                    "used"
                )
            if info.is_file:
                self.entries.append(Entry(path, info.filename, name, info.uncompressed))

    def extract(self, target: Target) -> None:
        """Write every entry, in the order of the archive; checksums are verified by py7zr."""
        writers = _Writers(self.entries, target)
        try:
            self._archive.extractall(target.temporary, factory=writers)
        except (*DAMAGE, PasswordRequired) as error:
            last = f"entry {writers.last!r}" if writers.last else "its first entry"
            raise HearsayError(
                f"{self._path}: {last} is damaged ({type(error).__name__} {error}); remove the "
                "archive and fetch it again"
            ) from error
        finally:
            writers.close()
        if writers.num_written != len(self.entries):
            raise HearsayError(
                f"{self._path}: {writers.num_written} of {len(self.entries)} entries could be "
                "unpacked; remove the archive and fetch it again"
            )

    def close(self) -> None:
        """Close the file."""
        self._archive.close()
        self._file.close()

    def _encrypted(self) -> HearsayError:
        return HearsayError(f"{self._path} is encrypted; the archive cannot be used")


class _Writers(WriterFactory):
    """Open the file of each entry that py7zr names, one at a time."""

    def __init__(self, entries: list[Entry], target: Target) -> None:
        self._entries = {entry.path: entry for entry in entries}
        self._target = target
        self._open: _Writer | None = None
        self.last = ""  # name of the entry that is or was written last
        self.num_written = 0

    def create(self, filename: str) -> Py7zIO:
        self.close()
        path = PurePosixPath(filename).relative_to(PurePosixPath(self._target.temporary))
        entry = self._entries[path]
        self.last = entry.name
        self._open = _Writer(self._target.open(entry), self)
        return self._open

    def close(self) -> None:
        """Close what py7zr has left open."""
        if self._open is not None:
            self._open.file.abandon()
            self._open = None

    def finished(self) -> None:
        """Count the open file as whole."""
        self._open = None
        self.num_written += 1


class _Writer(Py7zIO):
    """The file of an entry as py7zr wants one; it is written once, from the front."""

    def __init__(self, file: EntryFile, writers: _Writers) -> None:
        self.file = file
        self._writers = writers
        self._num_bytes = 0

    def write(self, s: bytes | bytearray) -> int:
        self._num_bytes += len(s)
        return self.file.write(s)

    def read(self, size: int | None = None) -> bytes:
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0

    def flush(self) -> None:
        pass

    def size(self) -> int:
        return self._num_bytes

    def close(self) -> None:
        """Take the end of an entry: py7zr calls this once its checksum is right."""
        self.file.finish()
        self._writers.finished()
