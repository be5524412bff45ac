"""What the training loop and the scores ask of a family of methods."""

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from hearsay.encoders.clip import ClipTowers

Options = dict[str, Any]
"""Of one stage of one method, as `hearsay.config.stage_options` gathers them."""

Batch = dict[str, Tensor]
"""One tensor for each name of `Family.requires`, on the device of the network:
fbank: float32 [B, T, F], normalised. image_embeddings: float32 [B, L, D], unit norm.
caption_embeddings: float32 [B, D], unit norm, of one caption of each clip, drawn at random.
"""


class Family(Protocol):
    """A family of methods, set up for one stage."""

    def requires(self) -> tuple[str, ...]:
        """Name the stores that a batch is gathered from."""

    def build_network(self, towers: ClipTowers) -> nn.Module:
        """Build the network with its first weights; anything random uses torch's global seed."""

    def continue_from(self, network: nn.Module, state: dict[str, Tensor]) -> None:
        """Take over the weights of the stage before."""

    def loss(
        self, network: nn.Module, batch: Batch, epoch: int, generator: torch.Generator
    ) -> Tensor:
        """Turn a batch into a loss, a scalar; all that is drawn is drawn from `generator` (CPU).

        Epochs count from 0. Augmentation happens where `network.training`.
        """

    def embed_audio(self, network: nn.Module, features: Tensor) -> Tensor:
        """Embed normalised features [B, T, F] as unit vectors [B, D]."""

    def logit_scale(self, network: nn.Module) -> float:
        """Return the factor on the cosines, for the history; nan where there is none."""
