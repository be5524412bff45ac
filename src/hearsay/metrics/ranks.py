"""Ranks of the right answers, computed in blocks: N x N scores never sit in memory.

Tie rule, for every metric of the project: ties count against the query. A candidate that is not
relevant and scores as much as a relevant one stands before it, so a dead model, whose scores are
all equal, gets the worst ranks and not the best ones. Relevant candidates never stand in each
other's way: the rank of the best one counts only what is not relevant.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hearsay.errors import HearsayError

BlockScores = Callable[[slice], NDArray[np.float32]]
"""Map a slice of the queries to their scores [q, C]; higher is better."""

TIE_TOLERANCE = 1e-6
"""Cosines closer than this are tied: float32 products of equal vectors differ by their rounding,
which depends on where in a block they stand."""

DEPTH = 10
"""How many relevant candidates are followed; mAP@10 needs no more, since the i-th stands at i or
later."""


@dataclass(frozen=True)
class RelevantPositions:
    """Where the relevant candidates of each query stand in its ranked list.

    Attributes:
        positions: [Q, K] 1-based, ascending; 0 where a query has fewer relevant candidates. The
            i-th is i plus the number of irrelevant candidates with at least its score.
        num_relevant: [Q] all relevant candidates, also those beyond K.
    """

    positions: NDArray[np.int64]
    num_relevant: NDArray[np.int64]

    @property
    def ranks(self) -> NDArray[np.int64]:
        """The rank [Q] of each query's best relevant candidate."""
        return self.positions[:, 0]


def dot_scores(queries: NDArray[Any], candidates: NDArray[Any]) -> BlockScores:
    """Score queries [Q, D] against candidates [C, D] by their inner product, in float32."""
    if queries.ndim != 2 or candidates.ndim != 2 or queries.shape[1] != candidates.shape[1]:
        raise HearsayError(
            f"queries {queries.shape} and candidates {candidates.shape} are not [Q, D] and [C, D]; "
            "embed both with the same model"
        )
    columns = np.ascontiguousarray(candidates, dtype=np.float32).T  # [D, C]

    def block(rows: slice) -> NDArray[np.float32]:
        return np.asarray(queries[rows], dtype=np.float32) @ columns  # [q, C]

    return block


def ranks(
    queries: NDArray[Any],
    candidates: NDArray[Any],
    query_group: NDArray[Any],
    candidate_group: NDArray[Any],
    chunk_size: int = 256,
) -> NDArray[np.int64]:
    """Rank each query's best relevant candidate by inner product.

    Args:
        queries: [Q, D].
        candidates: [C, D].
        query_group: [Q] of any comparable type, e.g. clip ids.
        candidate_group: [C]; a candidate is relevant where its group is the query's.
        chunk_size: queries per block; changes memory, not results.

    Returns:
        [Q] 1-based; ties count against the query.

    Raises:
        HearsayError: a score is not finite, or a query has no relevant candidate.
    """
    scores = dot_scores(queries, candidates)
    return relevant_positions(scores, query_group, candidate_group, chunk_size, depth=1).ranks


def relevant_positions(
    scores: BlockScores,
    query_group: NDArray[Any],
    candidate_group: NDArray[Any],
    chunk_size: int = 256,
    depth: int = DEPTH,
    tie_tolerance: float = TIE_TOLERANCE,
) -> RelevantPositions:
    """Find the positions of the `depth` best relevant candidates of every query.

    Args:
        scores: block scores, e.g. `dot_scores`; for pair scores that no vector has, such as the
            maximum over images, any function of a slice.
        query_group: [Q].
        candidate_group: [C]; a candidate is relevant where its group is the query's.
        chunk_size: queries per block.
        depth: K of the result; K is smaller where no query has so many.
        tie_tolerance: scores that differ by no more are tied.

    Raises:
        HearsayError: a score is not finite, or a query has no relevant candidate.
    """
    if chunk_size < 1 or depth < 1:
        raise HearsayError(f"chunk_size {chunk_size} and depth {depth} must be at least 1")
    query_codes, candidate_codes = _encode(query_group, candidate_group)
    num_groups = max(query_codes.max(initial=-1), candidate_codes.max(initial=-1)) + 1
    num_relevant = np.bincount(candidate_codes, minlength=num_groups)[query_codes]  # [Q]
    if (num_relevant == 0).any():
        first = int(np.argmin(num_relevant))
        raise HearsayError(
            f"query {first} (group {query_group[first]!r}) has no relevant candidate; "
            "leave it out before ranking"
        )
    width = min(depth, int(num_relevant.max(initial=1)))
    positions = np.zeros((len(query_codes), width), dtype=np.int64)
    for start in range(0, len(query_codes), chunk_size):
        rows = slice(start, min(start + chunk_size, len(query_codes)))
        block = scores(rows)  # [q, C]
        _check_block(block, rows, len(candidate_codes))
        relevant = query_codes[rows, None] == candidate_codes[None, :]  # [q, C]
        positions[rows] = _positions_in_block(block, relevant, width, tie_tolerance)
    return RelevantPositions(positions, num_relevant.astype(np.int64))


def _encode(
    query_group: NDArray[Any], candidate_group: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the groups, so that blocks compare integers and not strings."""
    both = np.concatenate([np.asarray(query_group), np.asarray(candidate_group)])
    codes = np.unique(both, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return codes[: len(query_group)], codes[len(query_group) :]


def _check_block(block: NDArray[Any], rows: slice, num_candidates: int) -> None:
    """Refuse a wrong shape, NaN and infinity: a NaN compares as false and would rank first."""
    if block.shape != (rows.stop - rows.start, num_candidates):
        raise HearsayError(
            f"the scores of queries {rows.start} to {rows.stop} have the shape {block.shape}, "
            f"not ({rows.stop - rows.start}, {num_candidates})"
        )
    finite = np.isfinite(block).all(axis=1)
    if not finite.all():
        first = rows.start + int(np.argmin(finite))
        raise HearsayError(
            f"query {first} has a score that is not finite; its embedding or a candidate's is "
            "broken, so the run diverged or its features are damaged"
        )


def _positions_in_block(
    block: NDArray[Any], relevant: NDArray[np.bool_], width: int, tie_tolerance: float
) -> NDArray[np.int64]:
    """Count the irrelevant candidates before each of the `width` best relevant ones."""
    rows, columns = np.nonzero(relevant)
    found = np.bincount(rows, minlength=len(block))  # [q]
    order_in_row = np.arange(len(rows)) - np.repeat(np.cumsum(found) - found, found)
    best = np.full((len(block), int(found.max(initial=1))), -np.inf, dtype=block.dtype)
    best[rows, order_in_row] = block[rows, columns]
    best = -np.sort(-best, axis=1)[:, :width]  # [q, K]
    irrelevant = ~relevant
    positions = np.zeros((len(block), width), dtype=np.int64)
    for i in range(best.shape[1]):
        present = found > i
        threshold = np.where(present, best[:, i], 0.0) - block.dtype.type(tie_tolerance)
        before = ((block >= threshold[:, None]) & irrelevant).sum(axis=1)
        positions[:, i] = np.where(present, i + 1 + before, 0)
    return positions
