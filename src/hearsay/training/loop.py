"""The one training loop. It knows no method by name: a family turns batches into losses."""

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from hearsay.errors import HearsayError
from hearsay.methods.family import Batch, Family
from hearsay.training.checkpoint import Checkpoint
from hearsay.training.data import Clips, make_generator
from hearsay.training.lars import LARS
from hearsay.training.schedule import rate_factor

logger = logging.getLogger(__name__)

LOG_INTERVAL_S = 60.0
RATE_SCALE_BATCH = 256  # scale_by_batch: rates are given for this many clips
# What a generator is for, as the last number of its key.
ORDER, GATHER, LOSS, VALIDATION_GATHER, VALIDATION_LOSS, GLOBAL = range(6)

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class StageOptions:
    """The options of config that steer the loop; see `families` there."""

    epochs: int
    warmup_epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    bias_learning_rate: float
    weight_decay: float
    scale_by_batch: bool
    final_fraction: float

    @classmethod
    def of(cls, options: dict[str, Any]) -> "StageOptions":
        """Take the loop's options out of those of a stage."""
        return cls(**{field.name: options[field.name] for field in fields(cls)})


@dataclass(frozen=True)
class Fitted:
    """What a training leaves: weights on the CPU, and one row of history an epoch."""

    last: Weights
    best: Weights
    best_epoch: int
    history: pd.DataFrame


def fit(
    family: Family,
    network: nn.Module,
    train: Clips,
    val: Clips,
    options: StageOptions,
    seed: int,
    device: torch.device,
    checkpoint: Checkpoint,
) -> Fitted:
    """Train a network, going on from the checkpoint where there is one.

    Each epoch shows the train clips once in a new order; the last incomplete batch is dropped,
    unless it is the only one. Then the loss on the whole val split is measured, with the same
    draws after every epoch. Every draw has a generator keyed by seed, epoch and step, so a
    training that was killed ends, on a CPU, in the same weights as one that was not.

    Args:
        family: gives the loss.
        network: on `device`, with its first weights.
        train: at least two clips.
        val: may be empty; then val_loss is nan and the last epoch counts as the best.
        options: of the stage.
        seed: of all draws.
        device: of the network.
        checkpoint: saved after each epoch; the caller removes it.

    Raises:
        HearsayError: too few clips, an unknown optimizer, or a loss that is not finite.
    """
    if len(train) < 2:
        raise HearsayError(
            f"{len(train)} clips of the train split have all that this stage needs; it takes two"
        )
    if not len(val):
        logger.warning("no clip of the val split can be used: the last epoch counts as the best")
    optimizer = make_optimizer(network, options)
    base_rates = [group["lr"] for group in optimizer.param_groups]
    batch_size = min(options.batch_size, len(train))
    steps_per_epoch = len(train) // batch_size
    state: dict[str, Any] = {"epoch": 0, "best": {}, "best_epoch": -1, "history": []}
    saved = checkpoint.load()
    if saved is not None:
        state = saved
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        logger.info("going on after epoch %d of %d", state["epoch"], options.epochs)
    for epoch in range(state["epoch"], options.epochs):
        start = time.monotonic()
        torch.manual_seed(make_generator(seed, epoch, 0, GLOBAL).initial_seed())  # e.g. dropout

        def set_rates(step: int) -> None:
            factor = rate_factor(
                step,
                options.warmup_epochs * steps_per_epoch,
                options.epochs * steps_per_epoch,
                options.final_fraction,
            )
            for group, rate in zip(optimizer.param_groups, base_rates, strict=True):
                group["lr"] = rate * factor

        loss = _train_epoch(
            family, network, train, batch_size, optimizer, set_rates, epoch, seed, device
        )
        train_s = time.monotonic() - start
        val_loss = measure_loss(family, network, val, options.batch_size, epoch, device)
        row = {
            "epoch": epoch,
            "step": (epoch + 1) * steps_per_epoch,
            "loss": loss,
            "val_loss": val_loss,
            "learning_rate": optimizer.param_groups[0]["lr"],
            "logit_scale": family.logit_scale(network),
            "clips_per_s": steps_per_epoch * batch_size / train_s,
            "seconds": time.monotonic() - start,
        }
        previous = [r["val_loss"] for r in state["history"]]
        if len(val) and not math.isfinite(val_loss):
            raise HearsayError(
                f"the validation loss is {val_loss} after epoch {epoch}; lower learning_rate"
            )
        if not len(val) or val_loss < min(previous, default=math.inf):
            state["best"], state["best_epoch"] = _weights(network), epoch
        state["history"].append(row)
        state.update(
            epoch=epoch + 1, network=network.state_dict(), optimizer=optimizer.state_dict()
        )
        checkpoint.save(state)
        logger.info(
            "epoch %d of %d: loss %.4f, val %.4f, %.0f clips a second, %.1f s",
            epoch + 1, options.epochs, loss, val_loss, row["clips_per_s"], row["seconds"],
        )  # fmt: skip
    return Fitted(
        last=_weights(network),
        best=state["best"],
        best_epoch=state["best_epoch"],
        history=pd.DataFrame(state["history"]),
    )


def make_optimizer(network: nn.Module, options: StageOptions) -> Optimizer:
    """Make the optimizer with two groups: tensors of two dimensions and more, and all others.

    The others have a rate of their own and no decay. AdamW keeps torch's betas (0.9, 0.999).

    Raises:
        HearsayError: the optimizer is unknown.
    """
    scale = options.batch_size / RATE_SCALE_BATCH if options.scale_by_batch else 1.0
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    groups: list[dict[str, Any]] = [
        {
            "params": [weight for weight in trained if weight.ndim >= 2],
            "lr": options.learning_rate * scale,
            "weight_decay": options.weight_decay,
        },
        {
            "params": [weight for weight in trained if weight.ndim < 2],
            "lr": options.bias_learning_rate * scale,
            "weight_decay": 0.0,
        },
    ]
    if options.optimizer == "lars":
        return LARS(groups, lr=options.learning_rate, weight_decay=options.weight_decay)
    if options.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=options.learning_rate, fused=True)
    raise HearsayError(f"optimizer {options.optimizer!r} must be lars or adamw")


def measure_loss(
    family: Family,
    network: nn.Module,
    clips: Clips,
    batch_size: int,
    epoch: int,
    device: torch.device,
) -> float:
    """Return the loss over all clips in their order, averaged over clips; nan without clips.

    The draws depend on no seed and no epoch, so epochs and seeds are compared on the same pairs.
    The last batch may be smaller, which makes it easier by the same amount every time.
    """
    if not len(clips):
        return math.nan
    network.eval()
    rows = np.array_split(np.arange(len(clips)), range(batch_size, len(clips), batch_size))
    total = 0.0
    with torch.inference_mode():
        generators = (make_generator(step, VALIDATION_GATHER) for step in range(len(rows)))
        for step, batch in enumerate(clips.batches([r.tolist() for r in rows], generators)):
            generator = make_generator(step, VALIDATION_LOSS)
            loss = family.loss(network, _move(batch, device), epoch, generator)
            total += loss.item() * len(rows[step])
    return total / len(clips)


def _train_epoch(
    family: Family,
    network: nn.Module,
    train: Clips,
    batch_size: int,
    optimizer: Optimizer,
    set_rates: Callable[[int], None],
    epoch: int,
    seed: int,
    device: torch.device,
) -> float:
    """Take the steps of one epoch and return the mean loss."""
    network.train()
    order = torch.randperm(len(train), generator=make_generator(seed, epoch, 0, ORDER)).tolist()
    num_steps = len(train) // batch_size
    rows = (order[step * batch_size : (step + 1) * batch_size] for step in range(num_steps))
    generators = _generators(seed, epoch, num_steps)
    total, shown = 0.0, time.monotonic()
    for step, batch in enumerate(train.batches(rows, generators)):
        set_rates(epoch * num_steps + step)
        generator = make_generator(seed, epoch, step, LOSS)
        loss = family.loss(network, _move(batch, device), epoch, generator)
        value = loss.item()
        if not math.isfinite(value):
            raise HearsayError(
                f"the loss is {value} in epoch {epoch}, step {step}; lower learning_rate"
            )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += value
        if time.monotonic() - shown > LOG_INTERVAL_S:
            shown = time.monotonic()
            logger.info("epoch %d: step %d of %d, loss %.4f", epoch + 1, step + 1, num_steps, value)
    return total / num_steps


def _generators(seed: int, epoch: int, num_steps: int) -> Iterator[torch.Generator]:
    return (make_generator(seed, epoch, step, GATHER) for step in range(num_steps))


def _move(batch: Batch, device: torch.device) -> Batch:
    return {name: value.to(device) for name, value in batch.items()}


def _weights(network: nn.Module) -> Weights:
    """Copy the weights to the CPU."""
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
