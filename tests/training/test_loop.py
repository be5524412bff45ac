import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hearsay.errors import HearsayError
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.family import Batch, Loss
from hearsay.training.checkpoint import Checkpoint
from hearsay.training.data import Clips, choose_clips
from hearsay.training.loop import Trainer
from hearsay.training.notes import Notes
from hearsay.training.optimizer import make_optimizer
from hearsay.training.options import StageOptions
from hearsay.training.processes import Processes, make_generator
from hearsay.training.stop import StopRequest
from hearsay.training.stores import CaptionEmbeddings, open_stores
from hearsay.training.validate import measure_loss

CPU = torch.device("cpu")


class Recorder:
    """A family whose loss is that of a line through the mean of each clip; it notes its calls."""

    def __init__(self, drops: bool = False) -> None:
        self.drops = drops  # by the global generator, as a layer of dropout does
        self.seen: list[tuple[bool, int, list[float], float]] = []

    def loss(self, network: Any, batch: Any, epoch: int, part: BatchPart) -> Loss:
        means = batch["fbank"].mean(dim=(1, 2))
        if network.training and self.drops:
            means = torch.nn.functional.dropout(means + 1, 0.5) - 1
        draw = part.uniform(1).item()
        self.seen.append((network.training, epoch, means.tolist(), draw))
        return Loss(network(means[:, None]).square().mean(), {"number": means.long()})

    def logit_scale(self, network: Any) -> float:
        return math.nan


class Numbered:
    """A store whose features are the clip's number."""

    def gather(self, clip_ids: list[str], part: BatchPart) -> Batch:
        return {"fbank": torch.tensor([float(clip_id) for clip_id in clip_ids])[:, None, None]}

    def read_ahead(self, clip_ids: list[str]) -> None: ...


def make_clips(first: int, last: int) -> Clips:
    stores: Any = {"fbank": Numbered()}
    return Clips([str(number) for number in range(first, last)], stores)


def make_options(**changes: Any) -> StageOptions:
    options = {
        "epochs": 3,
        "warmup_epochs": 1,
        "batch_size": 4,
        "read_block": 1,
        "optimizer": "adamw",
        "learning_rate": 0.01,
        "bias_learning_rate": 0.02,
        "weight_decay": 0.1,
        "scale_by_batch": False,
        "schedule": "cosine",
        "final_fraction": 0.001,
        "cut_after": 5,
        "cut_factor": 0.1,
        "stop_after": None,
    }
    return StageOptions.of({**options, **changes})


def make_trainer(
    family: Any, folder: Path, train: int = 10, val: int = 5, seed: int = 0, **changes: Any
) -> Trainer:
    torch.manual_seed(0)
    given: dict[str, Any] = {
        "checkpoint": Checkpoint(folder / "checkpoint.pt", {}, "x"),
        "processes": Processes(),
        "readers": 1,
        "checkpoint_minutes": math.inf,
        "stop": StopRequest(),
        **changes,
    }
    return Trainer(
        family,
        torch.nn.Linear(1, 1),
        make_clips(0, train),
        make_clips(100, 100 + val),
        make_options(),
        seed,
        CPU,
        **given,
    )


def run_fit(family: Any, folder: Path, **changes: Any) -> Any:
    return make_trainer(family, folder, **changes).fit()


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
        run_fit(family, tmp_path / str(seed), val=6, seed=seed)
    seen = []
    for family in families:
        passes = [(at, means, draw) for training, at, means, draw in family.seen if not training]
        assert [at for at, _, _ in passes] == [2] * 6  # as the last epoch trains, every time
        seen += [[(m, d) for _, m, d in passes[k : k + 2]] for k in (0, 2, 4)]
    assert [means for means, _ in seen[0]] == [[100.0, 101.0, 102.0, 103.0], [104.0, 105.0]]
    assert all(epoch == seen[0] for epoch in seen)
    draws = [draw for training, _, _, draw in families[0].seen if training]
    assert len(set(draws)) == len(draws)


def test_validation_loss_is_averaged_over_clips(tmp_path: Path) -> None:
    network = torch.nn.Linear(1, 1)
    family: Any = Recorder()
    loss = measure_loss(family, network, make_clips(0, 5), make_options(), CPU, readers=2)
    expected = np.mean([network(torch.tensor([float(n)])).item() ** 2 for n in range(5)])
    assert loss == pytest.approx(expected, rel=1e-5)


def test_best_weights_are_those_of_the_lowest_validation_loss(tmp_path: Path) -> None:
    values = iter([0.5, 0.2, 0.9])

    class Scripted(Recorder):
        def loss(self, network: Any, batch: Any, epoch: int, part: BatchPart) -> Loss:
            loss = super().loss(network, batch, epoch, part)
            return loss if network.training else Loss(torch.tensor(next(values)))

    snapshots: list[torch.Tensor] = []

    class Watching(Checkpoint):
        def save(self, state: Any) -> None:
            snapshots.append(state["network"]["weight"].clone())

    watching = Watching(tmp_path / "c.pt", {}, "x")
    fitted = run_fit(Scripted(), tmp_path, val=3, checkpoint=watching)
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


def test_clips_must_stand_in_every_store(small: Any, options: dict[str, Any]) -> None:
    statistics = {"mean": -4.4, "std": 3.8}
    stores = open_stores(small.data, ("fbank", "caption_embeddings"), options, statistics)
    assert len(choose_clips(small.data.clips, "train", stores, None)) == 34
    captions = stores["caption_embeddings"]
    assert isinstance(captions, CaptionEmbeddings)
    del captions.rows["clip01"]
    chosen = choose_clips(small.data.clips, "train", stores, None)
    assert len(chosen) == 33 and "clip01" not in chosen
    assert chosen == sorted(chosen)  # the index order
    with pytest.raises(HearsayError, match="word_vectors"):
        open_stores(small.data, ("word_vectors",), options, statistics)


def test_features_are_gathered_normalised(small: Any, options: dict[str, Any]) -> None:
    stores = open_stores(small.data, ("fbank",), options, {"mean": -4.4, "std": 3.8})
    clips = Clips(small.clip_ids, stores)
    batch = clips.gather([25, 3], BatchPart(make_generator(0)))
    raw = [np.load(path) for path in small.data.shards("fbank", ".npy")]
    expected = (np.stack([raw[1][5], raw[0][3]]).astype(np.float32) + 4.4) / 3.8
    assert batch["fbank"].dtype == torch.float32
    np.testing.assert_allclose(batch["fbank"].numpy(), expected, atol=1e-5)


def test_captions_are_drawn_among_the_clips_own_equally_often(small: Any) -> None:
    store = CaptionEmbeddings(small.data.caption_embeddings)
    array = np.load(small.data.caption_embeddings).astype(np.float32)
    drawn = store.gather(["clip03"] * 2000, BatchPart(make_generator(0)))
    drawn = drawn["caption_embeddings"].numpy()
    parts = [BatchPart(make_generator(0), rank, 2) for rank in (0, 1)]
    halves = [store.gather(["clip03"] * 1000, part)["caption_embeddings"].numpy() for part in parts]
    assert (np.concatenate(halves) == drawn).all(), "processes draw what one would"
    first = (drawn == array[6]).all(axis=1)
    second = (drawn == array[7]).all(axis=1)
    assert (first ^ second).all()
    assert 0.45 < first.mean() < 0.55


def test_generators_of_different_keys_differ() -> None:
    keys = [(0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 0), (0,), (0, 0, 0), (1,), (1, 0), (0, 0, 0, 1)]
    draws = {torch.rand((), generator=make_generator(*key)).item() for key in keys}
    assert len(draws) == len(keys)


def test_a_request_to_stop_ends_after_the_step_and_loses_nothing(tmp_path: Path) -> None:
    class Interrupted(Recorder):
        def loss(self, network: Any, batch: Any, epoch: int, part: BatchPart) -> Loss:
            if network.training and len([s for s in self.seen if s[0]]) == 2:
                stop.requested = True  # while the first step of the second epoch computes
            return super().loss(network, batch, epoch, part)

    whole = run_fit(Recorder(drops=True), tmp_path / "whole")
    stop = StopRequest()
    first, second = Interrupted(drops=True), Recorder(drops=True)
    with pytest.raises(HearsayError, match=r"epoch 2, after step 1 of 2; all is saved"):
        run_fit(first, tmp_path / "cut", stop=stop)
    cut = run_fit(second, tmp_path / "cut")
    trained = [means for run in (first, second) for is_train, _, means, _ in run.seen if is_train]
    assert len(trained) == 6  # no step was taken twice
    assert torch.equal(whole.last["weight"], cut.last["weight"])
    assert torch.equal(whole.best["weight"], cut.best["weight"])
    assert whole.history["loss"].tolist() == cut.history["loss"].tolist()
    assert whole.notes.equals(cut.notes)


def test_state_is_saved_inside_an_epoch_after_the_given_minutes(tmp_path: Path) -> None:
    steps = []

    class Watching(Checkpoint):
        def save(self, state: Any) -> None:
            steps.append((state["progress"]["epoch"], state["progress"]["step"]))

    watching = Watching(tmp_path / "c.pt", {}, "x")
    run_fit(Recorder(), tmp_path, checkpoint=watching, checkpoint_minutes=0.0)
    assert steps == [(0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2), (3, 0)]


def test_notes_name_the_clip_and_the_epoch(tmp_path: Path) -> None:
    notes = run_fit(Recorder(), tmp_path).notes
    assert notes.columns.tolist() == ["epoch", "clip_id", "number"]
    assert len(notes) == 3 * 8
    assert (notes["clip_id"].astype(int) == notes["number"]).all()
    assert notes["epoch"].value_counts().to_dict() == {0: 8, 1: 8, 2: 8}


def test_notes_stop_at_the_limit() -> None:
    notes = Notes(["a", "b", "c"], limit=2)
    notes.add(4, [2, 0], {"image": torch.tensor([3, 1])})
    notes.collect(Processes(), CPU)
    assert notes.table().to_dict("list") == {"epoch": [4], "clip_id": ["a"], "image": [1]}


def test_batches_come_in_order_from_several_readers() -> None:
    clips = make_clips(0, 40)
    rows = [[k, k + 1] for k in range(0, 40, 2)]
    parts = [BatchPart(make_generator(k)) for k in range(20)]
    read = list(clips.batches(rows, parts, readers=4))
    assert [r for r, _ in read] == rows
    assert [b["fbank"].flatten().tolist() for _, b in read] == [
        [k, k + 1.0] for k in range(0, 40, 2)
    ]


def test_a_batch_that_processes_cannot_share_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HearsayError, match="batch_size 4 cannot be shared by 3 processes"):
        make_trainer(Recorder(), tmp_path, processes=Processes(0, 3))
