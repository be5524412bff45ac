"""How much faster hearsay's log-mel spectrograms are than librosa's, clip by clip on one thread.

Both compute the same features of the same generated clips, in turns within one run, so that
their ratio holds on a busy machine too. The clips are as stored: 16 bit, noise that falls with
frequency, and for a twentieth of the time a tone so strong that its frames are computed in
float64 (as many as in real recordings). Writes results/benchmarks/bench_logmel.json.
"""

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import torch
from machine import describe_machine
from threadpoolctl import threadpool_limits

from hearsay.features.logmel import FAINT_SHARE, FLOOR, Logmel, LogmelOptions
from hearsay.files import write_json

GOAL = 2.5
Features = Callable[[np.ndarray], np.ndarray]  # float32 [samples] -> [T, F]


def paper_options(sample_rate_hz: int) -> LogmelOptions:
    """Return the sizes of Xie et al. 2022 at a rate."""
    return LogmelOptions(
        sample_rate_hz=sample_rate_hz,
        num_mel_bins=64,
        frame_length_ms=40.0,
        frame_shift_ms=20.0,
        low_freq_hz=12.0,
        high_freq_hz=8000.0,
        num_frames=501,
    )


def librosa_logmel(options: LogmelOptions) -> tuple[Features, Features]:
    """Compute the same with librosa: as its users call it, and with its filters made once."""
    rate = options.sample_rate_hz
    window = round(rate * options.frame_length_ms / 1000)
    transform = {
        "n_fft": 2 ** math.ceil(math.log2(window)),
        "win_length": window,
        "hop_length": round(rate * options.frame_shift_ms / 1000),
        "window": "hann",
        "center": True,
        "pad_mode": "reflect",
    }
    mel = {"n_mels": 64, "fmin": options.low_freq_hz, "fmax": options.high_freq_hz}
    filters = librosa.filters.mel(sr=rate, n_fft=transform["n_fft"], **mel)

    def as_called(clip: np.ndarray) -> np.ndarray:
        power = librosa.feature.melspectrogram(y=clip, sr=rate, power=2.0, **transform, **mel)
        return np.log(power + FLOOR).T

    def with_kept_filters(clip: np.ndarray) -> np.ndarray:
        power = np.abs(librosa.stft(clip, **transform)) ** 2
        return np.log(filters @ power + FLOOR).T

    return as_called, with_kept_filters


def make_clips(number: int, rate: int) -> list[np.ndarray]:
    """Generate clips of 10 s, as the audio tables hold them."""
    generator = np.random.default_rng(0)
    clips = []
    for _ in range(number):
        spectrum = np.fft.rfft(generator.standard_normal(10 * rate))
        lines_hz = np.fft.rfftfreq(10 * rate, 1 / rate)
        clip = np.fft.irfft(spectrum / np.maximum(lines_hz, 100.0))
        clip *= 0.1 / clip.std()
        tone = slice(4 * rate, 4 * rate + rate // 2)
        clip[tone] = 0.9 * np.sin(2 * np.pi * 440 * np.arange(rate // 2) / rate)
        clips.append((np.rint(clip * 32768).clip(-32768, 32767) / 32768).astype(np.float32))
    return clips


def clips_per_s(function: Features, clips: list[np.ndarray]) -> float:
    """Run over all clips once."""
    begin = time.perf_counter()
    for clip in clips:
        function(clip)
    return len(clips) / (time.perf_counter() - begin)


def compare(rate: int, num_clips: int, num_rounds: int) -> dict[str, Any]:
    """Measure all three at one sample rate."""
    logmel = Logmel(paper_options(rate))

    def ours(clip: np.ndarray) -> np.ndarray:
        return logmel(torch.from_numpy(clip)).numpy()

    as_called, with_kept_filters = librosa_logmel(paper_options(rate))
    clips = make_clips(num_clips, rate)
    found, expected = ours(clips[0]), as_called(clips[0].astype(np.float64))
    faint = found.min(axis=1) < found.max(axis=1) + math.log(FAINT_SHARE)
    speeds: dict[str, list[float]] = {"hearsay": [], "librosa": [], "librosa_kept_filters": []}
    functions = {"hearsay": ours, "librosa": as_called, "librosa_kept_filters": with_kept_filters}
    for _ in range(num_rounds):
        for name, function in functions.items():
            speeds[name].append(clips_per_s(function, clips))
    ratios = {
        name: [one / other for one, other in zip(speeds["hearsay"], speeds[name], strict=True)]
        for name in ("librosa", "librosa_kept_filters")
    }
    return {
        **{f"{name}_clips_per_s": round(statistics.median(s), 1) for name, s in speeds.items()},
        "ratio": round(statistics.median(ratios["librosa"]), 2),
        "ratio_to_kept_filters": round(statistics.median(ratios["librosa_kept_filters"]), 2),
        "ratio_of_each_round": [round(ratio, 2) for ratio in ratios["librosa"]],
        "share_of_frames_in_float64": round(float(faint.mean()), 3),
        "largest_difference": float(np.abs(found - expected).max()),  # to librosa in float64
    }


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/bench_logmel.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1):  # of numpy's products; else librosa's wait for each other
        rates = {
            f"{rate}_hz": compare(rate, arguments.clips, arguments.rounds)
            for rate in (32000, 16000)  # the paper's, the demo's
        }
    report = {
        "what": "log-mel spectrogram, 64 bins, 501 frames, of 10 s clips, one thread",
        "goal": GOAL,
        **rates,
        "num_clips": arguments.clips,
        **describe_machine(torch=torch.__version__, librosa=librosa.__version__),
    }
    write_json(report, arguments.output)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
