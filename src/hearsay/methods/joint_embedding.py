"""The family of Elizalde et al. 2019: one network embeds clips and labels into a joint space.

Its batch is one of pairs, not of clips: a clip's features beside the text features of a class,
its own or another (`hearsay.methods.pair_sampling`).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from hearsay.errors import HearsayError
from hearsay.families import FORMS
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.family import Batch, Loss, Options, PairOptions
from hearsay.methods.pair_losses import make_pair_loss
from hearsay.models.joint_mlp import INPUT_WIDTH, JointMLP


class JointEmbedding:
    """The one stage of a method of this family; see `hearsay.methods.family.Family`.

    Options read: output, dropout, loss, measure, margin, num_pairs, pairs, fit, text_noise.
    """

    def __init__(self, options: Options, stage: str) -> None:
        if stage != "audio_label":
            raise HearsayError(f"family joint_embedding has no stage {stage!r}; it has audio_label")
        self.output = options["output"]
        self.dropout = options["dropout"]
        self.pair_loss = make_pair_loss(options)
        self._pairs = PairOptions(
            options["num_pairs"],
            options["pairs"],
            INPUT_WIDTH,
            options["fit"],
            options["text_noise"],
        )

    @property
    def pairs(self) -> PairOptions:
        """How its pairs are drawn."""
        return self._pairs

    def requires(self) -> tuple[str, ...]:
        """Name the stores that a batch is gathered from."""
        return (FORMS, "labels")

    def build_network(self, frozen: object) -> JointMLP:
        """Build the network with random weights; it needs no frozen encoder."""
        return JointMLP(self.output, self.dropout)

    def continue_from(self, network: nn.Module, state: dict[str, Tensor]) -> None:
        """Take over the weights of a stage before; there is none."""
        raise HearsayError("family joint_embedding has one stage, which starts from nothing")

    def loss(self, network: nn.Module, batch: Batch, epoch: int, part: BatchPart) -> Loss:
        """Return the mean loss of a batch of pairs.

        Args:
            network: of `build_network`.
            batch: clip_vectors [b, 300], label_vectors [b, 300], is_same bool [b].
            epoch: plays no part here; pairs that are redrawn come with the batch.
            part: gathers the parts of several processes.
        """
        size = len(batch["is_same"])
        both = torch.cat([batch["clip_vectors"], batch["label_vectors"]])  # [2 b, 300]
        audio, text = network(both).split(size)  # [b, D] each
        value = self.pair_loss(part.gather(audio), part.gather(text), part.gather(batch["is_same"]))
        return Loss(value)

    def embed_audio(self, network: nn.Module, batch: Batch) -> Tensor:
        """Embed clips by their clip_vectors: [B, D], of unit norm; a zero row stays zero."""
        return embed(network, batch["clip_vectors"])

    def embed_labels(self, network: nn.Module, batch: Batch) -> Tensor:
        """Embed texts by their label_vectors: [B, D], as `embed_audio`."""
        return embed(network, batch["label_vectors"])

    def logit_scale(self, network: nn.Module) -> float:
        """Return nan: the loss compares distances, without a temperature."""
        return float("nan")


def embed(network: nn.Module, features: Tensor) -> Tensor:
    """Embed features [B, 300] of either modality; unit norm comes after the training (paper)."""
    return functional.normalize(network(features), dim=1)
