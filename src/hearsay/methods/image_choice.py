"""Which of a clip's images its sound is matched with: the similarity of a batch of pairs.

A pairing maps audio embeddings [B, D], image embeddings [B, L, D] (unit norm both), the epoch
(from 0) and a CPU generator to the cosines [B, B] of audio i with clip j's image. A further
pairing, such as the nearest image or the maximum inside every pair, is one function and one
entry of `PAIRINGS`.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from hearsay.errors import HearsayError

Pairing = Callable[[Tensor, Tensor, int, torch.Generator], Tensor]


def pair_random_images(
    audio: Tensor, images: Tensor, epoch: int, generator: torch.Generator
) -> Tensor:
    """Match with one of a clip's images, each as likely, drawn anew each time the clip is seen.

    This is vip_ant (Zhao et al. 2022), the same in every epoch.
    """
    choice = torch.randint(images.shape[1], (len(images),), generator=generator)
    return audio @ take_images(images, choice).T  # [B, B]


def take_images(images: Tensor, choice: Tensor) -> Tensor:
    """Take image `choice[i]` of clip i: [B, L, D] and [B] → [B, D]."""
    rows = torch.arange(len(images), device=images.device)
    return images[rows, choice.to(images.device)]


# image_choice of config → what makes the pairing from the method's options.
PAIRINGS: dict[str, Callable[[dict[str, Any]], Pairing]] = {
    "random": lambda options: pair_random_images,
}


def make_pairing(options: dict[str, Any]) -> Pairing:
    """Make the pairing that `options["image_choice"]` names.

    Raises:
        HearsayError: the name is unknown.
    """
    name = options["image_choice"]
    if name not in PAIRINGS:
        raise HearsayError(
            f"methods: image_choice {name!r} is not defined; known: {', '.join(sorted(PAIRINGS))}"
        )
    return PAIRINGS[name](options)
