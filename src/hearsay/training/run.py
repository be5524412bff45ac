"""One run: a method with a seed, trained for one stage, from files to files."""

import logging
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from hearsay.device import describe_hardware, reproducible, resolve_device
from hearsay.encoders.frozen import read_frozen
from hearsay.errors import HearsayError
from hearsay.families import FAMILIES, FamilyNeeds
from hearsay.files import read_json, write_json, write_parquet, write_torch
from hearsay.layout import DatasetFiles
from hearsay.methods import make_family
from hearsay.methods.family import EmbedsLabels
from hearsay.training.checkpoint import Checkpoint, fingerprint
from hearsay.training.data import Clips, choose_clips
from hearsay.training.load import check_frozen, read_model
from hearsay.training.loop import Fitted, Trainer
from hearsay.training.options import Machine, StageOptions
from hearsay.training.pairs import pair_splits
from hearsay.training.processes import join_processes
from hearsay.training.stop import watch_for_stop
from hearsay.training.stores import open_stores

logger = logging.getLogger(__name__)

PACKAGES = ("hearsay", "torch", "open_clip_torch", "numpy")
CHOICES_SCHEMA = pa.schema([("epoch", pa.int32()), ("clip_id", pa.string()), ("image", pa.int8())])


def train_run(
    method: str,
    stage: str,
    seed: int,
    options: dict[str, Any],
    data: DatasetFiles,
    weights: Path | None,
    init: Path | None,
    subset: Path | None,
    folder: Path,
    machine: Machine,
) -> None:
    """Train one stage and write model.pt, history.parquet, choices.parquet and run.json.

    Where a run is killed, the same command goes on from `checkpoint.pt` in the folder. Started
    by torchrun, every process trains on its part of each batch, and the first one writes.

    Args:
        method: its name in config.
        stage: one of its family's.
        seed: of all draws, and of weights that do not start from the frozen towers.
        options: of `hearsay.config.stage_options`.
        data: the data set to train on.
        weights: clip.pt of `prepare_clip`; None for a family without the frozen towers.
        init: model.pt of the stage before; its last weights go on, and its statistics normalise
            the features, since they belong to the pretraining set. None: the first stage.
        subset: a text file of clip ids to train on; None: all that are available.
        folder: of the run.
        machine: how to use it; changes no result beyond rounding.

    Raises:
        HearsayError: an input is absent or does not fit, the checkpoint is of other options, the
            loss is not finite, or somebody asked to stop.
    """
    with (
        join_processes(resolve_device(machine.device)) as (processes, device),
        reproducible(device, machine.threads),
        watch_for_stop() as stop,
    ):
        needs = FAMILIES[options["family"]]
        if processes.size > 1 and not needs.shares_batches:
            raise HearsayError(
                f"a method of family {options['family']} trains on one card: its layers normalise "
                "by the whole batch; give it gpu=1"
            )
        family = make_family(options, stage)
        before = read_model(init) if init is not None else None
        statistics = before["statistics"] if before else _read_statistics(needs, data)
        stores = open_stores(data, family.requires(), options, statistics)
        torch.manual_seed(seed)
        frozen = read_frozen(needs, data, weights)
        train, val = (
            Clips(choose_clips(data.clips, split, stores, subset), stores)
            for split in ("train", "val")
        )
        if isinstance(family, EmbedsLabels):
            train, val = pair_splits(train, val, frozen, family.pairs, seed)
        network = family.build_network(frozen)
        if before:
            check_frozen(init, before, frozen)
            family.continue_from(network, before["last"])
        network.to(device)
        if machine.compile:
            network.compile()
        inputs = [data.clips, *(path for path in (weights, init) if path is not None)]
        for store in stores.values():
            inputs.extend(store.paths)
        identity = {
            "stage": stage,
            "seed": seed,
            "statistics": statistics,
            "train": train.clip_ids,
            "val": val.clip_ids,
            # Threads change how a CPU sums, and nothing on a GPU.
            "threads": machine.threads if device.type == "cpu" else None,
            "device": device.type,
            "versions": _versions(),
        }
        asked = {**options, "subset": str(subset) if subset else None}
        checkpoint = Checkpoint(folder / "checkpoint.pt", asked, fingerprint(identity, inputs))
        fitted = Trainer(
            family,
            network,
            train,
            val,
            StageOptions.of(options),
            seed,
            device,
            checkpoint,
            processes=processes,
            readers=machine.readers,
            checkpoint_minutes=machine.checkpoint_minutes,
            stop=stop,
        ).fit()
        if processes.is_first:
            record = {
                "method": method,
                "stage": stage,
                "seed": seed,
                "weights": frozen.name,
                "options": options,
                "versions": _versions(),
                "device": device.type,
                "availability": read_json(data.availability)["fingerprint"],
                "hardware": {**describe_hardware(device), "processes": processes.size},
                "num_train_clips": len(train.clip_ids),
                "num_val_clips": len(val.clip_ids),
                "best_epoch": fitted.best_epoch,
            }
            saved = {
                "stage": stage,
                "options": options,
                "statistics": statistics,
                "frozen": frozen.digest,
            }
            _write_run(fitted, saved, record, folder)
            checkpoint.remove()
        processes.wait()  # so that what one process has finished is there for all


def _write_run(fitted: Fitted, saved: dict[str, Any], record: dict[str, Any], folder: Path) -> None:
    """Write what a run leaves; run.json last."""
    write_torch({"last": fitted.last, "best": fitted.best, **saved}, folder / "model.pt")
    write_parquet(fitted.history, folder / "history.parquet")
    choices = fitted.notes.reindex(columns=CHOICES_SCHEMA.names)
    write_parquet(
        pa.Table.from_pandas(choices, schema=CHOICES_SCHEMA, preserve_index=False),
        folder / "choices.parquet",
    )
    write_json(record, folder / "run.json")


def _read_statistics(needs: FamilyNeeds, data: DatasetFiles) -> dict[str, float] | None:
    """Read what normalises the filter banks; other features are taken as they are."""
    if needs.features != "fbank":
        return None
    statistics = read_json(data.statistics)
    try:
        return {"mean": float(statistics["mean"]), "std": float(statistics["std"])}
    except (KeyError, TypeError, ValueError) as error:
        raise HearsayError(
            f"{data.statistics} has no mean and std; remove it and measure again"
        ) from error


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except ModuleNotFoundError:  # the package runs from its source folder
            versions[package] = "source"
    return versions
