"""The card of a clip, which the report and the search page share."""

import base64
import json

import numpy as np
import pytest

from hearsay.pages.assets import json_for_script, read_asset
from hearsay.pages.media import data_address, small_sound, spectrogram_levels, spectrogram_png

HOSTILE = "<img src=x onerror=\"console.error('markup')\">"
LOGMEL = np.random.default_rng(0).normal(size=(50, 16))


def _sound() -> str:
    samples = 0.1 * np.sin(np.arange(32000) * 0.2)
    return data_address(small_sound(samples, 16000), "audio/mpeg")


CLIP = {
    "clip_id": "clip<1>",
    "title": HOSTILE,
    "link": {"href": "javascript:alert(1)", "text": "source"},
    "badges": [{"text": HOSTILE, "kind": "right"}],
    "captions": [HOSTILE],
    "audio": _sound(),
    "duration_s": 2.0,
    "spectrogram": {
        "data": base64.b64encode(spectrogram_levels(LOGMEL).tobytes()).decode(),
        "num_bins": 16,
        "frame_shift_s": 0.04,
    },
    "segments": [
        {"phrase": HOSTILE, "onsets_s": [0.5], "offsets_s": [3.0]},
        {"phrase": "never heard", "onsets_s": [], "offsets_s": []},
    ],
    "activity": [
        {"phrase": HOSTILE, "label": "one", "scores": [0, 0.5, 1], "step_s": 1, "threshold": 0.5},
        {"label": "of its own", "scores": [1, 0], "times_s": [0, 2]},
    ],
}


@pytest.fixture
def show(page, tmp_path):
    def show(clip):
        path = tmp_path / "page.html"
        path.write_text(
            f"<!DOCTYPE html><meta charset=utf-8><style>{read_asset('style.css')}</style><body>"
            f"<script type='application/json' id=data>{json_for_script(clip)}</script>"
            f"<script>{read_asset('clip_view.js')}\n"
            "document.body.append(clipView.card(JSON.parse("
            "document.getElementById('data').textContent)));</script>"
        )
        page.goto(path.as_uri())
        return page

    return show


def _colours(page) -> int:
    return page.evaluate(
        "() => { const c = document.querySelector('.timeline canvas');"
        "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "const s = new Set(); for (let i = 0; i < d.length; i += 4) s.add(d[i] * 256 + d[i + 1]);"
        "return s.size; }"
    )


def test_hostile_words_stay_words(show):
    page = show(CLIP)
    assert page.locator(".clip-title").text_content() == HOSTILE
    assert page.locator(".clip-captions li").text_content() == HOSTILE
    assert page.locator(".clip img, .clip a").count() == 0


def test_segments_and_scores_share_one_axis(show):
    page = show(CLIP)
    tracks = page.locator(".track-name").all_text_contents()
    assert tracks == [HOSTILE, "never heard", "of its own"]
    bar = page.locator(".track rect")
    assert (bar.get_attribute("x"), bar.get_attribute("width")) == ("25", "75")  # cut at the end
    lines = [line.get_attribute("points") for line in page.locator("polyline").all()]
    assert lines == ["0.00,97.0 50.00,50.0 100.00,3.0", "0.00,3.0 100.00,97.0"]
    assert page.locator(".track line").count() == 1
    assert page.locator(".legend li").all_text_contents() == [
        "labelled as heard",
        "one",
        "of its own",
    ]


def test_the_playhead_follows_keys_pointer_and_sound(show):
    page = show(CLIP)
    page.wait_for_function("document.querySelector('audio').readyState > 0")
    line = page.get_by_role("slider")
    line.focus()
    line.press("ArrowRight")
    assert line.get_attribute("aria-valuetext") == "0.5 s of 2.0 s"
    box = line.bounding_box()
    line.click(position={"x": box["width"] / 2, "y": 10})
    assert abs(page.evaluate("document.querySelector('audio').currentTime") - 1.0) < 0.05
    line.press("Home")
    line.press(" ")
    page.wait_for_function("document.querySelector('audio').currentTime > 0.2")
    page.wait_for_function("parseFloat(document.querySelector('.playhead').style.left) > 5")


@pytest.mark.parametrize("form", ["data", "src"])
def test_a_spectrogram_is_drawn_from_levels_and_from_a_picture(show, form):
    clip = json.loads(json.dumps(CLIP))
    if form == "src":
        clip["spectrogram"] = {"src": data_address(spectrogram_png(LOGMEL), "image/png")}
    page = show(clip)
    page.wait_for_function("document.querySelector('.timeline canvas').width === 50")
    assert _colours(page) > 20


def test_a_clip_without_anything_but_its_id_is_a_card(show):
    page = show({"clip_id": "bare"})
    assert page.locator(".clip-title").text_content() == "bare"
    assert page.locator("audio, canvas, .timeline, .legend").count() == 0
