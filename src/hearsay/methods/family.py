"""What the training loop and the scores ask of a family of methods."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor, nn

from hearsay.encoders.image_tower import ImageTower
from hearsay.methods.batch_part import BatchPart

Options = dict[str, Any]
"""Of one stage of one method, as `hearsay.config.stage_options` gathers them."""

Batch = dict[str, Tensor]
"""One tensor for each name of `Family.requires`, on the device of the network:
fbank: float32 [B, T, F], normalised. image_embeddings: float32 [B, L, D], unit norm.
caption_embeddings: float32 [B, D], unit norm, of one caption of each clip, drawn at random.
"""


@dataclass(frozen=True)
class Loss:
    """What a family makes of a batch.

    Attributes:
        value: the loss of the whole batch, a scalar.
        notes: what is kept of each clip, name → [b]; today the `image` that it was matched with.
    """

    value: Tensor
    notes: dict[str, Tensor] = field(default_factory=dict)


class Family(Protocol):
    """A family of methods, set up for one stage."""

    def requires(self) -> tuple[str, ...]:
        """Name the stores that a batch is gathered from."""

    def build_network(self, image_tower: ImageTower) -> nn.Module:
        """Build the network with its first weights; anything random uses torch's global seed."""

    def continue_from(self, network: nn.Module, state: dict[str, Tensor]) -> None:
        """Take over the weights of the stage before.

        Raises:
            HearsayError: they are of a network of another shape.
        """

    def loss(self, network: nn.Module, batch: Batch, epoch: int, part: BatchPart) -> Loss:
        """Turn this process's part of a batch into the loss of the whole batch.

        Epochs count from 0. All that is drawn is drawn by `part`. Augmentation happens where
        `network.training`.
        """

    def embed_audio(self, network: nn.Module, features: Tensor) -> Tensor:
        """Embed normalised features [B, T, F]: one vector [B, D], or segments [B, L, D]."""

    def logit_scale(self, network: nn.Module) -> float:
        """Return the factor on the cosines, for the history; nan where there is none."""
