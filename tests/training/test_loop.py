import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hearsay.errors import HearsayError
from hearsay.training.checkpoint import Checkpoint
from hearsay.training.data import (
    CaptionEmbeddings,
    Clips,
    choose_clips,
    make_generator,
    open_stores,
)
from hearsay.training.loop import StageOptions, fit, make_optimizer, measure_loss

CPU = torch.device("cpu")


class Recorder:
    """A family whose loss is that of a line through the mean of each clip; it notes its calls."""

    def __init__(self) -> None:
        self.seen: list[tuple[bool, int, list[float], float]] = []

    def loss(
        self, network: Any, batch: Any, epoch: int, generator: torch.Generator
    ) -> torch.Tensor:
        means = batch["fbank"].mean(dim=(1, 2))
        draw = torch.rand((), generator=generator).item()
        self.seen.append((network.training, epoch, means.tolist(), draw))
        loss: torch.Tensor = network(means[:, None]).square().mean()
        return loss

    def logit_scale(self, network: Any) -> float:
        return math.nan


class Numbered:
    """A store whose features are the clip's number."""

    paths: tuple[Path, ...] = ()

    def gather(self, clip_ids: list[str]) -> torch.Tensor:
        return torch.tensor([float(clip_id) for clip_id in clip_ids])[:, None, None]


def make_clips(first: int, last: int) -> Clips:
    stores: Any = {"fbank": Numbered()}
    return Clips([str(number) for number in range(first, last)], stores)


def make_options(**changes: Any) -> StageOptions:
    options = {
        "epochs": 3,
        "warmup_epochs": 1,
        "batch_size": 4,
        "optimizer": "adamw",
        "learning_rate": 0.01,
        "bias_learning_rate": 0.02,
        "weight_decay": 0.1,
        "scale_by_batch": False,
        "final_fraction": 0.001,
    }
    return StageOptions.of({**options, **changes})


def run_fit(family: Any, folder: Path, train: int = 10, val: int = 5, seed: int = 0) -> Any:
    torch.manual_seed(0)
    network = torch.nn.Linear(1, 1)
    return fit(
        family,
        network,
        make_clips(0, train),
        make_clips(100, 100 + val),
        make_options(),
        seed,
        CPU,
        Checkpoint(folder / "checkpoint.pt", "x"),
    )


def test_each_epoch_shows_each_clip_at_most_once_in_a_new_order(tmp_path: Path) -> None:
    family = Recorder()
    run_fit(family, tmp_path)
    orders = []
    for epoch in range(3):
        batches = [means for training, at, means, _ in family.seen if training and at == epoch]
        assert [len(batch) for batch in batches] == [4, 4]  # 10 clips: the last two are dropped
        orders.append([clip for batch in batches for clip in batch])
        assert len(set(orders[-1])) == 8
    assert orders[0] != orders[1] != orders[2]


def test_validation_sees_every_clip_in_order_with_the_same_draws(tmp_path: Path) -> None:
    families = [Recorder(), Recorder()]
    for seed, family in enumerate(families):
        run_fit(family, tmp_path / str(seed), seed=seed)
    seen = [
        [(means, draw) for training, at, means, draw in family.seen if not training and at == epoch]
        for family in families
        for epoch in range(3)
    ]
    assert [means for means, _ in seen[0]] == [[100.0, 101.0, 102.0, 103.0], [104.0]]
    assert all(epoch == seen[0] for epoch in seen)
    draws = [draw for training, _, _, draw in families[0].seen if training]
    assert len(set(draws)) == len(draws)


def test_validation_loss_is_averaged_over_clips(tmp_path: Path) -> None:
    network = torch.nn.Linear(1, 1)
    family: Any = Recorder()
    loss = measure_loss(family, network, make_clips(0, 5), 4, 0, CPU)
    expected = np.mean([network(torch.tensor([float(n)])).item() ** 2 for n in range(5)])
    assert loss == pytest.approx(expected, rel=1e-5)


def test_best_weights_are_those_of_the_lowest_validation_loss(tmp_path: Path) -> None:
    family: Any = Recorder()
    values = iter([0.5, 0.2, 0.9])

    class Scripted(Recorder):
        def loss(self, network: Any, batch: Any, epoch: int, generator: Any) -> torch.Tensor:
            loss = super().loss(network, batch, epoch, generator)
            return loss if network.training else torch.tensor(next(values))

    family = Scripted()
    snapshots = []
    torch.manual_seed(0)
    network = torch.nn.Linear(1, 1)

    class Watching(Checkpoint):
        def save(self, state: Any) -> None:
            snapshots.append(network.weight.detach().clone())

    fitted = fit(
        family,
        network,
        make_clips(0, 10),
        make_clips(100, 103),
        make_options(),
        0,
        CPU,
        Watching(tmp_path / "c.pt", "x"),
    )
    assert fitted.best_epoch == 1
    assert torch.equal(fitted.best["weight"], snapshots[1])
    assert torch.equal(fitted.last["weight"], snapshots[2])
    assert not torch.equal(fitted.best["weight"], fitted.last["weight"])


def test_without_validation_clips_the_last_epoch_is_the_best(tmp_path: Path) -> None:
    family: Any = Recorder()
    fitted = run_fit(family, tmp_path, val=0)
    assert fitted.best_epoch == 2
    assert torch.equal(fitted.best["weight"], fitted.last["weight"])
    assert fitted.history["val_loss"].isna().all()


def test_learning_rate_follows_the_schedule(tmp_path: Path) -> None:
    family: Any = Recorder()
    history = run_fit(family, tmp_path).history
    # 2 steps an epoch, one epoch of warm-up: the epochs end at steps 1, 3 and 5 of 6.
    cosines = [0.5 * (1 + math.cos(math.pi * part)) for part in (0.25, 0.75)]
    factors = [0.5, *(c + 0.001 * (1 - c) for c in cosines)]
    assert history["learning_rate"].tolist() == pytest.approx([0.01 * f for f in factors])


def test_one_train_clip_is_refused(tmp_path: Path) -> None:
    family: Any = Recorder()
    with pytest.raises(HearsayError, match="1 clips of the train split"):
        run_fit(family, tmp_path, train=1)


def test_two_groups_have_their_own_rate_and_decay_and_scale_by_batch() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
    for optimizer in ("adamw", "lars"):
        made = make_optimizer(
            network, make_options(optimizer=optimizer, batch_size=64, scale_by_batch=True)
        )
        matrices, others = made.param_groups
        assert [tuple(w.shape) for w in matrices["params"]] == [(2, 3)]
        assert len(others["params"]) == 3
        assert (matrices["lr"], others["lr"]) == pytest.approx((0.0025, 0.005))
        assert (matrices["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    with pytest.raises(HearsayError, match="sgd"):
        make_optimizer(network, make_options(optimizer="sgd"))


def test_clips_must_stand_in_every_store(small: Any, tmp_path: Path) -> None:
    statistics = {"mean": -4.4, "std": 3.8}
    stores = open_stores(small.data, ("fbank", "caption_embeddings"), statistics, "before")
    assert len(choose_clips(small.data.clips, "train", stores, None)) == 34
    captions = stores["caption_embeddings"]
    assert isinstance(captions, CaptionEmbeddings)
    del captions.rows["clip01"]
    chosen = choose_clips(small.data.clips, "train", stores, None)
    assert len(chosen) == 33 and "clip01" not in chosen
    assert chosen == sorted(chosen)  # the index order
    with pytest.raises(HearsayError, match="word_vectors"):
        open_stores(small.data, ("word_vectors",), statistics, "before")


def test_features_are_gathered_normalised(small: Any) -> None:
    stores = open_stores(small.data, ("fbank",), {"mean": -4.4, "std": 3.8}, "before")
    clips = Clips(small.clip_ids, stores)
    batch = clips.gather([25, 3], make_generator(0))
    raw = [np.load(path) for path in small.data.shards("fbank", ".npy")]
    expected = (np.stack([raw[1][5], raw[0][3]]).astype(np.float32) + 4.4) / 3.8
    assert batch["fbank"].dtype == torch.float32
    np.testing.assert_allclose(batch["fbank"].numpy(), expected, atol=1e-5)


def test_captions_are_drawn_among_the_clips_own_equally_often(small: Any) -> None:
    store = CaptionEmbeddings(small.data.caption_embeddings)
    array = np.load(small.data.caption_embeddings).astype(np.float32)
    drawn = store.gather(["clip03"] * 2000, make_generator(0)).numpy()
    first = (drawn == array[6]).all(axis=1)
    second = (drawn == array[7]).all(axis=1)
    assert (first ^ second).all()
    assert 0.45 < first.mean() < 0.55


def test_generators_of_different_keys_differ() -> None:
    keys = [(0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 0), (0, 0, 0, 1)]
    draws = {torch.rand((), generator=make_generator(*key)).item() for key in keys}
    assert len(draws) == len(keys)
