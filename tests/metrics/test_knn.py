"""The k-NN classifier against hand-worked lists and a naive version, and MAP@3."""

from collections import Counter

import numpy as np
import pytest

from hearsay.errors import HearsayError
from hearsay.metrics.knn import (
    average_precision_at_3,
    count_votes,
    distance_scores,
    true_label_ranks,
)


def naive_ranks(queries, query_labels, database, database_labels, k):
    """Sort the whole database for each query, count, and sort the labels."""
    ranks = []
    for query, own in zip(queries, query_labels, strict=True):
        distances = [float(np.linalg.norm(query - row)) for row in database]
        order = sorted(range(len(database)), key=lambda row: (distances[row], row))[:k]
        votes = Counter(database_labels[row] for row in order)
        nearest = {}
        for row in order:
            nearest.setdefault(database_labels[row], distances[row])
        ranked = sorted(votes, key=lambda c: (-votes[c], nearest[c], c == own))
        ranks.append(ranked.index(own) + 1 if own in votes else 0)
    return ranks


def ranks_on_a_line(query, positions, labels, own, k):
    """Rank the label of one query among neighbours on a line."""
    scores = distance_scores(np.array([[query]]), np.array(positions, dtype=float)[:, None])
    return true_label_ranks(count_votes(scores, 1, np.array(labels), k), np.array([own]))[0]


POSITIONS, LABELS = [1, 2, 3, 4, 5, 6, 7], ["a", "b", "b", "c", "c", "d", "d"]


@pytest.mark.parametrize(
    ("own", "k", "rank"),
    [
        ("a", 1, 1),  # the nearest alone
        ("b", 1, 0),  # absent among the neighbours, although in the database
        ("b", 3, 1),  # two votes against one
        ("a", 3, 2),
        ("b", 5, 1),  # b and c have two votes each: b is nearer
        ("c", 5, 2),
        ("a", 5, 3),
        ("d", 5, 0),
        ("a", 7, 4),
        ("a", 25, 4),  # k beyond the database: all of it
        ("z", 25, 0),  # not in the database; sorts behind its labels
        ("A", 25, 0),  # sorts before them
    ],
)
def test_votes_then_the_nearest_neighbour_by_hand(own, k, rank):
    assert ranks_on_a_line(0.0, POSITIONS, LABELS, own, k) == rank


def test_labels_of_equal_votes_and_equal_distance_count_against_the_query():
    assert ranks_on_a_line(0.0, [-1, 1], ["a", "b"], "a", 2) == 2
    assert ranks_on_a_line(0.0, [-1, 1], ["a", "b"], "b", 2) == 2
    # Nearly equal, as rounding leaves it.
    assert ranks_on_a_line(0.0, [-1, 1 + 1e-8], ["a", "b"], "a", 2) == 2


def test_equally_far_neighbours_at_the_last_place_come_in_the_order_of_the_database():
    assert ranks_on_a_line(0.0, [-1, 1, 1], ["a", "b", "c"], "a", 1) == 1
    assert ranks_on_a_line(0.0, [-1, 1, 1], ["a", "b", "c"], "b", 1) == 0
    assert ranks_on_a_line(0.0, [5, -1, 1, 1], ["d", "a", "b", "c"], "b", 2) == 2


@pytest.mark.parametrize(("k", "chunk_size"), [(1, 7), (5, 1), (25, 16), (200, 1000)])
def test_ranks_equal_the_naive_version_with_ties_and_repeats(k, chunk_size):
    generator = np.random.default_rng(k)
    # Whole numbers: many distances are exactly equal.
    database = generator.integers(0, 3, size=(120, 4)).astype(np.float64)
    queries = generator.integers(0, 3, size=(60, 4)).astype(np.float64)
    names = np.array(["oboe", "bark", "gong", "bus", "meow", "cello"])
    database_labels = generator.choice(names[:5], size=120)
    query_labels = generator.choice(names, size=60)
    found = count_votes(distance_scores(queries, database), 60, database_labels, k, chunk_size)
    assert (found.votes.sum(axis=1) == min(k, 120)).all()
    expected = naive_ranks(queries, query_labels, database, database_labels, k)
    assert true_label_ranks(found, query_labels).tolist() == expected
    assert len(set(expected)) > 1


def test_ranks_of_real_valued_embeddings_equal_the_naive_version():
    generator = np.random.default_rng(5)
    database, queries = generator.normal(size=(300, 6)), generator.normal(size=(80, 6))
    database_labels = generator.integers(0, 9, size=300)
    query_labels = generator.integers(0, 9, size=80)
    found = count_votes(distance_scores(queries, database), 80, database_labels, 25)
    expected = naive_ranks(queries, query_labels, database, database_labels, 25)
    assert true_label_ranks(found, query_labels).tolist() == expected


def test_votes_agree_with_scikit_learn():
    neighbors = pytest.importorskip("sklearn.neighbors")
    generator = np.random.default_rng(6)
    database, queries = generator.normal(size=(400, 8)), generator.normal(size=(90, 8))
    labels = generator.integers(0, 7, size=400)
    found = count_votes(distance_scores(queries, database), 90, labels, 25)
    reference = neighbors.KNeighborsClassifier(25, algorithm="brute").fit(database, labels)
    np.testing.assert_allclose(found.votes / 25, reference.predict_proba(queries))


def test_a_text_database_of_repeated_vectors_acts_as_the_nearest_prototype():
    # The degenerate cell of the paper: 25 neighbours are 25 copies, so MAP@3 is top-1 accuracy.
    generator = np.random.default_rng(7)
    prototypes = generator.normal(size=(6, 10))
    labels = np.repeat(np.arange(6), 30)
    queries = generator.normal(size=(50, 10))
    own = generator.integers(0, 6, size=50)
    found = count_votes(distance_scores(queries, prototypes[labels]), 50, labels, 25)
    ranks = true_label_ranks(found, own)
    distances = np.linalg.norm(queries[:, None] - prototypes, axis=2)
    np.testing.assert_array_equal(ranks, np.where(distances.argmin(axis=1) == own, 1, 0))


def test_distances_of_large_vectors_keep_small_differences():
    database = 1000.0 + np.array([[0.0, 0.0], [0.0, 0.01], [0.0, 0.02]])
    scores = distance_scores(database[:1], database)(slice(0, 1))
    np.testing.assert_allclose(scores, [[0, -1e-4, -4e-4]], atol=1e-8)
    assert scores.max() <= 0


def test_only_the_first_three_guesses_count():
    values = average_precision_at_3(np.array([1, 2, 3, 4, 0]))
    np.testing.assert_allclose(values, [1, 1 / 2, 1 / 3, 0, 0])


def test_bad_input_is_refused():
    one = np.zeros((1, 2))
    with pytest.raises(HearsayError, match="database of 0 clips"):
        count_votes(distance_scores(one, np.zeros((0, 2))), 1, np.array([]), 25)
    with pytest.raises(HearsayError, match="k 0"):
        count_votes(distance_scores(one, one), 1, np.array([1]), 0)
    with pytest.raises(HearsayError, match="same model"):
        distance_scores(one, np.zeros((1, 3)))
    with pytest.raises(HearsayError, match="query 2 .*not finite"):
        broken = np.array([[0.0], [1.0], [np.nan]])
        count_votes(distance_scores(broken, np.ones((4, 1))), 3, np.arange(4), 2, chunk_size=2)
    with pytest.raises(HearsayError, match="shape"):
        count_votes(lambda rows: np.ones((1, 1), dtype=np.float32), 2, np.arange(3), 2)
    with pytest.raises(HearsayError, match="1 labels for 2 queries"):
        votes = count_votes(distance_scores(np.ones((2, 1)), np.ones((3, 1))), 2, np.arange(3), 2)
        true_label_ranks(votes, np.array([1]))
