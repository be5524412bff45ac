"""Runs of the family of words: without towers and statistics, with early stop and best epoch."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from small_runs import same

from hearsay.clips.availability import fingerprint
from hearsay.encoders.frozen import read_frozen
from hearsay.errors import HearsayError
from hearsay.families import FAMILIES
from hearsay.layout import DatasetFiles
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.frame_words import NO_WORD
from hearsay.scoring.captions import read_captions, score_captions
from hearsay.scoring.records import read_scores
from hearsay.scoring.run import score_run
from hearsay.training import run as run_module
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
    saved = train(worded, options, tmp_path)
    best = len(pd.read_parquet(tmp_path / "history.parquet")) - 2
    until = train(worded, {**options, "epochs": best}, tmp_path / "until")
    assert same(saved["best"], until["last"]) and not same(saved["best"], saved["last"])
    history = pd.read_parquet(tmp_path / "history.parquet")
    assert len(history) < 60
    losses = history["val_loss"].tolist()
    assert int(np.argmin(losses)) == len(losses) - 3
    assert not (tmp_path / "checkpoint.pt").exists()


@pytest.mark.parametrize("saves", [2, 4, -1])
def test_a_killed_training_with_a_plateau_and_a_stop_ends_as_one_that_was_not(
    worded: DatasetFiles,
    word_options: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    saves: int,
) -> None:
    own = {"epochs": 60, "learning_rate": 0.3, "stop_after": 3, "cut_after": 1}
    options = {**word_options, **own, "loss": "random_imposters"}
    whole = train(worded, options, tmp_path / "whole")
    epochs = len(pd.read_parquet(tmp_path / "whole/history.parquet"))
    left = saves if saves > 0 else epochs  # or killed after the last epoch
    save = run_module.Checkpoint.save

    def die(self: Any, state: Any) -> None:
        nonlocal left
        save(self, state)
        left -= 1
        if not left:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run_module.Checkpoint, "save", die)
        with pytest.raises(KeyboardInterrupt):
            train(worded, options, tmp_path / "cut")
    cut = train(worded, options, tmp_path / "cut")
    assert same(whole["last"], cut["last"]) and same(whole["best"], cut["best"])
    assert len(pd.read_parquet(tmp_path / "cut/history.parquet")) == epochs


@pytest.mark.parametrize("loss", ["random_imposters", "full_batch", "semi_hard", "info_nce"])
def test_a_val_clip_that_would_be_alone_joins_the_batch_before_it(
    worded: DatasetFiles, word_options: dict[str, Any], tmp_path: Path, loss: str
) -> None:
    train(worded, {**word_options, "epochs": 1, "loss": loss, "batch_size": 8}, tmp_path)
    losses = pd.read_parquet(tmp_path / "history.parquet")["val_loss"]  # of nine clips
    assert np.isfinite(losses).all()


def test_the_headline_is_the_best_epoch_alone(
    worded: DatasetFiles, word_options: dict[str, Any], tmp_path: Path
) -> None:
    train(worded, {**word_options, "epochs": 3, "learning_rate": 0.3}, tmp_path)
    saved = torch.load(tmp_path / "model.pt", weights_only=True)
    clips = pd.read_parquet(worded.clips)
    table = clips.assign(split="test", available=True)[["clip_id", "split", "available"]]
    table.to_parquet(worded.availability_table)
    for name in ("last", "best"):  # scores must not hang on the last epoch's weights
        changed = dict(saved)
        changed[name] = {key: torch.zeros_like(value) for key, value in saved[name].items()}
        folder = tmp_path / f"without_{name}"
        folder.mkdir()
        torch.save(changed, folder / "model.pt")
        score_run(
            "words", "audio_text", 0, None, worded, None, folder / "model.pt", None, folder, None,
            25, 100, "cpu", 1,
        )  # fmt: skip
    scores = [read_scores(tmp_path / f"without_{name}/scores.json") for name in ("last", "best")]
    assert {record["protocol"] for record in scores[0]} == {"full_gallery", "candidates_30"}
    hits, ranks = (
        pd.read_parquet(tmp_path / f"without_last/{name}.parquet").set_index("query_id")
        for name in ("hits", "ranks")
    )
    assert set(hits["method"]) == {"words"} and hits["place"].max() == 5
    right = hits.loc[hits["is_right"], "place"]
    full = ranks[(ranks["protocol"] == "full_gallery") & (ranks["direction"] == "text_to_audio")]
    assert right.to_dict() == full.loc[full["rank"] <= 5, "rank"].to_dict()
    assert len(hits) == 5 * len(full)
    assert scores[0] != scores[1]
    found = {(r["protocol"], r["direction"], r["metric"]): r for r in scores[1]}
    dead = found["full_gallery", "text_to_audio", "R@1"]
    assert dead["value"] <= dead["chance"], "all scores equal: no better than chance"
    assert found["candidates_30", "audio_to_text", "R@1"]["value"] == 0


def test_scores_of_a_subset_carry_the_fingerprint_of_the_clips_that_were_scored(
    worded: DatasetFiles, word_options: dict[str, Any], tmp_path: Path
) -> None:
    train(worded, {**word_options, "epochs": 1}, tmp_path)
    clips = pd.read_parquet(worded.clips)
    table = clips.assign(split="test", available=clips["clip_id"] != "clip05")
    table[["clip_id", "split", "available"]].to_parquet(worded.availability_table)
    named = [f"clip{number:02d}" for number in range(12)]
    (tmp_path / "lab.txt").write_text("\n".join(["# of another lab", *named]))
    score_run(
        "words", "audio_text", 0, None, worded, None, tmp_path / "model.pt", tmp_path / "lab.txt",
        tmp_path, None, 25, 100, "cpu", 1,
    )  # fmt: skip
    records = pd.DataFrame(read_scores(tmp_path / "scores.json"))
    scored = set(named) - {"clip05", "clip01"}  # not available; of unknown words only
    assert set(records["availability"]) == {fingerprint(scored)}
    assert set(records["subset"]) == {"lab"}
    full = records[(records["protocol"] == "full_gallery")]
    assert set(full.loc[full["direction"] == "audio_to_text", "num_queries"]) == {len(scored)}


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
    with pytest.raises(HearsayError, match="clip clip05 has 3 frames of log-mel"):
        stores["logmel"].num_frames["clip05"] = 3  # type: ignore[attr-defined]
        stores["logmel"].gather(["clip04", "clip05"], BatchPart(make_generator(0)))
    stores["logmel"].num_frames["clip05"] = 17  # type: ignore[attr-defined]
    assert len(train_clips) == 33 and "clip01" not in train_clips
    batch = stores["logmel"].gather(["clip05"], BatchPart(make_generator(0)))
    assert batch["num_frames"].tolist() == [17] and batch["logmel"].shape == (1, 20, 64)
    with pytest.raises(HearsayError, match="need the mean and std"):
        open_stores(worded, ("fbank",), word_options, None)
