"""Trained runs, ready to embed."""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hearsay.encoders.image_tower import ImageTower, read_image_tower
from hearsay.errors import HearsayError
from hearsay.methods import make_family
from hearsay.methods.family import Family
from hearsay.progress import progress
from hearsay.training.data import NormalisedFeatures


@dataclass(frozen=True)
class TrainedRun:
    """A trained network with what its inputs need.

    Attributes:
        network: in evaluation mode, on `device`.
        statistics: mean and std that normalise its features.
        options: of the stage that it was trained in.
    """

    family: Family
    network: nn.Module
    statistics: dict[str, float]
    options: dict[str, Any]
    device: torch.device


def load_run(model: Path, weights: Path, device: torch.device, which: str = "last") -> TrainedRun:
    """Load a run.

    Args:
        model: model.pt of `train_run`.
        weights: clip.pt, from which the network's shape comes.
        device: to compute on.
        which: `last` (the headline) or `best` on the validation loss.

    Raises:
        HearsayError: a file is absent or does not fit the other.
    """
    if which not in ("last", "best"):
        raise HearsayError(f"which {which!r} must be last or best")
    saved = read_model(model)
    image_tower = read_image_tower(weights)
    check_tower(model, saved, image_tower, weights)
    family = make_family(saved["options"], saved["stage"])
    network = family.build_network(image_tower)
    try:
        network.load_state_dict(saved[which])
    except RuntimeError as error:
        raise HearsayError(
            f"{model} does not fit the towers of {weights}; train the run again"
        ) from error
    network.to(device).eval()
    return TrainedRun(family, network, saved["statistics"], saved["options"], device)


def embed_clips(
    run: TrainedRun, fbank: Sequence[Path], clip_ids: Sequence[str], batch_size: int = 64
) -> NDArray[np.float32]:
    """Embed clips with a trained run: [N, D], or segments [N, L, D], in the order of `clip_ids`.

    Args:
        run: of `load_run`.
        fbank: the shards' .npy files of the data set; indexes beside them.
        clip_ids: all of them must have features.
        batch_size: changes memory, not results.
    """
    features = NormalisedFeatures(fbank, run.statistics, run.options["fbank"]["pad"])
    batches = [
        clip_ids[start : start + batch_size] for start in range(0, len(clip_ids), batch_size)
    ]
    blocks = []
    with torch.inference_mode():
        for batch in progress(batches, total=len(batches), unit="batch"):
            embeddings = run.family.embed_audio(
                run.network, features.gather(batch).to(run.device)
            )  # [B, D]
            blocks.append(embeddings.float().cpu().numpy())
    return np.concatenate(blocks) if blocks else np.zeros((0, 0), dtype=np.float32)


def check_tower(
    model: Path | None, saved: dict[str, Any], image_tower: ImageTower, weights: Path
) -> None:
    """Refuse a network that started from another image tower, of whatever sizes.

    Raises:
        HearsayError: naming both files.
    """
    if saved["tower"] != image_tower.digest:
        raise HearsayError(
            f"{model} was trained from another tower than {weights} ({image_tower.name}); train "
            "it again with these towers"
        )


def read_model(path: Path) -> dict[str, Any]:
    """Read a model.pt.

    Raises:
        HearsayError: it is absent or is none.
    """
    if not Path(path).is_file():
        raise HearsayError(f"{path} does not exist; its run has not been trained")
    try:
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        missing = {"last", "best", "stage", "options", "statistics", "tower"} - set(saved)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, TypeError) as error:
        raise HearsayError(f"{path} cannot be read ({error}); train the run again") from error
    if missing:
        raise HearsayError(f"{path} lacks {', '.join(sorted(missing))}; train the run again")
    return saved
