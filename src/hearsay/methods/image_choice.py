"""Which of a clip's images its sound is matched with: the cosines of a batch of pairs.

A pairing maps sounds and images of this process's clips to the cosines of the whole batch and,
where one image a clip was chosen, that choice. A further pairing is one function and one entry of
`PAIRINGS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from hearsay.device import send
from hearsay.errors import HearsayError
from hearsay.methods.batch_part import BatchPart


@dataclass(frozen=True)
class Pairs:
    """The pairs of a batch.

    Attributes:
        cosines: [B, B] over the whole batch, of sound i with clip j's image.
        choice: int64 [b], the image that each of this process's clips was matched with; None
            where no single one was.
    """

    cosines: Tensor
    choice: Tensor | None = None


Pairing = Callable[[Tensor, Tensor, int, BatchPart], Pairs]
"""(segments [b, S, D] of the sound, not normalised; images [b, L, D], unit norm; the epoch from
0; the part of the batch) → pairs."""


def pair_random_image(audio: Tensor, images: Tensor, epoch: int, part: BatchPart) -> Pairs:
    """Match with one of a clip's images, each as likely, drawn anew each time the clip is seen.

    This is vip_ant (Zhao et al. 2022), the same in every epoch.
    """
    choice = part.choose(len(images), images.shape[1])
    return _pair_chosen(clip_embedding(audio), images, choice, part)


def pair_nearest_image(audio: Tensor, images: Tensor, epoch: int, part: BatchPart) -> Pairs:
    """Match with the clip's image that is nearest to its sound as it is embedded now.

    Nearest Match (Tsubaki et al. 2024) from its epoch n on. The choice comes first and carries no
    gradient; of images equally near, the first. Then the loss is the ordinary one of the pairs.
    """
    sounds = clip_embedding(audio)
    choice = torch.einsum("bd,bld->bl", sounds.detach(), images).argmax(dim=1)  # [b]
    return _pair_chosen(sounds, images, choice, part)


def pair_nearest_of_pairs(audio: Tensor, images: Tensor, epoch: int, part: BatchPart) -> Pairs:
    """Take the largest cosine inside every pair of the batch: eq. 3 of Tsubaki et al., literally.

    The wrong pairs are the hardest of their images too, and the gradient flows through the
    largest cosine alone.
    """
    sounds, pictures = part.gather(clip_embedding(audio)), part.gather(images)
    return Pairs(torch.einsum("id,jld->ijl", sounds, pictures).amax(dim=2))


def pair_all_images(audio: Tensor, images: Tensor, epoch: int, part: BatchPart) -> Pairs:
    """Match each segment of the sound with the image of its time: the mean of their cosines.

    Multiframe Match (Tsubaki et al. 2024): eq. 4 is the cosine of the flattened [L · D] vectors,
    which is this mean where every segment has unit norm.

    Raises:
        HearsayError: the sound is not cut into as many segments as there are images.
    """
    return _pair_flattened(functional.normalize(audio, dim=-1), images, part)


def pair_all_images_unnormalised(
    audio: Tensor, images: Tensor, epoch: int, part: BatchPart
) -> Pairs:
    """Match as `pair_all_images`, but let long segment embeddings weigh more: eq. 4 as printed.

    Raises:
        HearsayError: as `pair_all_images`.
    """
    return _pair_flattened(audio, images, part)


def clip_embedding(audio: Tensor) -> Tensor:
    """Reduce segments [B, S, D] to unit vectors [B, D]: the normalised mean of unit segments."""
    return functional.normalize(functional.normalize(audio, dim=-1).mean(dim=1), dim=-1)


def take_images(images: Tensor, choice: Tensor) -> Tensor:
    """Take image `choice[i]` of clip i: [B, L, D] and [B] → [B, D]."""
    rows = torch.arange(len(images), device=images.device)
    return images[rows, send(choice, images.device)]


def _pair_chosen(sounds: Tensor, images: Tensor, choice: Tensor, part: BatchPart) -> Pairs:
    chosen = take_images(images, choice)  # [b, D]
    return Pairs(part.gather(sounds) @ part.gather(chosen).T, choice)


def _pair_flattened(audio: Tensor, images: Tensor, part: BatchPart) -> Pairs:
    if audio.shape[1] != images.shape[1]:
        raise HearsayError(
            f"methods: the sound is cut into {audio.shape[1]} segments, but the data set has "
            f"{images.shape[1]} images a clip; image_choice all needs as many: set segments to "
            f"{images.shape[1]}"
        )
    sounds = functional.normalize(audio.flatten(1), dim=-1)  # [b, L * D]
    pictures = functional.normalize(images.flatten(1), dim=-1)
    return Pairs(part.gather(sounds) @ part.gather(pictures).T)


def _from_epoch(options: dict[str, Any], later: Pairing) -> Pairing:
    """Pair at random while epoch < n, and with `later` from then on."""
    first = options["nearest_from_epoch"]

    def pair(audio: Tensor, images: Tensor, epoch: int, part: BatchPart) -> Pairs:
        pairing = pair_random_image if epoch < first else later
        return pairing(audio, images, epoch, part)

    return pair


# image_choice of config → what makes the pairing from the method's options.
PAIRINGS: dict[str, Callable[[dict[str, Any]], Pairing]] = {
    "random": lambda options: pair_random_image,
    "nearest": lambda options: _from_epoch(options, pair_nearest_image),
    "nearest_of_pairs": lambda options: _from_epoch(options, pair_nearest_of_pairs),
    "all": lambda options: pair_all_images,
    "all_unnormalised": lambda options: pair_all_images_unnormalised,
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
