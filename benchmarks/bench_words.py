"""How long 1,000 clips x 1,000 captions take to be scored by frames and words, in what memory.

At the paper's sizes: 501 frames, 300-d vectors, captions of 4 to 20 words out of 3,000. The
frames are made by the network of Xie et al. 2022 with random weights, and timed apart, since
what is claimed is the scoring. Beside it, on a few clips and captions, the plain way that
holds every clip x caption x frame x word, of which the ratio is of one run. Writes
results/benchmarks/bench_words.json.
"""

import argparse
import json
import resource
import sys
import time
from pathlib import Path

import torch
from machine import describe_machine
from torch import Tensor
from torch.nn import functional

from hearsay.files import write_json
from hearsay.methods.frame_words import NO_WORD, caption_similarity, word_similarity
from hearsay.models.crnn import Crnn

FRAMES, WIDTH, VOCABULARY, WORDS, BATCH = 501, 300, 3000, (4, 20), 50
GOAL_S, GOAL_MB = 60.0, 2000.0
PLAIN = 20  # clips and captions of the plain way


def make_captions(number: int) -> Tensor:
    """Draw captions: int64 [number, 20] rows of words, NO_WORD behind the last."""
    rows = torch.randint(0, VOCABULARY, (number, WORDS[1]))
    lengths = torch.randint(WORDS[0], WORDS[1] + 1, (number,))
    return rows.masked_fill(torch.arange(WORDS[1]) >= lengths[:, None], NO_WORD)


def score_plainly(frames: Tensor, vectors: Tensor, rows: Tensor) -> Tensor:
    """Hold the similarity of every clip, caption, frame and word, then average."""
    words = vectors[rows.clamp_min(0)]  # [C, K, W]
    held = torch.einsum("btw,ckw->bctk", frames, words).clamp_min(0).mean(dim=2)  # [B, C, K]
    is_word = rows != NO_WORD
    return (held * is_word).sum(dim=2) / is_word.sum(dim=1)


def peak_mb() -> float:
    """Return the most memory that this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--captions", type=int, default=1000)
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/bench_words.json"))
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_flush_denormal(True)
    network = Crnn(64, [32, 128, 128, 128, 128], WIDTH, 0.3).eval()
    vectors = functional.normalize(torch.randn(VOCABULARY, WIDTH), dim=1)
    rows = make_captions(arguments.captions)
    embedding_s = scoring_s = 0.0
    scores = []
    with torch.inference_mode():
        for start in range(0, arguments.clips, BATCH):
            size = min(BATCH, arguments.clips - start)
            begun = time.perf_counter()
            num_frames = torch.full((size,), FRAMES)
            frames = network(torch.randn(size, FRAMES, 64) * 3 - 8, num_frames)
            embedded = time.perf_counter()
            heard = word_similarity(frames, num_frames, vectors, "mean")
            scores.append(caption_similarity(heard, rows, "mean"))
            embedding_s += embedded - begun
            scoring_s += time.perf_counter() - embedded
        peak = peak_mb()
        begun = time.perf_counter()
        plain = score_plainly(frames[:PLAIN], vectors, rows[:PLAIN])
        plain_s = time.perf_counter() - begun
    torch.testing.assert_close(plain, scores[-1][:PLAIN, :PLAIN], atol=1e-5, rtol=0)
    pairs = arguments.clips * arguments.captions
    result = {
        "machine": describe_machine(),
        "clips": arguments.clips,
        "captions": arguments.captions,
        "embedding_s": round(embedding_s, 2),
        "scoring_s": round(scoring_s, 2),
        "goal_scoring_s": GOAL_S,
        "peak_mb": round(peak),
        "goal_peak_mb": GOAL_MB,
        "ratio_to_plain_scoring": round(plain_s / PLAIN**2 / (scoring_s / pairs), 1),
    }
    print(json.dumps(result, indent=1))
    write_json(result, arguments.output)


if __name__ == "__main__":
    main()
