"""Metrics against values worked by hand."""

import numpy as np
import pytest

from hearsay.metrics.ranks import RelevantPositions, relevant_positions
from hearsay.metrics.retrieval import (
    STATISTICS,
    average_precision_at_10,
    median_rank,
    query_values,
    recall_at,
)


def test_recall_counts_ranks_up_to_and_with_k():
    assert recall_at(np.array([1, 5, 6, 10]), 5) == 0.5


def test_median_of_an_even_number_is_the_mean_of_the_middle_two():
    assert median_rank(np.array([1, 2, 5, 100])) == 3.5


def test_average_precision_by_hand():
    found = RelevantPositions(
        np.array([[1, 3, 11], [4, 0, 0], [11, 12, 13], [1, 2, 3]]),
        np.array([3, 1, 3, 3]),
    )
    expected = [(1 / 1 + 2 / 3) / 3, 1 / 4, 0.0, 1.0]
    assert average_precision_at_10(found) == pytest.approx(expected)


def test_average_precision_is_one_when_more_than_ten_are_relevant_and_fill_the_top():
    found = RelevantPositions(np.arange(1, 11)[None], np.array([40]))
    assert average_precision_at_10(found).tolist() == [1.0]


def test_average_precision_equals_the_textbook_loop():
    generator = np.random.default_rng(3)
    scores = generator.random((25, 60)).astype(np.float32)
    queries, candidates = np.arange(25) % 4, np.arange(60) % 4
    found = relevant_positions(lambda rows: scores[rows], queries, candidates)
    expected = []
    for row, group in zip(scores, queries, strict=True):
        hits = (candidates == group)[np.argsort(-row)][:10]
        precisions = [hits[: k + 1].mean() for k in range(10) if hits[k]]
        expected.append(sum(precisions) / min(10, (candidates == group).sum()))
    assert average_precision_at_10(found) == pytest.approx(expected)


def test_query_values_give_every_metric():
    values = query_values(RelevantPositions(np.array([[1], [4], [12]]), np.array([1, 1, 1])))
    metrics = {name: STATISTICS[name](values[name]) for name in values}
    assert metrics == pytest.approx(
        {
            "R@1": 1 / 3,
            "R@5": 2 / 3,
            "R@10": 2 / 3,
            "median_rank": 4.0,
            "mAP@10": 1.25 / 3,
        }
    )
