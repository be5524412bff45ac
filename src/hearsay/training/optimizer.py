"""The optimizer of a stage, by the names of config."""

from typing import Any

from torch import nn
from torch.optim import Adam, AdamW, Optimizer

from hearsay.errors import HearsayError
from hearsay.training.lars import LARS
from hearsay.training.options import StageOptions

RATE_SCALE_BATCH = 256  # scale_by_batch: rates are given for this many clips


def make_optimizer(network: nn.Module, options: StageOptions) -> Optimizer:
    """Make the optimizer with two groups: tensors of two dimensions and more, and all others.

    The others have a rate of their own and no decay. Adam and AdamW keep torch's betas
    (0.9, 0.999); the former adds the decay to the gradient.

    Raises:
        HearsayError: the optimizer is unknown.
    """
    scale = options.batch_size / RATE_SCALE_BATCH if options.scale_by_batch else 1.0
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    groups: list[dict[str, Any]] = [
        {
            "params": [weight for weight in trained if weight.ndim >= 2],
            "lr": options.learning_rate * scale,
            "weight_decay": options.weight_decay,
        },
        {
            "params": [weight for weight in trained if weight.ndim < 2],
            "lr": options.bias_learning_rate * scale,
            "weight_decay": 0.0,
        },
    ]
    if options.optimizer == "lars":
        return LARS(groups, lr=options.learning_rate, weight_decay=options.weight_decay)
    if options.optimizer in ("adam", "adamw"):
        kind = Adam if options.optimizer == "adam" else AdamW
        return kind(groups, lr=options.learning_rate, fused=True)
    raise HearsayError(f"optimizer {options.optimizer!r} must be lars, adam or adamw")
