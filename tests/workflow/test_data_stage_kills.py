"""A data stage on a bad server, killed and started again (benchmarks/bench_data_stage.py)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT

pytestmark = pytest.mark.slow


def test_a_killed_data_stage_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    script = [sys.executable, str(ROOT / "benchmarks" / "bench_data_stage.py")]
    sizes = ["--clips", "60", "--shard-size", "30", "--kills", "2"]
    places = ["--folder", str(tmp_path / "run"), "--output", str(report)]
    result = subprocess.run([*script, *sizes, *places], capture_output=True, text=True, timeout=900)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    found = json.loads(report.read_text())
    planned, status = found["planned_faults"], found["status"]
    assert status["not_found"] == planned["404"] + planned["410"]
    assert status["forbidden"] == planned["403"]
    assert status["network"] == planned["cut short"] + planned["reset"] + planned["500"]
    assert status["corrupt"] == planned["half a film"] + planned["noise"]
    assert status["unknown"] == planned["page"]
    assert status["ok"] == planned["none"] + planned["429 once"]
    assert found["files_compared"] > 60
