"""The HTTP API, over real connections to a server of a small trained run."""

import io
import json
import shutil
import socket
import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from hearsay.errors import HearsayError
from hearsay.search.engine import Engine
from hearsay.search.record import RECORD
from hearsay.serve.app import OWN
from hearsay.serve.decode_upload import KEPT_PX
from hearsay.serve.decoder import Decoder
from hearsay.serve.limits import Limits
from hearsay.serve.server import bind, describe
from tests.search.searched_runs import LENGTH_S
from tests.serve.loopback import multipart, read_answer, serving
from tests.serve.malformed import lists_of
from tests.serve.media import picture_file, sound_file, tone, video_file, wav_header

RAW = {"Content-Type": "audio/wav"}


@pytest.fixture(scope="session")
def clip_id(engine):
    return engine.by_text("sound", 1)[0].clip_id


def test_a_text_finds_what_the_engine_finds(server, engine):
    found = server.search("a dog barks", 3)
    expected = engine.by_text("a dog barks", 3)
    assert [hit["clip_id"] for hit in found["hits"]] == [hit.clip_id for hit in expected]
    assert [hit["rank"] for hit in found["hits"]] == [1, 2, 3]
    assert found["hits"][0]["score"] == pytest.approx(expected[0].score, abs=1e-6)


def test_about_says_what_is_found_and_allowed(server, engine):
    about = server.ask("/api/about").json()
    assert about["num_clips"] == engine.description.num_clips
    assert about["finds"] == list(engine.description.finds)
    assert about["limits"]["upload_bytes"] == Limits().upload_bytes


def test_an_upload_is_heard_like_the_same_samples_as_form_and_as_body(server, engine, clip_id):
    flac = server.ask(f"/api/clips/{clip_id}/audio").body
    raw = server.ask("/api/search/sound?k=5", flac, {"Content-Type": "audio/flac"})
    samples, rate_hz = soundfile.read(io.BytesIO(flac), dtype="float32")
    expected = engine.by_sound(samples, rate_hz, 5, "clips")
    assert [hit["clip_id"] for hit in raw.json()["hits"]] == [hit.clip_id for hit in expected]
    body, headers = multipart(flac, name="../../etc/passwd")
    assert server.ask("/api/search/sound?k=5", body, headers).json() == raw.json()


@pytest.mark.parametrize("find", ["captions", "labels"])
def test_a_sound_finds_words(server, engine, find):
    if f"sound_to_{find}" not in engine.description.finds:
        pytest.skip(f"the run of these tests finds no {find}")
    found = server.ask(f"/api/search/sound?find={find}&k=3", sound_file(), RAW).json()
    assert [hit["kind"] for hit in found["hits"]] == [find[:-1]] * len(found["hits"])
    assert all(hit["text"] for hit in found["hits"])


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
def test_sound_formats_are_read(server, kind):
    answer = server.ask("/api/search/sound?k=1", sound_file(kind), RAW)
    assert answer.status == 200
    assert answer.json()["used_s"] == LENGTH_S
    short = server.ask("/api/search/sound?k=1", sound_file(kind, length_s=0.5), RAW)
    assert short.json()["used_s"] == pytest.approx(0.5, abs=0.1)


def test_a_recording_of_a_browser_is_read_though_it_states_no_length(server):
    webm = video_file(".webm", "libopus")
    assert server.ask("/api/search/sound", webm, {"Content-Type": "audio/webm"}).status == 200


def used(loopback, length_s):
    answer = loopback.ask("/api/search/sound?k=1", sound_file(length_s=length_s), RAW).json()
    return answer["used_s"], answer["is_cut"]


def test_as_much_of_a_sound_is_used_as_a_clip_is_long_and_it_says_so(server):
    assert server.ask("/api/about").json()["limits"]["sound_s"] == LENGTH_S
    assert used(server, 20) == (LENGTH_S, True)
    assert used(server, LENGTH_S) == (LENGTH_S, False)
    assert used(server, 0.5) == (0.5, False)


def test_no_more_is_used_than_is_allowed(engine):
    with serving(engine, Limits(sound_s=0.5)) as loopback:
        assert loopback.ask("/api/about").json()["limits"]["sound_s"] == 0.5
        assert used(loopback, LENGTH_S) == (0.5, True)


def test_where_clips_are_kept_whole_the_limit_is_all_that_cuts(index_folder):
    whole = index_folder.with_name("whole")
    shutil.copytree(index_folder, whole)
    record = json.loads((whole / RECORD).read_text())
    record["sound"]["clip_duration_s"] = None
    (whole / RECORD).write_text(json.dumps(record))
    engine = Engine.open(whole)
    with closing(engine), serving(engine) as loopback:
        assert used(loopback, 31) == (30.0, True)
        assert used(loopback, 30) == (30.0, False)


def test_the_picture_of_a_clip_finds_clips(server, clip_id):
    jpeg = server.ask(f"/api/clips/{clip_id}/images/0").body
    found = server.ask("/api/search/picture?k=2", jpeg, {"Content-Type": "image/jpeg"})
    assert found.status == 200
    assert len(found.json()["hits"]) == 2
    assert server.ask("/api/search/picture", picture_file("PNG"), RAW).status == 200


def test_a_clip_tells_captions_times_and_length(server, engine, clip_id):
    clip = server.ask(f"/api/clips/{clip_id}").json()
    samples, rate_hz = soundfile.read(io.BytesIO(engine.clip_audio(clip_id)))
    assert clip["duration_s"] == pytest.approx(len(samples) / rate_hz, abs=1e-3)
    notes = engine.segments(clip_id)
    assert tuple(clip["captions"]) == notes.captions
    assert [segment["phrase"] for segment in clip["segments"]] == [
        segment.phrase for segment in notes.segments
    ]
    assert server.ask(f"/api/clips/{clip_id}/images/{clip['num_images']}").status == 404


def test_a_spectrogram_is_a_picture_with_time_to_the_right(server, engine, clip_id):
    png = server.ask(f"/api/clips/{clip_id}/spectrogram")
    levels = engine.spectrogram(clip_id).levels
    assert png.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(png.body)).size == (min(len(levels), 400), levels.shape[1])


def test_activity_has_a_score_for_every_time(server, engine, clip_id):
    answer = server.ask(f"/api/clips/{clip_id}/activity?phrase=sound").json()
    found = engine.activity(clip_id, "sound")
    assert answer["scores"] == pytest.approx(found.scores.tolist(), abs=1e-4)
    assert len(answer["times_s"]) == len(answer["scores"])


def test_parts_of_the_sound_make_up_the_whole(server, clip_id):
    address = f"/api/clips/{clip_id}/audio"
    whole = server.ask(address)
    size = len(whole.body)
    assert whole.headers["accept-ranges"] == "bytes"
    first = server.ask(address, headers={"Range": "bytes=0-99"})
    rest = server.ask(address, headers={"Range": "bytes=100-"})
    last = server.ask(address, headers={"Range": "bytes=-7"})
    assert (first.status, first.headers["content-range"]) == (206, f"bytes 0-99/{size}")
    assert first.body + rest.body == whole.body
    assert last.body == whole.body[-7:]
    behind = server.ask(address, headers={"Range": f"bytes={size}-"})
    assert (behind.status, behind.headers["content-range"]) == (416, f"bytes */{size}")
    for other in ("bytes=5-2", "bytes=0-1,4-5", "bytes=-", "lines=1-2", "bytes=" + "9" * 99 + "-"):
        assert server.ask(address, headers={"Range": other}).status == 200


def test_head_has_the_headers_of_get_and_no_body(server, clip_id):
    got = server.ask(f"/api/clips/{clip_id}/audio")
    head = server.ask(f"/api/clips/{clip_id}/audio", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(got.body))


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


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/search", 400, "q: field required"),
        ("/api/search?q=", 400, "q:"),
        ("/api/search?q=a&k=0", 400, "k:"),
        ("/api/search?q=a&k=1000000000", 400, "k:"),
        ("/api/search?q=a&k=NaN", 400, "k:"),
        ("/api/search?q=%ff", 400, "UTF-8"),
        ("/api/search?q=a%00b", 400, "control"),
        ("/api/search?q=%20%20", 422, "empty"),
        ("/api/clips/unknown", 404, "unknown"),
        ("/api/clips/unknown/audio", 404, "unknown"),
        ("/api/clips/..%2f..%2fetc%2fpasswd", 404, "no such address"),
        ("/static/..%2fserver.py", 404, "no such address"),
        ("/static/server.py", 404, "no such address"),
        ("/api/clips/unknown/images/-1", 400, "number:"),
    ],
)
def test_a_wrong_request_is_told_in_one_line(server, path, status, words):
    answer = server.ask(path)
    assert (answer.status, list(answer.json())) == (status, ["error"])
    assert words in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


def test_a_wrong_method_is_told_the_right_one(server):
    answer = server.ask("/api/search/sound")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("content", "kind", "status", "words"),
    [
        (b"", "audio/wav", 400, "empty"),
        (b"hello", "audio/wav", 415, "no sound file"),
        (picture_file(), "audio/wav", 415, "no sound"),
        (sound_file(), "application/json", 415, "application/json"),
        (sound_file()[:20_000], "audio/wav", 422, "broken"),
        (sound_file("FLAC")[:5_000], "audio/flac", 422, "broken"),
        (wav_header(bytes(8000), stated=80_000_000), "audio/wav", 422, "broken"),
        (wav_header(bytes(8000), rate_hz=7), "audio/wav", 422, "7 Hz"),
        (
            wav_header(np.full(4000, np.nan, np.float32).tobytes(), form=3, bits=32),
            "audio/wav",
            422,
            "no numbers",
        ),
    ],
)
def test_what_is_no_whole_sound_is_refused_with_its_reason(server, content, kind, status, words):
    answer = server.ask("/api/search/sound", content, {"Content-Type": kind})
    assert answer.status == status
    assert words in answer.json()["error"]


def test_a_list_of_files_does_not_lead_to_a_sound_of_the_server(server, tmp_path):
    sound = tmp_path / "sound.mp3"
    sound.write_bytes(sound_file("MP3"))  # what would be heard if the list were followed
    assert server.ask("/api/search/sound", sound.read_bytes(), RAW).status == 200
    for name, content in lists_of(sound).items():
        answer = server.ask("/api/search/sound", content, RAW)
        assert (name, answer.status) == (name, 415)
        assert "no sound file" in answer.json()["error"]


@pytest.mark.parametrize("size", [(60, 48_000), (48_000, 60), (1500, 1800), (20, 30)])
def test_of_a_picture_the_centre_square_is_kept_which_finds_the_same(server, engine, size):
    png = picture_file("PNG", size)
    with Image.open(io.BytesIO(png)) as whole, tempfile.TemporaryFile() as upload:
        upload.write(png)
        upload.flush()
        kept = Decoder(Limits()).decode_picture(upload)
        assert kept.size == (min(*size, KEPT_PX),) * 2
        expected = engine.by_picture(whole, 5)
    found = server.ask("/api/search/picture?k=5", png, {"Content-Type": "image/png"}).json()["hits"]
    assert [hit["clip_id"] for hit in found] == [hit.clip_id for hit in expected]
    scores = [hit.score for hit in expected]
    near = 1e-6 if min(size) <= KEPT_PX else 0.01  # a larger one is also shrunk
    assert [hit["score"] for hit in found] == pytest.approx(scores, abs=near)


@pytest.mark.parametrize(
    ("body", "boundary", "status"),
    [
        (multipart(b"x", field="other")[0], "boundary=B", 400),
        (multipart(sound_file())[0][:-3000], "boundary=B", 400),
        (multipart(sound_file())[0], "boundary=C", 400),
        (multipart(sound_file())[0], "", 400),
        (b"", "boundary=B", 400),
    ],
)
def test_a_malformed_form_is_refused(server, body, boundary, status):
    headers = {"Content-Type": f"multipart/form-data; {boundary}"}
    answer = server.ask("/api/search/sound", body, headers)
    assert (answer.status, list(answer.json())) == (status, ["error"])


def test_loud_floats_are_heard_like_the_stored_sound_that_they_would_become(server):
    loud = wav_header((tone() * 1e30).astype(np.float32).tobytes(), form=3, bits=32)
    clipped = wav_header(np.clip(tone() * 1e30, -1, 1).tobytes(), form=3, bits=32)
    asked = [server.ask("/api/search/sound", sound, RAW).json() for sound in (loud, clipped)]
    assert asked[0] == asked[1]


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
