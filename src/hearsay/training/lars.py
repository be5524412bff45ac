"""LARS, as VIP-ANT uses it."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer


class LARS(Optimizer):
    """Layer-wise adaptive rates (You et al. 2017) with momentum on the scaled gradient.

    Tensors of two dimensions and more: weight decay is added to the gradient, and the sum is
    scaled by trust * |w| / |g + decay * w| (by 1 where either norm is 0). All others, so biases,
    norms, the class token and the logit scale: neither. Then, for all, momentum without Nesterov:
    m ← momentum * m + gradient; w ← w - lr * m.

    Args:
        params: tensors or groups, each with its own `lr` and `weight_decay`.
        lr: learning rate.
        weight_decay: decay of tensors of two dimensions and more.
        momentum: 0.9 there and here.
        trust: 0.001 there and here.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        weight_decay: float,
        momentum: float = 0.9,
        trust: float = 0.001,
    ) -> None:
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "trust": trust}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take one step; a closure is called first, with gradients, and its loss returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                gradient = weight.grad
                if weight.ndim >= 2:
                    gradient = gradient.add(weight, alpha=group["weight_decay"])
                    gradient = gradient * _trust_ratio(weight, gradient, group["trust"])
                state = self.state[weight]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(weight)
                momentum = state["momentum"]
                momentum.mul_(group["momentum"]).add_(gradient)
                weight.add_(momentum, alpha=-group["lr"])
        return loss


def _trust_ratio(weight: Tensor, gradient: Tensor, trust: float) -> Tensor:
    """Return the ratio as a tensor, so that a GPU need not wait for its value."""
    weight_norm, gradient_norm = weight.norm(), gradient.norm()
    ratio = trust * weight_norm / gradient_norm
    return torch.where((weight_norm > 0) & (gradient_norm > 0), ratio, torch.ones_like(ratio))
