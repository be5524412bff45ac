"""The one training loop. It knows no method by name: a family turns batches into losses."""

import logging
import math
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import pandas as pd
import torch
from torch import Tensor, nn

from hearsay.device import peak_memory_mb, seed_draws
from hearsay.errors import HearsayError
from hearsay.methods.family import Family
from hearsay.training.checkpoint import Checkpoint
from hearsay.training.data import Clips
from hearsay.training.notes import Notes
from hearsay.training.optimizer import make_optimizer
from hearsay.training.options import StageOptions
from hearsay.training.order import epoch_order, window_size
from hearsay.training.processes import Processes, make_generator
from hearsay.training.schedule import rate_factor, should_stop
from hearsay.training.stop import StopRequest
from hearsay.training.validate import check_finite, measure_loss, move

logger = logging.getLogger(__name__)

LOG_INTERVAL_S = 60.0
CHECK_STEPS = 50  # between two looks at the loss: each makes a GPU wait for the CPU
AGREE_STEPS = 10  # between two talks of several processes about saving and stopping
# What a generator is for, as the last number of its key.
ORDER, GATHER, LOSS, GLOBAL = range(4)

Weights = dict[str, Tensor]


@dataclass
class Progress:
    """How far a training is: all that a checkpoint holds beside network and optimizer.

    Attributes:
        epoch: epochs done.
        step: steps done of the epoch at hand.
        loss_sum: of those steps.
        train_s: seconds of those steps, with the saves between them.
        best: weights after the epoch of the lowest validation loss; empty before the first.
        history: a row for each epoch done.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    train_s: float = 0.0
    best: Weights = field(default_factory=dict)
    best_epoch: int = -1
    history: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Fitted:
    """What a training leaves: weights on the CPU, a row of history an epoch, and the notes."""

    last: Weights
    best: Weights
    best_epoch: int
    history: pd.DataFrame
    notes: pd.DataFrame


class Trainer:
    """Trains a network, going on from the checkpoint where there is one.

    Each epoch shows the train clips once in a new order; the last incomplete batch is dropped,
    unless it is the only one. Then the loss on the whole val split is measured as the last epoch
    would train it, with the same draws after every epoch, so that epochs can be compared. Every
    draw has a generator keyed by seed, epoch and step, so a training that was killed ends, on a
    CPU, in the same weights as one that was not.

    Args:
        family: gives the loss.
        network: on `device`, with its first weights.
        train: at least two clips.
        val: with less than two clips val_loss is nan and the last epoch counts as the best.
        options: of the stage.
        seed: of all draws.
        device: of the network.
        checkpoint: saved after each epoch and every `checkpoint_minutes`; the caller removes it.
        processes: that train together, each on its part of every batch.
        readers: threads that gather batches ahead.
        checkpoint_minutes: between two saves inside an epoch.
        stop: looked at after every step.

    Raises:
        HearsayError: too few clips, an unknown optimizer, or a batch that the processes cannot
            share.
    """

    def __init__(
        self,
        family: Family,
        network: nn.Module,
        train: Clips,
        val: Clips,
        options: StageOptions,
        seed: int,
        device: torch.device,
        checkpoint: Checkpoint,
        *,
        processes: Processes,
        readers: int,
        checkpoint_minutes: float,
        stop: StopRequest,
    ) -> None:
        if len(train) < 2:
            raise HearsayError(
                f"{len(train)} clips of the train split have all that this stage needs; it takes "
                "two"
            )
        if len(val) < 2:
            logger.warning("the val split has less than two clips: the last epoch is the best")
        self.family, self.network, self.train, self.val = family, network, train, val
        self.options, self.seed, self.device, self.checkpoint = options, seed, device, checkpoint
        self.processes, self.readers, self.stop = processes, readers, stop
        self.checkpoint_s = 60 * checkpoint_minutes
        self.optimizer = make_optimizer(network, options)
        self.base_rates = [group["lr"] for group in self.optimizer.param_groups]
        self.batch_size = min(options.batch_size, len(train))
        processes.check_batch(self.batch_size)
        self.num_steps = len(train) // self.batch_size  # of an epoch
        self.progress = Progress()
        self.notes = Notes(train.clip_ids)
        self.saved_at = time.monotonic()

    def fit(self) -> Fitted:
        """Train all epochs that are left, or until nothing gets better.

        Raises:
            HearsayError: the loss is not finite, or somebody asked to stop; then all is saved.
        """
        self._load()
        for epoch in range(self.progress.epoch, self.options.epochs):
            if should_stop(self.val_losses, self.options.stop_after):
                logger.info("no better validation loss for long: stopping after epoch %d", epoch)
                break
            self._train_epoch(epoch)
            self._end_epoch(epoch)
        return Fitted(
            last=copy_weights(self.network),
            best=self.progress.best,
            best_epoch=self.progress.best_epoch,
            history=pd.DataFrame(self.progress.history),
            notes=self.notes.table(),
        )

    @property
    def val_losses(self) -> list[float]:
        """The validation loss after each epoch done."""
        return [row["val_loss"] for row in self.progress.history]

    def _train_epoch(self, epoch: int) -> None:
        """Take the steps that are left of one epoch."""
        self.network.train()
        order = epoch_order(
            len(self.train), self.options.read_block, make_generator(self.seed, epoch, 0, ORDER)
        )
        first, start = self.progress.step, time.monotonic()
        loss_sum = torch.tensor(self.progress.loss_sum, dtype=torch.float64, device=self.device)
        before_s, shown = self.progress.train_s, start
        batches = self.train.batches(
            self._rows(order, first),
            (self.processes.part(self.seed, epoch, s, GATHER) for s in self._steps(first)),
            self.readers,
            pin=self.device.type == "cuda",
        )
        for step, (rows, batch) in zip(self._steps(first), batches, strict=True):
            self._set_rates(epoch * self.num_steps + step)
            own = (self.seed, epoch, step, GLOBAL, self.processes.rank)
            seed_draws(make_generator(*own).initial_seed(), self.device)  # of dropout, for example
            part = self.processes.part(self.seed, epoch, step, LOSS)
            loss = self.family.loss(self.network, move(batch, self.device), epoch, part)
            self.optimizer.zero_grad()
            loss.value.backward()  # type: ignore[no-untyped-call]
            self.processes.average_gradients(self.network)
            self.optimizer.step()
            loss_sum += loss.value.detach()
            self.notes.add(epoch, rows, loss.notes)
            done = step + 1
            if done % CHECK_STEPS == 0 or done == self.num_steps:
                check_finite(loss_sum.item(), epoch, done)
            self.progress.step = done
            self.progress.train_s = before_s + time.monotonic() - start
            self._save_inside_epoch(epoch, loss_sum)
            if time.monotonic() - shown > LOG_INTERVAL_S:
                shown = time.monotonic()
                logger.info(
                    "epoch %d: step %d of %d, mean loss %.4f",
                    epoch + 1, done, self.num_steps, loss_sum.item() / done,
                )  # fmt: skip
        self.progress.loss_sum = loss_sum.item()

    def _steps(self, first: int) -> range:
        return range(first, self.num_steps)

    def _rows(self, order: list[int], first: int) -> Iterator[list[int]]:
        """Yield this process's rows of each batch; ask the disk for what comes a window later."""
        window = window_size(self.options.read_block)
        asked = first * self.batch_size // window * window
        asking: list[Future[None]] = []
        with ThreadPoolExecutor(1) as pool:  # asking takes time of its own
            for step in self._steps(first):
                start = step * self.batch_size
                while self.options.read_block > 1 and asked < min(start + window, len(order)):
                    asking.append(pool.submit(self.train.read_ahead, order[asked : asked + window]))
                    asked += window
                while asking and asking[0].done():
                    asking.pop(0).result()  # raises what went wrong there
                yield list(self.processes.own(order[start : start + self.batch_size]))
        for future in asking:
            future.result()

    def _set_rates(self, step: int) -> None:
        factor = rate_factor(self.options, step, self.num_steps, self.val_losses)
        for group, rate in zip(self.optimizer.param_groups, self.base_rates, strict=True):
            group["lr"] = rate * factor

    def _end_epoch(self, epoch: int) -> None:
        """Measure the validation loss, write the history's row and save."""
        progress = self.progress
        start = time.monotonic()
        val_loss = measure_loss(
            self.family, self.network, self.val, self.options, self.device, self.readers
        )
        if len(self.val) > 1 and not math.isfinite(val_loss):
            raise HearsayError(
                f"the validation loss is {val_loss} after epoch {epoch}; lower learning_rate"
            )
        row = {
            "epoch": epoch,
            "step": (epoch + 1) * self.num_steps,
            "loss": progress.loss_sum / self.num_steps,
            "val_loss": val_loss,
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "logit_scale": self.family.logit_scale(self.network),
            "clips_per_s": self.num_steps * self.batch_size / progress.train_s,
            "peak_memory_mb": peak_memory_mb(self.device),
            "seconds": progress.train_s + time.monotonic() - start,
        }
        lowest = min(self.val_losses, default=math.inf)
        if len(self.val) < 2 or val_loss < lowest:
            progress.best, progress.best_epoch = copy_weights(self.network), epoch
        progress.history.append(row)
        progress.epoch, progress.step = epoch + 1, 0
        progress.loss_sum = progress.train_s = 0.0
        self._save()
        logger.info(
            "epoch %d of %d: loss %.4f, val %.4f, %.0f clips a second, %.1f s",
            epoch + 1, self.options.epochs, row["loss"], val_loss, row["clips_per_s"],
            row["seconds"],
        )  # fmt: skip

    def _save_inside_epoch(self, epoch: int, loss_sum: Tensor) -> None:
        """Save where it is time to, or somebody asked to stop; then stop."""
        step = self.progress.step
        if self.processes.size > 1 and (epoch * self.num_steps + step) % AGREE_STEPS:
            return
        due = time.monotonic() - self.saved_at > self.checkpoint_s
        stop = self.processes.any(self.stop.requested, self.device)
        if not stop and not self.processes.any(due, self.device):
            return
        self.progress.loss_sum = loss_sum.item()
        check_finite(self.progress.loss_sum, epoch, step)
        self._save()
        if stop:
            self.processes.wait()  # until the first has written
            raise HearsayError(
                f"told to stop (SIGTERM) in epoch {epoch + 1}, after step {step} of "
                f"{self.num_steps}; all is saved: start the same command again to go on"
            )

    def _save(self) -> None:
        self.notes.collect(self.processes, self.device)
        if self.processes.is_first:
            self.checkpoint.save(
                {
                    "progress": vars(self.progress),
                    "notes": self.notes.state(),
                    "network": self.network.state_dict(),
                    "optimizer": self.optimizer.state_dict(),
                }
            )
        self.saved_at = time.monotonic()

    def _load(self) -> None:
        saved = self.checkpoint.load()
        self.processes.wait()  # before anybody writes
        if saved is None:
            return
        self.progress = Progress(**saved["progress"])
        self.notes.load(saved["notes"])
        self.network.load_state_dict(saved["network"])
        self.optimizer.load_state_dict(saved["optimizer"])
        logger.info(
            "going on after epoch %d of %d, step %d",
            self.progress.epoch, self.options.epochs, self.progress.step,
        )  # fmt: skip


def copy_weights(network: nn.Module) -> Weights:
    """Copy the weights to the CPU."""
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
