"""Unpack zips that nobody has vouched for."""

import lzma
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hearsay.annotations.remote_file import cannot_write
from hearsay.errors import HearsayError
from hearsay.progress import progress

BLOCK_BYTES = 1 << 20
ENCRYPTED = 1  # bit of the flags
LEAST_BYTES = 512  # that a file costs, however empty: a million of them fill a disk too
DRIVE = re.compile(r"[A-Za-z]:")
# What zipfile and the decompressors behind it raise for content that is damaged or unknown.
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True)
class _Entry:
    """A file in a zip, under a name that has been checked."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo
    path: PurePosixPath


def extract_zips(paths: list[Path], folder: Path, max_bytes: int) -> int:
    """Unpack zips side by side into `folder`, which appears whole or not at all.

    Everything that the zips list is checked before the first byte is written. An earlier
    `folder` is replaced.

    Args:
        max_bytes: of all files together, unpacked; each counts as LEAST_BYTES at least.

    Returns:
        The number of files.

    Raises:
        HearsayError: a file is no zip or damaged; an entry has a name that is absolute, leads
            out of the folder or stands twice, is a link or a device, is encrypted, or unpacks to
            another size than listed; the listed sizes exceed `max_bytes`; the disk is full.
    """
    temporary = folder.with_name(f".{folder.name}.partial")
    with ExitStack() as stack:
        archives = [stack.enter_context(_open_zip(path)) for path in paths]
        entries = [entry for archive in archives for entry in _list_files(archive)]
        _check_together(entries, max_bytes)
        try:
            shutil.rmtree(temporary, ignore_errors=True)  # of a start that was killed
            temporary.mkdir(parents=True)
            for entry in progress(entries, len(entries), "file"):
                _extract(entry, temporary)
            if folder.exists():
                shutil.rmtree(folder)
            temporary.replace(folder)
        except OSError as error:
            raise cannot_write(folder, error) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return len(entries)


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except OSError as error:
        raise HearsayError(
            f"cannot read {path}: {error.strerror}; mend its path in config"
        ) from error
    except DAMAGE as error:
        raise HearsayError(f"{path} is no zip ({error}); remove it and fetch it again") from error


def _list_files(archive: zipfile.ZipFile) -> list[_Entry]:
    """List the files in a zip, each of them checked by itself."""
    entries = []
    for info in archive.infolist():
        _check_entry(info, str(archive.filename))
        if not info.is_dir():
            entries.append(_Entry(archive, info, PurePosixPath(info.filename)))
    return entries


def _check_entry(info: zipfile.ZipInfo, path: str) -> None:
    # zipfile cuts a name at a NUL, and newer ones take another from an extra field.
    for name in (info.orig_filename, info.filename):
        parts = PurePosixPath(name).parts
        is_plain = name.isprintable() and "\\" not in name
        if not is_plain or not parts or ".." in parts or name[0] == "/" or DRIVE.match(name):
            raise HearsayError(
                f"{path}: the name of entry {name!r} is none inside its folder; the zip is not used"
            )
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise HearsayError(f"{path}: entry {name!r} is a link or a device; the zip is not used")
    if info.flag_bits & ENCRYPTED:
        raise HearsayError(f"{path}: entry {name!r} is encrypted; the zip cannot be used")


def _check_together(entries: list[_Entry], max_bytes: int) -> None:
    num_bytes = sum(max(entry.info.file_size, LEAST_BYTES) for entry in entries)
    if num_bytes > max_bytes:
        names = ", ".join(sorted({str(entry.archive.filename) for entry in entries}))
        raise HearsayError(
            f"{names}: {num_bytes} bytes when unpacked, but max_bytes is {max_bytes}; raise it in "
            "config if the zip can be trusted"
        )
    seen: set[PurePosixPath] = set()
    for entry in entries:
        if entry.path in seen:
            raise HearsayError(
                f"{entry.archive.filename}: entry {str(entry.path)!r} stands twice; the zip is "
                "not used"
            )
        seen.add(entry.path)
    for entry in entries:
        if not seen.isdisjoint(entry.path.parents):
            raise HearsayError(
                f"{entry.archive.filename}: entry {str(entry.path)!r} lies in what another entry "
                "says is a file; the zip is not used"
            )


def _extract(entry: _Entry, folder: Path) -> None:
    """Unpack one file; its checksum is verified by zipfile, its size here."""
    target = folder / entry.path
    target.parent.mkdir(parents=True, exist_ok=True)
    num_bytes = 0
    with target.open("xb") as output:
        for block in _blocks(entry):
            num_bytes += len(block)
            output.write(block)
    if num_bytes != entry.info.file_size:
        raise HearsayError(
            f"{entry.archive.filename}: entry {entry.info.filename!r} unpacks to {num_bytes} "
            f"bytes, but {entry.info.file_size} are listed; the zip is not used"
        )


def _blocks(entry: _Entry) -> Iterator[bytes]:
    try:
        with entry.archive.open(entry.info) as stream:
            while block := stream.read(BLOCK_BYTES):
                yield block
    except (*DAMAGE, OSError) as error:  # OSError: of bz2, or the zip cannot be read
        raise HearsayError(
            f"{entry.archive.filename}: entry {entry.info.filename!r} is damaged ({error}); "
            "remove the zip and fetch it again"
        ) from error
