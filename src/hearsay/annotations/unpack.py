"""Unpack what a data set comes in: zips, 7z archives and plain lists."""

import shutil
from contextlib import ExitStack, closing
from pathlib import Path

from hearsay.annotations.archive_entries import Archive, Entry, Target, check_name, check_together
from hearsay.annotations.seven_zips import SevenZipArchive, is_seven_zip
from hearsay.annotations.zips import ZipArchive
from hearsay.errors import HearsayError
from hearsay.files import cannot_write

PLAIN_SUFFIXES = (".csv", ".json", ".txt")
BLOCK_BYTES = 1 << 20


def extract_archives(paths: list[Path], folder: Path, max_bytes: int) -> int:
    """Unpack archives side by side into `folder`, which appears whole or not at all.

    A list (PLAIN_SUFFIXES) is taken as it is. Everything that the archives list is checked
    before the first byte is written. An earlier `folder` is replaced.

    Args:
        max_bytes: of all files together, unpacked; each counts as LEAST_BYTES at least.

    Returns:
        The number of files.

    Raises:
        HearsayError: a file is no archive or damaged; an entry has a name that is absolute,
            leads out of the folder or stands twice, is a link or a device, is encrypted, or
            unpacks to another size than listed; the listed sizes exceed `max_bytes`; the disk is
            full.
    """
    folder = folder.absolute()
    temporary = folder.with_name(f".{folder.name}.partial")
    with ExitStack() as stack:
        archives = [stack.enter_context(closing(_open(path))) for path in paths]
        entries = [entry for archive in archives for entry in archive.entries]
        check_together(entries, max_bytes)
        try:
            shutil.rmtree(temporary, ignore_errors=True)  # of a start that was killed
            temporary.mkdir(parents=True)
            target = Target(temporary, folder, len(entries))
            for archive in archives:
                archive.extract(target)
            if folder.exists():
                shutil.rmtree(folder)
            temporary.replace(folder)
        except OSError as error:
            raise cannot_write(folder, error) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return len(entries)


def _open(path: Path) -> Archive:
    """Open an archive by its content, a list by its suffix."""
    try:
        if path.suffix in PLAIN_SUFFIXES:
            return PlainFile(path)
        return SevenZipArchive(path) if is_seven_zip(path) else ZipArchive(path)
    except OSError as error:
        raise HearsayError(
            f"cannot read {path}: {error.strerror}; mend its path in config"
        ) from error


class PlainFile:
    """A list that comes beside archives, as it is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        name = check_name(path.name, path)
        self.entries = [Entry(path, path.name, name, path.stat().st_size)]

    def extract(self, target: Target) -> None:
        """Copy it."""
        with self._path.open("rb") as file, target.open(self.entries[0]) as output:
            while block := file.read(BLOCK_BYTES):
                output.write(block)

    def close(self) -> None:
        """Do nothing; it is open only while it is copied."""
