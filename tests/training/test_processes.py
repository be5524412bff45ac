"""Several processes on one machine, joined over loopback as on several GPUs."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from hearsay.training.load import read_model


def command(small: Any, options: dict[str, Any], folder: Path, **changes: Any) -> list[str]:
    """Return the command line of `train_run` as the workflow's rule gives it."""
    given = {
        "method": "vip_ant",
        "stage": "audio_image",
        "seed": 0,
        "options": json.dumps(options),
        "data": small.data.root,
        "weights": small.weights,
        "folder": folder,
        "device": "cpu",
        "threads": 1,
        "readers": 1,
        "checkpoint-minutes": 60,
        "compile-network": "false",
        "processes": 1,
        **changes,
    }
    line = [sys.executable, "-m", "hearsay.cli", "--log", f"{folder}.log", "train_run"]
    for name, value in given.items():
        line += [f"--{name}", str(value)]
    return line


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def run(line: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(line, env=environment(), capture_output=True, text=True, timeout=120)


VARIANTS: dict[str, dict[str, Any]] = {
    "random": {"image_choice": "random"},
    "nearest": {"image_choice": "nearest", "nearest_from_epoch": 1},
    "pairwise": {"image_choice": "nearest_of_pairs"},
    "all": {"image_choice": "all", "segments": 4},
    "all_unnormalised": {"image_choice": "all_unnormalised", "segments": 4},
}
# Of the optimizers LARS alone leaves a gradient of zero at zero: Adam makes steps of its noise.
SHORT = {"epochs": 2, "optimizer": "lars", "learning_rate": 0.5}

PROGRAM = """
import json, os, sys
from pathlib import Path
import torch
from hearsay.layout import DatasetFiles
from hearsay.training.options import Machine
from hearsay.training.run import train_run
given = json.loads(sys.argv[1])
if "WORLD_SIZE" in os.environ:  # one group for all trainings
    torch.distributed.init_process_group("gloo")
for name, options in given["variants"].items():
    folder, stages = Path(given["folder"]) / name, ["audio_image"]
    if name == "random":
        stages.append("audio_text")
    for stage in stages:
        init = folder / "audio_image" / "model.pt" if stage == "audio_text" else None
        train_run(name, stage, 0, options, DatasetFiles(Path(given["root"]), 3),
                  Path(given["weights"]), init, None, folder / stage,
                  Machine("cpu", 1, 1, 60, False))
"""


def test_two_processes_train_as_one(small: Any, options: dict[str, Any], tmp_path: Path) -> None:
    given = {
        "variants": {name: {**options, **SHORT, **own} for name, own in VARIANTS.items()},
        "root": str(small.data.root),
        "weights": str(small.weights),
    }
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for folder, before in (("one", []), ("two", launcher)):
        arguments = json.dumps({**given, "folder": str(tmp_path / folder)})
        result = run([sys.executable, *before, str(program), arguments])
        assert result.returncode == 0, result.stderr
    for name, stage in [*((name, "audio_image") for name in VARIANTS), ("random", "audio_text")]:
        one, two = (tmp_path / count / name / stage for count in ("one", "two"))
        losses = [pd.read_parquet(f / "history.parquet")[["loss", "val_loss"]] for f in (one, two)]
        assert losses[0].to_numpy() == pytest.approx(losses[1].to_numpy(), abs=1e-5), name
        weights = [read_model(folder / "model.pt")["last"] for folder in (one, two)]
        for weight, value in weights[0].items():
            torch.testing.assert_close(value, weights[1][weight], atol=1e-5, rtol=1e-4)
        choices = [pd.read_parquet(folder / "choices.parquet") for folder in (one, two)]
        pd.testing.assert_frame_equal(*choices)
        chooses = name in ("random", "nearest") and stage == "audio_image"
        assert len(choices[0]) == (2 * 32 if chooses else 0)
        record = json.loads((two / "run.json").read_text())
        assert record["hardware"]["processes"] == 2
        assert not (two / "checkpoint.pt").exists()


@pytest.mark.parametrize("processes", [1, 2])
def test_sigterm_saves_and_the_same_command_ends_in_the_same_weights(
    small: Any, options: dict[str, Any], tmp_path: Path, processes: int
) -> None:
    options = {**options, "epochs": 30}
    folder = tmp_path / "stopped"
    line = command(small, options, folder, processes=processes)
    process = subprocess.Popen(line, env=environment(), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (folder / "checkpoint.pt").is_file():  # trains
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "told to stop (SIGTERM)" in errors and "all is saved" in errors
    assert not (folder / "model.pt").exists(), "the run ended before it was told to stop"
    for place in (line, command(small, options, tmp_path / "whole", processes=processes)):
        result = run(place)
        assert result.returncode == 0, result.stderr
    stopped, whole = (read_model(tmp_path / n / "model.pt") for n in ("stopped", "whole"))
    assert all(torch.equal(w, stopped["last"][n]) for n, w in whole["last"].items())
