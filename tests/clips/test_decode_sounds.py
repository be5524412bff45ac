"""Sample rates, channels and damage: what is stored is the mean of the channels, or a reason."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from flash_media import (
    AAC,
    H264,
    MP3,
    OPUS,
    TIMES_S,
    VORBIS,
    VP9,
    click_times_s,
    clicks,
    decode,
    make_flashes,
    run_ffmpeg,
)
from PIL import Image

from hearsay.clips.audio import decode_flac
from hearsay.clips.outcomes import FetchError
from hearsay.clips.verify import verify_media

RATES_HZ = (8000, 11025, 22050, 44100, 48000, 96000, 192000)
# Of each channel; the means are 0.3, 0.2 and 0.1, in no case the sum or a weighted downmix.
LEVELS = {1: [0.3], 2: [0.5, -0.1], 6: [0.6, -0.3, 0.15, 0.05, 0.2, -0.1]}
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("num_channels", LEVELS)
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_every_rate_and_number_of_channels_gives_the_mean(
    suffix: str, num_channels: int, rate_hz: int, tmp_path: Path
) -> None:
    """Channels of constant levels; on the first lies a click as well."""
    sound = np.tile(np.array(LEVELS[num_channels]), (2 * rate_hz, 1))  # [samples, channels]
    sound[:, 0] += 0.5 * clicks((0.7,), rate_hz, 2.0)
    path = tmp_path / f"sound.{suffix}"
    soundfile.write(path, sound.clip(-1, 1), rate_hz, subtype="PCM_16")
    clip = decode(path, length_s=2.0, with_pictures=False)
    assert (clip.status, clip.detail, clip.num_samples) == ("ok", "", 32000)
    samples = decode_flac(clip.flac)
    np.testing.assert_allclose(samples[500:11000], np.mean(LEVELS[num_channels]), atol=2e-3)
    np.testing.assert_allclose(samples[11500:31500], np.mean(LEVELS[num_channels]), atol=2e-3)
    assert abs(int(samples.argmax()) / 16000 - 0.7) <= 0.5 / 8000
    assert samples.max() - samples[500] > 0.25 / num_channels  # the click's share of the mean


@pytest.mark.parametrize(
    ("name", "codec", "rate_hz", "num_channels"),
    [
        ("a.m4a", AAC, 44100, 6),
        ("a.mp4", AAC, 8000, 2),
        ("a.mp4", AAC, 96000, 2),
        ("a.webm", OPUS, 48000, 6),
        ("a.ogg", VORBIS, 44100, 6),
        ("a.ogg", VORBIS, 11025, 2),
        ("a.mp3", MP3, 22050, 2),
        ("a.mp3", MP3, 48000, 2),
    ],
)
def test_lossy_codecs_give_the_mean_too(
    name: str, codec: tuple[str, ...], rate_hz: int, num_channels: int, tmp_path: Path
) -> None:
    """A low tone in all channels, so that the one for low frequencies alone holds it as well."""
    tone = np.sin(2 * np.pi * 60 * np.arange(3 * rate_hz) / rate_hz)
    levels = np.array(LEVELS[num_channels])
    soundfile.write(tmp_path / "a.wav", tone[:, None] * levels, rate_hz, subtype="PCM_16")
    layout = ("-channel_layout", LAYOUTS[num_channels], "-i", tmp_path / "a.wav")
    run_ffmpeg(*layout, *codec, "-b:a", "192k" if rate_hz > 40000 else "48k", tmp_path / name)
    clip = decode(tmp_path / name, length_s=2.5, with_pictures=False)
    assert clip.status == "ok"
    # Least squares: how much of the tone is in the middle second, whatever its phase.
    samples = decode_flac(clip.flac)[16000:32000]
    found = 2 * np.abs(np.mean(samples * np.exp(-2j * np.pi * 60 * np.arange(16000) / 16000)))
    assert found == pytest.approx(np.mean(levels), rel=0.05)


def test_channels_without_names_are_averaged_too(tmp_path: Path) -> None:
    levels = np.array([0.5, 0.1, 0.3, -0.4, 0.0])
    path = tmp_path / "five.wav"
    soundfile.write(path, np.tile(levels, (48000, 1)), 48000, subtype="FLOAT")
    samples = decode_flac(decode(path, length_s=1.0, with_pictures=False).flac)
    np.testing.assert_allclose(samples[500:-500], np.mean(levels), atol=1e-3)


FILES = {
    "a.mp4": (*H264, *AAC, "-movflags", "+faststart"),
    "index_last.mp4": (*H264, *AAC),
    "a.mkv": (*H264, *MP3),
    "a.webm": (*VP9, *OPUS),
    "a.ogg": ("-vn", *VORBIS),
    "opus.ogg": ("-vn", *OPUS),
    "a.mp3": ("-vn", *MP3),
    "a.wav": ("-vn",),
    "a.flac": ("-vn",),
}


@pytest.mark.parametrize("name", FILES)
def test_a_broken_tail_is_corrupt_or_shorter_and_never_silence(name: str, tmp_path: Path) -> None:
    """Formats that state their length are found out; of the others what is there is kept."""
    path = make_flashes(tmp_path / name, FILES[name])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    try:
        verify_media(path)
        verified = True
    except FetchError as error:
        assert error.status == "corrupt"
        verified = False
    states_its_length = name.rpartition(".")[2] in ("mp4", "mkv", "webm", "wav", "flac")
    assert verified != states_its_length
    clip = decode(path, with_pictures="-vn" not in FILES[name])
    assert clip.status == ("corrupt" if states_its_length else "ok"), clip.detail
    assert clip.detail  # that it broke off, or how much was padded
    if not states_its_length:
        assert 1.0 < clip.duration_s < 3.4
        samples = decode_flac(clip.flac)
        assert not samples[round(clip.duration_s * 16000) :].any()
        heard_s = click_times_s(clip)
        assert heard_s == pytest.approx(TIMES_S[: len(heard_s)], abs=0.025)
        assert len(heard_s) == sum(time_s < clip.duration_s - 0.05 for time_s in TIMES_S)


@pytest.mark.parametrize("suffix", ["mp4", "webm", "mp3", "wav", "ogg"])
@pytest.mark.parametrize(
    "content", [b"", b"\0" * 5000, b"<!doctype html><title>Sign in</title>" * 50, b"some text\n"]
)
def test_what_is_no_media_is_corrupt_whatever_its_name(
    content: bytes, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    clip = decode(path)
    assert clip.status == "corrupt"
    assert clip.detail
    with pytest.raises(FetchError):
        verify_media(path)


def test_a_cover_is_no_video(tmp_path: Path) -> None:
    path, cover = tmp_path / "a.mp3", tmp_path / "cover.jpg"
    Image.new("RGB", (64, 64), "red").save(cover)
    make_flashes(tmp_path / "plain.mp3", ("-vn", *MP3))
    inputs = ("-i", tmp_path / "plain.mp3", "-i", cover, "-map", "0:a", "-map", "1:v")
    run_ffmpeg(*inputs, "-c", "copy", "-disposition:v", "attached_pic", path)
    assert not verify_media(path).has_video
    assert decode(path).status == "no_video"
    clip = decode(path, with_pictures=False)
    assert clip.status == "ok"
    assert len(click_times_s(clip)) == len(TIMES_S)
