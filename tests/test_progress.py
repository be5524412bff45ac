import fcntl
import logging
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from hearsay import progress as progress_module
from hearsay.cli import start_log
from hearsay.progress import describe, describe_time, progress


def test_a_log_file_gets_a_line_per_interval(caplog: pytest.LogCaptureFixture) -> None:
    def items():
        for item in "abcd":
            time.sleep(0.02)
            yield item

    with caplog.at_level(logging.INFO, logger="hearsay.progress"):
        assert list(progress(items(), 4, "clip", interval_s=0.03)) == list("abcd")
        lines = [record.getMessage() for record in caplog.records]
        assert 1 <= len(lines) <= 3
        assert lines[0].split(",")[0] in ("2 of 4 clips", "3 of 4 clips")
        caplog.clear()
        assert list(progress(range(100), None, "clip")) == list(range(100))
        assert not caplog.records


@pytest.mark.parametrize(
    ("done", "total", "rate_per_s", "line"),
    [
        (12, 200, 3.14, "12 of 200 clips, 3.1 a second, 1 min left"),
        (150, 200, 2.0, "150 of 200 clips, 2.0 a second, 25 s left"),
        (5, 1000, 300 / 3600, "5 of 1000 clips, 5.0 a minute, 3 h 19 min left"),
        (1, 5, 10 / 3600, "1 of 5 clips, 10.0 an hour, 24 min left"),
        (0, 1_700_000, 2000 / 3600, "0 of 1700000 clips, 33.3 a minute, 35 d 10 h left"),
        (7, None, 1.0, "7 clips, 1.0 a second"),
    ],
)
def test_a_line_says_how_fast_and_how_long(
    done: int, total: int | None, rate_per_s: float, line: str
) -> None:
    assert describe(done, total, "clip", rate_per_s) == line


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (90, "2 min"),
        (3599, "1 h 0 min"),
        (86400 * 2, "2 d 0 h"),
    ],
)
def test_lengths_of_time_are_told_in_one_or_two_units(seconds: float, text: str) -> None:
    assert describe_time(seconds) == text


def test_what_an_earlier_start_has_done_does_not_count_as_fast(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """900 clips are there already; the limit lets 5 a minute through, so 100 take 20 minutes."""
    clock = [1000.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: clock[0])

    def items():
        for number in range(1000):
            clock[0] += 2**-13 if number < 900 else 12.0
            yield number

    with caplog.at_level(logging.INFO, logger="hearsay.progress"):
        assert list(progress(items(), 1000, "clip")) == list(range(1000))
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "905 of 1000 clips, 5.0 a minute, 19 min left"
    assert lines[1] == "910 of 1000 clips, 5.0 a minute, 18 min left"
    assert lines[-1] == "1000 of 1000 clips, 5.0 a minute, 0 s left"


SLOW_WORK = """
import time
from hearsay.progress import progress
for number in progress(range(123_456), 123_456, "clip"):
    if number < 6:
        time.sleep(0.12)
    else:
        break
"""


@pytest.mark.parametrize("num_columns", [40, 80])
def test_no_line_on_a_terminal_is_wider_than_it(num_columns: int) -> None:
    """On a real pseudo-terminal: a line that wraps would leave a new one at each refresh."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, num_columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k != "HEARSAY_PROGRESS"}
    command = [sys.executable, "-c", SLOW_WORK]
    with subprocess.Popen(command, stdout=follower, stderr=follower, env=environment) as process:
        os.close(follower)
        shown = b""
        while True:
            try:
                part = os.read(leader, 4096)
            except OSError:  # Linux, once the other side is closed
                break
            if not part:
                break
            shown += part
    os.close(leader)
    assert process.returncode == 0
    lines = [line for line in re.split(r"[\r\n]+", shown.decode()) if line.strip()]
    assert len(lines) >= 4
    assert max(len(line) for line in lines) <= num_columns
    assert re.search(r"\d/123456 .*clip/s", lines[-1])
    assert re.search(r"\d\d:\d\d", lines[-1])  # time left, here some hours
    assert ("%" in lines[-1]) == (num_columns >= 60)


def test_a_terminal_gets_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.delenv("HEARSAY_PROGRESS", raising=False)  # other tests start a log
    assert list(progress(range(3), 3, "clip")) == [0, 1, 2]
    assert "3/3" in capsys.readouterr().err


def test_a_job_with_a_log_draws_no_bar_on_the_terminal_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("HEARSAY_PROGRESS", "")  # so that what start_log sets is undone
    handlers = logging.getLogger("hearsay").handlers[:]
    try:
        start_log(tmp_path / "job.log")
        assert list(progress(range(3), 3, "clip")) == [0, 1, 2]
    finally:
        logging.getLogger("hearsay").handlers[:] = handlers
    assert capsys.readouterr().err == ""
