"""Zips that nobody has vouched for: what is unpacked and what is refused."""

import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from archive_server import write_zip
from unpacked import files_of_at_most, tree

from hearsay.annotations.unpack import extract_archives
from hearsay.errors import HearsayError

LIMIT = 1_000_000


def refused(tmp_path: Path, zips: list[Path], limit: int = LIMIT) -> str:
    """Return the message, once it is sure that nothing was written anywhere."""
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(HearsayError) as caught:
        extract_archives(zips, tmp_path / "out" / "inner", limit)
    left = sorted(path for path in tmp_path.rglob("*") if path != tmp_path / "out")
    assert left == before
    return str(caught.value)


def test_zips_are_unpacked_side_by_side(tmp_path):
    one = write_zip(tmp_path / "1.zip", {"a/x.wav": b"x" * 3_000_000, "a/b/": b"", "./n.txt": "n"})
    two = write_zip(tmp_path / "2.zip", {"a/b/ü 2.wav": b"", "c/x.wav": b"yz"})
    assert extract_archives([one, two], tmp_path / "out", 4_000_000) == 4
    assert tree(tmp_path / "out") == {
        "a/x.wav": b"x" * 3_000_000,
        "n.txt": b"n",
        "a/b/ü 2.wav": b"",
        "c/x.wav": b"yz",
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.zip", "2.zip", "out"]


def test_an_earlier_folder_and_what_a_killed_start_left_are_replaced(tmp_path):
    for folder in ("out", ".out.partial"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "old").write_text("old")
    extract_archives([write_zip(tmp_path / "1.zip", {"new": "new"})], tmp_path / "out", LIMIT)
    assert tree(tmp_path) == {"1.zip": (tmp_path / "1.zip").read_bytes(), "out/new": b"new"}


@pytest.mark.parametrize(
    "name",
    ["../up", "a/../../up", "a/..", "/etc/up", "//up", "C:/up", "c:up", "..\\up", "a\\up", "a\nb"],
)
def test_a_name_that_leads_out_is_refused(tmp_path, name):
    path = write_zip(tmp_path / "1.zip", {"good": "good", name: "bad"})
    assert f"1.zip: the name of entry {name!r} is none inside" in refused(tmp_path, [path])


def test_a_name_cut_at_a_nul_is_refused(tmp_path):
    path = write_zip(tmp_path / "1.zip", {"good": "good", "a#b": "bad"})
    path.write_bytes(path.read_bytes().replace(b"a#b", b"a\0b"))
    assert "entry 'a\\x00b' is none" in refused(tmp_path, [path])


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK])
def test_links_and_devices_are_refused(tmp_path, kind):
    info = zipfile.ZipInfo("a/link")
    info.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "1.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert "entry 'a/link' is a link or a device" in refused(tmp_path, [tmp_path / "1.zip"])


@pytest.mark.parametrize(
    "contents",
    [
        [{"a": "1", "./a": "2"}],
        [{"a/b": "1", "a//b": "2"}],
        [{"a": "1"}, {"a": "1"}],
    ],
)
def test_a_name_that_stands_twice_is_refused(tmp_path, contents):
    zips = [write_zip(tmp_path / f"{k}.zip", files) for k, files in enumerate(contents)]
    assert "stands twice" in refused(tmp_path, zips)


def test_the_very_same_name_twice_in_a_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "1.zip", "w") as archive:
        archive.writestr("a", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", "2")
    assert "entry 'a' stands twice" in refused(tmp_path, [tmp_path / "1.zip"])


def test_a_file_in_a_file_is_refused(tmp_path):
    path = write_zip(tmp_path / "1.zip", {"a/b/c": "1", "a": "2"})
    assert "entry 'a/b/c' lies in what another entry says is a file" in refused(tmp_path, [path])


def test_listed_sizes_beyond_the_limit_are_refused_for_all_zips_together(tmp_path):
    zips = [write_zip(tmp_path / f"{k}.zip", {f"{k}": b"0" * 600_000}) for k in range(2)]
    assert all(path.stat().st_size < 2000 for path in zips)  # small until they are unpacked
    assert "1200000 bytes when unpacked, but max_bytes is 1199999" in refused(
        tmp_path, zips, 1_199_999
    )
    assert extract_archives(zips, tmp_path / "out", 1_200_000) == 2


def test_empty_files_count_too(tmp_path):
    path = write_zip(tmp_path / "1.zip", {f"{k}": b"" for k in range(100)})
    assert "51200 bytes when unpacked, but max_bytes is 51199" in refused(tmp_path, [path], 51_199)
    assert extract_archives([path], tmp_path / "out", 51_200) == 100


@pytest.mark.parametrize("listed", [10, 99_999, 200_000])
def test_another_size_than_listed_is_refused(tmp_path, listed):
    path = write_zip(tmp_path / "1.zip", {"a": b"0" * 100_000})
    content = path.read_bytes()
    assert content.count(struct.pack("<L", 100_000)) == 2  # before the file and in the listing
    path.write_bytes(content.replace(struct.pack("<L", 100_000), struct.pack("<L", listed)))
    message = refused(tmp_path, [path])
    assert f"100000, not the {listed} bytes listed" in message or "is damaged (Bad CRC" in message


def test_an_encrypted_entry_is_refused(tmp_path):
    path = write_zip(tmp_path / "1.zip", {"a": "secret"})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert "entry 'a' is encrypted" in refused(tmp_path, [path])


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 8])
def test_damaged_content_is_refused(tmp_path, method):
    path = tmp_path / "1.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a", os.urandom(1000))
    content = bytearray(path.read_bytes())
    for k in range(100, 140):
        content[k] ^= 0xFF
    path.write_bytes(content)
    assert f"{path}: entry 'a' is damaged" in refused(tmp_path, [path])


def test_no_zip_and_half_a_zip_are_refused(tmp_path):
    path = write_zip(tmp_path / "1.zip", {"a": os.urandom(1000)})
    path.write_bytes(path.read_bytes()[:600])
    assert f"{path} is no zip" in refused(tmp_path, [path])
    path.write_text("<html>moved</html>")
    assert f"{path} is no zip" in refused(tmp_path, [path])
    assert "cannot read" in refused(tmp_path, [tmp_path / "absent.zip"])


def test_a_full_disk_leaves_the_earlier_folder_and_one_line(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")
    path = write_zip(tmp_path / "1.zip", {"a": b"0" * 100_000})
    full = pytest.raises(HearsayError, match=f"cannot write {tmp_path}/out: File too large")
    with files_of_at_most(12_000), full:
        extract_archives([path], tmp_path / "out", LIMIT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.zip", "out"]
    assert tree(tmp_path / "out") == {"old": b"old"}
