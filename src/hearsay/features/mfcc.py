"""Mean cepstral coefficients of a clip (Elizalde et al. 2019), equal to librosa's."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hearsay.errors import HearsayError
from hearsay.features.decibels import DecibelMel
from hearsay.features.extract import extract_vectors
from hearsay.options import take_options


@dataclass(frozen=True)
class MfccOptions:
    """The keys of `features.mfcc` in config.yaml, and the rate of the sound."""

    sample_rate_hz: int
    num_coefficients: int
    num_mel_bins: int
    frame_length_ms: float
    frame_shift_ms: float
    range_db: float
    delta_width: int


class Mfcc:
    """Cepstral coefficients with their first and second derivatives, averaged over a clip.

    The paper says 25 ms, 10 ms, 300 values a window and their mean; the rest is librosa's: mel
    bands in dB (`DecibelMel`), an orthonormal cosine transform of type II, derivatives by
    fitting a line and a parabola over `delta_width` frames (Savitzky and Golay 1964), with the
    first and the last frame repeated beyond the ends, so that a clip may be of any length. The
    sound is taken at the rate it is stored at.

    The mean of a derivative telescopes to differences of the ends, so two thirds of the vector
    are near 0: normalising each dimension amplifies them.

    Raises:
        HearsayError: more coefficients than mel bands, an even or too short delta_width, or as
            `DecibelMel`.
    """

    def __init__(self, options: MfccOptions) -> None:
        if options.num_coefficients > options.num_mel_bins:
            raise HearsayError(
                f"features.mfcc: num_coefficients {options.num_coefficients} exceeds num_mel_bins "
                f"{options.num_mel_bins}, of which they are the cosine transform"
            )
        if options.delta_width % 2 == 0 or options.delta_width < 3:
            raise HearsayError(
                f"features.mfcc: delta_width {options.delta_width} must be odd and at least 3"
            )
        self.levels = DecibelMel(
            options.sample_rate_hz,
            options.num_mel_bins,
            options.frame_length_ms,
            options.frame_shift_ms,
            options.range_db,
            "features.mfcc",
        )
        self.delta_width = options.delta_width
        self.width = 3 * options.num_coefficients
        self.cosines = cosine_transform(options.num_coefficients, options.num_mel_bins)  # [C, F]

    def __call__(self, waveform: Tensor) -> Tensor:
        """Compute the vector of one waveform.

        Args:
            waveform: float32 [samples] in [-1, 1], at least one.

        Returns:
            float32 [3 C]: means of the coefficients, of their first, of their second derivatives.
        """
        coefficients = self.cosines @ self.levels(waveform).double().t()  # [C, T]
        means = [
            coefficients.mean(dim=1),
            differentiate(coefficients, self.delta_width, 1).mean(dim=1),
            differentiate(coefficients, self.delta_width, 2).mean(dim=1),
        ]
        return torch.cat(means).float()


def cosine_transform(num_coefficients: int, num_bins: int) -> Tensor:
    """Make the first rows of the orthonormal cosine transform of type II: float64 [C, F]."""
    places = torch.arange(num_bins, dtype=torch.float64) + 0.5  # [F]
    orders = torch.arange(num_coefficients, dtype=torch.float64)[:, None]  # [C, 1]
    rows = torch.cos(math.pi / num_bins * orders * places) * math.sqrt(2 / num_bins)
    rows[0] /= math.sqrt(2)
    return rows


def differentiate(curves: Tensor, width: int, order: int) -> Tensor:
    """Take a derivative per frame of curves [C, T], of the polynomial that fits `width` frames.

    The polynomial's degree is that of the derivative. The ends are repeated beyond themselves.
    """
    half = width // 2
    powers = np.vander(np.arange(-half, half + 1), order + 1, increasing=True)  # [width, order + 1]
    weights = torch.from_numpy(np.linalg.pinv(powers)[order] * math.factorial(order))
    padded = functional.pad(curves[:, None], (half, half), mode="replicate")  # [C, 1, T + 2 half]
    return functional.conv1d(padded, weights.to(curves.dtype)[None, None])[:, 0]


def extract_mfcc(audio: Path, array: Path, index: Path, options: dict[str, Any]) -> None:
    """Compute the mean cepstral coefficients of the clips of one audio table.

    Where decode_clips keeps each clip whole (clip_duration_s: null), the mean is over the sound
    itself; else short clips have been padded with silence, which counts.

    Args:
        audio: table of decode_clips.
        array: npy to write: float32 [clips, 3 C], not normalised.
        index: table to write: extract.VECTOR_SCHEMA.
        options: see `MfccOptions`.

    Raises:
        HearsayError: the table is absent, its sound has another sample rate, or the options do
            not fit together (see `Mfcc`).
    """
    settings = take_options(MfccOptions, options, "extract_mfcc")
    mfcc = Mfcc(settings)
    extract_vectors(audio, array, index, mfcc, settings.sample_rate_hz, mfcc.width)
