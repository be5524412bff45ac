"""Fifty people at once: 2,000 requests to `hearsay serve` on loopback.

    python benchmarks/bench_serve.py results/search/nearest_match_half/seed0

The server is a process of its own, the clients are threads of this one, each with a connection that
it keeps. What they ask is drawn by a seed: words, clips, sound, parts of sound, pictures,
spectrograms, activity, and one upload in twenty. Every answer must be whole and have the status
that its request deserves. Memory is the server's own and its decoders', before, after a quarter and
after all of it. Writes results/benchmarks/bench_serve.json.
"""

import argparse
import http.client
import io
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import soundfile
from machine import describe_machine

from hearsay.files import write_json

WORDS = ("a dog barks", "rain", "a bell rings twice", "a loud siren", "someone whistles", "a clock")
# What is asked, how often in a hundred.
SHARES = {
    "words": 35,
    "clip": 15,
    "sound": 15,
    "part": 5,
    "picture": 10,
    "spectrogram": 10,
    "activity": 5,
    "upload": 5,
}
GOAL = {"errors": 0, "growth_mb": 50}


@dataclass(frozen=True)
class Request:
    """One request and the status that it deserves."""

    kind: str
    method: str
    path: str
    status: int = 200
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of a request; error: empty if it was answered as it should be."""

    kind: str
    seconds: float
    error: str


def draw_requests(number: int, about: dict[str, Any], clip_ids: list[str]) -> list[Request]:
    """Draw requests to a server, the same for the same clips."""
    generator = np.random.default_rng(0)
    kinds = [kind for kind in SHARES if kind != "activity" or about["can_ground"]]
    shares = np.array([SHARES[kind] for kind in kinds], float)
    upload = _sound(generator)
    drawn = []
    for kind in generator.choice(kinds, number, p=shares / shares.sum()):
        words = WORDS[generator.integers(len(WORDS))]
        clip = f"/api/clips/{clip_ids[generator.integers(len(clip_ids))]}"
        path = {
            "words": "/api/search?" + urlencode({"q": words, "k": 10}),
            "clip": clip,
            "sound": clip + "/audio",
            "part": clip + "/audio",
            "picture": clip + "/images/0",
            "spectrogram": clip + "/spectrogram",
            "activity": clip + "/activity?" + urlencode({"phrase": words}),
            "upload": "/api/search/sound?k=10",
        }[kind]
        if kind == "upload":
            headers = (("Content-Type", "audio/ogg"),)
            drawn.append(Request(kind, "POST", path, 200, upload, headers))
        elif kind == "part":
            drawn.append(Request(kind, "GET", path, 206, None, (("Range", "bytes=1000-30000"),)))
        else:
            drawn.append(Request(kind, "GET", path))
    return drawn


def _sound(generator: np.random.Generator) -> bytes:
    file = io.BytesIO()
    samples = 0.1 * generator.standard_normal(16000 * 5)
    soundfile.write(file, samples, 16000, format="OGG")
    return file.getvalue()


def ask(port: int, requests: list[Request], num_clients: int) -> tuple[list[Outcome], float]:
    """Have clients share the requests, each taking the next one; return outcomes and seconds."""
    waiting: queue.SimpleQueue[Request] = queue.SimpleQueue()
    for request in requests:
        waiting.put(request)
    outcomes: list[Outcome] = []

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            try:
                request = waiting.get_nowait()
            except queue.Empty:
                connection.close()
                return
            outcomes.append(_send(connection, request))

    clients = [threading.Thread(target=work) for _ in range(num_clients)]
    started = time.perf_counter()
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return outcomes, time.perf_counter() - started


def _send(connection: http.client.HTTPConnection, request: Request) -> Outcome:
    started = time.perf_counter()
    error = ""
    try:
        connection.request(request.method, request.path, request.body, dict(request.headers))
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != request.status:
            error = f"{answer.status}: {content[:100].decode('latin-1')}"
    except (OSError, http.client.HTTPException) as failure:
        error = repr(failure)
        connection.close()
    return Outcome(request.kind, time.perf_counter() - started, error)


def memory_mb(process: int) -> float:
    """Return what a process and its children hold, as Linux's /proc tells it (RSS)."""
    held = 0.0
    family = [process]
    for parent in family:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            family += [int(child) for child in task.read_text().split()]
        status = Path(f"/proc/{parent}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        held += int(found.group(1)) / 1024 if found else 0
    return held


def processor_s(process: int) -> float:
    """Return the processor time that a process has used, without its decoders', by /proc."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def summarise(outcomes: list[Outcome]) -> dict[str, Any]:
    """Return counts and milliseconds, of all and by kind."""
    by_kind = defaultdict(list)
    for outcome in outcomes:
        by_kind[outcome.kind].append(1000 * outcome.seconds)
        by_kind["all"].append(1000 * outcome.seconds)
    return {
        kind: {
            "requests": len(times),
            "p50_ms": round(float(np.percentile(times, 50)), 1),
            "p95_ms": round(float(np.percentile(times, 95)), 1),
            "most_ms": round(max(times), 1),
        }
        for kind, times in sorted(by_kind.items())
    }


def start_server(index: Path) -> tuple[subprocess.Popen[str], int]:
    """Start `hearsay serve` at a free port and wait until it serves."""
    command = [sys.executable, "-m", "hearsay.cli", "serve", str(index), "--port", "0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    for line in server.stderr:
        if found := re.search(r"serving at http://127\.0\.0\.1:(\d+)/", line):
            return server, int(found.group(1))
    raise SystemExit(f"the server ended with {server.wait()}; see above")


def fetch(port: int, path: str) -> Any:
    """Fetch a JSON answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    return json.loads(connection.getresponse().read())


def main() -> None:
    """Ask a first warm-up round, then the requests in quarters, and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("index", type=Path, nargs="?", help="of any run; left out: the first")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/bench_serve.json"))
    given = parser.parse_args()
    found = sorted(Path("results/search").glob("*/seed*/index.json"))
    if given.index is None and not found:
        print("bench_serve: skipped, there is no index below results/search; run make first")
        return
    server, port = start_server(given.index or found[0].parent)
    try:
        about = fetch(port, "/api/about")
        hits = [hit for words in WORDS for hit in fetch(port, _many(words))["hits"]]
        clip_ids = sorted({hit["clip_id"] for hit in hits})
        requests = draw_requests(given.requests, about, clip_ids)
        ask(port, requests[: given.clients], given.clients)  # all connections and tables open
        memory = [memory_mb(server.pid)]
        outcomes: list[Outcome] = []
        seconds = 0.0
        used_s = processor_s(server.pid)
        for part in np.array_split(np.arange(len(requests)), 4):
            some, took = ask(port, [requests[place] for place in part], given.clients)
            outcomes += some
            seconds += took
            memory.append(memory_mb(server.pid))
        used_s = processor_s(server.pid) - used_s
    finally:
        server.terminate()
        server.wait()
    result = {
        "machine": describe_machine(),
        "run": {name: about[name] for name in ("method", "dataset", "num_clips", "can_ground")},
        "clients": given.clients,
        "requests": len(outcomes),
        "errors": sum(bool(outcome.error) for outcome in outcomes),
        "what_errors": dict(Counter(outcome.error for outcome in outcomes if outcome.error)),
        "requests_per_s": round(len(outcomes) / seconds, 1),
        "processor_ms_a_request": round(1000 * used_s / len(outcomes), 1),
        "times": summarise(outcomes),
        "memory_mb_at_the_start_and_after_each_quarter": [round(held) for held in memory],
        "growth_mb_after_the_first_quarter": round(memory[-1] - memory[1]),
        "goal": GOAL,
    }
    print(json.dumps(result, indent=1))
    write_json(result, given.output)
    if result["errors"]:
        raise SystemExit("bench_serve: some requests were not answered as they should be")


def _many(words: str) -> str:
    return "/api/search?" + urlencode({"q": words, "k": 50})


if __name__ == "__main__":
    main()
