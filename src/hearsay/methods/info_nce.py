"""The symmetric InfoNCE loss, as VIP-ANT's code computes it."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


def initial_log_scale() -> nn.Parameter:
    """Return the learned s where it starts: ln(1 / 0.07). It is never clamped."""
    return nn.Parameter(torch.tensor(math.log(1 / 0.07)))


def info_nce(cosines: Tensor, log_scale: Tensor) -> Tensor:
    """Sum the cross-entropies over the rows and over the columns of exp(s) times the cosines.

    Each is averaged over the batch; the pairs that belong together lie on the diagonal. Tsubaki
    et al. 2024 print their equation 1 without the logarithm; the code they build on has it.

    Args:
        cosines: [B, B], in any float type; computed in float32.
        log_scale: s, a scalar.
    """
    logits = log_scale.float().exp() * cosines.float()
    targets = torch.arange(len(logits), device=logits.device)
    return functional.cross_entropy(logits, targets) + functional.cross_entropy(logits.T, targets)
