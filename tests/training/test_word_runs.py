"""Runs of the family of words: without towers and statistics, with early stop and best epoch."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from hearsay.encoders.frozen import read_frozen
from hearsay.errors import HearsayError
from hearsay.families import FAMILIES
from hearsay.layout import DatasetFiles
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.frame_words import NO_WORD
from hearsay.scoring.captions import read_captions, score_captions
from hearsay.training.data import choose_clips
from hearsay.training.load import embed_clips, load_run, read_model
from hearsay.training.options import Machine
from hearsay.training.processes import make_generator
from hearsay.training.run import train_run
from hearsay.training.stores import CaptionWords, open_stores

CPU = torch.device("cpu")
NEEDS = FAMILIES["word_align"]


def train(data: DatasetFiles, options: dict[str, Any], folder: Path, seed: int = 0) -> Any:
    machine = Machine("cpu", threads=1, readers=1, checkpoint_minutes=60, compile=False)
    train_run("word_align", "audio_text", seed, options, data, None, None, None, folder, machine)
    return read_model(folder / "model.pt")


def test_a_trained_run_tells_captions_of_its_classes_apart(
    worded: DatasetFiles, word_options: dict[str, Any], tmp_path: Path
) -> None:
    saved = train(worded, {**word_options, "epochs": 30}, tmp_path)
    assert saved["statistics"] is None and "toy" in saved["frozen"]
    frozen = read_frozen(NEEDS, worded, None)
    run = load_run(tmp_path / "model.pt", frozen, CPU, NEEDS.headline)
    captions = read_captions(worded, frozen, run)
    assert "clip01" not in captions.clip_ids, "only unknown words"
    clips = [f"clip{number:02d}" for number in (4, 5, 6, 7)]
    scores = score_captions(run, worded, clips, captions.of(clips))
    assert scores.shape == (4, 8)
    own = np.repeat(np.eye(4, dtype=bool), 2, axis=1)
    assert scores[own].mean() > scores[~own].mean() + 0.1
    # A clip alone scores what it scores among others of other lengths.
    alone = score_captions(run, worded, clips[2:3], captions.of(clips))
    np.testing.assert_allclose(alone[0], scores[2], atol=1e-5)
    with pytest.raises(HearsayError, match="word_align gives clips no vectors"):
        embed_clips(run, worded, clips)


def test_a_training_stops_where_nothing_gets_better_and_keeps_the_best_epoch(
    worded: DatasetFiles, word_options: dict[str, Any], tmp_path: Path
) -> None:
    # So high a rate that the first epochs are not the last word, and two without progress come.
    options = {**word_options, "epochs": 60, "learning_rate": 0.3, "stop_after": 2}
    train(worded, options, tmp_path)
    history = pd.read_parquet(tmp_path / "history.parquet")
    assert len(history) < 60
    losses = history["val_loss"].tolist()
    assert int(np.argmin(losses)) == len(losses) - 3
    assert not (tmp_path / "checkpoint.pt").exists()


def test_the_rate_falls_on_a_plateau_and_the_same_seed_gives_the_same_weights(
    worded: DatasetFiles, word_options: dict[str, Any], tmp_path: Path
) -> None:
    options = {**word_options, "cut_after": 1, "learning_rate": 0.3, "epochs": 8}
    first, second = (train(worded, options, tmp_path / name) for name in "ab")
    assert all(torch.equal(w, second["last"][name]) for name, w in first["last"].items())
    rates = pd.read_parquet(tmp_path / "a/history.parquet")["learning_rate"].to_numpy()
    steps = rates[1:] / rates[:-1]
    assert set(np.round(steps, 6)) == {1.0, 0.1}


def test_vectors_of_another_space_are_refused(
    worded: DatasetFiles, word_options: dict[str, Any], tmp_path: Path
) -> None:
    train(worded, {**word_options, "epochs": 1}, tmp_path)
    saved = torch.load(tmp_path / "model.pt", weights_only=True)
    saved["frozen"] = "glove (8-d, trained on a file)"
    torch.save(saved, tmp_path / "model.pt")
    with pytest.raises(HearsayError, match="other frozen encoders than toy"):
        load_run(tmp_path / "model.pt", read_frozen(NEEDS, worded, None), CPU)


def test_words_are_drawn_by_caption_and_padded_alike(worded: DatasetFiles) -> None:
    store = CaptionWords(worded, "skip")
    assert "clip01" not in store.clip_ids and store.longest == 2
    batch = store.gather(["clip02", "clip03"], BatchPart(make_generator(0)))
    assert batch["caption_words"].tolist() == [[3, 5], [4, 5]]
    paper = CaptionWords(worded, "paper")
    assert paper.gather(["clip01"], BatchPart(make_generator(0)))["caption_words"].tolist() == [
        [0, 0]
    ]
    assert NO_WORD not in paper.gather(["clip02"], BatchPart(make_generator(0)))["caption_words"]


def test_clips_without_a_usable_caption_are_not_trained_on(
    worded: DatasetFiles, word_options: dict[str, Any]
) -> None:
    stores = open_stores(worded, ("logmel", "caption_words"), word_options, None)
    train_clips = choose_clips(worded.clips, "train", stores, None)
    assert len(train_clips) == 33 and "clip01" not in train_clips
    batch = stores["logmel"].gather(["clip05"], BatchPart(make_generator(0)))
    assert batch["num_frames"].tolist() == [17] and batch["logmel"].shape == (1, 20, 64)
    with pytest.raises(HearsayError, match="need the mean and std"):
        open_stores(worded, ("fbank",), word_options, None)
