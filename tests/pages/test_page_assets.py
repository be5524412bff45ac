import io
import json

import numpy as np
import pytest
import soundfile
from PIL import Image

from hearsay.pages.assets import json_for_script, page_environment, read_asset
from hearsay.pages.media import (
    data_address,
    mel_spectrogram,
    read_sound,
    small_picture,
    small_sound,
    spectrogram_levels,
    spectrogram_png,
)

HOSTILE = "</script><script>alert(1)</script>\u2028&<!--"


def test_json_in_a_script_ends_no_script_and_says_the_same():
    text = json_for_script({"caption": HOSTILE})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"caption": HOSTILE}


def test_templates_escape_values_and_take_assets_as_they_are():
    environment = page_environment("hearsay.report")
    assert environment.from_string("{{ x }}").render(x="<b>") == "&lt;b&gt;"
    assert environment.from_string("{{ asset('style.css') }}").render() == read_asset("style.css")
    assert "<" not in environment.from_string("{{ x | for_script }}").render(x=HOSTILE)


def test_the_scripts_write_no_markup_from_data():
    for name in ("innerHTML", "insertAdjacentHTML", "document.write", "outerHTML", "eval("):
        assert name not in read_asset("clip_view.js")


def test_levels_leave_digital_silence_out_of_the_scale():
    logmel = np.tile(np.linspace(-4, 4, 50, dtype=np.float32)[:, None], (1, 8))
    logmel[0] = -100
    levels = spectrogram_levels(logmel)
    assert levels.dtype == np.uint8
    assert levels.shape == (50, 8)
    assert levels[0].max() == 0
    assert levels[-1].min() > 250
    assert np.all(np.diff(levels[:, 0].astype(int)) >= 0)
    assert spectrogram_levels(np.full((3, 2), 7.0)).max() == 0


def test_many_frames_are_averaged_in_blocks():
    logmel = np.repeat(np.arange(10.0)[:, None], 2, axis=1).repeat(3, axis=0)  # 30 frames
    levels = spectrogram_levels(logmel, most_frames=10)
    assert np.array_equal(levels, spectrogram_levels(logmel[::3]))


def test_a_spectrogram_stands_with_low_pitch_at_the_bottom():
    logmel = np.zeros((6, 4))
    logmel[2:, 0] = 1  # the lowest bin sounds
    picture = np.asarray(Image.open(io.BytesIO(spectrogram_png(logmel))))
    assert picture.shape == (4, 6)
    assert picture[3, 4] == 255
    assert picture[0].max() == 0


def test_sound_keeps_its_length_and_place_in_time():
    samples = np.zeros(32000, dtype=np.float32)
    samples[16000:20000] = 0.5 * np.sin(np.arange(4000) * 0.3)
    file = io.BytesIO()
    soundfile.write(file, samples, 16000, format="FLAC")
    read, rate_hz = read_sound(file.getvalue())
    np.testing.assert_allclose(read, samples, atol=1e-4)
    small = small_sound(read, rate_hz)
    assert len(small) < 12000
    assert small == small_sound(read, rate_hz)
    again, rate_hz = soundfile.read(io.BytesIO(small))
    assert (rate_hz, len(again)) == (16000, 32000)
    lag = np.argmax(np.correlate(again, samples, "full")) - (len(samples) - 1)
    assert abs(lag) <= 16  # a millisecond


def test_the_beginning_of_a_long_stereo_sound_is_read_as_mono():
    file = io.BytesIO()
    soundfile.write(file, np.tile([0.5, 0.25], (8000, 1)), 8000, format="WAV", subtype="FLOAT")
    samples, rate_hz = read_sound(file.getvalue(), longest_s=0.25)
    assert (samples.shape, rate_hz) == ((2000,), 8000)
    np.testing.assert_allclose(samples, 0.375)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 48000])
def test_a_tone_lights_the_bin_of_its_pitch_at_its_time(rate_hz):
    times_s = np.arange(2 * rate_hz) / rate_hz
    for frequency_hz in (100, 1000, 3000):
        logmel = mel_spectrogram(
            np.sin(2 * np.pi * frequency_hz * times_s) * (times_s > 1), rate_hz
        )
        assert logmel.shape == (79 + 2, 64)
        mel = 2595 * np.log10(1 + np.array([50, rate_hz / 2, frequency_hz]) / 700)
        place = (mel[2] - mel[0]) / (mel[1] - mel[0]) * 65 - 1
        assert abs(logmel[60].argmax() - place) <= 1.5
        assert logmel[10].max() < -20
        assert abs(logmel[-1].max() - logmel[60].max()) < 1, "no dark end"


def test_pictures_shrink_to_the_width_and_never_grow():
    file = io.BytesIO()
    Image.new("RGB", (224, 168), (200, 30, 30)).save(file, "JPEG")
    for width, size in ((112, (112, 84)), (500, (224, 168))):
        assert Image.open(io.BytesIO(small_picture(file.getvalue(), width))).size == size


def test_a_data_address_holds_the_content():
    assert data_address(b"abc", "text/plain") == "data:text/plain;base64,YWJj"
