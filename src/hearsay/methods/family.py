"""What the training loop and the scores ask of a family of methods."""

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from hearsay.encoders.frozen import FrozenEncoders
from hearsay.methods.batch_part import BatchPart

Options = dict[str, Any]
"""Of one stage of one method, as `hearsay.config.stage_options` gathers them."""

Batch = dict[str, Tensor]
"""What the stores of `Family.requires` give of some clips, on the device of the network:
fbank: float32 [B, T, F], normalised. image_embeddings: float32 [B, L, D], unit norm.
caption_embeddings: float32 [B, D], unit norm, of one caption of each clip, drawn at random.
logmel: float32 [B, T, F], not normalised, and num_frames: int64 [B], how many are the clip's own.
caption_words: int64 [B, K], rows of the words of one caption of each clip, drawn at random;
NO_WORD (-1) behind the last one.
forms: clip_vectors, float32 [B, D]. labels: int64 [B], the class of each clip.
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

    def build_network(self, frozen: FrozenEncoders) -> nn.Module:
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

    def logit_scale(self, network: nn.Module) -> float:
        """Return the factor on the cosines, for the history; nan where there is none."""


@runtime_checkable
class EmbedsAudio(Protocol):
    """A family that gives a clip a vector, which meets vectors of pictures and captions."""

    def embed_audio(self, network: nn.Module, batch: Batch) -> Tensor:
        """Embed clips: one vector [B, D] each, or segments [B, L, D]."""


@dataclass(frozen=True)
class PairOptions:
    """How a family that trains on pairs of a clip and a label wants them drawn.

    Attributes:
        number: of pairs in an epoch.
        draw: `fixed` or `redrawn`; see `hearsay.methods.pair_sampling`.
        width: of the network's input, to which the text features are brought.
        fit: how; see `hearsay.encoders.labels.fit_width`.
        text_noise: standard deviation of the noise on text features, in units of their own.
    """

    number: int
    draw: str
    width: int
    fit: str
    text_noise: float


@runtime_checkable
class EmbedsLabels(EmbedsAudio, Protocol):
    """A family that brings clips and labels into one space, trained on pairs of both."""

    @property
    def pairs(self) -> PairOptions:
        """How its pairs are drawn."""

    def embed_labels(self, network: nn.Module, batch: Batch) -> Tensor:
        """Embed text features `label_vectors` [B, W]: [B, D]."""


@runtime_checkable
class ScoresWords(Protocol):
    """A family that scores clips against the words of captions, without a vector of either."""

    def score_words(self, network: nn.Module, batch: Batch) -> Tensor:
        """Score clips against every word of the network's vectors: [B, V]."""

    def score_captions(self, heard: Tensor, rows: Tensor) -> Tensor:
        """Score clips, by their scores of words [B, V], against captions' rows [C, K]: [B, C]."""


@runtime_checkable
class GroundsPhrases(Protocol):
    """A family that says when in a clip a phrase is heard."""

    def embed_frames(self, network: nn.Module, batch: Batch) -> Tensor:
        """Embed the frames of clips: unit vectors [B, T, W]."""

    def score_phrase(self, frames: Tensor, phrase: Tensor) -> dict[str, Tensor]:
        """Score the frames [T, W] of a clip against the vectors [K, W] of a phrase.

        Returns:
            [T] from 0 to 1, by how a phrase's words are put together: `mean`, and `max` where
            that differs.
        """
