"""Log-mel spectrograms in decibels, librosa's power_to_db(melspectrogram(...))."""

import math

import torch
from torch import Tensor

from hearsay.features.logmel import Logmel, LogmelOptions

FLOOR_DB = -100.0  # of a power of 1e-10, librosa's floor
DB_PER_LN = 10.0 / math.log(10.0)


class DecibelMel:
    """Mel bands from 0 Hz to Nyquist in dB; no value lies further below a clip's highest than a
    given range.

    As `Logmel`, so with reflection at both ends. Window and shift are rounded to whole samples,
    so that one setting serves every rate: times drift by up to half a sample a frame, which is
    nothing to what is averaged over a clip.

    Args:
        sample_rate_hz: of the sound.
        num_mel_bins: F.
        frame_length_ms: of the window.
        frame_shift_ms: between two frames.
        range_db: kept below the highest value of a clip.
        section: of the config, named in errors.

    Raises:
        HearsayError: bands too narrow to hold a line of the spectrum.
    """

    def __init__(
        self,
        sample_rate_hz: int,
        num_mel_bins: int,
        frame_length_ms: float,
        frame_shift_ms: float,
        range_db: float,
        section: str,
    ) -> None:
        self.range_db = range_db
        self.frame_shift = max(1, round(sample_rate_hz * frame_shift_ms / 1000))
        self.logmel = Logmel(
            LogmelOptions(
                sample_rate_hz=sample_rate_hz,
                num_mel_bins=num_mel_bins,
                frame_length_ms=frame_length_ms,
                frame_shift_ms=1000 * self.frame_shift / sample_rate_hz,
                low_freq_hz=0.0,
                high_freq_hz=sample_rate_hz / 2,
                num_frames=0,  # concerns storing alone
            ),
            section,
        )

    def __call__(self, waveform: Tensor) -> Tensor:
        """Compute float32 [T, F] of one waveform, float32 [samples], at least one of them."""
        levels = (self.logmel(waveform) * DB_PER_LN).clamp_(min=FLOOR_DB)
        return torch.clamp_(levels, min=levels.amax() - self.range_db)
