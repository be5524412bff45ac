import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hearsay.clips.server import serve_media
from hearsay.errors import HearsayError

BODY = bytes(range(256)) * 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "media").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    for name in ("a.mp4", "flaky.mp4", "cut.mp4", "reset.mp4"):
        (tmp_path / "media" / name).write_bytes(BODY)
    faults = {
        "flaky.mp4": {"status": 429, "times": 2, "retry_after_s": 3},
        "cut.mp4": {"truncate_bytes": 1000},
        "reset.mp4": {"reset": True},
    }
    (tmp_path / "media" / "faults.json").write_text(json.dumps(faults))
    return tmp_path / "media"


@pytest.fixture
def connection(folder: Path) -> Iterator[http.client.HTTPConnection]:
    with serve_media(folder) as address:
        one = http.client.HTTPConnection(address.removeprefix("http://").strip("/"), timeout=5)
        yield one
        one.close()


def ask(
    connection: http.client.HTTPConnection, name: str, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection.request(method, f"/media/{name}", headers=headers)
    answer = connection.getresponse()
    return answer, answer.read()


def test_whole_files_heads_and_ranges_over_one_connection(
    connection: http.client.HTTPConnection,
) -> None:
    answer, body = ask(connection, "a.mp4")
    assert (answer.status, body, answer.headers["Content-Type"]) == (200, BODY, "video/mp4")
    socket = connection.sock
    answer, body = ask(connection, "a.mp4", "HEAD")
    assert (answer.status, body, int(answer.headers["Content-Length"])) == (200, b"", len(BODY))
    answer, body = ask(connection, "a.mp4", Range="bytes=10-19")
    assert (answer.status, body) == (206, BODY[10:20])
    assert answer.headers["Content-Range"] == f"bytes 10-19/{len(BODY)}"
    assert ask(connection, "a.mp4", Range="bytes=255990-")[1] == BODY[255990:]
    assert ask(connection, "a.mp4", Range="bytes=-7")[1] == BODY[-7:]
    assert ask(connection, "a.mp4", Range=f"bytes={len(BODY)}-")[0].status == 416
    assert connection.sock is socket


@pytest.mark.parametrize("name", ["b.mp4", "", "../secret.txt", "%2e%2e/secret.txt"])
def test_what_is_not_in_the_folder_is_not_found(
    name: str, connection: http.client.HTTPConnection
) -> None:
    assert ask(connection, name)[0].status == 404


def test_a_fault_with_times_fails_so_often_and_then_passes(
    connection: http.client.HTTPConnection,
) -> None:
    for _ in range(2):
        answer, _ = ask(connection, "flaky.mp4")
        assert (answer.status, answer.headers["Retry-After"]) == (429, "3")
    assert ask(connection, "flaky.mp4")[1] == BODY


def test_a_body_cut_short_and_a_reset_connection(connection: http.client.HTTPConnection) -> None:
    with pytest.raises(http.client.IncompleteRead) as cut:
        ask(connection, "cut.mp4")
    assert cut.value.partial == BODY[:1000]
    connection.close()
    with pytest.raises(ConnectionResetError):
        ask(connection, "reset.mp4")


def test_the_server_ends_with_its_block_even_after_an_error(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError), serve_media(folder) as address:
        1 / 0  # noqa: B018
    with pytest.raises(ConnectionRefusedError):
        ask(http.client.HTTPConnection(address.removeprefix("http://").strip("/")), "a.mp4")


def test_an_unknown_fault_and_an_absent_folder_are_refused(folder: Path) -> None:
    with pytest.raises(HearsayError, match="does not exist"), serve_media(folder / "none"):
        pass
    (folder / "faults.json").write_text('{"a.mp4": {"stauts": 404}}')
    with pytest.raises(HearsayError, match="unknown key 'stauts'"), serve_media(folder):
        pass
