"""A Zenodo record on loopback: its files fetched, verified and unpacked."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from archive_server import OPTIONS, Body, Site, serve_site, write_zip

from hearsay.annotations.archives import fetch_archive
from hearsay.annotations.remote_file import RemoteFile
from hearsay.annotations.zenodo import read_record
from hearsay.errors import HearsayError
from hearsay.files import read_json


@pytest.fixture
def site(tmp_path) -> Iterator[Site]:
    """Serve a record of two zips and a text that nobody asks for."""
    with serve_site() as running:
        files = {
            "audio.zip": write_zip(tmp_path / "a", {"audio/1.wav": b"RIFF" * 9000}).read_bytes(),
            "meta.zip": write_zip(tmp_path / "m", {"meta/list.csv": "fname\n"}).read_bytes(),
            "doc.txt": b"read me",
        }
        for name, content in files.items():
            running.bodies[f"/files/{name}/content"] = Body(content)
        running.bodies["/api/records/1"] = Body(json.dumps(record(running, files)).encode())
        yield running


def record(site: Site, files: dict[str, bytes]) -> dict[str, Any]:
    """Say what Zenodo's API says of files, among much else."""
    entries = [
        {
            "id": "0",
            "key": name,
            "size": len(content),
            "checksum": f"md5:{hashlib.md5(content).hexdigest()}",
            "links": {"self": f"{site.address}/files/{name}/content"},
        }
        for name, content in files.items()
    ]
    return {"id": 1, "metadata": {"title": "t"}, "files": entries}


def options(site: Site, **changes: Any) -> dict[str, Any]:
    files = ["meta.zip", "audio.zip"]
    address = f"{site.address}/api/records/1"
    return {**OPTIONS, "record": address, "files": files, "max_bytes": 100_000, **changes}


def fetch(tmp_path: Path, chosen: dict[str, Any]) -> Path:
    """Fetch into data/ and return that folder."""
    data = tmp_path / "data"
    fetch_archive(chosen, data / "archives", data / "archive", data / "archive.json")
    return data


def test_a_record_says_name_address_size_and_md5(site):
    content = site.bodies["/files/doc.txt/content"].content
    address = f"{site.address}/files/doc.txt/content"
    md5 = f"md5:{hashlib.md5(content).hexdigest()}"
    found = read_record(f"{site.address}/api/records/1", ["doc.txt"], OPTIONS)
    assert found == [RemoteFile("doc.txt", address, 7, md5)]


def test_the_files_named_are_fetched_and_unpacked(site, tmp_path):
    data = fetch(tmp_path, options(site))
    assert (data / "archive/audio/1.wav").read_bytes() == b"RIFF" * 9000
    assert (data / "archive/meta/list.csv").read_text() == "fname\n"
    assert site.ranges("/files/doc.txt/content") == []
    summary = read_json(data / "archive.json")
    assert summary["num_files"] == 2
    assert [entry["name"] for entry in summary["archives"]] == ["meta.zip", "audio.zip"]
    assert sorted(path.name for path in data.iterdir()) == ["archive", "archive.json", "archives"]


def test_zips_that_are_here_are_not_fetched_again(site, tmp_path):
    fetch(tmp_path, options(site))
    site.requests.clear()
    fetch(tmp_path, options(site))
    assert [path for path, _ in site.requests] == ["/api/records/1"]


def test_a_record_and_zips_brought_by_hand_need_no_network(site, tmp_path):
    archives = tmp_path / "data" / "archives"
    archives.mkdir(parents=True)
    (tmp_path / "a").rename(archives / "audio.zip")
    (tmp_path / "m").rename(archives / "meta.zip")
    copy = tmp_path / "record.json"
    copy.write_bytes(site.bodies["/api/records/1"].content)
    data = fetch(tmp_path, options(site, record=str(copy)))
    assert (data / "archive/audio/1.wav").is_file() and site.requests == []


def test_a_wrong_checksum_stops_before_anything_is_unpacked(site, tmp_path):
    body = site.bodies["/files/audio.zip/content"]
    body.content = body.content[:-1] + b"?"  # of the announced size
    with pytest.raises(HearsayError, match=r"files/audio\.zip/content: md5 .* instead of "):
        fetch(tmp_path, options(site))
    data = tmp_path / "data"
    assert [path.name for path in data.rglob("*") if path.is_file()] == ["meta.zip"]


def test_after_bodies_cut_short_and_refusals_all_is_there(site, tmp_path):
    site.bodies["/api/records/1"].codes = [502]
    site.bodies["/files/audio.zip/content"].cuts = [30, 20]
    site.bodies["/files/meta.zip/content"].codes = [429, 500]
    data = fetch(tmp_path, options(site))
    assert (data / "archive/audio/1.wav").read_bytes() == b"RIFF" * 9000
    assert site.ranges("/files/audio.zip/content") == [None, "bytes=30-", "bytes=50-"]


def test_a_zip_with_names_that_lead_out_writes_nothing(site, tmp_path):
    bad = write_zip(tmp_path / "bad", {"ok": "ok", "../../escaped": "bad"}).read_bytes()
    site.bodies["/files/bad.zip/content"] = Body(bad)
    described = json.dumps(record(site, {"bad.zip": bad})).encode()
    site.bodies["/api/records/1"] = Body(described)
    with pytest.raises(HearsayError, match=r"bad\.zip: the name of entry '\.\./\.\./escaped'"):
        fetch(tmp_path, options(site, files=["bad.zip"]))
    assert not list(tmp_path.rglob("escaped"))
    assert not list(tmp_path.rglob("ok"))
    assert not (tmp_path / "data" / "archive.json").exists()


def test_more_than_max_bytes_is_not_unpacked(site, tmp_path):
    # 36,000 bytes of sound, and a list of 6 that counts as 512.
    with pytest.raises(HearsayError, match="36512 bytes when unpacked, but max_bytes is 36511"):
        fetch(tmp_path, options(site, max_bytes=36_511))


def test_a_single_zip_comes_from_an_address_or_a_path(site, tmp_path):
    content = (tmp_path / "m").read_bytes()
    site.bodies["/archive/master.zip"] = Body(content, says_length=False)
    md5 = hashlib.md5(content).hexdigest()
    single = {**OPTIONS, "max_bytes": 100_000}
    address = f"{site.address}/archive/master.zip"
    for place, known in ((address, None), (address, md5), (str(tmp_path / "m"), md5)):
        data = fetch(tmp_path, {**single, "address": place, "md5": known})
        assert (data / "archive/meta/list.csv").read_text() == "fname\n"
    with pytest.raises(HearsayError, match=f"{tmp_path}/m: md5 {md5} instead of 0{{32}}; mend"):
        fetch(tmp_path, {**single, "address": str(tmp_path / "m"), "md5": "0" * 32})
    with pytest.raises(HearsayError, match=f"{tmp_path}/n: does not exist; mend the path"):
        fetch(tmp_path, {**single, "address": str(tmp_path / "n"), "md5": None})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": "12"}, "size: '12' is no number"),
        ({"size": -1}, "size: -1 is no number"),
        ({"checksum": "sha1:00"}, "checksum: 'sha1:00' is not of the form md5"),
        ({"checksum": None}, "checksum: None is not"),
        ({"links": {"self": "file:///etc/passwd"}}, "links.self: 'file:///etc/passwd' is no http"),
        ({"links": None}, "links.self: None is no http"),
    ],
)
def test_an_unusable_entry_of_a_record_is_named(site, change, message):
    content = json.loads(site.bodies["/api/records/1"].content)
    content["files"][1].update(change)
    site.bodies["/api/records/1"].content = json.dumps(content).encode()
    with pytest.raises(HearsayError, match=f"api/records/1, file meta.zip, {message}"):
        read_record(f"{site.address}/api/records/1", ["meta.zip"], OPTIONS)


@pytest.mark.parametrize("name", ["../up.zip", "/up.zip", "..", ".hidden", "a/b.zip", ""])
def test_a_name_that_is_a_path_is_refused(site, name):
    content = json.loads(site.bodies["/api/records/1"].content)
    content["files"][1]["key"] = name
    site.bodies["/api/records/1"].content = json.dumps(content).encode()
    with pytest.raises(HearsayError, match="the name cannot be that of a file here"):
        read_record(f"{site.address}/api/records/1", [name], OPTIONS)


@pytest.mark.parametrize("text", ["<html></html>", "[]", "{}", '{"files": [{"size": 1}]}', "null"])
def test_what_is_no_record_is_told(site, text):
    site.bodies["/api/records/1"].content = text.encode()
    with pytest.raises(HearsayError, match="api/records/1 is no record of Zenodo's API"):
        read_record(f"{site.address}/api/records/1", ["meta.zip"], OPTIONS)


def test_a_file_that_the_record_lacks_is_named_beside_what_it_has(site):
    with pytest.raises(HearsayError, match="has no file x.zip; it has audio.zip, doc.txt, meta"):
        read_record(f"{site.address}/api/records/1", ["meta.zip", "x.zip"], OPTIONS)
