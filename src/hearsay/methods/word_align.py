"""The family of Xie et al. 2022: frames of sound meet fixed vectors of single words.

One stage trains a recurrent network that gives every frame a vector in the space of the words.
What belongs together is known of clips and captions alone; that frames and words find each other
is what is learned.
"""

import torch
from torch import Tensor, nn

from hearsay.encoders.frozen import FrozenEncoders
from hearsay.errors import HearsayError
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.caption_losses import make_caption_loss
from hearsay.methods.family import Batch, Loss, Options
from hearsay.methods.frame_words import (
    NO_WORD,
    caption_similarity,
    phrase_activity,
    word_similarity,
)
from hearsay.methods.info_nce import initial_log_scale
from hearsay.models.crnn import Crnn


class WordAlignNetwork(nn.Module):
    """The audio encoder, beside the fixed vectors and, where the loss has one, a temperature."""

    vectors: Tensor

    def __init__(self, crnn: Crnn, vectors: Tensor, has_scale: bool) -> None:
        super().__init__()
        self.crnn = crnn
        self.register_buffer("vectors", vectors, persistent=False)  # [V, W], unit norm
        self.log_scale = initial_log_scale() if has_scale else None

    def forward(self, features: Tensor, num_frames: Tensor) -> Tensor:
        """Embed every frame of features [B, T, F]: unit vectors [B, T, W]."""
        frames: Tensor = self.crnn(features, num_frames)
        return frames


class WordAlign:
    """The one stage of a method of this family; see `hearsay.methods.family.Family`.

    Options read: crnn {channels, dropout}, loss, margin, over_frames, over_words, unknown_words,
    logmel {num_mel_bins}.
    """

    def __init__(self, options: Options, stage: str) -> None:
        if stage != "audio_text":
            raise HearsayError(f"family word_align has no stage {stage!r}; it has audio_text")
        self.crnn_options = options["crnn"]
        self.num_bins = options["logmel"]["num_mel_bins"]
        self.caption_loss = make_caption_loss(options)
        self.has_scale = options["loss"] == "info_nce"
        self.over_frames = options["over_frames"]
        self.over_words = options["over_words"]

    def requires(self) -> tuple[str, ...]:
        """Name the stores that a batch is gathered from."""
        return ("logmel", "caption_words")

    def build_network(self, frozen: FrozenEncoders) -> WordAlignNetwork:
        """Build the encoder with random weights, as wide as the word vectors."""
        if frozen.words is None:
            raise HearsayError("family word_align builds on vectors of words; none were given")
        vectors = torch.from_numpy(frozen.words.vectors)
        crnn = Crnn(
            self.num_bins,
            self.crnn_options["channels"],
            vectors.shape[1],
            self.crnn_options["dropout"],
        )
        return WordAlignNetwork(crnn, vectors, self.has_scale)

    def continue_from(self, network: nn.Module, state: dict[str, Tensor]) -> None:
        """Take over the weights of a stage before; there is none."""
        raise HearsayError("family word_align has one stage, which starts from nothing")

    def loss(self, network: nn.Module, batch: Batch, epoch: int, part: BatchPart) -> Loss:
        """Return the loss of a batch over the similarities of all its clips and captions."""
        rows = batch["caption_words"]  # [B, K]
        heard = self._hear(network, batch, rows)
        similarities = caption_similarity(heard, _places(rows), self.over_words)  # [B, B]
        log_scale = network.get_parameter("log_scale") if self.has_scale else None
        return Loss(self.caption_loss(similarities, log_scale, part))

    def _hear(self, network: nn.Module, batch: Batch, rows: Tensor) -> Tensor:
        """Score the clips against every word of the batch, once each: [B, V']."""
        present = torch.unique(rows[rows != NO_WORD])
        frames = network(batch["logmel"], batch["num_frames"])
        words = network.get_buffer("vectors")[present]
        return word_similarity(frames, batch["num_frames"], words, self.over_frames)

    def score_words(self, network: nn.Module, batch: Batch) -> Tensor:
        """Score clips against every word of the network's vectors: [B, V], from 0 to 1."""
        frames = network(batch["logmel"], batch["num_frames"])
        vectors = network.get_buffer("vectors")
        return word_similarity(frames, batch["num_frames"], vectors, self.over_frames)

    def score_captions(self, heard: Tensor, rows: Tensor) -> Tensor:
        """Score clips against captions, [B, C], from `score_words` [B, V] and rows [C, K]."""
        return caption_similarity(heard, rows, self.over_words)

    def embed_frames(self, network: nn.Module, batch: Batch) -> Tensor:
        """Embed every frame of a batch: unit vectors [B, T, W]."""
        frames: Tensor = network(batch["logmel"], batch["num_frames"])
        return frames

    def score_phrase(self, frames: Tensor, phrase: Tensor) -> dict[str, Tensor]:
        """Score the frames [T, W] of one clip against the words [K, W] of a phrase: [T] each."""
        return {over: phrase_activity(frames, phrase, over) for over in ("mean", "max")}

    def logit_scale(self, network: nn.Module) -> float:
        """Return exp(s), the factor on the similarities; nan without a temperature."""
        if not self.has_scale:
            return float("nan")
        return float(network.get_parameter("log_scale").detach().exp())


def _places(rows: Tensor) -> Tensor:
    """Number the words of a batch: rows [B, K] of the vectors → places among the present ones."""
    is_word = rows != NO_WORD
    places = torch.full_like(rows, NO_WORD)
    places[is_word] = torch.unique(rows[is_word], return_inverse=True)[1]
    return places
