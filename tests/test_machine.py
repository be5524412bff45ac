"""Which cards a job computes on."""

import os
import subprocess
import sys

import pytest

from hearsay.machine import claim_cards, list_cards

PROGRAM = """
import os, sys
from hearsay.machine import claim_cards
claim_cards(int(sys.argv[1]))
print(os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
sys.stdin.read()  # holds its cards until it is told to end
"""


def start(number: int) -> "subprocess.Popen[str]":
    environment = {"CUDA_VISIBLE_DEVICES": "70,71,72,73", "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(number)],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def cards_of(job: "subprocess.Popen[str]") -> str:
    assert job.stdout is not None
    return job.stdout.readline().strip()


def test_jobs_side_by_side_take_different_cards_and_leave_them_at_their_end() -> None:
    jobs = []
    seen = []
    for number in (1, 2, 1):
        jobs.append(start(number))
        seen.append(cards_of(jobs[-1]))
    jobs[1].communicate("")
    jobs.append(start(2))
    seen.append(cards_of(jobs[-1]))
    for job in (jobs[0], jobs[2], jobs[3]):
        job.communicate("")
    assert seen == ["70", "71,72", "73", "71,72"]


def test_a_job_that_needs_all_cards_sees_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "80,81")
    assert claim_cards(2) == []
    assert list_cards() == ["80", "81"]


def test_cards_end_at_the_first_negative_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, GPU-1f2e,-1,0")
    assert list_cards() == ["3", "GPU-1f2e"]
