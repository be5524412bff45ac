"""How much faster hearsay's filter banks are than torchaudio's, clip by clip on one thread.

Both compute the same features of the same generated clips, in turns within one run, so that
their ratio holds on a busy machine too. Writes results/benchmarks/bench_fbank.json.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torchaudio
from machine import describe_machine
from torchaudio.compliance import kaldi

from hearsay.features.fbank import Fbank, FbankOptions
from hearsay.files import write_json

OPTIONS = FbankOptions(
    sample_rate_hz=16000,
    num_mel_bins=128,
    frame_length_ms=25.0,
    frame_shift_ms=10.0,
    low_freq_hz=20.0,
    num_frames=1000,
)
GOAL = 1.5


def torchaudio_fbank(waveform: torch.Tensor) -> torch.Tensor:
    """Compute what hearsay computes, with torchaudio."""
    return kaldi.fbank(
        (waveform - waveform.mean())[None],
        htk_compat=False,
        sample_frequency=16000,
        use_energy=False,
        window_type="hanning",
        num_mel_bins=128,
        dither=0.0,
        frame_shift=10,
    )


def clips_per_s(function: Callable[[torch.Tensor], torch.Tensor], clips: torch.Tensor) -> float:
    """Run over all clips once."""
    begin = time.perf_counter()
    for clip in clips:
        function(clip)
    return len(clips) / (time.perf_counter() - begin)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/bench_fbank.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    clips = 0.1 * torch.randn(arguments.clips, 160000, generator=generator)  # 10 s at 16 kHz
    fbank = Fbank(OPTIONS)
    difference = max((fbank(c) - torchaudio_fbank(c)).abs().max().item() for c in clips[:10])
    theirs, ours = [], []
    for _ in range(arguments.rounds):
        theirs.append(clips_per_s(torchaudio_fbank, clips))
        ours.append(clips_per_s(fbank, clips))
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    report = {
        "what": "Kaldi filter bank, 128 bins, of 10 s clips at 16 kHz, one thread",
        "hearsay_clips_per_s": round(statistics.median(ours), 1),
        "torchaudio_clips_per_s": round(statistics.median(theirs), 1),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_of_each_round": [round(ratio, 2) for ratio in ratios],
        "goal": GOAL,
        "largest_difference": difference,
        "num_clips": arguments.clips,
        **describe_machine(torch=torch.__version__, torchaudio=torchaudio.__version__),
    }
    write_json(report, arguments.output)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
