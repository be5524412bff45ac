"""The workflow through sbatch, on a real SLURM."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from hearsay.training.load import read_model
from tests.slurm.conftest import SMALL, DisturbedRun, finish, start, write_profile
from tests.workflow.conftest import TINY, Workflow
from tests.workflow.test_end_to_end import GPU_RULES

pytestmark = pytest.mark.slow

MODEL = "results/runs/vip_ant/seed0/{stage}/model.pt"
TWO_NODES = {
    "nodes": 2,
    "tasks": 2,
    "tasks_per_gpu": 0,
    "mpi": "srun",
    "launcher": "srun --nodes=2 --ntasks=2 --ntasks-per-node=1 --cpus-per-task=1 --gpus=2"
    # Beside what docs/cluster.md says: each node leaves its number.
    """ bash -c 'echo $SLURM_NODEID >> nodes.txt; exec "$@"' -"""
    " torchrun --nnodes=2 --nproc-per-node=1 --rdzv-backend=c10d"
    " --rdzv-endpoint=$(hostname):29400 --rdzv-id=$SLURM_JOB_ID --no-python --",
}


def states(run: DisturbedRun, comment: str) -> list[str]:
    return [job["JobState"] for job in run.jobs if job.get("Comment") == comment]


def weights(workflow: Workflow, stage: str) -> dict[str, Any]:
    return dict(read_model(workflow.folder / MODEL.format(stage=stage))["last"])


def test_every_job_went_through_sbatch_and_gave_what_one_machine_gives(
    disturbed: DisturbedRun,
) -> None:
    assert disturbed.submitted.tables() == disturbed.local.tables()
    rules = {record["rule"] for record in disturbed.local.jobs()}
    comments = {job["Comment"] for job in disturbed.jobs}
    assert {c.removeprefix("rule_").split("_wildcards_")[0] for c in comments} == rules


def test_a_training_that_meets_its_time_limit_goes_on_to_the_same_weights(
    disturbed: DisturbedRun,
) -> None:
    comment = "rule_train_run_wildcards_vip_ant_0_audio_image"
    assert states(disturbed, comment) == ["TIMEOUT", "COMPLETED"]
    assert "told to stop (SIGTERM)" in disturbed.said["time limit"]
    assert "all is saved" in disturbed.said["time limit"]
    assert_same_run(disturbed, "audio_image")


def test_a_cancelled_training_waits_for_a_node_and_goes_on_to_the_same_weights(
    disturbed: DisturbedRun,
) -> None:
    comment = "rule_train_run_wildcards_vip_ant_0_audio_text"
    assert states(disturbed, comment) == ["CANCELLED", "COMPLETED"]
    assert "told to stop (SIGTERM)" in disturbed.said["scancel"]
    assert disturbed.waited_for_a_node
    assert_same_run(disturbed, "audio_text")


def assert_same_run(run: DisturbedRun, stage: str) -> None:
    expected, found = weights(run.local, stage), weights(run.submitted, stage)
    assert all(torch.equal(weight, found[name]) for name, weight in expected.items())
    folders = [(w.folder / MODEL.format(stage=stage)).parent for w in (run.local, run.submitted)]
    histories = [pd.read_parquet(folder / "history.parquet")["loss"] for folder in folders]
    pd.testing.assert_series_equal(*histories)
    assert not (folders[1] / "checkpoint.pt").exists()


def test_rules_that_compute_on_a_card_ask_for_one_and_the_others_for_none(
    disturbed: DisturbedRun,
) -> None:
    for job in disturbed.jobs:
        rule = job["Comment"].removeprefix("rule_").split("_wildcards_")[0]
        # Later versions of SLURM write gres/gpu.
        asked = (job["Partition"], job.get("TresPerJob", "").replace("/", ":"))
        assert asked == (("gpu", "gres:gpu:1") if rule in GPU_RULES else ("cpu", "")), rule


def test_jobs_ask_for_the_profiles_memory_and_minutes_and_for_more_at_a_second_try(
    disturbed: DisturbedRun,
) -> None:
    comment = "rule_train_run_wildcards_vip_ant_0_audio_text"
    tries = [job for job in disturbed.jobs if job["Comment"] == comment]
    asked = [(job["MinMemoryNode"], job["TimeLimit"]) for job in tries]
    assert asked == [("8000M", "12:00:00"), ("16000M", "1-00:00:00")]


@pytest.mark.parametrize("resources", [{}, TWO_NODES], ids=["one node", "two nodes"])
def test_processes_of_one_node_and_of_two_train_as_one_does(
    disturbed: DisturbedRun, tmp_path: Path, resources: dict[str, Any]
) -> None:
    folder = shutil.copytree(disturbed.submitted.folder, tmp_path / "run")
    workflow, model = Workflow(folder), MODEL.format(stage="audio_image")
    workflow.configure(TINY, SMALL, {"training": {"gpus": 2}})
    (folder / model).unlink()
    profile = write_profile(tmp_path / "profile", **resources)
    finish(workflow, start(workflow, model, "--profile", str(profile)), 300)
    expected = weights(disturbed.local, "audio_image")
    for name, weight in weights(workflow, "audio_image").items():
        torch.testing.assert_close(weight, expected[name], atol=1e-5, rtol=1e-4)
    record = json.loads((folder / model).with_name("run.json").read_text())
    assert record["hardware"]["processes"] == 2
    named = folder / "nodes.txt"
    nodes = sorted(named.read_text().split()) if named.exists() else []
    assert nodes == (["0", "1"] if resources else [])
