"""Log-mel spectrograms of Xie et al. 2022, equal to librosa's and faster."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hearsay.errors import HearsayError
from hearsay.features.extract import extract_features
from hearsay.features.mel import MelBands, slaney_filters
from hearsay.options import take_options

FLOOR = 2.22e-16  # added to the power; its logarithm, silence, is -36.04
SAMPLES_PER_BLOCK = 2**18  # of padded frames; a block fits into a core's cache
BANDS_PER_BLOCK = 16
# A float32 FFT errs by about 1e-7 of a frame's strongest line. Frames with a band below this share
# of their strongest band are computed in float64: 5 % of those of real recordings (ESC-10).
FAINT_SHARE = 1e-7


@dataclass(frozen=True)
class LogmelOptions:
    """The keys of `features.logmel` in config.yaml, and the rate of the sound."""

    sample_rate_hz: int
    num_mel_bins: int
    frame_length_ms: float
    frame_shift_ms: float
    low_freq_hz: float
    high_freq_hz: float
    num_frames: int


class Logmel:
    """Log-mel spectrograms of single waveforms, on reused tables.

    Per frame a periodic Hann window, the power spectrum over the next power of two, triangular
    mel filters (Slaney's scale and norm), ln(x + 2.22e-16). Frame t is centred at t times the
    shift; beyond its ends the waveform is reflected, as often as it takes. Nothing is normalised.

    The sound is taken at the rate it is stored at: what the paper's 32 kHz adds to 16 kHz lies
    above the highest band. The window then holds twice the samples, so every value is higher by
    ln 4, which the encoder's first BatchNorm takes away.

    Within 1e-4 of librosa in float64 (relative; tested), through float32 wherever that suffices.

    Raises:
        HearsayError: bands beyond Nyquist, a shift that is no whole number of samples, or bands
            too narrow to hold a line of the spectrum.
    """

    def __init__(self, options: LogmelOptions, section: str = "features.logmel") -> None:
        """Make the tables; `section` of the config is named where they cannot be made."""
        rate = options.sample_rate_hz
        _check(options, section)
        self.frame_length = round(rate * options.frame_length_ms / 1000)
        self.frame_shift = round(rate * options.frame_shift_ms / 1000)
        self.fft_length = 1 << (self.frame_length - 1).bit_length()
        self.num_mel_bins = options.num_mel_bins
        self.window = torch.hann_window(self.frame_length, periodic=True, dtype=torch.float64)
        filters = torch.from_numpy(
            slaney_filters(
                rate,
                self.fft_length,
                options.num_mel_bins,
                options.low_freq_hz,
                options.high_freq_hz,
            )
        ).float()  # [F, K]
        empty = (~filters.any(dim=1)).nonzero().flatten().tolist()
        if empty:
            raise HearsayError(
                f"{section}: mel bin {empty[0]} of {options.num_mel_bins} lies between two "
                f"lines of a {self.fft_length}-point FFT at {rate} Hz; take fewer num_mel_bins or "
                "a longer frame_length_ms"
            )
        self.num_lines = int(filters.any(dim=0).nonzero()[-1]) + 1  # none above the highest band
        # Real and imaginary parts stand side by side and are squared where they stand.
        parts = filters[:, : self.num_lines].repeat_interleave(2, dim=1)  # [F, 2 lines]
        self.bands = MelBands(parts, BANDS_PER_BLOCK)
        self.frames_per_block = max(1, SAMPLES_PER_BLOCK // self.fft_length)
        self._padded = torch.zeros(self.frames_per_block, self.fft_length)  # behind the window: 0

    def num_frames(self, num_samples: int) -> int:
        """Return how many frames are centred inside so many samples, both ends included."""
        return 1 + num_samples // self.frame_shift if num_samples else 0

    def __call__(self, waveform: Tensor) -> Tensor:
        """Compute the log-mel spectrogram of one waveform.

        Args:
            waveform: float32 [samples] in [-1, 1].

        Returns:
            float32 [T, F]; T is 0 where there is no sample.
        """
        mel = torch.empty(self.num_frames(len(waveform)), self.num_mel_bins)
        if len(mel) == 0:
            return mel
        frames = self._pad(waveform).unfold(0, self.frame_length, self.frame_shift)  # [T, window]
        rows = self.frames_per_block
        for block, bands in zip(torch.split(frames, rows), torch.split(mel, rows), strict=True):
            self._mel(block, self._padded[: len(block)], bands)
        faint = mel.amin(dim=1) < FAINT_SHARE * mel.amax(dim=1)  # [T]
        if faint.any():
            exact = frames[faint].double()
            bands = torch.empty(len(exact), self.num_mel_bins)
            self._mel(exact, exact.new_zeros(len(exact), self.fft_length), bands)
            mel[faint] = bands
        return mel.add_(FLOOR).log_()

    def _pad(self, waveform: Tensor) -> Tensor:
        """Reflect the waveform at its ends by half a window."""
        # Where librosa pads by half an FFT, its window begins so much later in the frame.
        before = self.fft_length // 2 - (self.fft_length - self.frame_length) // 2
        after = self.frame_length - before
        last = len(waveform) - 1
        outside = torch.cat([torch.arange(-before, 0), torch.arange(last + 1, last + 1 + after)])
        folded = outside.remainder(max(2 * last, 1))  # there and back
        reflected = waveform[torch.minimum(folded, 2 * last - folded)] if last else waveform[[0]]
        head, tail = torch.split(reflected.expand(before + after), [before, after])
        return torch.cat([head, waveform, tail])

    def _mel(self, frames: Tensor, padded: Tensor, bands: Tensor) -> None:
        """Write the power of frames [T, window] in mel bands into `bands` [T, F].

        `padded` [T, fft_length] is room to work in, of the type to compute in; zero behind the
        window.
        """
        torch.mul(frames, self.window.to(frames.dtype), out=padded[:, : self.frame_length])
        spectrum = torch.fft.rfft(padded)[:, : self.num_lines]  # [T, lines]
        parts = torch.view_as_real(spectrum).flatten(1).float()  # [T, 2 lines]
        self.bands(parts.square_(), bands)


def extract_logmel(audio: Path, array: Path, index: Path, options: dict[str, Any]) -> None:
    """Compute the log-mel spectrograms of the clips of one audio table.

    Stored as `extract_features` does, in float16: an error of at most 2**-11 of a value, 0.016 of
    ln power (0.07 dB) at silence.
    Where decode_clips keeps each clip whole (clip_duration_s: null), num_frames of the index is
    that of the sound itself; else short clips have been padded with silence, which counts.

    Args:
        audio: table of decode_clips.
        array: npy to write: float16 [clips, num_frames, F].
        index: table to write: extract.INDEX_SCHEMA.
        options: see `LogmelOptions`.

    Raises:
        HearsayError: the table is absent, its sound has another sample rate, or the options do
            not fit together (see `Logmel`).
    """
    settings = take_options(LogmelOptions, options, "extract_logmel")
    extract_features(
        audio,
        array,
        index,
        Logmel(settings),
        settings.sample_rate_hz,
        settings.num_frames,
        settings.num_mel_bins,
    )


def _check(options: LogmelOptions, section: str) -> None:
    rate = options.sample_rate_hz
    if not options.low_freq_hz < options.high_freq_hz <= rate / 2:
        raise HearsayError(
            f"{section}: bands from low_freq_hz {options.low_freq_hz:g} to high_freq_hz "
            f"{options.high_freq_hz:g} do not fit below half the sample_rate_hz {rate}"
        )
    shift = rate * options.frame_shift_ms / 1000
    if abs(shift - round(shift)) > 1e-6 or round(shift) < 1:
        raise HearsayError(
            f"{section}: frame_shift_ms {options.frame_shift_ms:g} is {shift:g} samples at "
            f"{rate} Hz, no whole number: frames would drift against the labels; choose another"
        )
