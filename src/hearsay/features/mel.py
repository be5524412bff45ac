"""Mel filters: Slaney's, and their fast product with power spectra."""

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

HZ_PER_MEL = 200.0 / 3.0  # below 1 kHz Slaney's scale is linear
BREAK_HZ = 1000.0
LOG_STEP = math.log(6.4) / 27.0  # above, 27 mels are a factor of 6.4


def slaney_filters(
    sample_rate_hz: int, fft_length: int, num_bands: int, low_hz: float, high_hz: float
) -> npt.NDArray[np.float64]:
    """Make triangular filters with equal distances on Slaney's mel scale and equal areas.

    As in the Auditory Toolbox (Slaney 1998) and librosa.filters.mel: each triangle has the area
    1 Hz, so its height is 2 / its width in Hz.

    Returns:
        [num_bands, fft_length / 2 + 1], over the lines of the spectrum from 0 Hz to Nyquist. A
        filter between two lines is all zeros.
    """
    lines_hz = np.linspace(0.0, sample_rate_hz / 2, fft_length // 2 + 1)
    edges_hz = _to_hz(np.linspace(_to_mel(low_hz), _to_mel(high_hz), num_bands + 2))
    left, centre, right = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    rising = (lines_hz - left) / (centre - left)
    falling = (right - lines_hz) / (right - centre)
    return np.maximum(np.minimum(rising, falling), 0.0) * (2.0 / (right - left))


def _to_mel(hz: float) -> float:
    if hz < BREAK_HZ:
        return hz / HZ_PER_MEL
    return BREAK_HZ / HZ_PER_MEL + math.log(hz / BREAK_HZ) / LOG_STEP


def _to_hz(mels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    break_mel = BREAK_HZ / HZ_PER_MEL
    logarithmic = BREAK_HZ * np.exp(LOG_STEP * (np.maximum(mels, break_mel) - break_mel))
    return np.where(mels < break_mel, mels * HZ_PER_MEL, logarithmic)


class MelBands:
    """Sum power spectra into mel bands.

    Each block of neighbouring bands meets only the part of the spectrum where its filters are
    not zero, which is most of the saving over one product with the whole matrix.
    """

    def __init__(self, filters: Tensor, bands_per_block: int) -> None:
        """Split filters [F, K] into blocks."""
        self.blocks: list[tuple[int, int, Tensor]] = []  # spectrum from, to, filters [lines, bands]
        for block in torch.split(filters, bands_per_block):
            used = block.any(dim=0).nonzero().flatten().tolist() or [0]
            begin, end = used[0], used[-1] + 1
            self.blocks.append((begin, end, block[:, begin:end].t().contiguous()))

    def __call__(self, power: Tensor, bands: Tensor) -> None:
        """Write the bands of spectra [T, K] into `bands` [T, F]."""
        first = 0
        for begin, end, filters in self.blocks:
            last = first + filters.shape[1]
            torch.mm(power[:, begin:end], filters, out=bands[:, first:last])
            first = last
