"""The cluster, and one disturbed run of the tiny workflow on it beside an undisturbed one."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from tests.slurm.two_nodes import NODES, TwoNodeCluster, ask, find_obstacle, tell, wait_until
from tests.workflow.conftest import ROOT, TINY, Workflow

PROFILE = ROOT / "workflow" / "profiles" / "slurm"
# LARS leaves a gradient of zero at zero, so processes that share a batch train as one does.
LARS = {"optimizer": "lars", "learning_rate": 0.5, "epochs": 60}
SMALL = {
    "benchmark": {"methods": ["vip_ant"], "phrase_grounding": False},
    "datasets": {"demo": {"shard_size": 36}},
    "families": {"frame_match": {"audio_image": LARS, "audio_text": LARS}},
}
# What differs on this cluster; all else is the profile's.
HERE = {
    "slurm-status-command": "squeue",
    "slurm-init-seconds-before-status-checks": 2,  # and again 12 later, when most are done
    "latency-wait": 10,
    "max-jobs-per-timespan": "1000/5s",
    "jobs": 4,
}


def write_profile(folder: Path, **of_train_run: Any) -> Path:
    """Write the repository's profile for this cluster, with other resources of train_run."""
    profile = {**yaml.safe_load((PROFILE / "profile.yaml").read_text()), **HERE}
    profile["set-resources"]["train_run"].update(of_train_run)
    folder.mkdir(exist_ok=True)
    shutil.copy(PROFILE / "partitions.yaml", folder)
    (folder / "profile.yaml").write_text(yaml.safe_dump(profile))
    return folder


def start(workflow: Workflow, *arguments: str) -> subprocess.Popen[bytes]:
    """Start Snakemake; what it prints goes to the file printed.log of its folder."""
    snakemake = workflow.command()[:-2]  # how many cores or jobs, the arguments say
    with (workflow.folder / "printed.log").open("wb") as log:
        command = [*snakemake, *arguments]
        return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)


def finish(workflow: Workflow, snakemake: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for Snakemake; AssertionError with what it printed where it fails."""
    status = snakemake.wait(seconds)
    assert status == 0, (workflow.folder / "printed.log").read_text()[-5000:]


def shown_jobs() -> list[dict[str, str]]:
    """Read `scontrol show job`: a dict a job, oldest first, those that have ended too."""
    jobs = [
        dict(word.split("=", 1) for word in line.split() if "=" in word)
        for line in ask("scontrol", "--oneliner", "show", "job").splitlines()
    ]
    return sorted(jobs, key=lambda job: int(job["JobId"]))


def jobs_of(comment: str) -> list[dict[str, str]]:
    """The jobs of a rule and its wildcards, by the comment that Snakemake gives them."""
    return [job for job in shown_jobs() if job.get("Comment") == comment]


def state(comment: str) -> str:
    """The state of the first job of a rule and its wildcards; nothing while SLURM is silent."""
    return next((job["JobState"] for job in jobs_of(comment)), "")


@dataclass
class DisturbedRun:
    """What a run on the cluster left, and what was done to it.

    Attributes:
        submitted: the workflow whose jobs went to the cluster.
        local: the same on this machine alone.
        jobs: of `shown_jobs` at the end.
        said: what a job's program said when it was stopped, by what was done to it.
    """

    submitted: Workflow
    local: Workflow
    jobs: list[dict[str, str]] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)
    waited_for_a_node: bool = False


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoNodeCluster]:
    obstacle = find_obstacle()
    if obstacle:
        pytest.skip(f"SLURM: {obstacle}")
    cluster = TwoNodeCluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def disturbed(cluster: TwoNodeCluster, tmp_path_factory: pytest.TempPathFactory) -> DisturbedRun:
    workflows = [Workflow(tmp_path_factory.mktemp(name)) for name in ("submitted", "local")]
    for workflow in workflows:
        workflow.configure(TINY, SMALL)
    run = DisturbedRun(*workflows)
    profile = write_profile(run.submitted.folder.parent / "profile")
    local = start(run.local, "--cores", "1")
    submitted = start(run.submitted, "--profile", str(profile))
    try:
        meet_time_limit(run)
        cancel_while_drained(run)
        finish(run.local, local, 400)
        finish(run.submitted, submitted, 400)
    finally:
        for snakemake in (local, submitted):
            if snakemake.poll() is None:
                os.killpg(snakemake.pid, signal.SIGKILL)
    run.jobs = shown_jobs()
    return run


def meet_time_limit(run: DisturbedRun) -> None:
    """Let the first training reach its time limit in the middle, on a machine of any speed."""
    comment, process = in_training(run, "audio_image")
    process.send_signal(signal.SIGSTOP)  # SLURM wakes what it ends
    job = jobs_of(comment)[-1]["JobId"]
    tell("scontrol", "update", f"JobId={job}", "EndTime=now+1")
    wait_until(lambda: state(comment) == "TIMEOUT", "the time limit", 120)
    run.said["time limit"] = program_log(run, "audio_image")


def cancel_while_drained(run: DisturbedRun) -> None:
    """Cancel the second training while no node takes jobs; bring the nodes back when it waits."""
    comment, process = in_training(run, "audio_text")
    process.send_signal(signal.SIGSTOP)
    for node in NODES:
        tell("scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=test")
    tell("scancel", jobs_of(comment)[-1]["JobId"])
    wait_until(lambda: state(comment) == "CANCELLED", "scancel", 60)
    run.said["scancel"] = program_log(run, "audio_text")
    wait_until(lambda: len(jobs_of(comment)) == 2, "the second try", 120)
    time.sleep(3)
    run.waited_for_a_node = jobs_of(comment)[-1]["JobState"] == "PENDING"
    for node in NODES:
        tell("scontrol", "update", f"NodeName={node}", "State=RESUME")


def in_training(run: DisturbedRun, stage: str) -> tuple[str, psutil.Process]:
    """Wait until a training has saved itself; return the comment of its job, and its process."""
    folder = run.submitted.folder / "results/runs/vip_ant/seed0" / stage
    wait_until((folder / "checkpoint.pt").is_file, f"the training of {stage}", 300)
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        is_hearsay = any(Path(word).name == "hearsay" for word in words)
        if process.info["cwd"] == str(run.submitted.folder) and is_hearsay and "train_run" in words:
            break
    else:
        pytest.fail(f"the training of {stage} ended before it was disturbed; give it more epochs")
    return f"rule_train_run_wildcards_vip_ant_0_{stage}", process


def program_log(run: DisturbedRun, stage: str) -> str:
    log = run.submitted.folder / f"results/logs/train_run/vip_ant/seed0/{stage}.log"
    return log.read_text()
