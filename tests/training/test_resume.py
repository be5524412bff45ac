"""Trainings that are interrupted, killed, or find a checkpoint that is not theirs."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from small_runs import same, train

from hearsay.errors import HearsayError
from hearsay.methods import frame_match
from hearsay.training import loop as loop_module
from hearsay.training import order as order_module
from hearsay.training import run as run_module
from hearsay.training.stop import StopRequest

PROGRAM = """
import json, sys
from pathlib import Path
from hearsay.layout import DatasetFiles
from hearsay.training.options import Machine
from hearsay.training.run import train_run
given = json.loads(sys.argv[1])
train_run("vip_ant", "audio_image", 0, given["options"], DatasetFiles(Path(given["root"]), 3),
          Path(given["weights"]), None, None, Path(given["folder"]),
          Machine("cpu", 1, 1, given["checkpoint_minutes"], False))
"""


@pytest.mark.parametrize("optimizer", ["adamw", "lars"])
def test_an_interrupted_run_ends_in_the_same_weights(
    small: Any,
    options: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    optimizer: str,
) -> None:
    options = {**options, "optimizer": optimizer, "learning_rate": 0.01}
    whole = train(small, options, tmp_path / "whole")
    # The process dies once two epochs are saved: nothing after the third save happens.
    save, saved = run_module.Checkpoint.save, []

    def save_and_die(self: Any, state: dict[str, Any]) -> None:
        save(self, state)
        saved.append(state["progress"]["epoch"])
        if len(saved) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run_module.Checkpoint, "save", save_and_die)
        with pytest.raises(KeyboardInterrupt):
            train(small, options, tmp_path / "cut")
    assert (tmp_path / "cut/checkpoint.pt").is_file()
    assert not (tmp_path / "cut/model.pt").exists()
    resumed = []
    monkeypatch.setattr(
        run_module.Checkpoint,
        "save",
        lambda self, state: (save(self, state), resumed.append(state["progress"]["epoch"])),
    )
    cut = train(small, options, tmp_path / "cut")
    assert resumed == [3, 4]
    assert same(whole["last"], cut["last"]) and same(whole["best"], cut["best"])
    columns = ["epoch", "step", "loss", "val_loss", "learning_rate", "logit_scale"]
    pd.testing.assert_frame_equal(
        *(pd.read_parquet(tmp_path / n / "history.parquet")[columns] for n in ("whole", "cut"))
    )
    assert not (tmp_path / "cut/checkpoint.pt").exists()


def test_a_killed_process_goes_on_to_the_same_weights(
    small: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    options = {**options, "epochs": 60}  # long enough to be killed in the middle
    folder = tmp_path / "killed"
    given = {
        "options": options,
        "root": str(small.data.root),
        "weights": str(small.weights),
        "folder": str(folder),
        "checkpoint_minutes": 60,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, json.dumps(given)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    deadline = time.monotonic() + 60
    while not (folder / "checkpoint.pt").is_file():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / "model.pt").exists(), "the run ended before it was killed"
    killed = train(small, options, folder)
    assert same(killed["last"], train(small, options, tmp_path / "whole")["last"])
    assert sorted(path.name for path in folder.iterdir()) == [
        "choices.parquet",
        "history.parquet",
        "model.pt",
        "run.json",
    ]


def test_a_checkpoint_of_other_options_is_refused_and_kept(
    small: Any, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(run_module.Checkpoint, "remove", lambda self: None)
        train(small, options, tmp_path)
    other = {**options, "learning_rate": 0.1, "masks": {"max_bins": 2, "max_frames": 8}}
    with pytest.raises(
        HearsayError,
        match=r"learning_rate 0.003 instead of 0.1, masks.max_bins 4 instead of 2; remove it",
    ):
        train(small, other, tmp_path)
    assert (tmp_path / "checkpoint.pt").is_file()


def test_a_checkpoint_of_another_subset_is_refused(
    small: Any, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(run_module.Checkpoint, "remove", lambda self: None)
        train(small, options, tmp_path)
    subset = tmp_path / "mine.txt"
    subset.write_text("\n".join(small.clip_ids[:20]))
    with pytest.raises(HearsayError, match=r"subset None instead of .*mine.txt; remove it"):
        train(small, options, tmp_path, subset=subset)


def test_reading_in_blocks_trains_to_the_end_and_resumes_inside_an_epoch(
    small: Any, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {**options, "read_block": 4}
    monkeypatch.setattr(loop_module, "window_size", lambda block: 12)  # three windows an epoch
    monkeypatch.setattr(
        loop_module, "epoch_order", lambda n, block, g: order_module.epoch_order(n, block, g, 12)
    )
    whole = train(small, options, tmp_path / "whole")
    stop = StopRequest()
    steps = []
    family_loss = frame_match.FrameMatch.loss

    def loss_and_stop(self: Any, network: Any, *rest: Any) -> Any:
        if network.training:
            steps.append(1)
            stop.requested = len(steps) == 7  # in the middle of the second epoch
        return family_loss(self, network, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "watch_for_stop", lambda: nullcontext(stop))
        patch.setattr(frame_match.FrameMatch, "loss", loss_and_stop)
        with pytest.raises(HearsayError, match="told to stop"):
            train(small, options, tmp_path / "cut")
    assert same(whole["last"], train(small, options, tmp_path / "cut")["last"])


def test_a_checkpoint_of_garbage_is_set_aside(
    small: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    expected = train(small, options, tmp_path / "whole")["last"]
    (tmp_path / "garbage").mkdir()
    (tmp_path / "garbage/checkpoint.pt").write_bytes(b"garbage")
    assert same(expected, train(small, options, tmp_path / "garbage")["last"])
    assert (tmp_path / "garbage/checkpoint.old.pt").read_bytes() == b"garbage"


def test_a_checkpoint_of_other_features_is_set_aside(
    small: Any, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(run_module.Checkpoint, "remove", lambda self: None)
        train(small, options, tmp_path)
    array = small.data.shards("fbank", ".npy")[0]
    os.utime(array, ns=(array.stat().st_atime_ns, array.stat().st_mtime_ns + 1))
    epochs = []
    save = run_module.Checkpoint.save
    monkeypatch.setattr(
        run_module.Checkpoint,
        "save",
        lambda self, state: (save(self, state), epochs.append(state["progress"]["epoch"])),
    )
    train(small, options, tmp_path)
    assert epochs == [1, 2, 3, 4]
