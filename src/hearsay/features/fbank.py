"""Kaldi filter banks, equal to torchaudio.compliance.kaldi.fbank and faster."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchaudio.compliance.kaldi import get_mel_banks

from hearsay.features.extract import extract_features
from hearsay.features.mel import MelBands
from hearsay.options import take_options

PREEMPHASIS = 0.97
LOG_FLOOR = float(torch.finfo(torch.float32).eps)  # log of it: -15.94
BANDS_PER_BLOCK = 32


@dataclass(frozen=True)
class FbankOptions:
    """The keys of `features.fbank` in config.yaml, and the rate of the sound."""

    sample_rate_hz: int
    num_mel_bins: int
    frame_length_ms: float
    frame_shift_ms: float
    low_freq_hz: float
    num_frames: int


class Fbank:
    """Log mel filter banks of single waveforms, on one thread's worth of reused tables.

    The arithmetic is Kaldi's, step by step in the same order, since a rounding error in front
    of the FFT is amplified by the logarithm in bins with little energy: per frame the mean is
    removed, pre-emphasis 0.97 applied, a symmetric Hann window multiplied; then the power
    spectrum over the next power of two, triangular mel filters from `low_freq_hz` to Nyquist,
    natural logarithm with a floor. Frames that would reach past the end are left out.

    What is faster than torchaudio: window and mel matrix are made once, real and imaginary part
    are squared without a square root between, and each block of mel bands meets only the part
    of the spectrum where its filters are not zero.
    """

    def __init__(self, options: FbankOptions) -> None:
        rate = options.sample_rate_hz
        self.frame_length = int(rate * options.frame_length_ms * 0.001)
        self.frame_shift = int(rate * options.frame_shift_ms * 0.001)
        self.fft_length = 1 << (self.frame_length - 1).bit_length()
        self.num_mel_bins = options.num_mel_bins
        self.window = torch.hann_window(self.frame_length, periodic=False)
        # high = 0: Nyquist; the two numbers before the last belong to a warp that is off
        filters, _ = get_mel_banks(
            options.num_mel_bins,
            self.fft_length,
            float(rate),
            options.low_freq_hz,
            0.0,
            100.0,
            -500.0,
            1.0,
        )  # [F, fft_length / 2]
        self.bands = MelBands(filters, BANDS_PER_BLOCK)

    def num_frames(self, num_samples: int) -> int:
        """Return how many whole frames fit into so many samples."""
        return max(0, 1 + (num_samples - self.frame_length) // self.frame_shift)

    def __call__(self, waveform: Tensor) -> Tensor:
        """Compute the features of one waveform less its mean.

        Args:
            waveform: float32 [samples] in [-1, 1].

        Returns:
            float32 [T, F]; T is 0 where the waveform is shorter than a frame.
        """
        num_frames = self.num_frames(len(waveform))
        features = torch.empty(num_frames, self.num_mel_bins)
        if num_frames == 0:
            return features
        centred = waveform - waveform.mean()
        frames = centred.as_strided(
            (num_frames, self.frame_length), (self.frame_shift, 1)
        )  # [T, frame_length], overlapping
        padded = torch.zeros(num_frames, self.fft_length)
        windowed = padded[:, : self.frame_length]
        torch.sub(frames, frames.mean(dim=1, keepdim=True), out=windowed)
        # A fused multiply-add would round once where Kaldi rounds twice.
        emphasis = windowed[:, :-1] * PREEMPHASIS
        windowed[:, 1:] -= emphasis
        windowed[:, 0] -= windowed[:, 0] * PREEMPHASIS  # the first sample is its own predecessor
        windowed *= self.window
        spectrum = torch.fft.rfft(padded)  # [T, fft_length / 2 + 1]
        power = spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag)
        self.bands(power, features)
        return features.clamp_(min=LOG_FLOOR).log_()


def extract_fbank(audio: Path, array: Path, index: Path, options: dict[str, Any]) -> None:
    """Compute the filter banks of the clips of one audio table, as `extract_features` stores them.

    Args:
        audio: table of decode_clips.
        array: npy to write: float16 [clips, num_frames, F].
        index: table to write: extract.INDEX_SCHEMA.
        options: see `FbankOptions`.

    Raises:
        HearsayError: the table is absent, or its sound has another sample rate.
    """
    settings = take_options(FbankOptions, options, "extract_fbank")
    extract_features(
        audio,
        array,
        index,
        Fbank(settings),
        settings.sample_rate_hz,
        settings.num_frames,
        settings.num_mel_bins,
    )
