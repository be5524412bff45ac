import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from small_runs import CPU, same, towers, train

from hearsay.errors import HearsayError
from hearsay.training.load import embed_clips, load_run
from hearsay.training.options import Machine


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
