"""Retrieval by class: a candidate is relevant where its label is the query's.

Text to audio asks once a class, audio to audio each clip for the others of its class. Ties count
against the query: see `hearsay.metrics.ranks`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hearsay.errors import HearsayError
from hearsay.metrics.ranks import BlockScores, RelevantPositions, relevant_positions
from hearsay.metrics.retrieval import CUTOFF, average_precision_at_10

LABEL_METRICS = ("mAP", "mAP@10", "P@10", "R@1", "R@5", "R@10")
"""Each is the mean of `label_values`."""


def positions_by_label(
    scores: BlockScores,
    query_labels: NDArray[Any],
    candidate_labels: NDArray[Any],
    chunk_size: int = 256,
) -> RelevantPositions:
    """Find the positions of all candidates of each query's label.

    Args:
        scores: higher is better.
        query_labels: [Q].
        candidate_labels: [C].
        chunk_size: queries per block.

    Raises:
        HearsayError: a query's label has no candidate, or a score is not finite.
    """
    return relevant_positions(
        scores, query_labels, candidate_labels, chunk_size, depth=len(candidate_labels)
    )


def positions_of_others(
    scores: BlockScores, labels: NDArray[Any], chunk_size: int = 256
) -> RelevantPositions:
    """Find the positions of the other clips of each clip's label among all other clips.

    Args:
        scores: of all clips against all [N, N]; that of a clip with itself is not looked at.
        labels: [N].
        chunk_size: queries per block.

    Raises:
        HearsayError: a clip is alone with its label, or a score is not finite.
    """
    names, codes, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    if (counts == 1).any():
        raise HearsayError(
            f"only one clip has the label {names[int(counts.argmin())]!r}, so no other can be "
            "found; leave it out before ranking"
        )

    def others(rows: slice) -> NDArray[np.float32]:
        block = scores(rows).copy()
        block[np.arange(len(block)), np.arange(rows.start, rows.stop)] = np.finfo(block.dtype).min
        return block

    found = positions_by_label(others, codes, codes, chunk_size)
    # A clip is relevant to itself and, with the lowest score, its own last: so it moves no other.
    positions = found.positions.copy()
    positions[np.arange(len(codes)), found.num_relevant - 1] = 0
    return RelevantPositions(positions[:, :-1], found.num_relevant - 1)


def average_precision(found: RelevantPositions) -> NDArray[np.float64]:
    """Return AP of every query [Q]: the mean of i / p_i over all its relevant candidates i.

    Raises:
        HearsayError: not all relevant candidates were followed.
    """
    if (np.count_nonzero(found.positions, axis=1) < found.num_relevant).any():
        raise HearsayError("AP needs the positions of all relevant candidates; raise the depth")
    order = np.arange(1, found.positions.shape[1] + 1)
    precision = np.where(found.positions > 0, order / np.maximum(found.positions, 1), 0.0)
    return np.asarray(precision.sum(axis=1) / found.num_relevant)


def label_values(found: RelevantPositions) -> dict[str, NDArray[np.float64]]:
    """Return one value per query [Q] for each of LABEL_METRICS.

    P@10 is the share of the first ten that is relevant; a label with fewer candidates cannot
    reach 1. R@k is 1 where a relevant candidate is among the first k, as everywhere here: with
    classes some call it hit rate.
    """
    is_in_ten = (found.positions >= 1) & (found.positions <= CUTOFF)
    values = {
        "mAP": average_precision(found),
        "mAP@10": average_precision_at_10(found),
        "P@10": is_in_ten.sum(axis=1) / CUTOFF,
    }
    return values | {f"R@{k}": (found.ranks <= k).astype(np.float64) for k in (1, 5, 10)}
