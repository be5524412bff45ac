"""The HTTP API, over real connections to a server of a small trained run."""

import io

import pytest
import soundfile
from PIL import Image

from hearsay.serve.limits import Limits

RAW = {"Content-Type": "audio/wav"}


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
