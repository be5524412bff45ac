import fcntl
import json
import logging
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hearsay.clips.rate_limit import MAX_BLOCKS, RunLimiter
from hearsay.errors import HearsayError

# Prints when each of 6 clips was let through.
PASS_SIX = """
import sys
from pathlib import Path
from hearsay.clips.rate_limit import RunLimiter
limiter = RunLimiter(Path(sys.argv[1]), float(sys.argv[2]), 0.1)
for _ in range(6):
    print(limiter.wait(), flush=True)
"""


def start_job(run_folder: Path, clips_per_hour: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PASS_SIX, str(run_folder), str(clips_per_hour)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_jobs_share_one_rate(tmp_path: Path) -> None:
    interval_s = 0.1
    jobs = [start_job(tmp_path, 3600 / interval_s) for _ in range(2)]
    times = sorted(float(line) for job in jobs for line in job.communicate(timeout=20)[0].split())
    assert len(times) == 12
    # Nobody passes before its slot, however late the machine is: an exact bound.
    assert all(time - times[0] > number * interval_s - 1e-4 for number, time in enumerate(times))


def test_the_state_is_touched_under_the_lock_alone(tmp_path: Path) -> None:
    limiter = RunLimiter(tmp_path, 3.6e6, 0.1)
    passed = threading.Event()
    thread = threading.Thread(target=lambda: (limiter.wait(), passed.set()))
    with (tmp_path / "rate_limit.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        thread.start()
        assert not passed.wait(0.3)
    assert passed.wait(10)
    thread.join()


def test_a_block_holds_up_the_other_job_too(tmp_path: Path) -> None:
    blocked_at = time.time()
    assert RunLimiter(tmp_path, None, 0.1).block(retry_after_s=1.0) == 1.0
    job = start_job(tmp_path, 3.6e6)
    first = float(job.communicate(timeout=20)[0].split()[0])
    assert first - blocked_at >= 1.0


def test_blocks_in_a_row_grow_and_a_success_ends_the_row(tmp_path: Path) -> None:
    limiter = RunLimiter(tmp_path, None, 0.02)
    pauses = []
    for _ in range(3):
        pauses.append(limiter.block(None))
        limiter.wait()
    assert pauses == pytest.approx([0.02, 0.04, 0.08])
    under_way = time.time() - 1.0
    limiter.succeeded(under_way)
    assert limiter.block(None) == pytest.approx(0.16)
    limiter.succeeded(limiter.wait())
    assert limiter.block(None) == pytest.approx(0.02)


@pytest.mark.parametrize("asked_s", [0.0, -5.0, 0.01])
def test_a_source_that_asks_for_less_than_the_backoff_does_not_use_up_the_blocks(
    asked_s: float, tmp_path: Path
) -> None:
    limiter = RunLimiter(tmp_path, None, 0.02)
    first_at, pauses = time.time(), []
    for _ in range(4):
        pauses.append(limiter.block(asked_s))
        limiter.wait()
    assert pauses == pytest.approx([0.02, 0.04, 0.08, 0.16])
    assert time.time() - first_at >= 0.3
    assert limiter.block(2.0) == 2.0  # more than 0.32 s: as the source asks


def test_refusals_of_requests_under_way_count_as_one(tmp_path: Path) -> None:
    limiter = RunLimiter(tmp_path, None, 5.0)
    assert [limiter.block(None) for _ in range(4)] == [5.0] * 4


def test_a_source_that_refuses_on_and_on_ends_the_job(tmp_path: Path) -> None:
    limiter = RunLimiter(tmp_path, None, 0.001)
    for _ in range(MAX_BLOCKS):
        limiter.block(0.0)
        limiter.wait()
    line = (
        r"refused 10 times in a row .* until \d\d:\d\d:\d\d: lower fetch.clips_per_hour, or give "
        r"fetch.cookies .* PO token .*rate_limit.json to ask now"
    )
    with pytest.raises(HearsayError, match=line):
        limiter.block(None)
    same = RunLimiter(tmp_path, None, 0.001)
    for ask in (limiter.wait, limiter.hold, same.wait, same.hold):
        with pytest.raises(HearsayError, match=line):
            ask()
    RunLimiter(tmp_path, None, 0.001, way="with cookies").wait()  # another way may go on at once


def test_what_was_given_up_is_tried_again_later(tmp_path: Path) -> None:
    limiter = RunLimiter(tmp_path, None, 0.001)
    (tmp_path / "rate_limit.json").write_text(json.dumps({"given_up": {"": time.time() + 60}}))
    with pytest.raises(HearsayError, match="refused 10 times"):
        limiter.wait()
    (tmp_path / "rate_limit.json").write_text(json.dumps({"given_up": {"": time.time() - 1}}))
    limiter.wait()
    assert limiter.block(None) == 0.001


def next_slot(run_folder: Path) -> float:
    return json.loads((run_folder / "rate_limit.json").read_text())["next_slot"]


def test_slots_of_a_slow_rate_do_not_outlive_it(tmp_path: Path) -> None:
    slow = RunLimiter(tmp_path, 0.1, 0.1)  # ten hours a clip
    slow.wait()
    assert next_slot(tmp_path) > time.time() + 35_000
    started_at = time.time()
    limiter = RunLimiter(tmp_path, 3600 / 0.2, 0.1)
    first, second = limiter.wait(), limiter.wait()
    assert first >= started_at + 0.2, "one interval of its own at least"
    assert second >= first + 0.2 - 0.1, "and the clips after it in turn"
    assert next_slot(tmp_path) < time.time() + 1


def test_two_rates_at_once_do_not_cancel_each_others_slots(tmp_path: Path) -> None:
    limiters = [RunLimiter(tmp_path, 3600 / interval_s, 0.1) for interval_s in (0.02, 0.05)]
    for limiter in limiters:
        limiter.wait()
    first = next_slot(tmp_path)
    for _ in range(4):
        for limiter in limiters:
            limiter.wait()
    assert next_slot(tmp_path) >= first + 4 * (0.02 + 0.05) - 1e-4


def test_those_who_wait_do_not_pass_together_when_a_block_ends(tmp_path: Path) -> None:
    interval_s = 0.15
    limiter = RunLimiter(tmp_path, 3600 / interval_s, 0.1)
    limiter.wait()
    passed: list[float] = []
    threads = [threading.Thread(target=lambda: passed.append(limiter.wait())) for _ in range(4)]
    for thread in threads:
        thread.start()
    limiter.block(1.0)
    for thread in threads:
        thread.join(20)
    after = sorted(passed)[-3:]  # one slot may have been taken just before the block
    assert after[2] - after[0] > 1.5 * interval_s


def test_a_long_block_is_told_once_with_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stop = threading.Event()
    limiter = RunLimiter(tmp_path, None, 0.1, stop)
    limiter.block(retry_after_s=600.0)
    threads = [threading.Thread(target=ask) for ask in (limiter.wait, limiter.hold)]
    with caplog.at_level(logging.ERROR):
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        stop.set()
        for thread in threads:
            thread.join(10)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert "all jobs wait until" in told[0] and "give fetch.cookies" in told[0]


def test_a_stopped_job_does_not_wait(tmp_path: Path) -> None:
    stop = threading.Event()
    limiter = RunLimiter(tmp_path, None, 0.1, stop)
    limiter.block(retry_after_s=60.0)
    threading.Timer(0.1, stop.set).start()
    started = time.monotonic()
    limiter.wait()
    assert time.monotonic() - started < 5.0


def test_without_a_limit_nobody_waits_and_a_torn_state_is_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "rate_limit.json").write_text('{"next_slot": 1')
    limiter = RunLimiter(tmp_path, None, 0.1)
    started = time.monotonic()
    for _ in range(50):
        limiter.wait()
    assert time.monotonic() - started < 1.0
    limiter.block(1.0)
    assert json.loads((tmp_path / "rate_limit.json").read_text())["blocks"] == 1
