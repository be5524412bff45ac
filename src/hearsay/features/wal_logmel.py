"""Log-mel spectrograms in dB for WAL-Net (Shah et al., arXiv 1804.09288)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from hearsay.errors import HearsayError
from hearsay.features.decibels import DecibelMel
from hearsay.features.extract import extract_features
from hearsay.options import take_options


@dataclass(frozen=True)
class WalLogmelOptions:
    """The keys of `features.wal_logmel` in config.yaml, and the rate of the sound."""

    sample_rate_hz: int
    num_mel_bins: int
    frame_length_ms: float
    frame_shift_ms: float
    range_db: float
    min_frames: int
    num_frames: int


class WalLogmel:
    """Mel bands in dB; a sound too short for the network is repeated until it is long enough.

    At 44.1 kHz, 23.22 ms and 11.61 ms are the paper's 1,024 and 512 samples. Sound stored at
    another rate keeps the durations: window and shift are rounded to whole samples, the FFT is
    the next power of two, the bands end at its own Nyquist.

    The paper says nothing of sounds shorter than its 128 frames. Silence behind them would make
    up most of their segments, of which the network takes the mean.

    Raises:
        HearsayError: num_frames below min_frames, or as `DecibelMel`.
    """

    def __init__(self, options: WalLogmelOptions) -> None:
        if options.num_frames < options.min_frames:
            raise HearsayError(
                f"features.wal_logmel: num_frames {options.num_frames} is below min_frames "
                f"{options.min_frames}; raise it to the longest clip's"
            )
        self.levels = DecibelMel(
            options.sample_rate_hz,
            options.num_mel_bins,
            options.frame_length_ms,
            options.frame_shift_ms,
            options.range_db,
            "features.wal_logmel",
        )
        self.min_samples = (options.min_frames - 1) * self.levels.frame_shift

    def __call__(self, waveform: Tensor) -> Tensor:
        """Compute float32 [T, F] of one waveform, float32 [samples], at least one of them.

        T is 1 + samples // shift, and at least min_frames.
        """
        if len(waveform) < self.min_samples:
            repeats = -(-self.min_samples // len(waveform))
            waveform = waveform.repeat(repeats)[: self.min_samples]
        return self.levels(waveform)


def extract_wal_logmel(audio: Path, array: Path, index: Path, options: dict[str, Any]) -> None:
    """Compute WAL-Net's input of the clips of one audio table, stored as `extract_features` does.

    Args:
        audio: table of decode_clips.
        array: npy to write: float16 [clips, num_frames, F]; its error is at most 0.03 dB.
        index: table to write: extract.INDEX_SCHEMA.
        options: see `WalLogmelOptions`.

    Raises:
        HearsayError: the table is absent, its sound has another sample rate, or the options do
            not fit together (see `WalLogmel`).
    """
    settings = take_options(WalLogmelOptions, options, "extract_wal_logmel")
    extract_features(
        audio,
        array,
        index,
        WalLogmel(settings),
        settings.sample_rate_hz,
        settings.num_frames,
        settings.num_mel_bins,
    )
