"""The benchmarks of docs/scale.md at small sizes: they run, and what they make is what they say."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.conftest import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmarks read /proc")


def run_bench(name: str, *arguments: object) -> str:
    script = [sys.executable, str(ROOT / "benchmarks" / name), *map(str, arguments)]
    result = subprocess.run(script, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return result.stdout


def read_report(path: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(path.read_text())
    return report


def test_scoring_of_captions_gives_all_records_and_their_files() -> None:
    result = json.loads(
        run_bench("bench_scores.py", "--task", "audio_text", "--clips", 40, "--resamples", 10)
    )
    assert result["records"] == 10 + 4  # two directions of five metrics; of drawn candidates, two
    assert result["vectors_mb"] == 0 and result["beyond_vectors_mb"] < 100


def test_an_epoch_is_read_whole_and_its_shards_are_removed(tmp_path: Path) -> None:
    sizes = ["--gigabytes", 0.02, "--warm-gigabytes", 0.01, "--shard-size", 20, "--readers", 1]
    work, report = tmp_path / "work", tmp_path / "report.json"
    work.mkdir()
    run_bench("bench_read.py", *sizes, "--batch-size", 10, "--folder", work, "--output", report)
    results = read_report(report)["results"]
    assert results["blocks, cold"]["clips"] == results["random, cold"]["clips"] == 80
    assert results["blocks, warm"]["clips"] == 20
    assert not any(work.iterdir())


@pytest.mark.slow
def test_searching_is_measured_with_its_memory_and_recall(tmp_path: Path) -> None:
    sizes = ["--vectors", 6000, "--width", 16, "--centres", 60, "--queries", 20]
    report = tmp_path / "report.json"
    run_bench("bench_search.py", *sizes, "--cells", 16, "--probed", 8, "--output", report)
    result = read_report(report)
    assert result["exact"]["build_kind"] == "exact"
    assert result["approximate"]["build_kind"] == "approximate"
    assert result["recall_at_10"] >= 0.95
    assert result["exact"]["anonymous_growth_mb"] < 5


@pytest.mark.slow
def test_the_sizes_of_the_planning_bench_are_what_they_are_called(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    run_bench("bench_graph.py", "--sizes", "about 1,000 jobs", "--output", report)
    results = read_report(report)["results"]
    assert results["one index"]["jobs"] == 4
    assert 950 <= results["about 1,000 jobs"]["jobs"] <= 1050


@pytest.mark.slow
def test_a_stage_of_stand_ins_runs_every_step_on_the_tables_that_they_lay_out(
    tmp_path: Path,
) -> None:
    report, work = tmp_path / "report.json", tmp_path / "work"
    work.mkdir()
    sizes = ["--clips", 1000, "--captioned-clips", 200, "--shard-size", 200, "--cores", 2]
    run_bench("bench_scale.py", *sizes, "--folder", work, "--output", report)
    found = read_report(report)
    assert found["stand_in_jobs"] == 2 * (5 + 1)
    splits = found["splits"]
    assert sum(split["listed"] for split in splits.values()) == 1000
    assert splits["train"]["excluded"] == 20 + 20  # AudioCaps' val and test are of this list
    missing = splits["train"]["listed"] - splits["train"]["excluded"] - splits["train"]["available"]
    assert 0.12 < missing / splits["train"]["listed"] < 0.26
    assert {"build_index audioset", "collect_availability audioset", "check_subset"} <= set(
        found["steps"]
    )
    assert "start of train_run" in found["steps"]
    assert not any(work.iterdir())
