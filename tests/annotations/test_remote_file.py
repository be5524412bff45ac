"""Large files over loopback: cut short, refused, wrong, too long, gone on with."""

import hashlib
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from archive_server import OPTIONS, Body, Site, serve_site
from unpacked import files_of_at_most

from hearsay.annotations.remote_file import BLOCK_BYTES, RemoteFile, fetch_file, read_address
from hearsay.errors import HearsayError

CONTENT = random.Random(0).randbytes(50_000)
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"
LIMIT = 1_000_000


@pytest.fixture
def site() -> Iterator[Site]:
    with serve_site() as running:
        yield running


def remote(site: Site, body: Body, size: int | None = len(CONTENT), checksum: str | None = MD5):
    site.bodies["/a.zip"] = body
    return RemoteFile("a.zip", f"{site.address}/a.zip", size, checksum)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_whole_under_its_name_alone(site, tmp_path):
    target = tmp_path / "deep" / "a.zip"
    fetch_file(remote(site, Body(CONTENT)), target, LIMIT, OPTIONS)
    assert target.read_bytes() == CONTENT
    assert names(target.parent) == ["a.zip"]


def test_a_right_file_that_is_here_is_not_asked_for(site, tmp_path):
    (tmp_path / "a.zip").write_bytes(CONTENT)
    fetch_file(remote(site, Body(CONTENT)), tmp_path / "a.zip", LIMIT, OPTIONS)
    assert site.requests == []


def test_a_sha256_is_verified_as_an_md5_is(site, tmp_path):
    sha256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    file = remote(site, Body(CONTENT, cuts=[20_000]), None, sha256)
    fetch_file(file, tmp_path / "a.zip", LIMIT, OPTIONS)
    fetch_file(file, tmp_path / "a.zip", LIMIT, OPTIONS)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert site.ranges("/a.zip") == [None, "bytes=20000-"]


def test_a_wrong_file_that_is_here_is_replaced(site, tmp_path):
    (tmp_path / "a.zip").write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))  # of the same size
    fetch_file(remote(site, Body(CONTENT)), tmp_path / "a.zip", LIMIT, OPTIONS)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


@pytest.mark.parametrize("resets", [False, True])
def test_a_body_cut_short_is_gone_on_with(site, tmp_path, resets):
    body = Body(CONTENT, cuts=[20_000, 10_000], resets=resets)
    fetch_file(remote(site, body), tmp_path / "a.zip", LIMIT, OPTIONS)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    if not resets:  # a reset may lose bytes that were under way
        assert site.ranges("/a.zip") == [None, "bytes=20000-", "bytes=30000-"]


def test_a_later_start_goes_on_where_the_first_has_stopped(site, tmp_path):
    once = {**OPTIONS, "max_attempts": 1}
    file = remote(site, Body(CONTENT, cuts=[30_000]))
    with pytest.raises(HearsayError, match=r"a\.zip cannot be fetched .*30000 of 50000 bytes"):
        fetch_file(file, tmp_path / "a.zip", LIMIT, once)
    assert names(tmp_path) == [".a.zip.partial"]
    fetch_file(file, tmp_path / "a.zip", LIMIT, once)
    assert site.ranges("/a.zip") == [None, "bytes=30000-"]
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_whole_part_of_an_earlier_start_is_only_verified(site, tmp_path):
    (tmp_path / ".a.zip.partial").write_bytes(CONTENT)
    fetch_file(remote(site, Body(CONTENT)), tmp_path / "a.zip", LIMIT, OPTIONS)
    assert site.requests == [] and names(tmp_path) == ["a.zip"]


@pytest.mark.parametrize(
    "body",
    [
        Body(CONTENT, knows_ranges=False),
        Body(CONTENT, wrong_range=True),
        Body(CONTENT, says_length=False),
        Body(CONTENT),
    ],
    ids=["ignores ranges", "sends another range", "says no length", "knows ranges"],
)
@pytest.mark.parametrize("part", [CONTENT[:7], b"stale!!", b"y" * 50_000, b"z" * 60_000])
def test_whatever_part_is_here_the_file_is_right_in_the_end(site, tmp_path, body, part):
    (tmp_path / ".a.zip.partial").write_bytes(part)
    fetch_file(remote(site, body), tmp_path / "a.zip", LIMIT, OPTIONS)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert names(tmp_path) == ["a.zip"]


def test_a_part_longer_than_the_file_costs_no_try(site, tmp_path):
    (tmp_path / ".a.zip.partial").write_bytes(b"z" * 60_000)
    fetch_file(
        remote(site, Body(CONTENT)), tmp_path / "a.zip", LIMIT, {**OPTIONS, "max_attempts": 1}
    )
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


@pytest.mark.parametrize("size", [len(CONTENT), None])
@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_another_checksum_is_refused_after_one_whole_fetch(site, tmp_path, size, algorithm):
    found = hashlib.new(algorithm, CONTENT).hexdigest()
    file = remote(site, Body(CONTENT), size, f"{algorithm}:{'0' * len(found)}")
    with pytest.raises(HearsayError, match=f"{algorithm} {found} instead of 0+; the source holds"):
        fetch_file(file, tmp_path / "a.zip", LIMIT, OPTIONS)
    assert len(site.requests) == 1 and names(tmp_path) == []


def test_a_longer_body_than_announced_is_refused_and_not_kept(site, tmp_path):
    file = remote(site, Body(CONTENT + b"!"))
    with pytest.raises(HearsayError, match="sends more than the 50000 bytes"):
        fetch_file(file, tmp_path / "a.zip", LIMIT, OPTIONS)
    assert len(site.requests) == 1 and names(tmp_path) == []


def test_a_file_that_is_announced_beyond_the_limit_is_not_asked_for(site, tmp_path):
    with pytest.raises(HearsayError, match="announced with 50000 bytes, but max_bytes is 49999"):
        fetch_file(remote(site, Body(CONTENT)), tmp_path / "a.zip", 49_999, OPTIONS)
    assert site.requests == [] and names(tmp_path) == []


def test_a_server_that_announces_more_than_the_limit_is_not_read(site, tmp_path):
    # It would break off after 10 bytes and be tried again, were it not refused before.
    file = remote(site, Body(CONTENT, cuts=[10]), None, None)
    with pytest.raises(HearsayError, match="sends more than the 49999 bytes"):
        fetch_file(file, tmp_path / "a.zip", 49_999, OPTIONS)
    assert len(site.requests) == 1 and names(tmp_path) == []


def test_a_body_of_unknown_size_stops_at_the_limit(site, tmp_path):
    file = remote(site, Body(CONTENT, says_length=False), None, None)
    with pytest.raises(HearsayError, match="sends more than the 49999 bytes"):
        fetch_file(file, tmp_path / "a.zip", 49_999, OPTIONS)
    assert names(tmp_path) == []
    fetch_file(file, tmp_path / "a.zip", 50_000, OPTIONS)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_without_a_checksum_no_part_is_gone_on_with(site, tmp_path):
    (tmp_path / ".a.zip.partial").write_bytes(b"another version")
    file = remote(site, Body(CONTENT, cuts=[20_000]), None, None)
    fetch_file(file, tmp_path / "a.zip", LIMIT, OPTIONS)
    assert site.ranges("/a.zip") == [None, None]
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_shorter_file_than_announced_never_takes_the_name(site, tmp_path):
    with pytest.raises(HearsayError, match=r"cannot be fetched"):
        fetch_file(remote(site, Body(CONTENT[:40_000])), tmp_path / "a.zip", LIMIT, OPTIONS)
    assert not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize("code", [429, 500, 503])
def test_passing_codes_are_tried_again_so_many_times(site, tmp_path, code):
    fetch_file(remote(site, Body(CONTENT, codes=[code] * 2)), tmp_path / "a.zip", LIMIT, OPTIONS)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    with pytest.raises(HearsayError, match=rf"\(HTTP {code}\) in 3 tries"):
        file = remote(site, Body(CONTENT, codes=[code] * 3))
        fetch_file(file, tmp_path / "b.zip", LIMIT, OPTIONS)
    assert len(site.requests) == 6 and names(tmp_path) == ["a.zip"]


def test_retry_after_is_waited_for(site, tmp_path):
    body = Body(CONTENT, codes=[429], headers={"Retry-After": "1"})
    start = time.monotonic()
    fetch_file(remote(site, body), tmp_path / "a.zip", LIMIT, OPTIONS)
    assert 1.0 <= time.monotonic() - start < 5.0


@pytest.mark.parametrize("code", [403, 404, 410])
def test_a_final_refusal_is_not_tried_again(site, tmp_path, code):
    with pytest.raises(HearsayError, match=f"a.zip: HTTP {code} "):
        fetch_file(remote(site, Body(b"", codes=[code])), tmp_path / "a.zip", LIMIT, OPTIONS)
    assert len(site.requests) == 1


def test_progress_of_a_block_makes_the_next_failure_a_first_one(site, tmp_path):
    content = bytes(5 * BLOCK_BYTES)
    body = Body(content, cuts=[BLOCK_BYTES] * 4)  # 4 failures, 3 tries
    file = remote(site, body, len(content), f"md5:{hashlib.md5(content).hexdigest()}")
    fetch_file(file, tmp_path / "a.zip", len(content), OPTIONS)
    assert (tmp_path / "a.zip").read_bytes() == content
    body.cuts = [1000] * 3
    with pytest.raises(HearsayError, match=f"3000 of {len(content)} bytes came.* in 3 tries"):
        fetch_file(file, tmp_path / "b.zip", len(content), OPTIONS)


def test_nobody_there_is_told_after_the_tries(tmp_path):
    file = RemoteFile("a.zip", "http://127.0.0.1:9/a.zip", 5, MD5)
    with pytest.raises(HearsayError, match=r"127\.0\.0\.1:9/a\.zip cannot be .* in 3 tries"):
        fetch_file(file, tmp_path / "a.zip", LIMIT, OPTIONS)


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux")
def test_a_full_disk_is_one_line_and_no_failure_of_the_network(site, tmp_path):
    (tmp_path / ".a.zip.partial").symlink_to("/dev/full")
    with pytest.raises(HearsayError, match="cannot write .*No space left on device; free space"):
        fetch_file(remote(site, Body(CONTENT)), tmp_path / "a.zip", LIMIT, OPTIONS)
    assert len(site.requests) == 1 and not (tmp_path / "a.zip").exists()


def test_what_came_before_the_disk_was_full_is_gone_on_with(site, tmp_path):
    file = remote(site, Body(CONTENT))
    with files_of_at_most(12_000), pytest.raises(HearsayError, match="cannot write"):
        fetch_file(file, tmp_path / "a.zip", LIMIT, OPTIONS)
    fetch_file(file, tmp_path / "a.zip", LIMIT, OPTIONS)
    assert site.ranges("/a.zip") == [None, "bytes=12000-"]
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_short_answer_is_read_whole_or_tried_again(site):
    site.bodies["/r"] = Body(b"answer", cuts=[2], codes=[503])
    assert read_address(f"{site.address}/r", 6, OPTIONS) == b"answer"
    assert len(site.requests) == 3
    with pytest.raises(HearsayError, match="sends more than the 5 bytes"):
        read_address(f"{site.address}/r", 5, OPTIONS)
