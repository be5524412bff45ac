"""What a server refuses, limits and forbids, whoever asks."""

import json
import socket
import tempfile
from pathlib import Path

import pytest

from hearsay.errors import HearsayError
from hearsay.serve.app import OWN
from hearsay.serve.limits import Limits
from hearsay.serve.server import bind, describe
from tests.serve.loopback import multipart, read_answer, serving
from tests.serve.media import picture_file, sound_file

RAW = {"Content-Type": "audio/wav"}


def test_every_answer_bears_the_headers_that_guard_a_page(server):
    for path in ("/", "/static/search.js", "/api/about", "/nowhere", "/api/search"):
        headers = server.ask(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in headers


def test_the_page_and_the_description_name_no_other_server(server):
    names = ("/", *(f"/static/{name}" for name in OWN))
    for path in (*names, "/static/style.css", "/static/clip_view.js", "/api/openapi.json"):
        text = server.ask(path).body.decode()
        told = text.replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in told and "https://" not in told.replace("over https", "")
    assert server.ask("/docs").status == server.ask("/redoc").status == 404
    paths = json.loads(server.ask("/api/openapi.json").body)["paths"]
    assert "/api/search/sound" in paths


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost", 200),
        ("LOCALHOST:9", 200),
        ("[::1]:8000", 200),
        ("192.168.1.7", 200),
        ("evil.example", 421),
        ("evil.example:8000", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
    ],
)
def test_a_foreign_name_that_leads_here_is_refused(server, host, status):
    assert server.ask("/api/about", headers={"Host": host}).status == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200),
        ("http://127.0.0.1:{port}", 200),
        ("http://127.0.0.1:1", 403),
        ("https://evil.example", 403),
        ("null", 403),
    ],
)
def test_a_page_of_another_server_may_not_upload(server, origin, status):
    headers = {**RAW, **({"Origin": origin.format(port=server.port)} if origin else {})}
    assert server.ask("/api/search/sound?k=1", sound_file(), headers).status == status


@pytest.fixture
def strict(engine):
    limits = Limits(upload_bytes=50_000, picture_px=10_000, idle_s=0.5, receive_s=1.0, decode_s=5.0)
    with serving(engine, limits) as loopback:
        yield loopback


def test_uploads_are_limited_whatever_length_they_state(strict):
    sound = sound_file(length_s=4)  # 128 kB
    stated = strict.ask("/api/search/sound", sound, RAW)
    chunks = b"".join(b"%x\r\n%s\r\n" % (4096, bytes(4096)) for _ in range(400))
    head = b"POST /api/search/sound HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\n"
    chunked = strict.send(
        head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n", False
    )
    form = strict.ask("/api/search/sound", *multipart(sound))
    assert [stated.status, chunked.status, form.status] == [413, 413, 413]
    assert "larger than" in chunked.json()["error"]
    assert strict.ask("/api/search/picture", picture_file(size=(200, 100)), RAW).status == 413


def test_an_upload_that_stops_coming_is_given_up(strict):
    head = b"POST /api/search/sound HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\n"
    answer = strict.send(head + b"Content-Length: 1000\r\n\r\nRIFF", half_close=False)
    assert answer.status == 408


def test_a_head_that_stops_coming_is_given_up(strict):
    assert strict.send(b"GET /api/about HTTP/1.1\r\nHost:", half_close=False).status == 0
    assert strict.send(b"", half_close=False).status == 0


def test_decoding_that_takes_too_long_is_ended(engine):
    with serving(engine, Limits(decode_s=0.001)) as loopback:
        answer = loopback.ask("/api/search/sound", sound_file("FLAC", length_s=30), RAW)
    assert answer.status == 422
    assert "takes longer than 0.001 s" in answer.json()["error"]


def test_who_would_wait_too_long_is_told_to_come_again(engine):
    with serving(engine, Limits(num_waiting=-2)) as loopback:  # no search may even begin
        answer = loopback.ask("/api/search?q=sound")
    assert (answer.status, answer.headers["retry-after"]) == (503, "2")


def test_only_so_many_uploads_are_under_way_at_once(engine):
    head = b"POST /api/search/sound?k=1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\n"
    sound = sound_file()
    asked = head + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(sound)
    with serving(engine, Limits(uploads_at_once=1)) as loopback:
        with socket.create_connection(("127.0.0.1", loopback.port), timeout=20) as connection:
            connection.sendall(asked)
            assert connection.recv(1000).startswith(b"HTTP/1.1 100")  # it has begun to receive
            refused = [
                loopback.ask("/api/search/sound", sound, RAW),
                loopback.ask("/api/search/picture", *multipart(picture_file())),
            ]
            words = loopback.ask("/api/search?q=sound")
            connection.sendall(sound)
            first = read_answer(connection)
        again = [loopback.ask("/api/search/sound", sound, RAW).status for _ in range(2)]
    for answer in refused:
        assert (answer.status, answer.headers["retry-after"]) == (503, "2")
        assert "too many uploads" in answer.json()["error"]
    assert [words.status, first.status, *again] == [200, 200, 200, 200]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full here")
def test_a_full_disk_is_told(server, monkeypatch):
    def full(*_, **__):
        return Path("/dev/full").open("w+b")  # every write there fails

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    for body, headers in ((sound_file(), RAW), multipart(sound_file())):
        answer = server.ask("/api/search/sound", body, headers)
        assert answer.status == 507
        assert "disk" in answer.json()["error"]
    monkeypatch.undo()
    assert server.ask("/api/search/sound", sound_file(), RAW).status == 200


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_who_listens_to_others_is_warned(host, warned, caplog):
    with bind(host, 0) as listener, caplog.at_level("WARNING", "hearsay"):
        address = describe(listener, host)
        assert address == f"http://{host}:{listener.getsockname()[1]}/"
    assert ["anyone who reaches" in text for text in caplog.messages] == [True] * warned


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".org"])
def test_a_host_that_is_no_name_is_told_in_one_line(host):
    with pytest.raises(HearsayError, match=f"--host {host}: this is no address and no name"):
        bind(host, 0)
