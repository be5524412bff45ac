"""Signs that a joint space has collapsed, which its loss need not show."""

from dataclasses import dataclass

import torch
from torch import Tensor

from hearsay.errors import HearsayError


@dataclass(frozen=True)
class Collapse:
    """How much of a joint space is left.

    Attributes:
        min_text_distance: smallest Euclidean distance between the texts of two classes; at 0 no
            sound can tell them apart.
        num_zero_rows: embeddings of either modality that are all zero, and so have no direction.
        dead_unit_share: share of the output units that are zero for every embedding.
    """

    min_text_distance: float
    num_zero_rows: int
    dead_unit_share: float


def measure_collapse(text: Tensor, audio: Tensor) -> Collapse:
    """Measure the collapse of embeddings, as they leave the network or of unit norm.

    Args:
        text: [K, D], one row a class.
        audio: [N, D].

    Raises:
        HearsayError: fewer than two classes, or an embedding that is not finite.
    """
    if len(text) < 2:
        raise HearsayError(f"collapse needs the texts of two classes, not {len(text)}")
    both = torch.cat([text, audio]).detach().float()  # [K + N, D]
    if not torch.isfinite(both).all():
        raise HearsayError("an embedding is not finite, so the run diverged; lower learning_rate")
    is_used = both != 0
    return Collapse(
        min_text_distance=torch.pdist(both[: len(text)]).min().item(),
        num_zero_rows=int((~is_used.any(dim=1)).sum()),
        dead_unit_share=1 - is_used.any(dim=0).float().mean().item(),
    )
