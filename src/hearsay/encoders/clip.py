"""The frozen image and text towers: an open_clip model in one file of this project's own."""

import logging
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.model import CLIP
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor

from hearsay.device import reproducible, resolve_device
from hearsay.encoders.pictures import normalise_pixels
from hearsay.encoders.train_clip import read_pairs, train_clip
from hearsay.errors import HearsayError
from hearsay.files import write_torch

logger = logging.getLogger(__name__)

LOAD_ERRORS = (pickle.UnpicklingError, KeyError, RuntimeError, TypeError, EOFError, ValueError)
MODEL_KEYS = {"embed_dim", "vision_cfg", "text_cfg", "quick_gelu"}


@dataclass(frozen=True)
class ClipTowers:
    """A frozen CLIP and what turns pictures and words into its inputs.

    Attributes:
        model: in evaluation mode, its parameters without gradients, on `device`.
        name: of the weights, as in config.
        mean, std: of the three colour channels in [0, 1].
    """

    model: CLIP
    name: str
    device: torch.device
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    tokenizer: SimpleTokenizer

    @property
    def image_size(self) -> int:
        """Side of the square picture that the image tower reads."""
        return int(self.model.visual.image_size[0])

    @property
    def embed_dim(self) -> int:
        """Width D of the shared space."""
        return int(self.model.visual.output_dim)

    def preprocess(self, pixels: Tensor) -> Tensor:
        """Normalise uint8 pictures [B, 3, S, S] as the model wants them, on its device."""
        return normalise_pixels(pixels.to(self.device), self.mean, self.std)

    def tokenize(self, texts: Sequence[str]) -> Tensor:
        """Turn texts into tokens, int64 [B, context]; longer texts are cut."""
        tokens: Tensor = self.tokenizer(list(texts), self.model.context_length)
        return tokens.to(self.device)


def prepare_clip(
    options: dict[str, Any],
    output: Path,
    device: str,
    images: Sequence[Path] = (),
    captions: Path | None = None,
    clips: Path | None = None,
    num_workers: int = 1,
) -> None:
    """Write the towers of the `clip` section: loaded from open_clip, or trained here.

    Args:
        options: weights, model, pretrained and, where that is null, training.
        output: the file to write.
        device: auto, cpu or cuda; used where a model is trained.
        images: image tables of the data set to train on; their train split is used.
        captions: its captions table.
        clips: its clips table.
        num_workers: threads; on a CPU, results are equal bit for bit only at equal threads.

    Raises:
        HearsayError: the model or the weights are unknown or cannot be had, or the model's
            activation is not that of the weights.
    """
    training: dict[str, Any] | None = None
    if options["pretrained"] is not None:
        model, config, mean, std = _load_pretrained(options["model"], options["pretrained"])
    else:
        if captions is None or clips is None or not images:
            raise HearsayError(
                "clip.pretrained is null, so the towers are trained here; that needs the clips, "
                "captions and images of a data set"
            )
        config = check_model_config(options["model"])
        mean, std = open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD
        training = dict(options["training"])
        torch_device = resolve_device(device)
        with reproducible(torch_device, num_workers):
            pairs = read_pairs(
                clips, captions, images, config["vision_cfg"]["image_size"], num_workers
            )
            torch.manual_seed(training["seed"])
            model = CLIP(**config)
            train_clip(model, pairs, training, mean, std, torch_device)
    write_torch(
        {
            "name": options["weights"],
            "model": config,
            "state_dict": {name: value.cpu() for name, value in model.state_dict().items()},
            "mean": list(mean),
            "std": list(std),
            "training": training,
        },
        output,
    )


def load_clip(path: Path, device: torch.device) -> ClipTowers:
    """Load the towers that `prepare_clip` wrote, frozen.

    Raises:
        HearsayError: the file is absent or is no such file.
    """
    if not Path(path).is_file():
        raise HearsayError(f"{path} does not exist; prepare_clip has not run")
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        model = CLIP(**saved["model"])
        model.load_state_dict(saved["state_dict"])
    except LOAD_ERRORS as error:
        raise HearsayError(
            f"{path} holds no CLIP of this program ({type(error).__name__}); remove it and run "
            "prepare_clip again"
        ) from error
    model = model.to(device).eval().requires_grad_(False)
    return ClipTowers(
        model=model,
        name=saved["name"],
        device=device,
        mean=tuple(saved["mean"]),
        std=tuple(saved["std"]),
        tokenizer=SimpleTokenizer(context_length=model.context_length),
    )


def _load_pretrained(
    name: str, pretrained: str
) -> tuple[CLIP, dict[str, Any], tuple[float, ...], tuple[float, ...]]:
    """Load open_clip's weights; return the model, its sizes, and the colour mean and std."""
    config = open_clip.get_model_config(name)
    if config is None:
        raise HearsayError(f"clip.model: open_clip knows no model {name!r}; see its list_models()")
    config = check_model_config(config)
    tag = open_clip.get_pretrained_cfg(name, pretrained)
    if tag and bool(tag.get("quick_gelu", False)) != config["quick_gelu"]:
        wanted = f"{name}-quickgelu" if tag.get("quick_gelu") else name.removesuffix("-quickgelu")
        raise HearsayError(
            f"clip.model: {name} has another activation than the weights {pretrained!r} were "
            f"trained with; use {wanted}"
        )
    try:
        model, _, _ = open_clip.create_model_and_transforms(name, pretrained=pretrained)
    except (RuntimeError, OSError, ValueError) as error:
        raise HearsayError(
            f"clip.pretrained: the weights {pretrained!r} of {name} cannot be had ({error}); "
            "check the tag and the network, or fetch them on a machine that has one"
        ) from error
    mean, std = model.visual.preprocess_cfg["mean"], model.visual.preprocess_cfg["std"]
    return model, config, tuple(mean), tuple(std)


def check_model_config(config: dict[str, Any]) -> dict[str, Any]:
    """Return the sizes of a model as `open_clip.model.CLIP` takes them.

    Raises:
        HearsayError: a key that the plain CLIP class does not take, or another tokenizer than
            CLIP's own.
    """
    unknown = set(config) - MODEL_KEYS
    if unknown or "hf_model_name" in config["text_cfg"]:
        raise HearsayError(
            f"clip.model: {', '.join(sorted(unknown)) or 'hf_model_name'} is not of a plain CLIP; "
            "use a model of open_clip's class CLIP, such as ViT-B-32-quickgelu"
        )
    if config["text_cfg"].get("hf_tokenizer_name") or (
        config["text_cfg"].get("vocab_size", 49408) != 49408
    ):
        raise HearsayError("clip.model: only CLIP's own tokenizer is known, vocab_size 49408")
    return {"quick_gelu": False, **config}
