"""Several jobs against one source: one rate, one breaker. Judged by what the source sees."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fetch_media import OPTIONS, write_clips

from hearsay.clips.rate_limit import MAX_BLOCKS

pytestmark = pytest.mark.slow

NUM_JOBS = 3
NUM_WORKERS = 2
SHARD_SIZE = 3

FETCH = """
import json, sys
from pathlib import Path
from hearsay.clips.fetch import fetch_clips
from hearsay.errors import HearsayError
folder, shard, options = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
try:
    fetch_clips(folder / "clips.parquet", shard, 3, folder / f"media{shard}",
                folder / f"{shard}.parquet", options, folder / "run", None, 2)
except HearsayError as error:
    print(error)
    sys.exit(1)
"""


class Source(ThreadingHTTPServer):
    """Knows no media (404), and refuses some requests, by their number."""

    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.times: list[float] = []
        self.refused: set[int] | None = set()  # None: all
        self.code, self.reason, self.retry_after_s = 429, "Too Many Requests", 3


class Handler(BaseHTTPRequestHandler):
    server: Source

    def do_GET(self) -> None:
        source = self.server
        source.times.append(time.time())
        if source.refused is not None and len(source.times) not in source.refused:
            self.send_error(404)
            return
        self.send_response(source.code, source.reason)
        if source.code == 429:
            self.send_header("Retry-After", str(source.retry_after_s))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Source]:
    source = Source()
    threading.Thread(target=source.serve_forever, args=(0.02,), daemon=True).start()
    address = f"http://127.0.0.1:{source.server_port}"
    names = [f"c{number}" for number in range((NUM_JOBS + 1) * SHARD_SIZE)]
    rows = [{"clip_id": name, "locator": f"{address}/{name}.mp4"} for name in names]
    write_clips(tmp_path / "clips.parquet", rows)
    yield source
    source.shutdown()
    source.server_close()


def start(folder: Path, shard: int, **options: Any) -> subprocess.Popen[str]:
    settings = json.dumps({**OPTIONS, **options})
    command = [sys.executable, "-c", FETCH, str(folder), str(shard), settings]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_all_jobs_share_one_rate_and_nobody_asks_while_the_source_refuses(
    source: Source, tmp_path: Path
) -> None:
    interval_s, refused_number = 1.0, 5
    source.refused, source.retry_after_s = {refused_number}, 6
    jobs = [start(tmp_path, shard, clips_per_hour=3600 / interval_s) for shard in range(NUM_JOBS)]
    for job in jobs:
        assert job.communicate(timeout=120)[0] == ""
        assert job.returncode == 0
    num_clips = NUM_JOBS * SHARD_SIZE
    assert len(source.times) == num_clips + 1  # the refused clip is asked for once more
    refused_at = source.times[refused_number - 1]
    later = source.times[refused_number:]
    # On a busy machine others may pass before the refused job can tell them; without a breaker all
    # five would.
    after = [time for time in later if time - refused_at >= source.retry_after_s]
    assert len(later) - len(after) <= 2
    for part in (source.times[:refused_number], after):
        # Requests come later than their slots, never earlier: only the first, by coming late, may
        # shorten the sum. Each job for itself, or each worker, would take a third or a sixth.
        assert part[-1] - part[0] > (len(part) - 1) * interval_s / 2


def test_a_bot_check_without_end_stops_all_jobs_and_those_that_follow(
    source: Source, tmp_path: Path
) -> None:
    source.refused, source.code = None, 403
    source.reason = "Sign in to confirm you're not a bot"
    patient = {"backoff_s": 0.002, "max_attempts": 100}
    jobs = [start(tmp_path, shard, **patient) for shard in range(NUM_JOBS)]
    for job in jobs:
        line = job.communicate(timeout=60)[0]
        assert job.returncode == 1
        assert line.count("\n") == 1
        assert "refused 10 times in a row (bot check or HTTP 429)" in line
        assert "fetch.cookies" in line
    assert len(source.times) <= (MAX_BLOCKS + 1) * NUM_JOBS * NUM_WORKERS
    asked = len(source.times)
    following = start(tmp_path, NUM_JOBS, **patient)
    assert "refused 10 times in a row" in following.communicate(timeout=60)[0]
    assert following.returncode == 1
    assert len(source.times) == asked, "a job of the same run asks for nothing more"
    assert not list(tmp_path.glob("*.status.parquet"))
    # With cookies it is another matter, and with other ones in the same file.
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("# Netscape HTTP Cookie File\n")
    with_cookies = start(tmp_path, NUM_JOBS, **patient, cookies=str(cookies))
    assert "refused 10 times in a row" in with_cookies.communicate(timeout=60)[0]
    assert len(source.times) > asked
    asked, source.refused = len(source.times), set()
    cookies.write_text("# Netscape HTTP Cookie File\n# of another account\n")
    again = start(tmp_path, NUM_JOBS, **patient, cookies=str(cookies))
    again.communicate(timeout=60)
    assert again.returncode == 0
    assert len(source.times) == asked + SHARD_SIZE
