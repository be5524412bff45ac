"""What retrieval by class and the k-NN classifier score by chance.

A mean over random orders is exact where a formula is known. How far chance strays hangs on the
scores themselves, so its 95th percentile comes from permuting labels: of single clips, or, since
a system that hears classes apart can put whole classes to the wrong names, of classes. With few
classes the second strays far, and a value near its mean proves nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hearsay.errors import HearsayError
from hearsay.metrics.chance import chance_level
from hearsay.metrics.knn import NUM_GUESSES

UNITS = ("clips", "classes")


@dataclass(frozen=True)
class PermutedChance:
    """A metric under permuted labels: its mean and the value that 5 % of them exceed."""

    mean: float
    percentile_95: float


def chance_label_level(metric: str, num_candidates: int, num_relevant: Iterable[int]) -> float:
    """Return the expected value of one of LABEL_METRICS when candidates come in random order.

    Of AP: the candidate at position k is relevant with r / C, and then each of the k - 1 before
    it with (r - 1) / (C - 1); the precision there is 1 / k of their sum. Of P@10: r / C of ten
    positions, or of all C where there are fewer.

    Args:
        metric: its name.
        num_candidates: C; of audio to audio without the query itself.
        num_relevant: r of every query, each from 1 to C.

    Raises:
        HearsayError: another metric, no query, or an r outside 1..C.
    """
    counts = [int(relevant) for relevant in num_relevant]
    hit = chance_level("R@1", num_candidates, counts)  # checks them; it is the mean of r / C
    if metric == "P@10":
        return hit * min(num_candidates, 10) / 10
    if metric != "mAP":
        return chance_level(metric, num_candidates, counts)
    harmonic = sum(1 / k for k in range(1, num_candidates + 1))
    others = max(num_candidates - 1, 1)
    total = sum(
        harmonic + (relevant - 1) / others * (num_candidates - harmonic) for relevant in counts
    )
    return total / num_candidates / len(counts)


def chance_map_at_3(num_classes: int, num_guesses: Iterable[int]) -> float:
    """Return the expected MAP@3 of guesses among K classes that know nothing of the query.

    With three guesses (1 + 1/2 + 1/3) / K, 4.47 % at 41. Only labels of the k neighbours are
    guessed: of a text database, where these are copies of one text, a single one, of which 1 / K
    is right. That is the paper's 2.4 %.

    Args:
        num_classes: K of the queries, each as likely.
        num_guesses: labels that each query gets, e.g. `LabelVotes.num_guesses`; beyond three
            none counts.

    Raises:
        HearsayError: no query, or fewer classes than guesses.
    """
    counts = Counter(min(int(guesses), NUM_GUESSES) for guesses in num_guesses)
    if not counts or max(counts) > num_classes:
        raise HearsayError(
            f"chance of MAP@3 needs queries with at most {num_classes} guesses each, which is the "
            f"number of classes, not {max(counts, default='an empty list')}"
        )
    total = sum(
        queries * sum((Fraction(1, rank) for rank in range(1, guesses + 1)), Fraction(0))
        for guesses, queries in counts.items()
    )
    return float(total / num_classes / sum(counts.values()))


def permuted_chance(
    measure: Callable[[NDArray[Any]], float],
    labels: NDArray[Any],
    unit: str,
    num_permutations: int,
    seed: int,
) -> PermutedChance:
    """Measure under permuted labels, with all scores as they are.

    Args:
        measure: labels [N] in the order of `labels` → the metric, e.g. MAP@3 of votes that are
            counted already (`true_label_ranks`), or mAP against clips of these labels.
        labels: [N]: of the queries or of the candidates, whichever `measure` takes.
        unit: `clips`: each clip gets the label of another; `classes`: all clips of a class get
            the name of one other class, or keep their own.
        num_permutations: P.
        seed: of the permutations.

    Raises:
        HearsayError: another unit, or no permutation.
    """
    if unit not in UNITS:
        raise HearsayError(f"unit {unit!r} of permutations: must be one of {', '.join(UNITS)}")
    if num_permutations < 1:
        raise HearsayError(f"{num_permutations} permutations give no chance level; take some")
    generator = np.random.default_rng(seed)
    names, codes = np.unique(np.asarray(labels), return_inverse=True)
    values = []
    for _ in range(num_permutations):
        if unit == "clips":
            permuted = names[generator.permutation(codes)]
        else:
            permuted = generator.permutation(names)[codes]
        values.append(measure(permuted))
    return PermutedChance(float(np.mean(values)), float(np.percentile(values, 95)))
