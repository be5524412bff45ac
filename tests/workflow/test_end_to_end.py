"""The tiny workflow, run for real."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from tests.workflow.conftest import ROOT, TINY, Workflow

pytestmark = pytest.mark.slow

GPU_RULES = {
    "prepare_clip",
    "embed_images",
    "embed_captions",
    "train_run",
    "score_run",
    "ground_run",
    "build_search_index",
}


def change_epochs(stage: str) -> dict[str, object]:
    return {"families": {"frame_match": {stage: {"epochs": 3}}}}


def test_everything_is_up_to_date_after_a_run(finished: Workflow) -> None:
    assert finished.planned() == Counter()


def test_all_results_lie_under_results(finished: Workflow) -> None:
    names = {path.name for path in finished.folder.iterdir()}
    assert names == {"results", "config.yaml", ".snakemake"}


def test_jobs_that_ask_for_a_card_never_overlap(finished: Workflow) -> None:
    jobs: dict[str, list[tuple[float, float]]] = {}  # a job has a record for each output
    for record in finished.jobs():
        if record["rule"] in GPU_RULES:
            jobs.setdefault(record["log"][0], []).append((record["starttime"], record["endtime"]))
    spans = sorted(
        (min(start for start, _ in times), min(end for _, end in times), log)
        for log, times in jobs.items()
    )
    # Towers, two shards, captions; methods x stages, scored; methods, grounded; one index.
    assert len(spans) == 4 + (3 * 2 + 1) * 2 + 4 + 1
    for (_, end, first), (start, _, second) in pairwise(spans):
        assert end <= start + 1e-3, f"{first} and {second} ran at the same time"


def test_a_changed_option_re_runs_only_what_depends_on_it(finished: Workflow) -> None:
    try:
        finished.configure(TINY, change_epochs("audio_text"))
        text = finished.planned()
        finished.configure(TINY, change_epochs("audio_image"))
        image = finished.planned()
        finished.configure(TINY, {"datasets": {"demo": {"min_peak_dbfs": -70.0}}})
        decoding = finished.planned()
        finished.configure(TINY, {"datasets": {"demo": {"max_missing": {"train": 0.9}}}})
        limit = finished.planned()
    finally:
        finished.configure(TINY)
    assert text["train_run"] == text["score_run"] == 3  # methods of the family; one seed, one stage
    assert image["train_run"] == image["score_run"] == 6  # the second stage starts from the first
    untouched = {"make_demo", "build_index", "fetch_clips", "decode_clips", "prepare_clip"}
    assert not untouched & (set(text) | set(image))
    assert "fetch_clips" not in decoding
    assert decoding["decode_clips"] == 2
    assert limit == {"check_missing": 1}


def test_a_finished_run_can_be_searched(finished: Workflow) -> None:
    command = [sys.executable, "-m", "hearsay.cli", "search"]
    index = "results/search/nearest_match_half/seed0"
    asked = subprocess.run(
        [*command, index, "a dog barks", "--json", "--number", "5"],
        cwd=finished.folder,
        capture_output=True,
        text=True,
    )
    assert asked.returncode == 0, asked.stderr
    answer = json.loads(asked.stdout)
    available = pd.read_parquet(finished.folder / "results/data/demo/availability.parquet")
    assert answer["index"]["num_clips"] == available["available"].sum()
    assert len({hit["clip_id"] for hit in answer["hits"]}) == 5
    assert {hit["clip_id"] for hit in answer["hits"]} <= set(available["clip_id"])


def test_every_clip_has_one_row_that_says_what_became_of_it(finished: Workflow) -> None:
    data = finished.folder / "results" / "data" / "demo"
    table = pd.read_parquet(data / "availability.parquet")
    clips = pd.read_parquet(data / "index" / "clips.parquet")
    assert sorted(table["clip_id"]) == sorted(clips["clip_id"])
    assert 0 < table["available"].sum() < len(table)  # some clips are broken on purpose
    assert (table.loc[~table["available"], "status"] != "ok").all()


def test_scores_carry_chance_interval_weights_and_clips(finished: Workflow) -> None:
    scores = pd.read_csv(
        finished.folder / "results" / "tables" / "scores.csv", keep_default_na=False
    )
    methods = set(TINY["benchmark"]["methods"])
    controls = {"oracle", "random", "all_active", "energy"}
    shuffled = {f"shuffled_phrase.{method}" for method in methods}
    assert set(scores["method"]) == methods | controls | shuffled
    trained = scores[scores["method"].isin(methods)]
    assert set(trained["seed"]) == {0}
    weights = trained.groupby("method")["weights"].unique().map(list).to_dict()
    assert weights.pop("word_align") == ["demo-skipgram"]
    assert list(weights.values()) == [["demo-clip"]] * 3
    assert (scores["ci_low"] <= scores["ci_high"]).all()
    recalls = scores[scores["metric"].str.startswith("R@")]
    assert recalls["value"].between(0, 1).all()
    assert (recalls["chance"] > 0).all()
    assert (scores.groupby("task")["availability"].nunique() == 1).all()


def test_tables_come_from_score_files_alone(finished: Workflow, tmp_path: Path) -> None:
    alone = Workflow(tmp_path / "alone")
    shutil.copytree(finished.folder, alone.folder)
    results = alone.folder / "results"
    before = {
        name: content
        for name, content in alone.tables().items()
        if not name.startswith(("table_words", "table_phrases"))  # count data, not scores
    }
    for gone in ("encoders", "tables", "plots"):
        shutil.rmtree(results / gone)
    for file in (results / "data").rglob("*"):
        if file.is_file() and file.name != "availability.json":
            file.unlink()
    for model in (results / "runs").rglob("model.pt"):
        model.unlink()
    result = alone.run("tables")
    assert result.returncode == 0, result.stdout[-3000:]
    assert alone.tables() == before
    assert not (results / "encoders").exists()


@pytest.mark.parametrize("rule", ["fetch_clips", "train_run"])
def test_killed_in_the_middle_and_started_again_gives_the_same_tables(
    finished: Workflow, tmp_path: Path, rule: str
) -> None:
    """SIGKILL to Snakemake and all its jobs as soon as the rule is under way."""
    killed = Workflow(tmp_path / "killed")
    shutil.copytree(finished.folder, killed.folder)
    _forget_from(killed, rule)
    as_make_does = ["--profile", str(ROOT / "workflow" / "profiles" / "workstation")]
    process = subprocess.Popen(
        killed.command(*as_make_does),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    _wait_for_log(killed, rule, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    result = killed.run(*as_make_does)
    assert result.returncode == 0, result.stdout[-5000:]
    assert killed.tables() == finished.tables()


def _forget_from(workflow: Workflow, rule: str) -> None:
    """Remove what `rule` and all after it wrote, as if they had not begun."""
    results = workflow.folder / "results"
    data = results / "data" / "demo"
    removed = [results / "runs", results / "tables", results / "plots", results / "logs" / rule]
    if rule == "fetch_clips":
        stages = ("clips", "audio", "images", "decode", "fbank", "image_embeddings")
        removed += [data / stage for stage in stages]
        removed += [results / "encoders"]
        for name in ("availability", "caption_embeddings"):
            for file in data.glob(f"{name}.*"):
                file.unlink()
    for folder in removed:
        shutil.rmtree(folder)


def _wait_for_log(
    workflow: Workflow, rule: str, process: subprocess.Popen[bytes], limit_s: float = 120
) -> None:
    """Wait until a job of `rule` has begun to work and has written something of its own."""
    results = workflow.folder / "results"
    signs = {
        "fetch_clips": lambda: list((results / "data" / "demo" / "clips").rglob("*.mp4")),
        "train_run": lambda: list((results / "runs").rglob("checkpoint.pt")),
    }
    began = time.monotonic()
    while not signs[rule]():
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() - began < limit_s
        time.sleep(0.02)
