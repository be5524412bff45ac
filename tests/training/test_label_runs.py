"""Runs of the family of labels: batches of pairs, drawn by seed, trained to tell classes apart."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from tests.labelled import LABEL_OPTIONS, NUM_CLASSES, write_labelled

from hearsay.encoders.frozen import read_frozen
from hearsay.encoders.label_store import LabelFiles, read_label_store
from hearsay.errors import HearsayError
from hearsay.families import FAMILIES
from hearsay.layout import DatasetFiles
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.family import PairOptions
from hearsay.training.data import Clips, choose_clips
from hearsay.training.load import embed_clips, load_run, read_model
from hearsay.training.options import Machine
from hearsay.training.pairs import PairedClips, add_noise, pair_splits
from hearsay.training.processes import make_generator
from hearsay.training.run import train_run
from hearsay.training.stores import open_stores

NEEDS = FAMILIES["joint_embedding"]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> DatasetFiles:
    return write_labelled(tmp_path_factory.mktemp("data") / "small")


def train(data: DatasetFiles, options: dict[str, Any], folder: Path, seed: int = 0) -> Any:
    machine = Machine("cpu", threads=1, readers=1, checkpoint_minutes=60, compile=False)
    train_run("joint", "audio_label", seed, options, data, None, None, None, folder, machine)
    return read_model(folder / "model.pt")


def pairs_of(data: DatasetFiles, draw: str, seed: int = 0, noise: float = 0.0) -> PairedClips:
    stores = open_stores(data, ("forms", "labels"), LABEL_OPTIONS, None)
    train_clips, val_clips = (
        Clips(choose_clips(data.clips, split, stores, None), stores) for split in ("train", "val")
    )
    options = PairOptions(40, draw, 300, "zero_pad", noise)
    return pair_splits(train_clips, val_clips, read_frozen(NEEDS, data, None), options, seed)[0]


def batch_of(pairs: PairedClips, rows: range, *key: int, rank: int = 0, size: int = 1) -> Any:
    return pairs.gather(rows, BatchPart(make_generator(*key), rank, size))


def test_clips_of_several_labels_or_none_take_no_part(labelled: DatasetFiles) -> None:
    stores = open_stores(labelled, ("forms", "labels"), LABEL_OPTIONS, None)
    chosen = choose_clips(labelled.clips, "train", stores, None)
    assert "clip_none" not in chosen and "clip_two" not in chosen and "clip00" in chosen


def test_a_pair_is_right_exactly_where_the_text_is_that_of_the_clips_label(
    labelled: DatasetFiles,
) -> None:
    text = read_label_store(LabelFiles.of(labelled)).vectors
    vectors = np.load(labelled.form("toy"))
    classes = np.arange(len(vectors)) % NUM_CLASSES
    for draw in ("fixed", "redrawn"):
        batch = batch_of(pairs_of(labelled, draw), range(40), 0)
        assert batch["is_same"].sum() == 20
        assert batch["label_vectors"].shape == (40, 300)
        for clip, label, is_same in zip(*(batch[name].numpy() for name in batch), strict=True):
            row = int(np.flatnonzero((vectors == clip).all(axis=1))[0])
            heard = int(np.flatnonzero((text == label[: text.shape[1]]).all(axis=1))[0])
            assert (classes[row] == heard) == is_same


def test_fixed_pairs_hang_on_the_seed_and_redrawn_ones_on_the_step(labelled: DatasetFiles) -> None:
    def same(first: Any, second: Any) -> bool:
        return all(torch.equal(first[name], second[name]) for name in first)

    fixed = batch_of(pairs_of(labelled, "fixed"), range(8), 0)
    assert same(fixed, batch_of(pairs_of(labelled, "fixed"), range(8), 1))
    assert not same(fixed, batch_of(pairs_of(labelled, "fixed", seed=1), range(8), 0))
    redrawn = pairs_of(labelled, "redrawn")
    assert same(batch_of(redrawn, range(8), 0), batch_of(redrawn, range(8, 16), 0))
    assert not same(batch_of(redrawn, range(8), 0), batch_of(redrawn, range(8), 1))


def test_two_processes_share_the_redrawn_pairs_of_one(labelled: DatasetFiles) -> None:
    pairs = pairs_of(labelled, "redrawn", noise=1.0)
    whole = batch_of(pairs, range(8), 5)
    parts = [batch_of(pairs, range(4), 5, rank=rank, size=2) for rank in (0, 1)]
    for name, value in whole.items():
        assert torch.equal(torch.cat([part[name] for part in parts]), value)


def test_noise_is_as_large_as_asked_for_and_anew_for_each_text() -> None:
    text = np.random.default_rng(0).normal(size=(3, 50)).astype(np.float32)
    classes = np.zeros(4000, dtype=np.int64)
    noisy = add_noise(text, classes, 2.0, np.random.default_rng(1)) - text[0]
    assert noisy.std() == pytest.approx(2 * text.std(), rel=0.01)
    assert len(np.unique(noisy[:, 0])) > 3900
    assert np.array_equal(add_noise(text, classes, 0.0, np.random.default_rng(1)), text[classes])


def test_a_run_tells_classes_apart_and_the_same_seed_gives_the_same_weights(
    labelled: DatasetFiles, tmp_path: Path
) -> None:
    first, second = (train(labelled, LABEL_OPTIONS, tmp_path / name) for name in "ab")
    assert all(torch.equal(w, second["last"][name]) for name, w in first["last"].items())
    assert first["statistics"] is None and "toy" in first["frozen"]
    history = pd.read_parquet(tmp_path / "a/history.parquet")
    assert np.isfinite(history["val_loss"]).all()
    frozen = read_frozen(NEEDS, labelled, None)
    run = load_run(tmp_path / "a/model.pt", frozen, torch.device("cpu"))
    clips = [f"clip{number:02d}" for number in range(NUM_CLASSES * 2)]
    audio = embed_clips(run, labelled, clips)
    text = np.zeros((NUM_CLASSES, 300), np.float32)
    assert frozen.labels is not None
    text[:, : frozen.labels.vectors.shape[1]] = frozen.labels.vectors
    with torch.inference_mode():
        labels = run.family.embed_labels(run.network, {"label_vectors": torch.from_numpy(text)})
    nearest = (audio @ labels.numpy().T).argmax(axis=1)
    assert (nearest == np.arange(len(clips)) % NUM_CLASSES).mean() > 0.8


def test_a_training_that_was_stopped_ends_in_the_same_weights(
    labelled: DatasetFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {**LABEL_OPTIONS, "pairs": "redrawn", "epochs": 4}
    whole = train(labelled, options, tmp_path / "whole")
    gather, calls = PairedClips.gather, iter(range(1000))

    def fail_later(self: PairedClips, rows: Any, part: BatchPart) -> Any:
        if next(calls) == 12:
            raise HearsayError("the machine is gone")
        return gather(self, rows, part)

    monkeypatch.setattr(PairedClips, "gather", fail_later)
    with pytest.raises(HearsayError, match="gone"):
        train(labelled, options, tmp_path / "parted")
    assert (tmp_path / "parted/checkpoint.pt").exists()
    monkeypatch.undo()
    parted = train(labelled, options, tmp_path / "parted")
    assert all(torch.equal(w, parted["last"][name]) for name, w in whole["last"].items())


def test_one_class_alone_is_refused(labelled: DatasetFiles, tmp_path: Path) -> None:
    data = write_labelled(tmp_path / "one", num_classes=1)
    with pytest.raises(HearsayError, match="0 clips of the train split have all"):
        train(data, LABEL_OPTIONS, tmp_path / "run")


def test_a_label_that_the_text_features_lack_is_named(tmp_path: Path) -> None:
    data = write_labelled(tmp_path / "small")
    clips = pd.read_parquet(data.clips)
    clips["labels"] = [
        ["thunder"] if number == 3 else own for number, own in enumerate(clips["labels"])
    ]
    clips.to_parquet(data.clips)
    with pytest.raises(HearsayError, match="label 'thunder' has no text features"):
        open_stores(data, ("labels",), LABEL_OPTIONS, None)
