import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from hearsay.encoders.frozen import FrozenEncoders
from hearsay.encoders.image_tower import read_image_tower
from hearsay.errors import HearsayError
from hearsay.methods import frame_match
from hearsay.training import loop as loop_module
from hearsay.training import order as order_module
from hearsay.training import run as run_module
from hearsay.training.load import embed_clips, load_run, read_model
from hearsay.training.options import Machine
from hearsay.training.run import train_run
from hearsay.training.stop import StopRequest

CPU = torch.device("cpu")


def train(small: Any, options: dict[str, Any], folder: Path, **changes: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "method": "vip_ant",
        "stage": "audio_image",
        "seed": 0,
        "options": options,
        "data": small.data,
        "weights": small.weights,
        "init": None,
        "subset": None,
        "folder": folder,
        "machine": Machine("cpu", threads=1, readers=1, checkpoint_minutes=60, compile=False),
        **changes,
    }
    train_run(**arguments)
    return read_model(folder / "model.pt")


def towers(weights: Path) -> FrozenEncoders:
    return FrozenEncoders(read_image_tower(weights))


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_a_run_writes_its_files_and_learns(
    small: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    model = train(small, {**options, "epochs": 12}, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "choices.parquet",
        "history.parquet",
        "model.pt",
        "run.json",
    ]
    history = pd.read_parquet(tmp_path / "history.parquet")
    assert history.columns.tolist() == [
        "epoch", "step", "loss", "val_loss", "learning_rate", "logit_scale", "clips_per_s",
        "peak_memory_mb", "seconds",
    ]  # fmt: skip
    assert history["epoch"].tolist() == list(range(12))
    assert history["step"].tolist() == [4 * epoch for epoch in range(1, 13)]  # 34 clips in 8s
    assert history["val_loss"].iloc[-1] < 0.7 * history["val_loss"].iloc[0]
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["num_train_clips"] == 34
    assert record["best_epoch"] == int(history["val_loss"].idxmin())
    assert record["availability"] == "0123456789ab"
    assert record["weights"] == "small-clip"
    assert record["versions"]["torch"].startswith("2.")
    assert model["statistics"] == {"mean": -4.4, "std": 3.8}
    assert not same(model["last"], model["best"]) or record["best_epoch"] == 11


def test_same_seed_gives_the_same_weights_and_another_seed_others(
    small: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    first = train(small, options, tmp_path / "a")
    assert same(first["last"], train(small, options, tmp_path / "b")["last"])
    assert not same(first["last"], train(small, options, tmp_path / "c", seed=1)["last"])


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


def test_a_stage_does_not_go_on_from_another_tower_of_the_same_sizes(
    small: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    train(small, {**options, "epochs": 1}, tmp_path / "one")
    weights = torch.load(small.weights, weights_only=True)
    weights["state_dict"]["visual.proj"] += 1
    torch.save(weights, tmp_path / "other.pt")
    with pytest.raises(HearsayError, match=r"model.pt was trained on other frozen encoders"):
        train(
            small,
            options,
            tmp_path / "two",
            stage="audio_text",
            init=tmp_path / "one/model.pt",
            weights=tmp_path / "other.pt",
        )
    with pytest.raises(HearsayError, match="other frozen encoders"):
        load_run(tmp_path / "one/model.pt", towers(tmp_path / "other.pt"), CPU)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile on a CPU needs g++")
def test_a_compiled_network_trains_to_the_same_loss(
    small: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    options = {**options, "epochs": 1}
    train(small, options, tmp_path / "plain")
    machine = Machine("cpu", threads=1, readers=1, checkpoint_minutes=60, compile=True)
    train(small, options, tmp_path / "compiled", machine=machine)
    plain, compiled = (
        pd.read_parquet(tmp_path / name / "history.parquet")[["loss", "val_loss"]]
        for name in ("plain", "compiled")
    )
    assert compiled.to_numpy() == pytest.approx(plain.to_numpy(), rel=1e-4)


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


def test_the_text_stage_goes_on_from_the_image_stage(
    small: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    # Rates of 0: what the stage starts from is what it leaves.
    still = {**options, "learning_rate": 0.0, "bias_learning_rate": 0.0, "epochs": 1}
    first = train(small, options, tmp_path / "audio_image")
    second = train(
        small,
        still,
        tmp_path / "audio_text",
        stage="audio_text",
        init=tmp_path / "audio_image/model.pt",
    )
    assert second["stage"] == "audio_text"
    for name, value in first["last"].items():
        if name.startswith("tower."):
            assert torch.equal(value, second["last"][name])
    assert second["last"]["log_scale"].exp().item() == pytest.approx(1 / 0.07)


def test_the_text_stage_keeps_the_statistics_of_the_pretraining_set(
    small: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    options = {**options, "epochs": 1}
    train(small, options, tmp_path / "one")
    model = torch.load(tmp_path / "one/model.pt", weights_only=True)
    model["statistics"] = {"mean": 1.0, "std": 2.0}
    torch.save(model, tmp_path / "init.pt")
    second = train(small, options, tmp_path / "two", stage="audio_text", init=tmp_path / "init.pt")
    assert second["statistics"] == {"mean": 1.0, "std": 2.0}


def test_a_subset_restricts_the_clips(small: Any, options: dict[str, Any], tmp_path: Path) -> None:
    subset = tmp_path / "subset.txt"
    subset.write_text("\n".join([*small.clip_ids[:12], "elsewhere", ""]))
    train(small, {**options, "batch_size": 100}, tmp_path / "run", subset=subset)
    record = json.loads((tmp_path / "run/run.json").read_text())
    assert (record["num_train_clips"], record["num_val_clips"]) == (10, 2)
    # Fewer clips than a batch: one batch an epoch.
    assert pd.read_parquet(tmp_path / "run/history.parquet")["step"].tolist() == [1, 2, 3, 4]
    subset.write_text("elsewhere\n")
    with pytest.raises(HearsayError, match="0 clips of the train split"):
        train(small, options, tmp_path / "none", subset=subset)


def test_a_loss_that_is_not_finite_ends_the_run(
    small: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(HearsayError, match=r"loss is (nan|inf).*lower learning_rate"):
        train(
            small,
            {**options, "bias_learning_rate": 1e30, "optimizer": "lars"},
            tmp_path,
        )
    assert not (tmp_path / "model.pt").exists()


def test_a_loaded_run_embeds_clips_in_any_order(
    small: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    train(small, {**options, "epochs": 12}, tmp_path)
    run = load_run(tmp_path / "model.pt", towers(small.weights), CPU)
    ids = small.clip_ids[::-1]
    embeddings = embed_clips(run, small.data, ids, batch_size=7)
    assert embeddings.shape == (43, 6) and embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    alone = embed_clips(run, small.data, ids[5:6])
    np.testing.assert_allclose(alone[0], embeddings[5], atol=1e-5)
    # Clips of one class sound alike to the trained tower, those of two classes do not.
    classes = np.array([int(clip_id[4:]) % 4 for clip_id in ids])
    cosines = embeddings @ embeddings.T
    alike = classes[:, None] == classes[None, :]
    assert cosines[alike].mean() > cosines[~alike].mean() + 0.15
    best = load_run(tmp_path / "model.pt", towers(small.weights), CPU, which="best")
    assert embed_clips(best, small.data, ids).shape == (43, 6)


def test_absent_and_foreign_models_are_refused(
    small: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(HearsayError, match="does not exist"):
        load_run(tmp_path / "model.pt", towers(small.weights), CPU)
    torch.save({"last": {}}, tmp_path / "model.pt")
    with pytest.raises(HearsayError, match="lacks best"):
        load_run(tmp_path / "model.pt", towers(small.weights), CPU)
