"""Losses over labelled pairs of sound and text, of Elizalde et al. 2019 and of their Table 1.

A pair belongs together (is_same) or not. The paper's loss is the binary cross-entropy of
d = exp(-L2 distance), read as the probability that it does; its equation slips in a sign. The
table crosses two losses with four measures; what the paper leaves open is decided here:

| loss | measure | a pair that belongs together | another pair |
|---|---|---|---|
| bce | exp_l1, exp_l2 | -log exp(-D) = D | -log(1 - exp(-D)) |
| bce | l1, l2 | -log(1 / (1 + D)) | -log(D / (1 + D)) |
| contrastive | l1, l2 | D² / 2 | max(0, margin - D)² / 2 |
| contrastive | exp_l1, exp_l2 | S² / 2, S = 1 - exp(-D) | max(0, margin - S)² / 2 |

Cross-entropy needs a probability, which an unbounded distance is not. 1 / (1 + D) is 1 at distance
0 and 0 far away, like exp(-D), but falls slowly, so it is no second name for it. A logistic
function of -D would not do: it is 1/2 at distance 0, so that pairs which belong together are
pulled even there, and the space collapses.

The contrastive loss (Hadsell et al. 2006, equation 4) wants a distance, so exp(-D), which grows
with likeness, is turned round.

All is computed in float32 and in log space: finite with finite gradients at any distance.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from hearsay.errors import HearsayError

PairLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(sound [P, D], text [P, D], is_same bool [P]) → the mean over the pairs, a scalar."""

EPSILON = 1e-12  # under the root, whose gradient at 0 is infinite
SMALLEST = 1e-6  # distance; the logarithm of 1 - exp(-0) is not finite

LOSSES = ("bce", "contrastive")
MEASURES = ("l1", "l2", "exp_l1", "exp_l2")


def distances(a: Tensor, b: Tensor, norm: str) -> Tensor:
    """Return the distance of each pair of rows, never below SMALLEST: float32 [P].

    Args:
        a: [P, D], not normalised.
        b: as a.
        norm: l1 or l2.
    """
    difference = a.float() - b.float()
    if norm == "l1":
        return difference.abs().sum(dim=1).clamp_min(SMALLEST)
    return (difference.square().sum(dim=1) + EPSILON).sqrt().clamp_min(SMALLEST)


def make_pair_loss(options: dict[str, Any]) -> PairLoss:
    """Make the loss that `options["loss"]` and `options["measure"]` name.

    `options["margin"]` is that of the contrastive loss, in units of D or, of exp_l1 and exp_l2,
    of S, which stays below 1. The cross-entropies do not read it.

    Raises:
        HearsayError: a name is unknown, or the margin is not positive.
    """
    loss, measure = options["loss"], options["measure"]
    if loss not in LOSSES or measure not in MEASURES:
        raise HearsayError(
            f"methods: pair loss {loss!r} over {measure!r} is not defined; losses: "
            f"{', '.join(LOSSES)}; measures: {', '.join(MEASURES)}"
        )
    norm, is_exponential = measure[-2:], measure.startswith("exp_")
    if loss == "bce":
        of_distance = _exponential_entropy if is_exponential else _inverse_entropy
    else:
        margin = options["margin"]
        if not margin > 0:
            raise HearsayError(
                f"methods: the margin of a contrastive loss is {margin}, not above 0"
            )

        def of_distance(distance: Tensor, is_same: Tensor) -> Tensor:
            spread = -torch.expm1(-distance) if is_exponential else distance
            return _contrastive(spread, is_same, margin)

    def pair_loss(audio: Tensor, text: Tensor, is_same: Tensor) -> Tensor:
        return of_distance(distances(audio, text, norm), is_same).mean()

    return pair_loss


def _exponential_entropy(distance: Tensor, is_same: Tensor) -> Tensor:
    """Cross-entropy of exp(-D); log(1 - exp(-D)) keeps its digits at small and large D."""
    return torch.where(is_same, distance, -torch.log(-torch.expm1(-distance)))


def _inverse_entropy(distance: Tensor, is_same: Tensor) -> Tensor:
    """Cross-entropy of 1 / (1 + D)."""
    return torch.log1p(torch.where(is_same, distance, 1 / distance))


def _contrastive(spread: Tensor, is_same: Tensor, margin: float) -> Tensor:
    return torch.where(is_same, spread, (margin - spread).clamp_min(0)).square() / 2
