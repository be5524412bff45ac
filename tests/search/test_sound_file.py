"""Files that users give: of any format, cut off, of none, or made to hurt."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from hearsay.errors import HearsayError
from hearsay.search.sound_file import read_sound

RATE_HZ = 22_050
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE_HZ) / RATE_HZ)).astype(np.float32)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_sounds_of_usual_formats_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"two channels: take 1.{suffix}"
    soundfile.write(path, np.stack([TONE, TONE], axis=1), RATE_HZ)
    samples, rate_hz = read_sound(path, 60.0, 30.0)
    assert rate_hz == RATE_HZ and samples.dtype == np.float32
    assert len(samples) == pytest.approx(2 * RATE_HZ, abs=2500)
    assert np.abs(samples[5000:40_000]).max() == pytest.approx(0.5, abs=0.03)


def test_no_more_is_read_than_asked_for(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", TONE, RATE_HZ)
    samples, _ = read_sound(tmp_path / "a.wav", 0.5, 30.0)
    assert samples == pytest.approx(TONE[: RATE_HZ // 2], abs=1e-4)


@pytest.mark.parametrize(("suffix", "codec"), [("mkv", "libopus"), ("ts", "mp2"), ("mp4", "aac")])
@pytest.mark.parametrize("begin_s", [0, 100])
def test_a_sound_begins_where_its_file_does(
    tmp_path: Path, suffix: str, codec: str, begin_s: int
) -> None:
    """Cuts of broadcasts and streams keep the time stamps of the whole."""
    path = tmp_path / f"late.{suffix}"
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * 48_000) / 48_000)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=48_000)
        frame = av.AudioFrame.from_ndarray((tone * 32767).astype(np.int16)[None], "s16", "mono")
        frame.sample_rate, frame.time_base = 48_000, Fraction(1, 48_000)
        frame.pts = 48_000 * begin_s
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    samples, rate_hz = read_sound(path, 10.0, 30.0)
    assert len(samples) / rate_hz == pytest.approx(2.0, abs=0.1)
    assert np.flatnonzero(np.abs(samples) > 0.1)[0] / rate_hz < 0.1
    assert len(read_sound(path, 1.0, 30.0)[0]) == rate_hz


def test_files_that_are_no_sound_are_told_in_one_line(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "whole.flac", TONE, RATE_HZ)
    whole = (tmp_path / "whole.flac").read_bytes()
    broken = {
        "empty.wav": b"",
        "text.mp3": b"no sound at all\n" * 50,
        "head.flac": whole[:60],
        "noise.ogg": np.random.default_rng(0).bytes(4000),
    }
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(HearsayError, match=f"{name} is no sound that can be read") as told:
            read_sound(tmp_path / name, 60.0, 30.0)
        assert "\n" not in str(told.value)


def test_a_file_that_names_other_files_is_not_followed(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "secret.mp3", TONE, RATE_HZ)
    lists = {
        "a.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nsecret.mp3\n#EXT-X-ENDLIST\n",
        "a.wav": "ffconcat version 1.0\nfile secret.mp3\n",
        "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=audio 5004 RTP/AVP 0\n",
    }
    for name, content in lists.items():
        (tmp_path / name).write_text(content)
        with pytest.raises(HearsayError, match="is no sound that can be read"):
            read_sound(tmp_path / name, 60.0, 30.0)


def test_reading_ends_in_time(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", TONE, RATE_HZ)
    with pytest.raises(HearsayError, match=r"a\.wav could not be decoded within 0\.01 s"):
        read_sound(tmp_path / "a.wav", 60.0, 0.01)
