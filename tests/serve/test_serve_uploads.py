"""Sounds and pictures sent to a server, over real connections: heard, seen, or refused."""

import io
import json
import shutil
import tempfile
from contextlib import closing

import numpy as np
import pytest
import soundfile
from PIL import Image

from hearsay.search.engine import Engine
from hearsay.search.record import RECORD
from hearsay.serve.decode_upload import KEPT_PX
from hearsay.serve.decoder import Decoder
from hearsay.serve.limits import Limits
from tests.search.searched_runs import LENGTH_S
from tests.serve.loopback import multipart, serving
from tests.serve.malformed import lists_of
from tests.serve.media import picture_file, sound_file, tone, video_file, wav_header

RAW = {"Content-Type": "audio/wav"}


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
