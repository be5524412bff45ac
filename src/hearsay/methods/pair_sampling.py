"""Labelled pairs of a clip and a class for the siamese network of Elizalde et al. 2019."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hearsay.errors import HearsayError


@dataclass(frozen=True)
class Pairs:
    """Some pairs, in random order.

    Attributes:
        clips: int64 [P], row of each pair's clip.
        classes: int64 [P], the class whose text the clip is paired with.
        is_same: bool [P], whether it is the clip's own.
    """

    clips: NDArray[np.int64]
    classes: NDArray[np.int64]
    is_same: NDArray[np.bool_]


def fixed_pairs(class_of_clip: NDArray[Any], num_pairs: int, seed: int) -> Pairs:
    """Draw the pairs that a training sees in every epoch, as the paper has it.

    Args:
        class_of_clip: of each clip [N], any integers.
        num_pairs: the paper tried 100 to 5,000 and kept 500.
        seed: of the draw.

    Raises:
        HearsayError: as `draw_pairs`.
    """
    return draw_pairs(class_of_clip, num_pairs, np.random.default_rng((seed, 0)))


def draw_pairs(
    class_of_clip: NDArray[Any], num_pairs: int, generator: np.random.Generator
) -> Pairs:
    """Draw pairs of which half belong together, balanced over the classes.

    Of an odd number the larger half belongs together. In either half the classes of the clips
    occur equally often (but for one, where the number does not divide), and a class's clips are
    drawn with replacement, so a small set of pairs leaves some clips out. The class that a clip
    does not belong with is any other, each as likely.

    Args:
        class_of_clip: of each clip [N], any integers; only classes that have a clip take part.
        num_pairs: P, at least 2.
        generator: of the draws.

    Raises:
        HearsayError: no clip, one class, or fewer than two pairs.
    """
    names, codes = np.unique(np.asarray(class_of_clip), return_inverse=True)
    if not len(names):
        raise HearsayError("there is no clip to make pairs of; see which clips are available")
    if len(names) == 1:
        raise HearsayError(
            f"all {len(codes)} clips are of class {names[0]}, so no pair can be of two classes; "
            "train on more classes"
        )
    if num_pairs < 2:
        raise HearsayError(f"methods: {num_pairs} pairs are too few; it takes two, one of a kind")
    sounds = np.concatenate(
        [
            _spread(len(names), -(-num_pairs // 2), generator),
            _spread(len(names), num_pairs // 2, generator),
        ]
    )  # [P] class of each pair's clip
    is_same = np.arange(num_pairs) < -(-num_pairs // 2)
    step = generator.integers(1, len(names), size=num_pairs)  # to another class, never all round
    texts = np.where(is_same, sounds, (sounds + step) % len(names))
    clips = _draw_clips(sounds, codes, generator)
    order = generator.permutation(num_pairs)
    return Pairs(clips[order], names[texts[order]].astype(np.int64), is_same[order])


def _spread(num_classes: int, number: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Repeat all classes in random orders until there are `number`."""
    rounds = -(-number // num_classes)
    orders = [generator.permutation(num_classes) for _ in range(rounds)]
    return np.concatenate(orders)[:number].astype(np.int64)


def _draw_clips(
    sounds: NDArray[np.int64], codes: NDArray[np.intp], generator: np.random.Generator
) -> NDArray[np.int64]:
    """Draw a clip of each class in `sounds` [P]."""
    by_class = np.argsort(codes, kind="stable")  # [N] rows, class by class
    counts = np.bincount(codes)
    starts = np.cumsum(counts) - counts
    return by_class[starts[sounds] + generator.integers(0, counts[sounds])].astype(np.int64)
