"""The k-NN classifier of Elizalde et al. 2019 and its MAP@3, as DCASE 2018 task 2 has it.

A database of labelled embeddings answers a query with labels: of its k nearest neighbours, by
votes. Only labels that occur among the neighbours are ranked. Equal votes are decided by the
nearest neighbour of each label; where that is tied too, it counts against the query, as
everywhere in the project. Neighbours that are equally far at the k-th place come in the order of
the database, which knows nothing of the query.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hearsay.errors import HearsayError
from hearsay.metrics.ranks import TIE_TOLERANCE, BlockScores

NUM_GUESSES = 3


@dataclass(frozen=True)
class LabelVotes:
    """What the neighbours of each query say.

    Attributes:
        labels: [K] of the database, sorted.
        votes: int64 [Q, K], neighbours of each label.
        nearest: float32 [Q, K], the score of the nearest of them; -inf where there is none.
    """

    labels: NDArray[Any]
    votes: NDArray[np.int64]
    nearest: NDArray[np.float32]

    @property
    def num_guesses(self) -> NDArray[np.int64]:
        """How many labels each query gets, [Q]: those of its neighbours."""
        return np.count_nonzero(self.votes, axis=1).astype(np.int64)


def distance_scores(queries: NDArray[Any], database: NDArray[Any]) -> BlockScores:
    """Score queries [Q, D] against a database [N, D] by minus the squared Euclidean distance.

    Computed in float64, since the small difference of large products is wanted; of unit vectors
    the order is that of their cosines.

    Raises:
        HearsayError: the widths differ.
    """
    if queries.ndim != 2 or database.ndim != 2 or queries.shape[1] != database.shape[1]:
        raise HearsayError(
            f"queries {queries.shape} and database {database.shape} are not [Q, D] and [N, D]; "
            "embed both with the same model"
        )
    columns = np.ascontiguousarray(database, dtype=np.float64).T  # [D, N]
    squares = np.square(columns).sum(axis=0)  # [N]

    def block(rows: slice) -> NDArray[np.float32]:
        own = np.asarray(queries[rows], dtype=np.float64)
        scores = 2 * (own @ columns)  # [q, N]
        scores -= squares
        scores -= np.square(own).sum(axis=1, keepdims=True)
        return np.minimum(scores, 0, out=scores).astype(np.float32)

    return block


def count_votes(
    scores: BlockScores,
    num_queries: int,
    database_labels: NDArray[Any],
    k: int,
    chunk_size: int = 256,
) -> LabelVotes:
    """Let the k nearest neighbours of every query vote for their labels.

    Args:
        scores: of queries against the database, e.g. `distance_scores`; higher is nearer.
        num_queries: Q.
        database_labels: [N].
        k: neighbours; all of the database where it holds fewer. The paper has 25.
        chunk_size: queries per block; changes memory, not results.

    Raises:
        HearsayError: the database is empty, k or chunk_size is below 1, or a score is not finite.
    """
    if k < 1 or chunk_size < 1 or not len(database_labels):
        raise HearsayError(
            f"k {k}, chunk_size {chunk_size} and a database of {len(database_labels)} clips: each "
            "must be at least 1"
        )
    labels, codes = np.unique(np.asarray(database_labels), return_inverse=True)
    votes = np.zeros((num_queries, len(labels)), dtype=np.int64)
    nearest = np.full((num_queries, len(labels)), -np.inf, dtype=np.float32)
    for start in range(0, num_queries, chunk_size):
        rows = slice(start, min(start + chunk_size, num_queries))
        block = scores(rows)  # [q, N]
        _check_block(block, rows, len(codes))
        query, neighbour = np.nonzero(_nearest(block, min(k, len(codes))))
        np.add.at(votes[rows], (query, codes[neighbour]), 1)
        np.maximum.at(nearest[rows], (query, codes[neighbour]), block[query, neighbour])
    return LabelVotes(labels, votes, nearest)


def true_label_ranks(
    found: LabelVotes, query_labels: NDArray[Any], tie_tolerance: float = TIE_TOLERANCE
) -> NDArray[np.int64]:
    """Return the rank of each query's own label among the labels of its neighbours.

    Args:
        found: votes for the labels.
        query_labels: [Q].
        tie_tolerance: nearest neighbours whose scores differ by no more are tied.

    Returns:
        int64 [Q], from 1; 0 where no neighbour has the label.

    Raises:
        HearsayError: another number of labels than of queries.
    """
    own = np.asarray(query_labels)
    if len(own) != len(found.votes):
        raise HearsayError(f"{len(own)} labels for {len(found.votes)} queries; give each one")
    columns = np.searchsorted(found.labels, own).clip(max=len(found.labels) - 1)
    rows = np.arange(len(own))
    votes = found.votes[rows, columns, None]  # [Q, 1]
    nearest = found.nearest[rows, columns, None]
    is_tied = (found.votes == votes) & (found.nearest >= nearest - np.float32(tie_tolerance))
    before = (found.votes > votes) | is_tied
    before[rows, columns] = False
    is_present = (found.labels[columns] == own) & (votes[:, 0] > 0)
    return np.where(is_present, 1 + before.sum(axis=1), 0).astype(np.int64)


def average_precision_at_3(ranks: NDArray[Any]) -> NDArray[np.float64]:
    """Return AP@3 of each query, whose mean is MAP@3: 1 / rank for ranks 1 to 3, else 0.

    >>> average_precision_at_3(np.array([1, 2, 4, 0])).tolist()
    [1.0, 0.5, 0.0, 0.0]
    """
    is_guessed = (ranks >= 1) & (ranks <= NUM_GUESSES)
    return np.where(is_guessed, 1 / np.maximum(ranks, 1), 0.0)


def _check_block(block: NDArray[Any], rows: slice, num_clips: int) -> None:
    if block.shape != (rows.stop - rows.start, num_clips):
        raise HearsayError(
            f"the scores of queries {rows.start} to {rows.stop} have the shape {block.shape}, "
            f"not ({rows.stop - rows.start}, {num_clips})"
        )
    finite = np.isfinite(block).all(axis=1)
    if not finite.all():
        raise HearsayError(
            f"query {rows.start + int(np.argmin(finite))} has a distance that is not finite; its "
            "embedding or one of the database is broken"
        )


def _nearest(block: NDArray[np.float32], k: int) -> NDArray[np.bool_]:
    """Mark the k highest scores of each row [q, N]; of equal ones, those that come first.

    By the k-th value, since the places that argpartition gives to equal values hang on the CPU.
    """
    last = np.partition(block, -k, axis=1)[:, -k, None]  # [q, 1]
    above = block > last
    equal = block == last
    room = k - above.sum(axis=1, keepdims=True)
    crowded = np.flatnonzero(equal.sum(axis=1) > room[:, 0])
    equal[crowded] &= np.cumsum(equal[crowded], axis=1) <= room[crowded]
    return above | equal
