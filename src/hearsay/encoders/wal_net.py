"""WAL-Net as a frozen encoder of sound: trained on weak labels, or of published weights."""

import logging
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hearsay.device import reproducible, resolve_device
from hearsay.encoders.train_wal_net import read_labelled, read_lengths, train_network
from hearsay.encoders.wal_net_layers import WIDTH, WalNet, count_segments, mean_segments
from hearsay.errors import HearsayError
from hearsay.features.extract import write_vectors
from hearsay.features.store import ShardedArrays
from hearsay.files import write_torch
from hearsay.progress import progress

logger = logging.getLogger(__name__)

BATCH_SIZE = 8  # clips embedded at a time; changes memory, not results
LOAD_ERRORS = (pickle.UnpicklingError, KeyError, RuntimeError, TypeError, EOFError, ValueError)
PUBLISHED_CONVOLUTIONS = (1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16)  # numbers between them: pools
COUNTER = ".num_batches_tracked"  # weights saved before torch 0.4 have none; it is not used


@dataclass(frozen=True)
class FrozenWalNet:
    """A trained network.

    Attributes:
        model: in evaluation mode, its parameters without gradients, on `device`.
        name: of the weights, as in config.
        classes: labels in the order of its outputs; of published weights, their numbers.
    """

    model: WalNet
    name: str
    classes: list[str]
    device: torch.device


def prepare_wal_net(
    options: dict[str, Any],
    output: Path,
    device: str,
    arrays: Sequence[Path] = (),
    clips: Path | None = None,
    num_workers: int = 1,
) -> None:
    """Write the network of the `wal_net` section: of published weights, or trained here.

    Args:
        options: weights, file and, where that is null, training.
        output: the file to write.
        device: auto, cpu or cuda; used where the network is trained.
        arrays: shards of extract_wal_logmel of the data set to train on; its train split is used.
        clips: its clips table.
        num_workers: threads; on a CPU, results are equal bit for bit only at equal threads.

    Raises:
        HearsayError: published weights that are none of WAL-Net's, or as `read_labelled` and
            `train_network`.
    """
    training: dict[str, Any] | None = None
    if options["file"] is not None:
        model = load_published(Path(options["file"]))
        classes = [str(number) for number in range(model.classifier.out_features)]
    else:
        if clips is None or not arrays:
            raise HearsayError(
                "wal_net.file is null, so the network is trained here; that needs the clips and "
                "the features of a data set"
            )
        training = dict(options["training"])
        torch_device = resolve_device(device)
        labelled = read_labelled(clips, arrays)
        classes = labelled.classes
        with reproducible(torch_device, num_workers):
            torch.manual_seed(training["seed"])
            model = WalNet(len(classes))
            train_network(model, labelled, training, torch_device)
    write_torch(
        {
            "name": options["weights"],
            "classes": classes,
            "state_dict": {k: value.cpu().contiguous() for k, value in model.state_dict().items()},
            "training": training,
        },
        output,
    )


def load_wal_net(path: Path, device: torch.device) -> FrozenWalNet:
    """Load the network that `prepare_wal_net` wrote, frozen.

    Raises:
        HearsayError: the file is absent or is no such file.
    """
    if not Path(path).is_file():
        raise HearsayError(f"{path} does not exist; prepare_wal_net has not run")
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        model = WalNet(len(saved["classes"]))
        model.load_state_dict(saved["state_dict"])
    except LOAD_ERRORS as error:
        raise HearsayError(
            f"{path} holds no WAL-Net of this program ({type(error).__name__}); remove it and run "
            "prepare_wal_net again"
        ) from error
    model = model.to(device).eval().requires_grad_(False)
    return FrozenWalNet(model, saved["name"], saved["classes"], device)


def embed_wal_net(
    weights: Path, features: Path, array: Path, index: Path, device: str, num_workers: int = 1
) -> None:
    """Embed one shard of clips: float32 [clips, 1024], the mean over each clip's segments.

    Args:
        weights: of `prepare_wal_net`.
        features: the shard's array of extract_wal_logmel, with its index table beside it.
        array: the npy to write, in the order of the features.
        index: the table to write beside it: clip_id, row.
        device: auto, cpu or cuda.
        num_workers: threads that compute.

    Raises:
        HearsayError: a file is absent or damaged, or a clip is too short.
    """
    torch_device = resolve_device(device)
    network = load_wal_net(weights, torch_device)
    store = ShardedArrays([features])
    lengths = read_lengths([features])
    # Clips of like length together, so that little of a batch is padding.
    order = np.argsort([lengths[clip_id] for clip_id in store.clip_ids], kind="stable")
    batches = [order[start : start + BATCH_SIZE] for start in range(0, len(order), BATCH_SIZE)]
    embeddings = np.empty((len(order), WIDTH), np.float32)
    with reproducible(torch_device, num_workers):
        for rows in progress(batches, len(batches), f"batch of {BATCH_SIZE} clip"):
            clip_ids = [store.clip_ids[row] for row in rows]
            num_frames = torch.tensor([lengths[clip_id] for clip_id in clip_ids])
            stored = store.gather(clip_ids)[:, : int(num_frames.max())]
            embeddings[rows] = encode_sounds(network, torch.from_numpy(stored), num_frames)
    write_vectors(store.clip_ids, embeddings, array, index)


def encode_sounds(
    network: FrozenWalNet, features: Tensor, num_frames: Tensor
) -> NDArray[np.float32]:
    """Embed log-mel [B, T, 128], of which `num_frames` [B] are valid, as vectors [B, 1024]."""
    num_frames = num_frames.to(network.device)
    with torch.inference_mode():
        _, segments = network.model(features.to(network.device).float(), num_frames)
        return mean_segments(segments, count_segments(num_frames)).cpu().numpy()


def load_published(path: Path) -> WalNet:
    """Load weights under the names that the authors published theirs (layer1.0.weight ...).

    They come with any number of classes. Only tensors are read; a file that would have to run
    code is refused.

    Raises:
        HearsayError: the file is absent, holds no weights, or others than WAL-Net's.
    """
    if not path.is_file():
        raise HearsayError(f"wal_net.file {path} does not exist; give a path, or null to train")
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except LOAD_ERRORS as error:
        raise HearsayError(
            f"wal_net.file {path} holds no plain weights ({type(error).__name__}); it must be a "
            "state dict that torch.save has written"
        ) from error
    if not isinstance(saved, Mapping) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in saved.items()
    ):
        raise HearsayError(f"wal_net.file {path} holds no state dict, names with their tensors")
    state = _rename(saved)
    model = WalNet(len(state["classifier.weight"]) if "classifier.weight" in state else 1)
    _check_weights(state, model.state_dict(), path)
    model.load_state_dict({**model.state_dict(), **state})  # with the counters it may lack
    return model.eval()


def _rename(saved: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Turn published names into ours, and the 1 x 1 convolution into a matrix."""
    names = published_names()
    state = {}
    for key, tensor in saved.items():
        layer, _, field = key.removeprefix("module.").rpartition(".")
        name = f"{names.get(layer, layer)}.{field}"
        is_convolution = name == "classifier.weight" and tensor.ndim > 2
        state[name] = tensor.flatten(1) if is_convolution else tensor
    return state


def _check_weights(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], path: Path) -> None:
    """Refuse names and shapes that are not those of WAL-Net."""
    ours = {ours: theirs for theirs, ours in published_names().items()}
    for name in sorted(state.keys() | wanted.keys()):
        layer, _, field = name.rpartition(".")
        here, there = state.get(name), wanted.get(name)
        if here is None and name.endswith(COUNTER):
            continue
        if here is None or there is None or here.shape != there.shape:
            raise HearsayError(
                f"wal_net.file {path}: {ours.get(layer, layer)}.{field} is {_shape(here)}, and "
                f"WAL-Net's is {_shape(there)}; these are weights of another network"
            )


def _shape(tensor: Tensor | None) -> str:
    return "absent" if tensor is None else f"of shape {list(tensor.shape)}"


def published_names() -> dict[str, str]:
    """Map the authors' names of the layers to ours."""
    names = {"layer18.0": "segments", "layer18.1": "segment_norm", "layer19.0": "classifier"}
    for number, layer in enumerate(PUBLISHED_CONVOLUTIONS):
        names |= {f"layer{layer}.0": f"convolutions.{number}", f"layer{layer}.1": f"norms.{number}"}
    return names
