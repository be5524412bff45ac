"""Trained runs, ready to embed."""

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hearsay.encoders.frozen import FrozenEncoders
from hearsay.errors import HearsayError
from hearsay.families import FAMILIES, FamilyNeeds
from hearsay.layout import DatasetFiles
from hearsay.methods import make_family
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.family import Batch, EmbedsAudio, Family
from hearsay.progress import progress
from hearsay.training.data import Clips
from hearsay.training.stores import open_stores
from hearsay.training.validate import move


@dataclass(frozen=True)
class TrainedRun:
    """A trained network with what its inputs need.

    Attributes:
        network: in evaluation mode, on `device`.
        statistics: mean and std that normalise its features; None where nothing does.
        options: of the stage that it was trained in.
        needs: of its family.
    """

    family: Family
    network: nn.Module
    statistics: dict[str, float] | None
    options: dict[str, Any]
    needs: FamilyNeeds
    device: torch.device


def load_run(
    model: Path, frozen: FrozenEncoders, device: torch.device, which: str = "last"
) -> TrainedRun:
    """Load a run.

    Args:
        model: model.pt of `train_run`.
        frozen: the encoders that it was trained on, or of their space.
        device: to compute on.
        which: weights of the `last` epoch, or of the `best` on the validation loss.

    Raises:
        HearsayError: the file is absent or does not fit the encoders.
    """
    if which not in ("last", "best"):
        raise HearsayError(f"which {which!r} must be last or best")
    saved = read_model(model)
    check_frozen(model, saved, frozen)
    family = make_family(saved["options"], saved["stage"])
    network = family.build_network(frozen)
    try:
        network.load_state_dict(saved[which])
    except RuntimeError as error:
        raise HearsayError(
            f"{model} does not fit the encoders {frozen.name}; train the run again"
        ) from error
    network.to(device).eval()
    needs = FAMILIES[saved["options"]["family"]]
    return TrainedRun(family, network, saved["statistics"], saved["options"], needs, device)


def read_needs(model: Path) -> FamilyNeeds:
    """Say what the family of a trained run needs.

    Raises:
        HearsayError: the file is absent or is none.
    """
    return FAMILIES[read_model(model)["options"]["family"]]


def listen(
    run: TrainedRun, data: DatasetFiles, clip_ids: Sequence[str], batch_size: int = 64
) -> Iterator[tuple[list[str], Batch]]:
    """Yield clips with what the run hears of them, on its device.

    Args:
        run: of `load_run`.
        data: the data set.
        clip_ids: all of them must have features.
        batch_size: changes memory, not results.
    """
    stores = open_stores(data, (run.needs.features,), run.options, run.statistics)
    clips = Clips(list(clip_ids), stores)
    rows = [
        range(start, min(start + batch_size, len(clips)))
        for start in range(0, len(clips), batch_size)
    ]
    nothing_drawn = (BatchPart(torch.Generator()) for _ in rows)
    batches = clips.batches(rows, nothing_drawn, readers=1)
    for of_batch, batch in progress(batches, total=len(rows), unit="batch"):
        yield [clips.clip_ids[row] for row in of_batch], move(batch, run.device)


def embed_clips(
    run: TrainedRun, data: DatasetFiles, clip_ids: Sequence[str], batch_size: int = 64
) -> NDArray[np.float32]:
    """Embed clips with a run whose family embeds them: [N, D], or segments [N, L, D].

    Args: see `listen`.

    Raises:
        HearsayError: its family gives clips no vectors.
    """
    family = run.family
    if not isinstance(family, EmbedsAudio):
        raise HearsayError(f"family {run.options['family']} gives clips no vectors")
    with torch.inference_mode():
        blocks = [
            family.embed_audio(run.network, batch).float().cpu().numpy()
            for _, batch in listen(run, data, clip_ids, batch_size)
        ]
    return np.concatenate(blocks) if blocks else np.zeros((0, 0), dtype=np.float32)


def check_frozen(model: Path | None, saved: dict[str, Any], frozen: FrozenEncoders) -> None:
    """Refuse a network that was trained on other frozen encoders, of whatever sizes.

    Raises:
        HearsayError: naming the file and the encoders.
    """
    if saved["frozen"] != frozen.digest:
        raise HearsayError(
            f"{model} was trained on other frozen encoders than {frozen.name} is now; train it "
            "again with these"
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
        missing = {"last", "best", "stage", "options", "statistics", "frozen"} - set(saved)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, TypeError) as error:
        raise HearsayError(f"{path} cannot be read ({error}); train the run again") from error
    if missing:
        raise HearsayError(f"{path} lacks {', '.join(sorted(missing))}; train the run again")
    return saved
