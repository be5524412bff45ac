"""Batches of pairs: a clip beside the text features of a class, its own or another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hearsay.encoders.frozen import FrozenEncoders
from hearsay.encoders.labels import fit_width
from hearsay.errors import HearsayError
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.family import Batch, PairOptions
from hearsay.methods.pair_sampling import Pairs, draw_pairs, fixed_pairs
from hearsay.training.data import Clips

FIT_SEED = 0  # of a random projection of text features, the same for all trainings
# What a generator of NumPy is for, as the last number of its key; pairs have 0 there.
FIXED_NOISE, SCORED_NOISE = range(1, 3)


@dataclass(frozen=True)
class PairedClips(Clips):
    """Pairs of clips of one split and labels; as many as the options say, whatever the clips.

    Attributes:
        classes: int64 [N], row of each clip's label.
        text: float32 [K, W], unit norm.
        options: of the family.
        seed: of fixed pairs; redrawn ones come from the part of each batch.
    """

    classes: NDArray[np.int64]
    text: NDArray[np.float32]
    options: PairOptions
    seed: int

    def __len__(self) -> int:
        return self.options.number if len(np.unique(self.classes)) > 1 else 0

    def gather(self, rows: Sequence[int], part: BatchPart) -> Batch:
        """Gather clip_vectors [B, D], label_vectors [B, D] and is_same bool [B].

        Args:
            rows: of the pairs; redrawn ones count by their number alone.
            part: draws the pairs of the whole batch and takes its own.
        """
        if self.options.draw == "fixed":
            chosen = np.asarray(rows, dtype=np.int64)
            pairs, texts = self.fixed_pairs, self.fixed_texts[chosen]
        else:
            first = part.rank * len(rows)
            chosen = np.arange(first, first + len(rows))
            generator = np.random.default_rng(part.generator.initial_seed())
            pairs = draw_pairs(self.classes, len(rows) * part.size, generator)
            texts = self.draw_texts(pairs, generator)[chosen]
        batch = super().gather(pairs.clips[chosen].tolist(), part)
        return {
            "clip_vectors": batch["clip_vectors"],
            "label_vectors": torch.from_numpy(texts),
            "is_same": torch.from_numpy(pairs.is_same[chosen]),
        }

    def read_ahead(self, rows: Sequence[int]) -> None:
        """Ask for nothing: rows are pairs, and vectors small."""

    @cached_property
    def fixed_pairs(self) -> Pairs:
        """The pairs of every epoch, where they are fixed."""
        return fixed_pairs(self.classes, self.options.number, self.seed)

    @cached_property
    def fixed_texts(self) -> NDArray[np.float32]:
        """The text features of the fixed pairs [P, D], with their noise."""
        generator = np.random.default_rng((self.seed, FIXED_NOISE))
        return self.draw_texts(self.fixed_pairs, generator)

    def draw_texts(self, pairs: Pairs, generator: np.random.Generator) -> NDArray[np.float32]:
        """Return the text features of some pairs [P, D], each with noise of its own."""
        noisy = add_noise(self.text, pairs.classes, self.options.text_noise, generator)
        return fit_texts(noisy, self.options)


def add_noise(
    text: NDArray[np.float32], classes: NDArray[Any], amount: float, generator: np.random.Generator
) -> NDArray[Any]:
    """Return text features of some classes, with Gaussian noise on each: [B, W].

    The noise's unit is the standard deviation of all numbers of all labels' features (Figure 4
    of Elizalde et al. 2019 says 1 and 2 sigma, not of what).

    Args:
        text: [K, W].
        classes: [B], rows of text.
        amount: of noise; 0: none.
        generator: of the noise.
    """
    vectors = text[classes]  # [B, W]
    if not amount:
        return vectors
    noise = generator.standard_normal(vectors.shape)
    return (vectors + amount * text.std() * noise).astype(np.float32)


def fit_texts(vectors: NDArray[Any], options: PairOptions) -> NDArray[np.float32]:
    """Bring text features [B, W] to the width of the network's input: [B, D]."""
    return fit_width(vectors, options.width, options.fit, FIT_SEED)


def pair_splits(
    train: Clips, val: Clips, frozen: FrozenEncoders, options: PairOptions, seed: int
) -> tuple[PairedClips, PairedClips]:
    """Make pairs of the clips of both splits; one of fewer than two classes has none.

    Those of val are fixed, the same for all trainings and epochs, and a quarter as many: the
    paper's validation set is a fifth of its data.

    Raises:
        HearsayError: the family did not ask for labels.
    """
    labels = frozen.labels
    if labels is None:
        raise HearsayError("pairs of clips and labels need text features of the labels")
    of_val = replace(options, draw="fixed", number=max(2, options.number // 4))
    text = labels.vectors
    return (
        PairedClips(train.clip_ids, train.stores, read_classes(train), text, options, seed),
        PairedClips(val.clip_ids, val.stores, read_classes(val), text, of_val, 0),
    )


def read_classes(clips: Clips) -> NDArray[np.int64]:
    """Return the row of each clip's label, int64 [N]."""
    nothing_drawn = BatchPart(torch.Generator())
    labels: NDArray[np.int64] = (
        clips.stores["labels"].gather(clips.clip_ids, nothing_drawn)["labels"].numpy()
    )
    return labels.astype(np.int64)
