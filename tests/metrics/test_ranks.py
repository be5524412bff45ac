"""Ranks against a naive version, and the tie rule."""

import numpy as np
import pytest

from hearsay.errors import HearsayError
from hearsay.metrics.ranks import dot_scores, ranks, relevant_positions


def naive_positions(scores, query_group, candidate_group):
    """Sort each list with irrelevant candidates first among equals, and read the places off."""
    places = []
    for row, group in zip(scores, query_group, strict=True):
        order = sorted(range(len(row)), key=lambda c: (-row[c], candidate_group[c] == group, c))
        ordered = [candidate_group[c] == group for c in order]
        # A relevant candidate is held back by irrelevant ones of equal score alone.
        places.append([place + 1 for place, hit in enumerate(ordered) if hit])
    return places


@pytest.mark.parametrize("chunk_size", [1, 7, 1000])
def test_positions_equal_a_naive_sort_with_many_ties(chunk_size):
    generator = np.random.default_rng(0)
    scores = generator.integers(0, 6, size=(40, 55)).astype(np.float32) / 8
    query_group = generator.integers(0, 11, size=40)
    candidate_group = np.concatenate([np.arange(11), generator.integers(0, 11, size=44)])
    found = relevant_positions(
        lambda rows: scores[rows], query_group, candidate_group, chunk_size, depth=99
    )
    expected = naive_positions(scores, query_group, candidate_group)
    for row, places, number in zip(found.positions, expected, found.num_relevant, strict=True):
        assert row[: len(places)].tolist() == places
        assert not row[len(places) :].any()
        assert number == len(places)
    assert found.ranks.tolist() == [places[0] for places in expected]


def test_ranks_of_embeddings_equal_the_naive_version():
    generator = np.random.default_rng(1)
    queries = generator.normal(size=(30, 8))
    candidates = generator.normal(size=(90, 8))
    names = np.array([f"clip{number:02d}" for number in range(30)])
    expected = naive_positions(queries @ candidates.T, names, np.repeat(names, 3))
    got = ranks(queries, candidates, names, np.repeat(names, 3), chunk_size=4)
    assert got.dtype == np.int64
    assert got.tolist() == [places[0] for places in expected]


def test_tied_scores_count_against_the_query():
    scores = np.array([[0.5, 0.5, 0.5, 0.1]], dtype=np.float32)
    found = relevant_positions(lambda rows: scores[rows], np.array([7]), np.array([7, 1, 2, 7]))
    assert found.positions.tolist() == [[3, 4]]


def test_relevant_candidates_do_not_hold_each_other_back():
    scores = np.array([[0.9, 0.9, 0.9, 0.1]], dtype=np.float32)
    found = relevant_positions(lambda rows: scores[rows], np.array([7]), np.array([7, 7, 7, 1]))
    assert found.positions.tolist() == [[1, 2, 3]]


@pytest.mark.parametrize("width", [3, 128, 515])
def test_a_dead_model_gets_the_worst_ranks(width):
    # Equal vectors whose products round differently in different places of a block.
    vector = np.random.default_rng(width).normal(size=width).astype(np.float32)
    vector /= np.linalg.norm(vector)
    same = np.tile(vector, (83, 1))
    groups = np.arange(83)
    assert ranks(same, same, groups, groups, chunk_size=17).tolist() == [83] * 83


def test_only_the_ten_best_relevant_candidates_are_followed():
    scores = np.linspace(1, 0, 30, dtype=np.float32)[None]
    found = relevant_positions(lambda rows: scores[rows], np.array([0]), np.zeros(30, dtype=int))
    assert found.positions.tolist() == [list(range(1, 11))]
    assert found.num_relevant.tolist() == [30]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_not_finite_is_refused(bad):
    queries = np.eye(5, dtype=np.float32)
    queries[3, 0] = bad
    with (
        np.errstate(invalid="ignore"),
        pytest.raises(HearsayError, match=r"query 3 .*not finite"),
    ):
        ranks(queries, np.eye(5), np.arange(5), np.arange(5), chunk_size=2)


def test_a_query_without_a_relevant_candidate_is_refused():
    with pytest.raises(HearsayError, match=r"query 1 .*'b'"):
        ranks(np.eye(2), np.eye(2), np.array(["a", "b"]), np.array(["a", "c"]))


def test_embeddings_of_different_width_are_refused():
    with pytest.raises(HearsayError, match="same model"):
        dot_scores(np.ones((2, 3)), np.ones((2, 4)))


def test_a_block_of_the_wrong_shape_is_refused():
    with pytest.raises(HearsayError, match="shape"):
        relevant_positions(lambda rows: np.ones((1, 1)), np.arange(2), np.arange(2))


def test_memory_stays_at_the_size_of_a_block():
    seen = []

    def scores(rows):
        seen.append(rows.stop - rows.start)
        return np.random.default_rng(rows.start).random((rows.stop - rows.start, 500))

    relevant_positions(scores, np.arange(500), np.arange(500), chunk_size=64)
    assert max(seen) == 64
    assert sum(seen) == 500
