"""Where the sound begins, how its channels are mixed, how it is stored."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from decode_media import noise, write_media

from hearsay.clips.audio import (
    MIXED_AT_ONCE,
    MixedBlocks,
    decode_flac,
    decode_sound,
    encode_flac,
    fit,
    mean_of_channels,
    peak_dbfs,
    resample,
)
from hearsay.clips.recording import open_recording

CONTAINERS = [
    ("a.wav", "pcm_s16le", 44100),
    ("a.flac", "flac", 44100),
    ("a.mp4", "aac", 44100),
    ("a.mkv", "aac", 44100),
    ("a.opus", "libopus", 48000),
    ("a.webm", "libopus", 48000),
    ("a.mp3", "libmp3lame", 44100),
]


def read(path: Path, start_s: float = 0.0, length_s: float = float("inf")):
    with open_recording(path, start_s, length_s, with_video=False) as recording:
        return decode_sound(recording, start_s, length_s)


def sweep(duration_s: float, rate_hz: int) -> np.ndarray:
    """Return a rising tone, [1, samples]; AAC would replace noise by other noise."""
    times = np.arange(round(duration_s * rate_hz)) / rate_hz
    phase = 2 * np.pi * (300 * times + 200 * times**2)
    return (0.4 * np.sin(phase)).astype(np.float32)[None]


def write_seconds(path: Path, begins: list[int]) -> None:
    """Write a mono file in which seconds of constant sound begin at the samples given."""
    sound = np.full((1, 44100), 16384, np.int16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=44100, layout="mono")
        for begin in begins:
            frame = av.AudioFrame.from_ndarray(sound, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 44100, begin
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def first_time_s(path: Path) -> float:
    with av.open(str(path)) as container:
        return max(container.start_time or 0, 0) / av.time_base


@pytest.mark.parametrize(("name", "codec", "rate_hz"), CONTAINERS)
@pytest.mark.parametrize("start_s", [0.0, 3.7])
def test_click_is_found_where_it_was_put(tmp_path, name, codec, rate_hz, start_s):
    clicks = np.zeros((1, 6 * rate_hz), np.float32)
    for time_s in (0.5, 4.25):
        clicks[0, round(time_s * rate_hz)] = 0.9
    write_media(tmp_path / name, sound=clicks, rate_hz=rate_hz, audio_codec=codec)
    # The fetch step adds the file's own first time stamp to the clip's start.
    sound = read(tmp_path / name, start_s + first_time_s(tmp_path / name), 2.0)
    assert sound.sample_rate_hz == rate_hz
    assert len(sound.samples) == 2 * rate_hz
    expected_s = {0.0: 0.5, 3.7: 0.55}[start_s]
    found_s = int(np.abs(sound.samples).argmax()) / rate_hz
    # Matroska rounds time stamps to a millisecond; the others are exact to the sample.
    tolerance_s = 1.1e-3 if name in ("a.mkv", "a.webm") else 0.5 / rate_hz
    assert abs(found_s - expected_s) <= tolerance_s


@pytest.mark.parametrize("name", ["a.wav", "a.mp4", "a.opus"])
def test_reading_from_the_middle_gives_the_same_samples(tmp_path, name):
    codec, rate_hz = {n: (c, r) for n, c, r in CONTAINERS}[name]
    write_media(tmp_path / name, sound=sweep(6, rate_hz), rate_hz=rate_hz, audio_codec=codec)
    whole = read(tmp_path / name).samples
    part = read(tmp_path / name, 3.0, 2.0).samples
    np.testing.assert_allclose(part, whole[3 * rate_hz : 5 * rate_hz], atol=2e-3)


def test_channels_are_averaged_not_summed(tmp_path):
    left = np.full((1, 44100), 0.8, np.float32)
    sound = np.concatenate([left, 0 * left])
    write_media(tmp_path / "a.wav", sound=sound, audio_codec="pcm_s16le")
    np.testing.assert_allclose(read(tmp_path / "a.wav").samples, 0.4, atol=1e-4)


def test_opposite_channels_cancel(tmp_path):
    one = noise(1)
    write_media(tmp_path / "a.wav", sound=np.concatenate([one, -one]), audio_codec="pcm_s16le")
    assert np.abs(read(tmp_path / "a.wav").samples).max() < 1e-4


def test_float_stereo_is_no_louder_than_its_mean(tmp_path):
    one = sweep(2, 44100)
    write_media(tmp_path / "stereo.mp4", sound=np.concatenate([one, one]))
    write_media(tmp_path / "mono.mp4", sound=one)
    stereo, mono = (read(tmp_path / name).samples for name in ("stereo.mp4", "mono.mp4"))
    ratio_db = 20 * np.log10(stereo.std() / mono.std())
    assert abs(ratio_db) < 0.1


@pytest.mark.parametrize(
    ("sample_format", "dtype", "half"),
    [
        ("u8", np.uint8, 192),
        ("s16", np.int16, 16384),
        ("s32p", np.int32, 2**30),
        ("flt", np.float32, 0.5),
        ("dblp", np.float64, 0.5),
    ],
)
def test_half_of_full_scale_is_one_half_in_every_sample_format(sample_format, dtype, half):
    planar = sample_format.endswith("p")
    samples = np.full((2, 8) if planar else (1, 16), half, dtype)
    frame = av.AudioFrame.from_ndarray(samples, format=sample_format, layout="stereo")
    np.testing.assert_array_equal(mean_of_channels(frame), np.full(8, 0.5, np.float32))


def frame_of(values: list[float], num_samples: int, sample_format: str) -> av.AudioFrame:
    """Return a frame whose channels are constant."""
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(values)]
    if sample_format == "fltp":
        samples = np.repeat(np.array(values, np.float32)[:, None], num_samples, axis=1)
    else:
        samples = np.tile((np.array(values) * 32768).astype(np.int16), num_samples)[None]
    frame = av.AudioFrame.from_ndarray(samples, format=sample_format, layout=layout)
    frame.sample_rate, frame.pts = 8000, 0
    return frame


def test_frames_are_mixed_the_same_one_by_one_and_together():
    half = MIXED_AT_ONCE // 2 + 1
    frames = [
        (-30, [0.5], 20, "fltp", 0.5),
        (-10, [0.25], 20, "fltp", 0.25),
        (10, [0.5, 0.0], 7, "fltp", 0.25),  # other channels
        (17, [0.5, -0.25], 9, "s16", 0.125),  # another format
        (26, [0.5, 0.25, 0, 0, 0, 0], half, "fltp", 0.125),
        (26 + half, [0.75, 0, 0, 0, 0, 0], half, "fltp", 0.125),
        (26 + 2 * half, [0, 0, 0, 0, 0, 0.75], half, "fltp", 0.125),
        (126 + 3 * half, [1.0], 4, "fltp", 1.0),  # a gap before it
    ]
    mixed = MixedBlocks()
    expected = np.zeros(130 + 3 * half, np.float32)
    for position, values, num_samples, sample_format, mean in frames:
        mixed.add(position, frame_of(values, num_samples, sample_format))
        expected[max(position, 0) : max(position + num_samples, 0)] = mean
    found = np.zeros_like(expected)
    for position, block in mixed.finish():
        found[max(position, 0) : position + len(block)] = block[max(-position, 0) :]
    np.testing.assert_array_equal(found, expected)


def test_gap_in_the_stream_stays_a_gap(tmp_path):
    write_seconds(tmp_path / "a.mkv", [0, 2 * 44100])
    samples = read(tmp_path / "a.mkv").samples
    assert len(samples) == pytest.approx(3 * 44100, abs=50)
    assert samples[20000] == samples[110000] == 0.5
    assert np.abs(samples[45000:87000]).max() == 0


def test_late_sound_keeps_its_place(tmp_path):
    write_seconds(tmp_path / "a.mkv", [22050])
    sound = read(tmp_path / "a.mkv")
    assert sound.late_s == pytest.approx(0.5, abs=1e-3)
    assert np.abs(sound.samples[:22000]).max() == 0
    assert sound.samples[22100] == 0.5
    assert len(sound.samples) == pytest.approx(22050 + 44100, abs=50)


def test_resampling_keeps_a_tone_and_removes_what_would_alias():
    times = np.arange(44100) / 44100
    tone = np.sin(2 * np.pi * 1000 * times).astype(np.float32)
    found = resample(tone, 44100, 16000)
    expected = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    assert len(found) == 16000
    np.testing.assert_allclose(found[500:-500], expected[500:-500], atol=1e-3)
    high = np.sin(2 * np.pi * 9500 * times).astype(np.float32)
    assert np.abs(resample(high, 44100, 16000)[500:-500]).max() < 1e-3


def test_flac_gives_back_sixteen_bit_samples_exactly():
    samples = np.array([0.0, 0.5, -0.5, 1 / 32768, -1.0], np.float32)
    np.testing.assert_array_equal(decode_flac(encode_flac(samples, 16000)), samples)


def test_flac_clips_what_is_too_loud():
    found = decode_flac(encode_flac(np.array([1.5, -1.5], np.float32), 16000))
    np.testing.assert_array_equal(found, [32767 / 32768, -1.0])


def test_flac_is_mono_of_sixteen_bits(tmp_path):
    path = tmp_path / "a.flac"
    path.write_bytes(encode_flac(np.zeros(100, np.float32), 16000))
    info = soundfile.info(path)
    assert (info.channels, info.samplerate, info.subtype) == (1, 16000, "PCM_16")


def test_fit_crops_or_pads_the_end():
    samples = np.array([1, 2, 3], np.float32)
    assert fit(samples, 2).tolist() == [1, 2]
    assert fit(samples, 5).tolist() == [1, 2, 3, 0, 0]


def test_peak_in_decibels():
    assert peak_dbfs(np.array([0.1, -1.0], np.float32)) == 0.0
    assert peak_dbfs(np.array([0.001], np.float32)) == pytest.approx(-60, abs=1e-3)
    assert peak_dbfs(np.zeros(3, np.float32)) == -np.inf
