"""7z archives that nobody has vouched for, alone and beside zips and plain lists."""

import lzma
import os
import random
import shutil
import struct
import zlib
from pathlib import Path

import py7zr
import pytest
from archive_server import write_zip
from unpacked import files_of_at_most, tree

from hearsay.annotations.unpack import extract_archives
from hearsay.errors import HearsayError

LIMIT = 10_000_000
UNIX = 0x8000  # of the attributes: the upper half is a mode of Unix


def write_seven_zip(path: Path, files: dict[str, bytes], **options: object) -> Path:
    """Write an archive; py7zr checks names, so those that lead out are put in afterwards."""
    with py7zr.SevenZipFile(path, "w", **options) as archive:  # type: ignore[arg-type]
        for name, content in files.items():
            archive.writestr(content, name)
    return path


def with_header(path: Path, old: bytes, new: bytes) -> Path:
    """Replace bytes of the header of an archive that is written plainly, and its checksums."""
    content = path.read_bytes()
    offset, size = struct.unpack("<QQ", content[12:28])
    header = content[32 + offset : 32 + offset + size]
    assert header.count(old) == 1 and len(old) == len(new)
    header = header.replace(old, new)
    start = struct.pack("<QQL", offset, size, zlib.crc32(header))
    path.write_bytes(
        content[:8] + struct.pack("<L", zlib.crc32(start)) + start + content[32 : 32 + offset]
        + header
    )  # fmt: skip
    return path


def write_plain(path: Path, files: dict[str, bytes]) -> Path:
    """Write an archive whose header is not compressed."""
    with py7zr.SevenZipFile(path, "w") as archive:
        archive.set_encoded_header_mode(False)
        for name, content in files.items():
            archive.writestr(content, name)
    return path


def refused(tmp_path: Path, archives: list[Path], limit: int = LIMIT) -> str:
    """Return the message, once it is sure that nothing was written anywhere."""
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(HearsayError) as caught:
        extract_archives(archives, tmp_path / "out" / "inner", limit)
    assert sorted(path for path in tmp_path.rglob("*") if path != tmp_path / "out") == before
    return str(caught.value)


def test_a_seven_zip_a_zip_and_a_list_are_unpacked_side_by_side(tmp_path):
    noise = random.Random(0).randbytes(3_000_000)
    (tmp_path / "source" / "deep").mkdir(parents=True)
    (tmp_path / "source" / " Ambience, Birds ü.wav").write_bytes(noise)
    (tmp_path / "source" / "deep" / "empty.wav").touch()
    with py7zr.SevenZipFile(tmp_path / "a.7z", "w") as archive:
        archive.writeall(tmp_path / "source", "development")
    other = write_zip(tmp_path / "b.zip", {"evaluation/x.wav": b"x"})
    (tmp_path / "captions.csv").write_text("file_name\n")
    archives = [tmp_path / "a.7z", other, tmp_path / "captions.csv"]
    assert extract_archives(archives, tmp_path / "out", LIMIT) == 4
    assert tree(tmp_path / "out") == {
        "development/ Ambience, Birds ü.wav": noise,
        "development/deep/empty.wav": b"",
        "evaluation/x.wav": b"x",
        "captions.csv": b"file_name\n",
    }
    assert not (tmp_path / ".out.partial").exists()


def test_a_relative_folder_is_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_seven_zip(Path("a.7z"), {"a/b.wav": b"b"})
    assert extract_archives([Path("a.7z")], Path("deep/out"), LIMIT) == 1
    assert tree(tmp_path / "deep") == {"out/a/b.wav": b"b"}


def test_what_is_seven_zip_is_known_by_its_content(tmp_path):
    path = write_seven_zip(tmp_path / "download", {"a": b"a"})
    assert extract_archives([path], tmp_path / "out", LIMIT) == 1


@pytest.mark.parametrize("filters", [lzma.FILTER_LZMA1, lzma.FILTER_LZMA2])
def test_several_blocks_and_old_methods_are_unpacked(tmp_path, filters):
    path = tmp_path / "a.7z"
    files = {f"{k}.wav": random.Random(k).randbytes(1000 * k) for k in range(1, 5)}
    for name, content in files.items():  # each appended as a block of its own
        mode = "a" if path.exists() else "w"
        with py7zr.SevenZipFile(path, mode, filters=[{"id": filters}]) as archive:
            archive.writestr(content, name)
    assert extract_archives([path], tmp_path / "out", LIMIT) == 4
    assert tree(tmp_path / "out") == files


@pytest.mark.parametrize(
    "name", ["../up", "a/../u", "a/..", "/etc/u", "//up", "C:/up", "c:up", "..\\up", "a\nup"]
)
def test_a_name_that_leads_out_is_refused(tmp_path, name):
    path = write_plain(tmp_path / "a.7z", {"good": b"good", "#" * len(name): b"bad"})
    with_header(path, ("#" * len(name)).encode("utf-16le"), name.encode("utf-16le"))
    name = name.replace("\\", "/")  # py7zr takes both
    assert f"a.7z: the name of entry {name!r} is none inside" in refused(tmp_path, [path])


def test_a_link_is_refused(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "link").symlink_to("/etc/passwd")
    with py7zr.SevenZipFile(tmp_path / "a.7z", "w") as archive:
        archive.writeall(tmp_path / "source", "a")
    assert "entry 'a/link' is a link or a device" in refused(tmp_path, [tmp_path / "a.7z"])


def test_a_device_is_refused(tmp_path):
    (tmp_path / "x").write_text("x")
    (tmp_path / "x").chmod(0o640)
    with py7zr.SevenZipFile(tmp_path / "a.7z", "w") as archive:
        archive.set_encoded_header_mode(False)
        archive.write(tmp_path / "x", "x")
    regular = struct.pack("<L", 0o100640 << 16 | UNIX | 0x20)
    device = struct.pack("<L", 0o020640 << 16 | UNIX | 0x20)
    with_header(tmp_path / "a.7z", regular, device)
    assert "entry 'x' is a link or a device" in refused(tmp_path, [tmp_path / "a.7z"])


def test_a_name_that_stands_twice_is_refused(tmp_path):
    path = write_seven_zip(tmp_path / "a.7z", {"a": b"1", "./a": b"2"})
    assert "entry 'a' stands twice" in refused(tmp_path, [path])
    one = write_seven_zip(tmp_path / "b.7z", {"x.csv": b"1"})
    (tmp_path / "x.csv").write_text("2")
    assert "entry 'x.csv' stands twice" in refused(tmp_path, [one, tmp_path / "x.csv"])


def test_a_file_in_a_file_is_refused(tmp_path):
    path = write_seven_zip(tmp_path / "a.7z", {"a/b/c": b"1", "a": b"2"})
    assert "entry 'a/b/c' lies in what another entry says is a file" in refused(tmp_path, [path])


def test_sizes_beyond_the_limit_are_refused_before_anything_is_written(tmp_path):
    path = write_seven_zip(tmp_path / "a.7z", {"a": b"0" * 600_000, "b": b""})
    assert path.stat().st_size < 2000  # small until it is unpacked
    assert "600512 bytes when unpacked, but max_bytes is 600511" in refused(
        tmp_path, [path], 600_511
    )
    assert extract_archives([path], tmp_path / "out", 600_512) == 2


def test_an_encrypted_archive_is_refused(tmp_path):
    path = write_seven_zip(tmp_path / "a.7z", {"a": b"1"}, password="x")
    assert "a.7z is encrypted" in refused(tmp_path, [path])
    hidden = write_seven_zip(tmp_path / "b.7z", {"a": b"1"}, password="x", header_encryption=True)
    assert "b.7z is encrypted" in refused(tmp_path, [hidden])


def test_what_is_no_archive_is_told(tmp_path):
    path = tmp_path / "a.7z"
    path.write_text("<html>moved</html>")
    assert "a.7z is no 7z archive" in refused(tmp_path, [path])
    write_seven_zip(path, {"a": os.urandom(1000)})
    path.write_bytes(path.read_bytes()[:600])
    assert "a.7z is no 7z archive" in refused(tmp_path, [path])
    assert "cannot read" in refused(tmp_path, [tmp_path / "absent.7z"])
    assert "cannot read" in refused(tmp_path, [tmp_path / "absent.csv"])


def test_a_flipped_byte_anywhere_is_noticed_or_harmless(tmp_path):
    files = {"a/1.wav": random.Random(1).randbytes(300), "a/2.wav": b"2" * 500, "b": b""}
    path = write_seven_zip(tmp_path / "a.7z", files)
    whole = path.read_bytes()
    num_refused = 0
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        try:
            extract_archives([path], tmp_path / "out", LIMIT)
        except HearsayError:
            num_refused += 1
            assert not (tmp_path / "out").exists()
        else:  # the version of the format, or such
            assert tree(tmp_path / "out") == files
            shutil.rmtree(tmp_path / "out")
        assert not (tmp_path / ".out.partial").exists()
    assert num_refused > 0.95 * len(whole)


def test_damaged_numbers_of_a_header_are_an_error_of_the_archive(tmp_path):
    files = {"a/1.wav": random.Random(1).randbytes(300), "a/2.wav": b"2" * 500}
    path = write_plain(tmp_path / "a.7z", files)
    whole = path.read_bytes()
    offset, size = struct.unpack("<QQ", whole[12:28])
    for place in range(size):
        for bits in (0x01, 0x80, 0xFF):
            header = bytearray(whole[32 + offset :])
            header[place] ^= bits
            start = struct.pack("<QQL", offset, size, zlib.crc32(header))
            body = struct.pack("<L", zlib.crc32(start)) + start + whole[32 : 32 + offset]
            path.write_bytes(whole[:8] + body + header)
            try:
                extract_archives([path], tmp_path / "out", LIMIT)
            except HearsayError:
                assert sorted(path.name for path in tmp_path.iterdir()) == ["a.7z"]
            else:  # another name or another time
                found = sorted(tree(tmp_path / "out").values())
                assert found == sorted(files.values())
                shutil.rmtree(tmp_path / "out")


def test_a_full_disk_leaves_the_earlier_folder_and_one_line(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")
    path = write_seven_zip(tmp_path / "a.7z", {"a": b"0" * 100_000})
    full = pytest.raises(HearsayError, match=f"cannot write {tmp_path}/out: File too large")
    with files_of_at_most(12_000), full:
        extract_archives([path], tmp_path / "out", LIMIT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.7z", "out"]
    assert tree(tmp_path / "out") == {"old": b"old"}
