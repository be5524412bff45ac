"""Mean cepstral coefficients against librosa's, in float64."""

from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import pytest
import scipy.fft
import torch

from hearsay.clips.audio import encode_flac
from hearsay.errors import HearsayError
from hearsay.features.mfcc import Mfcc, MfccOptions, cosine_transform, differentiate, extract_mfcc
from hearsay.features.store import ShardedArrays
from hearsay.options import take_options

ESC10 = Path(__file__).parents[3] / "shared" / "data" / "esc10"
OPTIONS = {
    "sample_rate_hz": 16000,
    "num_coefficients": 100,
    "num_mel_bins": 128,
    "frame_length_ms": 25.0,
    "frame_shift_ms": 10.0,
    "range_db": 80.0,
    "delta_width": 9,
}
FFT = {16000: 512, 22050: 1024, 32000: 1024, 44100: 2048}  # next power of two above the window
generator = torch.Generator().manual_seed(0)
noise = 0.1 * torch.randn(60000, generator=generator)
seconds = torch.arange(40000) / 16000
rising = torch.linspace(0, 1, 60000)
WAVEFORMS = {
    "noise": noise,
    "noise that grows": noise * rising**3,  # derivatives that do not cancel
    "tone": 0.5 * torch.sin(2 * torch.pi * 440 * seconds),
    "sweep": 0.5 * torch.sin(2 * torch.pi * 1500 * seconds**2),
    "noise before silence": torch.cat([noise[:9000], torch.zeros(9000)]),
    "silence": torch.zeros(16000),
    "three frames": noise[:400],
}


def settings(**changes) -> MfccOptions:
    return take_options(MfccOptions, OPTIONS | changes, "extract_mfcc")


def reference(waveform: torch.Tensor, options: MfccOptions) -> np.ndarray:
    rate = options.sample_rate_hz
    coefficients = librosa.feature.mfcc(
        y=waveform.double().numpy(),
        sr=rate,
        n_mfcc=options.num_coefficients,
        n_fft=FFT[rate],
        win_length=round(0.025 * rate),
        hop_length=round(0.01 * rate),
        n_mels=options.num_mel_bins,
        pad_mode="reflect",
    )  # [C, T]
    parts = [coefficients]
    for order in (1, 2):
        width, mode = options.delta_width, "nearest"
        parts.append(librosa.feature.delta(coefficients, width=width, order=order, mode=mode))
    return np.concatenate(parts).mean(axis=1)


def assert_equal(found: torch.Tensor, expected: np.ndarray) -> None:
    """Compare to 1e-3 of a value; of values near 0 to 1e-5 of the largest coefficient."""
    assert found.dtype == torch.float32
    assert found.shape == expected.shape
    slack = 1e-5 * np.abs(expected).max()
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-3, atol=slack)


@pytest.mark.filterwarnings("ignore:n_fft=")  # librosa on clips shorter than its FFT
@pytest.mark.parametrize("name", WAVEFORMS)
def test_vector_equals_librosa(name):
    assert_equal(Mfcc(settings())(WAVEFORMS[name]), reference(WAVEFORMS[name], settings()))


@pytest.mark.parametrize("rate", FFT)
def test_vector_equals_librosa_at_the_rate_that_is_stored(rate):
    options = settings(sample_rate_hz=rate)
    assert_equal(Mfcc(options)(WAVEFORMS["sweep"]), reference(WAVEFORMS["sweep"], options))


@pytest.mark.skipif(not ESC10.is_dir(), reason="real recordings (../shared/data/esc10) not here")
def test_vector_of_real_recordings_equals_librosa():
    import soundfile

    for path in sorted(ESC10.glob("*/*.ogg"))[::30]:
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
        waveform, options = torch.from_numpy(sound.mean(axis=1)), settings(sample_rate_hz=rate)
        assert_equal(Mfcc(options)(waveform), reference(waveform, options))


def test_silence_is_the_floor_in_the_first_coefficient_alone():
    vector = Mfcc(settings())(torch.zeros(16000))
    # 128 bands of -100 dB under rows of sqrt(1 / 128)
    assert vector[0].item() == pytest.approx(-100 * 128**0.5, rel=1e-6)
    assert vector[1:].abs().max() < 1e-3


def test_cosines_equal_scipys_transform():
    bands = np.random.default_rng(0).normal(size=128)
    expected = scipy.fft.dct(bands, type=2, norm="ortho")[:100]
    np.testing.assert_allclose(cosine_transform(100, 128).numpy() @ bands, expected, atol=1e-12)


def test_derivatives_of_a_parabola_are_its_own():
    frame = torch.arange(20.0, dtype=torch.float64)
    parabola = (3 + 2 * frame + 0.5 * frame**2)[None]  # [1, T]
    inside = slice(4, 16)  # no window reaches over an end
    np.testing.assert_allclose(differentiate(parabola, 9, 1)[0, inside], 2 + frame[inside])
    np.testing.assert_allclose(differentiate(parabola, 9, 2)[0, inside], 1.0)


def test_one_frame_has_no_derivative():
    vector = Mfcc(settings())(noise[:100])
    assert vector[:100].abs().max() > 1
    assert vector[100:].abs().max() < 1e-12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_coefficients": 129}, "num_coefficients 129 exceeds num_mel_bins 128"),
        ({"delta_width": 4}, "delta_width 4 must be odd"),
        ({"num_mel_bins": 512}, "features.mfcc: mel bin .* of 512 lies between two lines"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(changes, message):
    with pytest.raises(HearsayError, match=message):
        Mfcc(settings(**changes))


def test_clips_of_a_shard_are_stored_in_the_order_of_its_table(tmp_path):
    clips = {"-long": noise, "_short": noise[:4000]}
    flacs = [encode_flac(waveform.numpy(), 16000) for waveform in clips.values()]
    table = pd.DataFrame({"clip_id": list(clips), "flac": flacs, "sample_rate_hz": 16000})
    table.to_parquet(tmp_path / "audio.parquet")
    extract_mfcc(tmp_path / "audio.parquet", tmp_path / "0.npy", tmp_path / "0.parquet", OPTIONS)
    store = ShardedArrays([tmp_path / "0.npy"])
    assert (store.clip_ids, store.shape, store.dtype) == (list(clips), (2, 300), np.float32)
    for clip_id, waveform in clips.items():
        stored = torch.round(waveform * 32768) / 32768
        assert_equal(torch.from_numpy(store.gather([clip_id])[0]), reference(stored, settings()))


def test_a_shard_of_no_clips_and_one_of_another_rate(tmp_path):
    audio, array, index = (tmp_path / name for name in ("a.parquet", "0.npy", "0.parquet"))
    pd.DataFrame({"clip_id": ["a"], "flac": [b""], "sample_rate_hz": [8000]}).to_parquet(audio)
    with pytest.raises(HearsayError, match="clip a has 8000 Hz, not 16000; decode this shard"):
        extract_mfcc(audio, array, index, OPTIONS)
    assert not array.exists()
    pd.read_parquet(audio).head(0).to_parquet(audio)
    extract_mfcc(audio, array, index, OPTIONS)
    assert np.load(array).shape == (0, 300)
