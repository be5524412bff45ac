"""Losses over the similarities of a batch's clips and captions, of which the diagonal belongs.

Xie et al. 2022, equation 4, and the choices of negatives of their follow-up (arXiv 2211.04070).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from hearsay.errors import HearsayError
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.info_nce import info_nce

CaptionLoss = Callable[[Tensor, Tensor | None, BatchPart], Tensor]
"""(similarities [B, B], log scale where the loss has one, draws for the batch) → scalar."""


def random_imposters(
    similarities: Tensor, log_scale: Tensor | None, part: BatchPart, margin: float
) -> Tensor:
    """Rank each pair above one imposter clip and one imposter caption, drawn independently.

    hinge(margin + S(clip, imposter caption) - S) + hinge(margin + S(imposter clip, caption) - S),
    the mean over the batch. Similarities lie in [0, 1], so with the paper's margin of 1 both
    hinges are always active, the loss is linear and starts at 2.
    """
    size = len(similarities)
    own = similarities.diagonal()
    rows = torch.arange(size, device=similarities.device)
    draws = [part.choose(size, size - 1).to(rows.device) for _ in range(2)]
    captions, clips = (draw + (draw >= rows) for draw in draws)  # any but the own
    wrong_caption = similarities[rows, captions]
    wrong_clip = similarities[clips, rows]
    hinges = (margin + wrong_caption - own).relu() + (margin + wrong_clip - own).relu()
    return hinges.mean()


def all_imposters(
    similarities: Tensor, log_scale: Tensor | None, part: BatchPart, margin: float
) -> Tensor:
    """Rank each pair above all imposters of the batch: the mean over all of them."""
    own = similarities.diagonal()
    hinges = (margin + similarities - own[:, None]).relu()
    hinges = hinges + (margin + similarities - own[None, :]).relu()
    others = ~torch.eye(len(similarities), dtype=torch.bool, device=similarities.device)
    return hinges[others].sum() / others.sum()


def nearest_imposters(
    similarities: Tensor, log_scale: Tensor | None, part: BatchPart, margin: float
) -> Tensor:
    """Rank each pair above the imposters whose scores are nearest to its own, above or below.

    The follow-up's semi-hard negatives; the choice carries no gradient.
    """
    own = similarities.diagonal()
    is_own = torch.eye(len(similarities), dtype=torch.bool, device=similarities.device)
    detached = similarities.detach()
    rows = torch.arange(len(similarities), device=similarities.device)
    far = torch.inf
    to_caption = (detached - own.detach()[:, None]).abs().masked_fill(is_own, far).argmin(dim=1)
    to_clip = (detached - own.detach()[None, :]).abs().masked_fill(is_own, far).argmin(dim=0)
    hinges = (margin + similarities[rows, to_caption] - own).relu()
    hinges = hinges + (margin + similarities[to_clip, rows] - own).relu()
    return hinges.mean()


def contrast_all(similarities: Tensor, log_scale: Tensor | None, part: BatchPart) -> Tensor:
    """Return the symmetric InfoNCE of the batch, with a learned temperature."""
    if log_scale is None:
        raise HearsayError("methods: loss info_nce needs a temperature")
    return info_nce(similarities, log_scale)


def make_caption_loss(options: dict[str, Any]) -> CaptionLoss:
    """Make the loss that `options["loss"]` names; `options["margin"]` is that of the hinges.

    Raises:
        HearsayError: the name is unknown.
    """
    margin = options["margin"]
    losses: dict[str, CaptionLoss] = {
        "random_imposters": partial(random_imposters, margin=margin),
        "full_batch": partial(all_imposters, margin=margin),
        "semi_hard": partial(nearest_imposters, margin=margin),
        "info_nce": contrast_all,
    }
    if options["loss"] not in losses:
        raise HearsayError(
            f"methods: loss {options['loss']!r} is not defined; known: {', '.join(losses)}"
        )
    return losses[options["loss"]]
