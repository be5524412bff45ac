"""WAL-Net's input against librosa's, and what becomes of short sounds."""

import librosa
import numpy as np
import pandas as pd
import pytest
import torch

from hearsay.clips.audio import encode_flac
from hearsay.errors import HearsayError
from hearsay.features.wal_logmel import WalLogmel, WalLogmelOptions, extract_wal_logmel
from hearsay.options import take_options

OPTIONS = {
    "sample_rate_hz": 44100,
    "num_mel_bins": 128,
    "frame_length_ms": 23.22,
    "frame_shift_ms": 11.61,
    "range_db": 80.0,
    "min_frames": 128,
    "num_frames": 200,
}
generator = torch.Generator().manual_seed(0)
noise = 0.1 * torch.randn(80000, generator=generator)
seconds = torch.arange(80000) / 44100
WAVEFORMS = {
    "noise": noise,
    "tone": 0.5 * torch.sin(2 * torch.pi * 440 * seconds),  # most of it lies below the range
    "noise before silence": torch.cat([noise[:40000], torch.zeros(40000)]),
    "silence": torch.zeros(70000),
}


def settings(**changes) -> WalLogmelOptions:
    return take_options(WalLogmelOptions, OPTIONS | changes, "extract_wal_logmel")


def reference(waveform: torch.Tensor, rate: int, fft: int, window: int, shift: int) -> np.ndarray:
    power = librosa.feature.melspectrogram(
        y=waveform.double().numpy(),
        sr=rate,
        n_fft=fft,
        win_length=window,
        hop_length=shift,
        n_mels=128,
        pad_mode="reflect",
    )
    return librosa.power_to_db(power).T  # [T, F]


@pytest.mark.parametrize("name", WAVEFORMS)
def test_levels_at_the_papers_rate_equal_librosa(name):
    found = WalLogmel(settings())(WAVEFORMS[name])
    expected = reference(WAVEFORMS[name], 44100, 1024, 1024, 512)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("rate", "fft", "window", "shift"), [(16000, 512, 372, 186), (32000, 1024, 743, 372)]
)
def test_other_rates_keep_the_durations(rate, fft, window, shift):
    found = WalLogmel(settings(sample_rate_hz=rate))(noise)
    np.testing.assert_allclose(found.numpy(), reference(noise, rate, fft, window, shift), atol=1e-3)


@pytest.mark.parametrize("num_samples", [1, 13000, 65023])
def test_a_short_sound_is_repeated_until_the_network_can_take_it(num_samples):
    short = noise[:num_samples]
    found = WalLogmel(settings())(short)
    assert found.shape == (128, 128)
    repeated = torch.cat([short] * (65024 // num_samples + 1))[:65024]  # 127 shifts of 512
    assert torch.equal(found, WalLogmel(settings())(repeated))


def test_a_sound_that_is_long_enough_is_left_as_it_is():
    assert len(WalLogmel(settings())(noise[:65024])) == 128
    assert len(WalLogmel(settings())(noise[:65536])) == 129


def test_fewer_rows_than_the_network_needs_are_refused():
    with pytest.raises(HearsayError, match="num_frames 100 is below min_frames 128"):
        WalLogmel(settings(num_frames=100))


def test_the_index_keeps_the_true_number_of_frames(tmp_path):
    clips = {"short": noise[:20000], "middle": noise, "long": noise.repeat(2)}
    flacs = [encode_flac(waveform.numpy(), 44100) for waveform in clips.values()]
    table = pd.DataFrame({"clip_id": list(clips), "flac": flacs, "sample_rate_hz": 44100})
    table.to_parquet(tmp_path / "audio.parquet")
    paths = [tmp_path / name for name in ("audio.parquet", "0.npy", "0.parquet")]
    extract_wal_logmel(*paths, OPTIONS)
    array, index = np.load(paths[1]), pd.read_parquet(paths[2])
    assert array.shape == (3, 200, 128)
    assert index["num_frames"].tolist() == [128, 157, 200]
    expected = reference(noise, 44100, 1024, 1024, 512)
    np.testing.assert_allclose(array[1, :157].astype(float), expected, atol=0.05)
