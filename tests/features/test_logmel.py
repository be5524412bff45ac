"""Log-mel spectrograms against librosa's, in float64, and what is stored of them."""

import math
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import pytest
import soxr
import torch

from hearsay.clips.audio import encode_flac
from hearsay.errors import HearsayError
from hearsay.features.logmel import Logmel, LogmelOptions, extract_logmel
from hearsay.features.mel import slaney_filters
from hearsay.features.store import ShardedArrays
from hearsay.options import take_options

OPTIONS = {
    "sample_rate_hz": 16000,
    "num_mel_bins": 64,
    "frame_length_ms": 40.0,
    "frame_shift_ms": 20.0,
    "low_freq_hz": 12.0,
    "high_freq_hz": 8000.0,
    "num_frames": 501,
}
generator = torch.Generator().manual_seed(0)
seconds = torch.arange(48000) / 16000
clicks = torch.zeros(20001)
clicks[[0, 7000, 20000]] = torch.tensor([1.0, -0.7, 0.3])
tone = 0.5 * torch.sin(2 * torch.pi * 440 * seconds)
noise = 0.1 * torch.randn(160000, generator=generator)
WAVEFORMS = {
    "noise": noise,
    "loud noise": 2 * torch.rand(33333, generator=generator) - 1,
    "faint noise": 1e-4 * torch.randn(30000, generator=generator),
    "tone": tone,  # its faint bands lie 12 orders of magnitude below
    "tone in 16 bit": torch.round(tone * 32768) / 32768,
    "high tone": 0.9 * torch.sin(2 * torch.pi * 7777 * seconds),
    "sweep": 0.5 * torch.sin(2 * torch.pi * 1200 * seconds**2),
    "offset": 0.3 + 0.01 * torch.randn(16000, generator=generator),
    "silence": torch.zeros(16000),
    "noise amid silence": torch.cat([torch.zeros(9000), noise[:3000], torch.zeros(9000)]),
    "clicks": clicks,
    "odd length": noise[:12347],
    "whole shifts less one sample": noise[:15999],
    "one FFT": noise[:1024],
    "half an FFT, which is the reflected part": noise[:512],
    "one window": noise[:640],
    "half a window": noise[:320],
    "less than a shift": noise[:319],
    "ten samples": noise[:10],
    "two samples": noise[:2],
    "one sample": noise[:1],
}


def settings(**changes) -> LogmelOptions:
    return take_options(LogmelOptions, OPTIONS | changes, "extract_logmel")


def reference(waveform: torch.Tensor, options: LogmelOptions) -> np.ndarray:
    """Return what the authors call, with their librosa's reflection, in float64: [T, F]."""
    rate = options.sample_rate_hz
    window = round(rate * options.frame_length_ms / 1000)
    power = librosa.feature.melspectrogram(
        y=waveform.double().numpy(),
        sr=rate,
        n_fft=2 ** math.ceil(math.log2(window)),
        win_length=window,
        hop_length=round(rate * options.frame_shift_ms / 1000),
        window="hann",
        center=True,
        pad_mode="reflect",
        power=2.0,
        n_mels=options.num_mel_bins,
        fmin=options.low_freq_hz,
        fmax=options.high_freq_hz,
        htk=False,
        norm="slaney",
    )
    return np.log(power + 2.22e-16).T


def assert_equal(found: torch.Tensor, expected: np.ndarray) -> None:
    assert found.dtype == torch.float32
    assert found.shape == expected.shape
    # the absolute term matters only where ln x crosses 0
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("ignore:n_fft=")  # librosa on clips shorter than its FFT
@pytest.mark.parametrize("name", WAVEFORMS)
def test_features_equal_librosa(name):
    found = Logmel(settings())(WAVEFORMS[name])
    assert_equal(found, reference(WAVEFORMS[name], settings()))


@pytest.mark.parametrize("level", [1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 1e-6])
@pytest.mark.parametrize("hz", [20, 440, 3000, 7900])
def test_features_equal_librosa_where_float32_barely_suffices(hz, level):
    """Noise further and further below a tone: on both sides of the step to float64."""
    strong = 0.99 * torch.sin(2 * torch.pi * hz * seconds)
    waveform = strong + level * 10 * noise[:48000]
    assert_equal(Logmel(settings())(waveform), reference(waveform, settings()))


@pytest.mark.parametrize(
    "changes",
    [
        {"sample_rate_hz": 32000},  # the paper's
        {"sample_rate_hz": 44100},
        {"sample_rate_hz": 22050, "num_mel_bins": 40},
        {"frame_shift_ms": 40.0},
        {"frame_length_ms": 64.0},  # the window is a power of two itself
        {"frame_length_ms": 33.3125},  # 533 samples, an odd window
        {"num_mel_bins": 33, "low_freq_hz": 50.0, "high_freq_hz": 7000.0},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["noise", "tone"])
def test_features_equal_librosa_with_other_options(name, changes):
    found = Logmel(settings(**changes))(WAVEFORMS[name])
    assert_equal(found, reference(WAVEFORMS[name], settings(**changes)))


@pytest.mark.parametrize(("rate", "num_bands"), [(16000, 64), (32000, 64), (44100, 128)])
def test_filters_equal_librosa(rate, num_bands):
    found = slaney_filters(rate, 2048, num_bands, 12.0, 8000.0)
    expected = librosa.filters.mel(
        sr=rate, n_fft=2048, n_mels=num_bands, fmin=12, fmax=8000, dtype=np.float64
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("rate", [16000, 32000])
def test_ten_seconds_are_501_frames(rate):
    assert Logmel(settings(sample_rate_hz=rate))(torch.zeros(10 * rate)).shape == (501, 64)


def test_no_sample_is_no_frame():
    assert Logmel(settings())(torch.zeros(0)).shape == (0, 64)


def test_silence_is_the_logarithm_of_the_floor():
    features = Logmel(settings())(torch.zeros(1000))
    np.testing.assert_allclose(features.numpy(), -36.0437, rtol=1e-5)


def test_frame_t_is_centred_at_t_times_the_shift():
    click = torch.zeros(16000)
    click[20 * 320] = 1.0
    features = Logmel(settings())(click)
    loud = (features[:, 0] > -30).nonzero().flatten()
    # The window covers 320 samples to each side; at its edges it is zero.
    assert loud.tolist() == [20]
    # One sample of 1.0 under the window's peak has the flat spectrum 1; Slaney's filters have the
    # area 1 Hz and lines are 15.625 Hz apart, so that wide bands hold 1 / 15.625.
    np.testing.assert_allclose(features[20, 40:60].exp().numpy(), 1 / 15.625, rtol=0.05)


def test_twice_the_rate_adds_ln_4_to_the_same_sound():
    """So a store at 16 kHz stands for the paper's 32 kHz: the bands end at 8 kHz."""
    twice = torch.from_numpy(soxr.resample(noise.numpy(), 16000, 32000, quality="VHQ"))
    at_16, at_32 = Logmel(settings())(noise), Logmel(settings(sample_rate_hz=32000))(twice)
    assert at_16.shape == at_32.shape
    below = slice(0, 61)  # the filter of the resampling begins to fall at 7.3 kHz
    difference = (at_32 - at_16)[5:-5, below]
    assert difference.median().item() == pytest.approx(math.log(4), abs=1e-3)
    assert (difference - math.log(4)).abs().max() < 0.02


def test_waveform_is_not_changed():
    waveform = torch.ones(1000)
    Logmel(settings())(waveform)
    assert torch.equal(waveform, torch.ones(1000))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sample_rate_hz": 8000}, "high_freq_hz 8000 do not fit below half the sample_rate_hz 80"),
        ({"low_freq_hz": 8000.0}, "from low_freq_hz 8000 to high_freq_hz 8000 do not fit"),
        ({"sample_rate_hz": 16025}, "frame_shift_ms 20 is 320.5 samples at 16025 Hz"),
        ({"num_mel_bins": 512}, "mel bin .* of 512 lies between two lines of a 1024-point FFT"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(changes, message):
    with pytest.raises(HearsayError, match=message):
        Logmel(settings(**changes))


def test_a_missing_option_is_named(tmp_path):
    options = {key: value for key, value in OPTIONS.items() if key != "high_freq_hz"}
    with pytest.raises(HearsayError, match="option 'high_freq_hz' of extract_logmel is missing"):
        extract_logmel(tmp_path / "a", tmp_path / "b", tmp_path / "c", options)


def extract(folder: Path, waveforms: dict[str, torch.Tensor], **changes):
    flacs = [encode_flac(waveform.numpy(), 16000) for waveform in waveforms.values()]
    table = pd.DataFrame({"clip_id": list(waveforms), "flac": flacs, "sample_rate_hz": 16000})
    table.to_parquet(folder / "audio.parquet")
    extract_logmel(
        folder / "audio.parquet", folder / "0.npy", folder / "0.parquet", OPTIONS | changes
    )
    return np.load(folder / "0.npy"), pd.read_parquet(folder / "0.parquet")


def test_short_clips_keep_their_number_of_frames_and_long_ones_are_cropped(tmp_path):
    clips = {"-long": noise.repeat(2), "_short": noise[:8000], "whole": noise}
    array, index = extract(tmp_path, clips)
    assert (array.shape, array.dtype) == ((3, 501, 64), np.float16)
    assert list(index["clip_id"]) == list(clips)
    assert list(index["row"]) == [0, 1, 2]
    assert list(index["num_frames"]) == [501, 26, 501]
    assert array[1, :26].all()
    assert not array[1, 26:].any()
    stored = ShardedArrays([tmp_path / "0.npy"]).gather(["whole"])[0]
    np.testing.assert_allclose(stored, reference(noise, settings()), rtol=5e-4, atol=2e-3)


def test_storing_rounds_by_at_most_0_016_of_ln_power(tmp_path):
    clips = {"tone": tone, "clicks": clicks, "silence": torch.zeros(16000), "noise": noise}
    array, index = extract(tmp_path, clips)
    for row, (name, num_frames) in enumerate(zip(clips, index["num_frames"], strict=True)):
        sound = torch.round(clips[name] * 32768).clamp(-32768, 32767) / 32768
        exact = Logmel(settings())(sound)
        error = np.abs(array[row, :num_frames].astype(np.float64) - exact.double().numpy())
        assert error.max() <= 2**-6, name  # half a step of float16 between 32 and 64
        assert (error <= 2**-11 * exact.abs().numpy() + 1e-6).all(), name


def test_another_sample_rate_is_an_error(tmp_path):
    with pytest.raises(HearsayError, match="clip a has 16000 Hz, not 32000; decode this shard"):
        extract(tmp_path, {"a": noise[:8000]}, sample_rate_hz=32000)
    assert not (tmp_path / "0.npy").exists()
