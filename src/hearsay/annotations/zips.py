"""Zips that nobody has vouched for."""

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from hearsay.annotations.archive_entries import Entry, Target, check_name
from hearsay.errors import HearsayError

BLOCK_BYTES = 1 << 20
ENCRYPTED = 1  # bit of the flags
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


class ZipArchive:
    """An open zip whose names and kinds of entries have been checked.

    Raises:
        HearsayError: when it is made: it is no zip, or an entry is refused; see
            `extract_archives`.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except DAMAGE as error:
            raise HearsayError(
                f"{path} is no zip ({error}); remove it and fetch it again"
            ) from error
        for info in self._zip.infolist():
            _check(info, path)
        self._infos = [info for info in self._zip.infolist() if not info.is_dir()]
        self.entries = [
            Entry(path, info.filename, check_name(info.filename, path), info.file_size)
            for info in self._infos
        ]

    def extract(self, target: Target) -> None:
        """Write every entry; its checksum is verified by zipfile."""
        for info, entry in zip(self._infos, self.entries, strict=True):
            with target.open(entry) as output:
                for block in self._blocks(info):
                    output.write(block)

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def _blocks(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        try:
            with self._zip.open(info) as stream:
                while block := stream.read(BLOCK_BYTES):
                    yield block
        except (*DAMAGE, OSError) as error:  # OSError: of bz2, or the zip cannot be read
            raise HearsayError(
                f"{self._path}: entry {info.filename!r} is damaged ({error}); remove the archive "
                "and fetch it again"
            ) from error


def _check(info: zipfile.ZipInfo, path: Path) -> None:
    # zipfile cuts a name at a NUL, and newer ones take another from an extra field.
    for name in (info.orig_filename, info.filename):
        check_name(name, path)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise HearsayError(
            f"{path}: entry {info.filename!r} is a link or a device; the archive is not used"
        )
    if info.flag_bits & ENCRYPTED:
        raise HearsayError(
            f"{path}: entry {info.filename!r} is encrypted; the archive cannot be used"
        )
