"""Kaldi filter banks, equal to torchaudio.compliance.kaldi.fbank and faster."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor
from torchaudio.compliance.kaldi import get_mel_banks

from hearsay.clips.audio import decode_flac
from hearsay.errors import HearsayError
from hearsay.files import atomic_path, write_parquet
from hearsay.progress import progress

PREEMPHASIS = 0.97
LOG_FLOOR = float(torch.finfo(torch.float32).eps)  # log of it: -15.94
BANDS_PER_BLOCK = 32
CLIPS_PER_BATCH = 64  # read from the audio table at once

INDEX_SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("row", pa.int64()),
        ("num_frames", pa.int64()),  # before the padding
        ("sum", pa.float64()),  # over these frames, of the stored values
        ("sum_squares", pa.float64()),
    ]
)


@dataclass(frozen=True)
class FbankOptions:
    """The keys of `features.fbank` in config.yaml, and the rate of the sound."""

    sample_rate_hz: int
    num_mel_bins: int
    frame_length_ms: float
    frame_shift_ms: float
    low_freq_hz: float
    num_frames: int

    @classmethod
    def from_dict(cls, options: dict[str, Any]) -> Self:
        """Take the known keys.

        Raises:
            HearsayError: one is missing.
        """
        try:
            return cls(**{name: options[name] for name in cls.__dataclass_fields__})
        except KeyError as error:
            raise HearsayError(f"option {error} of extract_fbank is missing; name it") from None


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
        self.blocks: list[tuple[int, int, Tensor]] = []  # spectrum from, to, filters [bins, <= 32]
        for block in filters.split(BANDS_PER_BLOCK):
            used = block.any(dim=0).nonzero().flatten().tolist() or [0]
            begin, end = used[0], used[-1] + 1
            self.blocks.append((begin, end, block[:, begin:end].t().contiguous()))

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
        first_band = 0
        for begin, end, filters in self.blocks:
            last_band = first_band + filters.shape[1]
            torch.mm(power[:, begin:end], filters, out=features[:, first_band:last_band])
            first_band = last_band
        return features.clamp_(min=LOG_FLOOR).log_()


def extract_fbank(audio: Path, array: Path, index: Path, options: dict[str, Any]) -> None:
    """Compute the filter banks of the clips of one audio table.

    Args:
        audio: table of decode_clips.
        array: npy to write: float16 [clips, num_frames, F], cropped or padded with zeros.
        index: table to write: INDEX_SCHEMA, in the order of `audio`.
        options: see `FbankOptions`.

    Raises:
        HearsayError: the table is absent, or its sound has another sample rate.
    """
    settings = FbankOptions.from_dict(options)
    if not Path(audio).exists():
        raise HearsayError(f"{audio} does not exist; decode the clips of this shard first")
    fbank = Fbank(settings)
    rows = []
    with pq.ParquetFile(audio) as table, atomic_path(array) as temporary:
        shape = (table.metadata.num_rows, settings.num_frames, settings.num_mel_bins)
        stored = _open_array(temporary, shape)
        clips = (
            clip for batch in table.iter_batches(CLIPS_PER_BATCH) for clip in batch.to_pylist()
        )
        for row, clip in enumerate(progress(clips, shape[0], "clip")):
            if clip["sample_rate_hz"] != settings.sample_rate_hz:
                raise HearsayError(
                    f"{audio}: clip {clip['clip_id']} has {clip['sample_rate_hz']} Hz, not "
                    f"{settings.sample_rate_hz}; decode this shard again"
                )
            features = fbank(torch.from_numpy(decode_flac(clip["flac"])))[: settings.num_frames]
            valid = features.half()
            stored[row, : len(valid)] = valid.numpy()
            exact = valid.double()
            sums = (exact.sum().item(), exact.square().sum().item())
            rows.append(
                dict(
                    zip(INDEX_SCHEMA.names, (clip["clip_id"], row, len(valid), *sums), strict=True)
                )
            )
        if shape[0]:
            stored.flush()
        del stored
    write_parquet(pa.Table.from_pylist(rows, schema=INDEX_SCHEMA), index)


def _open_array(path: Path, shape: tuple[int, ...]) -> Any:
    """Make an npy file of zeros; one of no rows cannot be mapped and is written at once."""
    if shape[0] == 0:
        np.save(path, np.zeros(shape, np.float16))
        return np.zeros(shape, np.float16)
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=shape)
    if hasattr(os, "posix_fallocate"):  # Linux; a mapped file that meets a full disk kills us
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array
