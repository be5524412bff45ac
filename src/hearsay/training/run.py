"""One run: a method with a seed, trained for one stage, from files to files."""

import logging
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from hearsay.device import describe_hardware, reproducible, resolve_device
from hearsay.encoders.clip import load_clip
from hearsay.errors import HearsayError
from hearsay.files import read_json, write_json, write_parquet, write_torch
from hearsay.layout import DatasetFiles
from hearsay.methods import make_family
from hearsay.training.checkpoint import Checkpoint, fingerprint
from hearsay.training.data import Clips, choose_clips, open_stores
from hearsay.training.load import read_model
from hearsay.training.loop import StageOptions, fit

logger = logging.getLogger(__name__)

PACKAGES = ("hearsay", "torch", "open_clip_torch", "numpy")


def train_run(
    method: str,
    stage: str,
    seed: int,
    options: dict[str, Any],
    data: DatasetFiles,
    weights: Path,
    init: Path | None,
    subset: Path | None,
    folder: Path,
    device: str,
    threads: int,
) -> None:
    """Train one stage and write model.pt, history.parquet and run.json.

    Where a run is killed, the same command goes on from `checkpoint.pt` in the folder; one of
    other options or inputs is ignored.

    Args:
        method: its name in config.
        stage: audio_image or audio_text.
        seed: of order, image choice and masks; every weight starts from CLIP.
        options: of `hearsay.config.stage_options`.
        data: the data set to train on.
        weights: clip.pt of `prepare_clip`.
        init: model.pt of the stage before; its last weights go on, and its statistics normalise
            the features, since they belong to the pretraining set. None: start from CLIP.
        subset: a text file of clip ids to train on; None: all that are available.
        folder: of the run.
        device: auto, cpu or cuda.
        threads: of the CPU; equal bits need equal threads.

    Raises:
        HearsayError: an input is absent or does not fit, or the loss is not finite.
    """
    torch_device = resolve_device(device)
    with reproducible(torch_device, threads):
        family = make_family(options, stage)
        before = read_model(init) if init is not None else None
        statistics = before["statistics"] if before else _read_statistics(data.statistics)
        stores = open_stores(data, family.requires(), statistics, options["fbank"]["pad"])
        train, val = (
            Clips(choose_clips(data.clips, split, stores, subset), stores)
            for split in ("train", "val")
        )
        torch.manual_seed(seed)
        towers = load_clip(weights, torch.device("cpu"))
        network = family.build_network(towers)
        if before:
            family.continue_from(network, before["last"])
        network.to(torch_device)
        inputs = [data.clips, weights, *([init] if init else [])]
        for store in stores.values():
            inputs.extend(store.paths)
        identity = {
            "stage": stage,
            "seed": seed,
            "options": options,
            "statistics": statistics,
            "train": train.clip_ids,
            "val": val.clip_ids,
            # Threads change how a CPU sums, and nothing on a GPU.
            "threads": threads if torch_device.type == "cpu" else None,
            "device": torch_device.type,
            "versions": _versions(),
        }
        checkpoint = Checkpoint(folder / "checkpoint.pt", fingerprint(identity, inputs))
        fitted = fit(
            family, network, train, val, StageOptions.of(options), seed, torch_device, checkpoint
        )
        hardware = describe_hardware(torch_device)
    write_torch(
        {
            "last": fitted.last,
            "best": fitted.best,
            "stage": stage,
            "options": options,
            "statistics": statistics,
        },
        folder / "model.pt",
    )
    write_parquet(fitted.history, folder / "history.parquet")
    write_json(
        {
            "method": method,
            "stage": stage,
            "seed": seed,
            "weights": towers.name,
            "options": options,
            "versions": _versions(),
            "device": torch_device.type,
            "availability": read_json(data.availability)["fingerprint"],
            "hardware": hardware,
            "num_train_clips": len(train),
            "num_val_clips": len(val),
            "best_epoch": fitted.best_epoch,
        },
        folder / "run.json",
    )
    checkpoint.remove()


def _read_statistics(path: Path) -> dict[str, float]:
    statistics = read_json(path)
    try:
        return {"mean": float(statistics["mean"]), "std": float(statistics["std"])}
    except (KeyError, TypeError, ValueError) as error:
        raise HearsayError(f"{path} has no mean and std; remove it and measure again") from error


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except ModuleNotFoundError:  # the package runs from its source folder
            versions[package] = "source"
    return versions
