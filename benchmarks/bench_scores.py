"""What scoring takes: retrieval among 16,000 clips and 845 x 4,225 captions, and memory by size.

    python benchmarks/bench_scores.py

Random unit vectors of 512 numbers go through the scoring of `score_run`: both directions, ranks,
every metric, chance, the bootstrap over clips, the draws of 30 candidates, the files. Each row is a
process of its own, with 1 thread as the rule has it and with 2; its peak memory is what it held
beyond the vectors themselves. Writes results/benchmarks/bench_scores.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

WIDTH, NUM_IMAGES, CAPTIONS_A_CLIP = 512, 4, 5
MEMORY_SIZES = (4_000, 8_000, 16_000, 32_000)
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # as Snakemake sets them


def score(task: str, num_clips: int, num_resamples: int) -> dict[str, Any]:
    """Score random vectors in this process; return what it took.

    Args:
        task: `audio_text` or a protocol of audio_image; `all_protocols`: the four of them.
        num_clips: N; of audio_text with five captions each.
        num_resamples: behind each interval.
    """
    import time

    from hearsay.metrics.ranks import dot_scores
    from hearsay.scoring.candidates import score_candidates
    from hearsay.scoring.records import ScoreIdentity, join_ranks, write_scores
    from hearsay.scoring.retrieval import IMAGE_PROTOCOLS, score_audio_image, score_audio_text

    of = ScoreIdentity("random", "test", "all", "random", "audio_image", "none", 0, "none")
    clip_ids = [f"clip{number:06d}" for number in range(num_clips)]
    audio = _unit_vectors((num_clips, WIDTH), 0)
    is_text = task == "audio_text"
    other = _unit_vectors((num_clips, CAPTIONS_A_CLIP if is_text else NUM_IMAGES, WIDTH), 1)
    before_mb = memory_mb("VmHWM")
    started, used = time.perf_counter(), time.process_time()
    if is_text:
        texts = other.reshape(-1, WIDTH)  # [M, D]
        owners = [clip_id for clip_id in clip_ids for _ in range(CAPTIONS_A_CLIP)]
        ids = [f"caption{number}" for number in range(len(owners))]
        full = score_audio_text(
            audio, clip_ids, texts, ids, owners, of, num_resamples=num_resamples
        )
        pairs = dot_scores(audio, texts)(slice(None))
        drawn = score_candidates(
            pairs, clip_ids, owners, of, draw_seed=0, num_resamples=num_resamples
        )
        parts = [full, drawn]
    else:
        protocols = IMAGE_PROTOCOLS if task == "all_protocols" else (task,)
        how: dict[str, Any] = {"num_resamples": num_resamples, "protocols": protocols}
        parts = [score_audio_image(audio, other, clip_ids, of, **how)]
    with tempfile.TemporaryDirectory() as folder:
        records = [record for part, _ in parts for record in part]
        write_scores(records, join_ranks(table for _, table in parts), Path(folder))
    return {
        "task": task,
        "clips": num_clips,
        "wall_s": round(time.perf_counter() - started, 2),
        "processor_s": round(time.process_time() - used, 2),
        "vectors_mb": round((audio.nbytes + other.nbytes) / 2**20),
        "beyond_vectors_mb": round(memory_mb("VmHWM") - before_mb),
        "peak_mb": round(memory_mb("VmHWM")),
        "records": len(records),
    }


def _unit_vectors(shape: tuple[int, ...], seed: int) -> Any:
    """Draw float32 unit vectors, block by block, so that making them needs no more than they do."""
    import numpy as np

    generator = np.random.default_rng(seed)
    vectors = np.empty(shape, np.float32)
    for block in np.array_split(vectors, max(1, len(vectors) // 1000)):
        block[:] = generator.standard_normal(block.shape, dtype=np.float32)
        block /= np.linalg.norm(block, axis=-1, keepdims=True)
    return vectors


def memory_mb(name: str) -> float:
    """Read a line of Linux's /proc/self/status: VmRSS is what is held, VmHWM the most so far."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0]) / 1024


def measure(task: str, num_clips: int, num_resamples: int, threads: int) -> dict[str, Any]:
    """Score in a process of its own with so many threads, and print a line."""
    own = [sys.executable, __file__, "--task", task, "--clips", str(num_clips)]
    environment = {**os.environ, **dict.fromkeys(THREADS, str(threads))}
    done = subprocess.run(
        [*own, "--resamples", str(num_resamples)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result = {"threads": threads, **json.loads(done.stdout)}
    print(result, flush=True)
    return result


def main() -> None:
    """Measure each task and the memory of each size, and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", help="score this in this process and print JSON, no more")
    parser.add_argument("--clips", type=int, default=16_000)
    parser.add_argument("--text-clips", type=int, default=845)
    parser.add_argument("--memory-sizes", type=int, nargs="*", default=MEMORY_SIZES)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/bench_scores.json"))
    given = parser.parse_args()
    if given.task:
        print(json.dumps(score(given.task, given.clips, given.resamples)))
        return
    tasks = {"second_image": given.clips, "all_protocols": given.clips}
    tasks["audio_text"] = given.text_clips
    speed = [
        measure(task, num_clips, given.resamples, threads)
        for task, num_clips in tasks.items()
        for threads in (1, 2)
    ]
    memory = [
        measure("second_image", size, given.resamples, threads=2) for size in given.memory_sizes
    ]
    from machine import describe_machine

    from hearsay.files import write_json

    report = {
        "what": "scoring random vectors: seconds, MiB",
        "width": WIDTH,
        "resamples": given.resamples,
        "speed": speed,
        "memory": memory,
        "goals": {"wall_s, 2 threads, one protocol and audio_text": 20},
        **describe_machine(),
    }
    write_json(report, given.output)


if __name__ == "__main__":
    main()
