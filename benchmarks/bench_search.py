"""How long a query over 1.7 million vectors of 512 dimensions takes, exact and by cells, and where.

Vectors lie around 20,000 centres, as clips of one sound do (`--spread`: how long a deviation is
beside its centre; 0.5: cosine 0.8 between neighbours), and are made block by block into a file of
float16; queries are fresh draws around the same centres. Both indexes are built by the code of
`build_search_index`, with the cells of the config, and asked by that of `hearsay search`, one query
after another. Each is asked in a process of its own, whose memory is read before and after: what is
mapped from a file is the system's to drop, what is anonymous the process's own; a float32 copy of
all vectors would be 3.5 GB. The time of a query is the median of wall times; recall is the share
of the exact 10 best that cells find too. Writes results/benchmarks/bench_search.json.
"""

import argparse
import json
import multiprocessing
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from machine import describe_machine
from numpy.typing import NDArray

from hearsay.files import write_json
from hearsay.search.vectors import IndexOptions, VectorIndex, write_vectors

CENTRES, SPREAD, BLOCK = 20_000, 0.5, 50_000
K, THREADS = 10, 2
GOAL_S, GOAL_RATIO, GOAL_RECALL = 0.5, 10.0, 0.95


class Draws:
    """Unit vectors around centres: a deviation as long as the centre itself, times `spread`."""

    def __init__(self, width: int, centres: int, spread: float) -> None:
        self.spread = spread
        self.generator = np.random.default_rng(0)
        self.centres = self.generator.standard_normal((centres, width), dtype=np.float32)

    def draw(self, number: int) -> NDArray[np.float32]:
        """Draw some vectors, [number, D]."""
        near = self.generator.integers(0, len(self.centres), number)
        vectors = self.generator.standard_normal((number, self.centres.shape[1]), dtype=np.float32)
        vectors *= self.spread
        vectors += self.centres[near]
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


def memory_mb() -> dict[str, float]:
    """Return the anonymous memory of this process and all that it maps, in MB."""
    rollup = Path("/proc/self/smaps_rollup").read_text()
    sizes = {name: int(size) for name, size in re.findall(r"^(\w+): +(\d+) kB$", rollup, re.M)}
    return {"anonymous": sizes["Anonymous"] / 1024, "resident": sizes["Rss"] / 1024}


def ask(path: Path, queries: NDArray[np.float32], threads: int) -> dict[str, Any]:
    """Search in this process; return times, memory and the rows found."""
    before = memory_mb()
    index = VectorIndex(path, threads)
    for query in queries[:3]:
        index.search(query, K)  # the file comes into the system's cache
    times, rows = [], []
    processor = time.process_time()
    for query in queries:
        begun = time.perf_counter()
        rows.append(index.search(query, K)[1].tolist())
        times.append(time.perf_counter() - begun)
    processor = time.process_time() - processor
    after = memory_mb()
    return {
        "ms_a_query": 1000 * float(np.median(times)),
        "slowest_ms": 1000 * max(times),
        "processor_ms_a_query": 1000 * processor / len(queries),
        "anonymous_growth_mb": after["anonymous"] - before["anonymous"],
        "mapped_mb": after["resident"] - after["anonymous"],
        "rows": rows,
    }


def build(vectors: Path, path: Path, options: IndexOptions) -> dict[str, Any]:
    """Build an index in this process."""
    begun = time.perf_counter()
    kind = write_vectors(np.load(vectors, mmap_mode="r"), path, options, THREADS)
    seconds = time.perf_counter() - begun
    return {"kind": kind, "seconds": round(seconds, 1), "gb": round(path.stat().st_size / 1e9, 2)}


def apart(function: Any, *arguments: Any) -> dict[str, Any]:
    """Run a function in a fresh process, so that nothing of this one counts."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        answer: dict[str, Any] = pool.apply(function, arguments)
    return answer


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", type=int, default=1_700_000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--centres", type=int, default=CENTRES)
    parser.add_argument("--spread", type=float, default=SPREAD)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--cells", type=int, default=None, help="of the config, unless given")
    parser.add_argument("--probed", type=int, default=None, help="of the config, unless given")
    parser.add_argument("--folder", type=Path, default=None, help="for 6 GB; that of the output")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/bench_search.json"))
    arguments = parser.parse_args()
    config = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text())["search"]
    cells = arguments.cells or config["cells"]
    probed = arguments.probed or config["probed"]
    place = arguments.folder or arguments.output.parent
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place) as folder:
        work = Path(folder)
        draws = Draws(arguments.width, arguments.centres, arguments.spread)
        shape = (arguments.vectors, arguments.width)
        stored = np.lib.format.open_memmap(work / "v.npy", "w+", np.dtype(np.float16), shape)
        for start in range(0, len(stored), BLOCK):
            stored[start : start + BLOCK] = draws.draw(min(BLOCK, len(stored) - start))
        stored.flush()
        del stored
        queries = draws.draw(arguments.queries)
        answers = {}
        for kind in ("exact", "approximate"):
            options = IndexOptions(kind, 1, cells, probed)
            built = apart(build, work / "v.npy", work / f"{kind}.faiss", options)
            asked = apart(ask, work / f"{kind}.faiss", queries, THREADS)
            answers[kind] = {**{f"build_{k}": v for k, v in built.items()}, **asked}
    exact, approximate = (answers[kind].pop("rows") for kind in ("exact", "approximate"))
    shared = [len(set(a) & set(b)) / K for a, b in zip(exact, approximate, strict=True)]
    times = {kind: answer["ms_a_query"] for kind, answer in answers.items()}
    result = {
        "machine": describe_machine(),
        "vectors": arguments.vectors,
        "width": arguments.width,
        "centres": arguments.centres,
        "spread": arguments.spread,
        "queries": arguments.queries,
        "cells": cells,
        "probed": probed,
        "threads": THREADS,
        **{
            kind: {k: round(v, 2) if isinstance(v, float) else v for k, v in answer.items()}
            for kind, answer in answers.items()
        },
        "goal_exact_ms": 1000 * GOAL_S,
        "float32_copy_mb": round(arguments.vectors * arguments.width * 4 / 2**20),
        "ratio_of_exact_to_approximate": round(times["exact"] / times["approximate"], 1),
        "goal_ratio": GOAL_RATIO,
        "recall_at_10": round(float(np.mean(shared)), 4),
        "goal_recall": GOAL_RECALL,
    }
    print(json.dumps(result, indent=1))
    write_json(result, arguments.output)


if __name__ == "__main__":
    main()
