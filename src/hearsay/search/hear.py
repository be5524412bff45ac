"""From a sound to what a trained run hears of it: the same steps as for the clips of a data set."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hearsay.clips.audio import Waveform, fit, peak_dbfs, resample
from hearsay.errors import HearsayError
from hearsay.families import FORMS
from hearsay.features.fbank import Fbank, FbankOptions
from hearsay.features.logmel import Logmel, LogmelOptions
from hearsay.features.normalise import normalise
from hearsay.methods.family import Batch
from hearsay.options import take_options
from hearsay.training.load import TrainedRun
from hearsay.training.stores import FEWEST_FRAMES

SHORTEST_S = 0.2  # of a sound that is asked with; less says nothing


@dataclass(frozen=True)
class Spectrogram:
    """What a run hears of a clip over time.

    Attributes:
        levels: float32 [T, F], logarithms of power in mel bands, low ones first.
        frame_shift_s: between two rows; row t is centred at first_s + t times this.
        first_s: centre of row 0.
    """

    levels: NDArray[np.float32]
    frame_shift_s: float
    first_s: float


class Listener(Protocol):
    """Computes what a network takes, of one waveform at the rate of the data set."""

    def batch(self, waveform: Tensor) -> Batch:
        """Return the batch [1, ...] of a waveform, float32 [samples]."""

    def spectrogram(self, waveform: Tensor) -> Spectrogram:
        """Return what is heard, without any padding."""


def fit_sound(samples: Waveform, sample_rate_hz: int, sound: dict[str, Any]) -> Waveform:
    """Bring a sound to the form of a data set's stored clips.

    Resampled, cut at the length of a clip or followed by silence up to it, rounded to 16 bits.

    Args:
        samples: float32 [n], one channel, in [-1, 1].
        sample_rate_hz: of the samples.
        sound: of the data set: sample_rate_hz, clip_duration_s (None: clips are kept whole),
            min_peak_dbfs (None: silence may be).

    Raises:
        HearsayError: the sound is no vector of finite numbers, too short or silent.
    """
    samples = np.asarray(samples, np.float32)
    if samples.ndim != 1 or sample_rate_hz <= 0 or not np.isfinite(samples).all():
        raise HearsayError("the sound must be one channel of finite samples, with their rate")
    if len(samples) < SHORTEST_S * sample_rate_hz:
        raise HearsayError(
            f"the sound is too short: {len(samples) / sample_rate_hz:.2f} s; give at least "
            f"{SHORTEST_S:g} s"
        )
    rate, length_s = sound["sample_rate_hz"], sound["clip_duration_s"]
    if length_s is not None:  # no more than is heard is resampled
        samples = samples[: round((length_s + 1) * sample_rate_hz)]
    samples = resample(samples, sample_rate_hz, rate)
    if length_s is not None:
        samples = fit(samples, round(length_s * rate))
    least = sound["min_peak_dbfs"]
    if least is not None and peak_dbfs(samples) < least:
        raise HearsayError(
            f"the sound is silent: its peak is {peak_dbfs(samples):.0f} dBFS, below {least:g}"
        )
    return np.asarray(np.clip(np.rint(samples * 32768.0), -32768, 32767) / 32768.0, np.float32)


def make_listener(
    run: TrainedRun, sound: dict[str, Any], features: dict[str, Any], wal_net: Path | None,
    folder: Path,
) -> Listener:  # fmt: skip
    """Make the listener of a run.

    Args:
        run: of `load_run`.
        sound: see `fit_sound`.
        features: options of the clip vectors of a method that hears such; else empty.
        wal_net: wal_net.pt that clip vectors come from; None where they do not.
        folder: of the index, which holds what clip vectors are mapped by.
    """
    if run.needs.features == "fbank":
        return _FbankListener(run, sound["sample_rate_hz"])
    if run.needs.features == "logmel":
        return _LogmelListener(run, sound["sample_rate_hz"])
    if run.needs.features == FORMS:
        from hearsay.search.hear_forms import FormListener  # scikit-learn

        return FormListener(sound["sample_rate_hz"], features, wal_net, folder, run.device)
    raise HearsayError(f"no way to hear {run.needs.features} of a sound")


class _FbankListener:
    def __init__(self, run: TrainedRun, sample_rate_hz: int) -> None:
        options = {**run.options["fbank"], "sample_rate_hz": sample_rate_hz}
        self.options = take_options(FbankOptions, options, "search")
        self.compute = Fbank(self.options)
        self.run = run

    def batch(self, waveform: Tensor) -> Batch:
        stored, num_frames = store_rows(self.compute(waveform), self.options.num_frames)
        statistics, pad = self.run.statistics, self.run.options["fbank"]["pad"]
        if statistics is None:
            raise HearsayError("filter banks need the mean and std that normalise them")
        return {"fbank": normalise(stored, num_frames, statistics, pad)}

    def spectrogram(self, waveform: Tensor) -> Spectrogram:
        shift_s = self.compute.frame_shift / self.options.sample_rate_hz
        first_s = self.compute.frame_length / self.options.sample_rate_hz / 2
        return Spectrogram(self.compute(waveform).numpy(), shift_s, first_s)


class _LogmelListener:
    def __init__(self, run: TrainedRun, sample_rate_hz: int) -> None:
        options = {**run.options["logmel"], "sample_rate_hz": sample_rate_hz}
        self.options = take_options(LogmelOptions, options, "search")
        self.compute = Logmel(self.options)

    def batch(self, waveform: Tensor) -> Batch:
        stored, num_frames = store_rows(self.compute(waveform), self.options.num_frames)
        if num_frames[0] < FEWEST_FRAMES:
            raise HearsayError(f"the sound is too short: {num_frames[0]} frames of log-mel")
        return {
            "logmel": torch.from_numpy(stored).float(),
            "num_frames": torch.from_numpy(num_frames),
        }

    def spectrogram(self, waveform: Tensor) -> Spectrogram:
        shift_s = self.compute.frame_shift / self.options.sample_rate_hz
        return Spectrogram(self.compute(waveform).numpy(), shift_s, 0.0)


def store_rows(features: Tensor, num_frames: int) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
    """Bring features [T, F] to what a shard stores of a clip: float16 [1, num_frames, F].

    Returns:
        it, and how many of its rows are no padding, [1].
    """
    valid = features[:num_frames].half()
    stored = np.zeros((1, num_frames, valid.shape[1]), np.float16)
    stored[0, : len(valid)] = valid.numpy()
    return stored, np.array([len(valid)], np.int64)
