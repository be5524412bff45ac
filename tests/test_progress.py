import logging
import time
from pathlib import Path

import pytest

from hearsay.cli import start_log
from hearsay.progress import progress


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
