"""Filter banks against torchaudio's, and the files that hold them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from torchaudio.compliance import kaldi

from hearsay.clips.audio import encode_flac
from hearsay.clips.decode import AUDIO_SCHEMA, open_table
from hearsay.errors import HearsayError
from hearsay.features.extract import read_sounds
from hearsay.features.fbank import Fbank, FbankOptions, extract_fbank
from hearsay.options import take_options

OPTIONS = {
    "sample_rate_hz": 16000,
    "num_mel_bins": 128,
    "frame_length_ms": 25.0,
    "frame_shift_ms": 10.0,
    "low_freq_hz": 20.0,
    "num_frames": 100,
    "pad": "before",
}
generator = torch.Generator().manual_seed(0)
seconds = torch.arange(48000) / 16000
click = torch.zeros(20001)
click[[0, 7000, 20000]] = torch.tensor([1.0, -0.7, 0.3])
WAVEFORMS = {
    "noise": 0.1 * torch.randn(160000, generator=generator),
    "loud noise": (2 * torch.rand(33333, generator=generator) - 1),
    "faint noise": 1e-4 * torch.randn(30000, generator=generator),
    "tone": 0.5 * torch.sin(2 * torch.pi * 440 * seconds),
    "high tone": 0.9 * torch.sin(2 * torch.pi * 7777 * seconds),
    "sweep": 0.5 * torch.sin(2 * torch.pi * 1200 * seconds**2),
    "offset": 0.3 + 0.01 * torch.randn(16000, generator=generator),
    "silence": torch.zeros(16000),
    "clicks": click,
    "one frame": 0.1 * torch.randn(400, generator=generator),
    "one frame and a bit": 0.1 * torch.randn(559, generator=generator),
    "two frames": 0.1 * torch.randn(560, generator=generator),
    "odd length": 0.1 * torch.randn(12347, generator=generator),
}


def settings(**changes) -> FbankOptions:
    return take_options(FbankOptions, OPTIONS | changes, "extract_fbank")


def reference(waveform: torch.Tensor, **changes) -> torch.Tensor:
    """Return what VIP-ANT calls, on the waveform less its mean."""
    options = {
        "sample_frequency": 16000,
        "num_mel_bins": 128,
        "frame_length": 25.0,
        "frame_shift": 10.0,
        "low_freq": 20.0,
    }
    return kaldi.fbank(
        (waveform - waveform.mean())[None],
        htk_compat=False,
        use_energy=False,
        window_type="hanning",
        dither=0.0,
        **(options | changes),
    )


@pytest.mark.parametrize("name", WAVEFORMS)
def test_features_equal_torchaudio(name):
    found = Fbank(settings())(WAVEFORMS[name])
    expected = reference(WAVEFORMS[name])
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= 1e-4


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            {"sample_rate_hz": 32000, "num_mel_bins": 64},
            {"sample_frequency": 32000, "num_mel_bins": 64},
        ),
        (
            {"sample_rate_hz": 8000, "num_mel_bins": 40, "low_freq_hz": 100.0},
            {"sample_frequency": 8000, "num_mel_bins": 40, "low_freq": 100.0},
        ),
        (
            {"frame_length_ms": 32.0, "frame_shift_ms": 16.0},
            {"frame_length": 32.0, "frame_shift": 16.0},
        ),
        ({"num_mel_bins": 33}, {"num_mel_bins": 33}),
    ],
)
def test_features_equal_torchaudio_with_other_options(ours, theirs):
    found = Fbank(settings(**ours))(WAVEFORMS["noise"])
    assert (found - reference(WAVEFORMS["noise"], **theirs)).abs().max() <= 1e-4


def test_ten_seconds_are_998_frames():
    assert Fbank(settings())(torch.zeros(160000)).shape == (998, 128)


@pytest.mark.parametrize("num_samples", [0, 1, 399])
def test_less_than_one_window_has_no_frame(num_samples):
    assert Fbank(settings())(torch.ones(num_samples)).shape == (0, 128)


def test_silence_is_the_logarithm_of_the_floor():
    features = Fbank(settings())(torch.zeros(1000))
    np.testing.assert_allclose(features.numpy(), np.log(2.0**-23), rtol=1e-6)


def test_waveform_is_not_changed():
    waveform = torch.ones(1000)
    Fbank(settings())(waveform)
    assert torch.equal(waveform, torch.ones(1000))


def write_audio(folder: Path, waveforms: dict[str, torch.Tensor], rate_hz: int = 16000) -> Path:
    flacs = [encode_flac(waveform.numpy(), rate_hz) for waveform in waveforms.values()]
    table = pd.DataFrame({"clip_id": list(waveforms), "flac": flacs, "sample_rate_hz": rate_hz})
    table["num_samples"] = [len(waveform) for waveform in waveforms.values()]
    table.to_parquet(folder / "audio.parquet")
    return folder / "audio.parquet"


def extract(folder: Path, waveforms: dict[str, torch.Tensor], **changes):
    audio = write_audio(folder, waveforms)
    extract_fbank(audio, folder / "0.npy", folder / "0.parquet", OPTIONS | changes)
    return np.load(folder / "0.npy"), pd.read_parquet(folder / "0.parquet")


def test_stored_features_are_cropped_or_padded_with_zeros(tmp_path):
    clips = {"long": WAVEFORMS["noise"][:32000], "short": WAVEFORMS["noise"][:8000]}
    array, index = extract(tmp_path, clips)
    assert (array.shape, array.dtype) == ((2, 100, 128), np.float16)
    expected = reference(clips["long"])[:100].numpy()
    np.testing.assert_allclose(array[0], expected, atol=0.02)  # float16 near -16: steps of 2^-7
    assert list(index["num_frames"]) == [100, 48]
    assert not array[1, 48:].any()
    assert array[1, :48].all()


def test_index_holds_the_sums_of_the_stored_valid_values(tmp_path):
    clips = {"b": WAVEFORMS["noise"][:8000], "a": 0.5 * WAVEFORMS["noise"][:32000]}
    array, index = extract(tmp_path, clips)
    assert list(index["clip_id"]) == ["b", "a"]
    assert list(index["row"]) == [0, 1]
    valid = [array[0, :48].astype(np.float64), array[1].astype(np.float64)]
    assert list(index["sum"]) == pytest.approx([v.sum() for v in valid], rel=1e-12)
    assert list(index["sum_squares"]) == pytest.approx([(v**2).sum() for v in valid], rel=1e-12)


def test_clip_shorter_than_a_window_is_all_padding(tmp_path):
    array, index = extract(tmp_path, {"tiny": torch.full((100,), 0.1)})
    assert not array.any()
    assert index.iloc[0].tolist() == ["tiny", 0, 0, 0.0, 0.0]


def test_shard_without_clips_gives_an_empty_array(tmp_path):
    array, index = extract(tmp_path, {})
    assert array.shape == (0, 100, 128)
    assert len(index) == 0


def test_another_sample_rate_is_an_error(tmp_path):
    audio = write_audio(tmp_path, {"a": torch.zeros(8000)}, rate_hz=8000)
    with pytest.raises(HearsayError, match="clip a has 8000 Hz, not 16000"):
        extract_fbank(audio, tmp_path / "0.npy", tmp_path / "0.parquet", OPTIONS)
    assert not (tmp_path / "0.npy").exists()


def test_absent_audio_is_an_error(tmp_path):
    with pytest.raises(HearsayError, match="audio.parquet does not exist"):
        extract_fbank(tmp_path / "audio.parquet", tmp_path / "a", tmp_path / "b", OPTIONS)


def test_memory_does_not_grow_with_the_table_of_sounds(tmp_path):
    flac = encode_flac(0.1 * np.random.default_rng(0).standard_normal(48000), 16000)
    path = tmp_path / "audio.parquet"
    with open_table(path, AUDIO_SCHEMA) as table:
        for number in range(600):
            table.add(f"c{number}", flac, 16000, 48000)
    assert path.stat().st_size > 40e6
    pool = pa.default_memory_pool()
    before = pool.bytes_allocated()
    held = [pool.bytes_allocated() - before for _ in read_sounds(path, 16000)]
    assert len(held) == 600
    assert 0 < max(held) < 20e6
