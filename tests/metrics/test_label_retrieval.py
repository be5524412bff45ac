"""Retrieval by class against hand-worked lists, a naive version and scikit-learn."""

import numpy as np
import pytest

from hearsay.errors import HearsayError
from hearsay.metrics.label_retrieval import (
    LABEL_METRICS,
    label_values,
    positions_by_label,
    positions_of_others,
)
from hearsay.metrics.ranks import RelevantPositions, dot_scores, relevant_positions


def naive_values(scores, own, labels):
    """Sort one list, irrelevant candidates first among equals, and read the metrics off."""
    order = sorted(range(len(labels)), key=lambda c: (-scores[c], labels[c] == own))
    hits = [labels[c] == own for c in order]
    precisions = [sum(hits[: place + 1]) / (place + 1) for place, hit in enumerate(hits) if hit]
    early = [sum(hits[: place + 1]) / (place + 1) for place, hit in enumerate(hits[:10]) if hit]
    return {
        "mAP": sum(precisions) / sum(hits),
        "mAP@10": sum(early) / min(10, sum(hits)),
        "P@10": sum(hits[:10]) / 10,
        "R@1": float(any(hits[:1])),
        "R@5": float(any(hits[:5])),
        "R@10": float(any(hits[:10])),
    }


def test_metrics_of_one_list_by_hand():
    # Relevant at 1, 3 and 12 of 12.
    labels = np.array(list("xoxooooooo") + list("ox"))
    scores = np.linspace(1, 0, 12, dtype=np.float32)[None]
    found = positions_by_label(lambda rows: scores[rows], np.array(["x"]), labels)
    values = label_values(found)
    assert tuple(values) == LABEL_METRICS
    assert values["mAP"][0] == pytest.approx((1 + 2 / 3 + 3 / 12) / 3)
    assert values["mAP@10"][0] == pytest.approx((1 + 2 / 3) / 3)
    assert values["P@10"][0] == pytest.approx(0.2)
    assert [values[f"R@{k}"][0] for k in (1, 5, 10)] == [1, 1, 1]


@pytest.mark.parametrize("chunk_size", [1, 7, 1000])
def test_text_to_audio_equals_the_naive_version_with_many_ties(chunk_size):
    generator = np.random.default_rng(0)
    scores = generator.integers(0, 5, size=(8, 90)).astype(np.float32)
    labels = np.concatenate([np.arange(8), generator.integers(0, 8, size=82)])
    found = positions_by_label(lambda rows: scores[rows], np.arange(8), labels, chunk_size)
    values = label_values(found)
    for query in range(8):
        expected = naive_values(scores[query], query, labels)
        for metric in LABEL_METRICS:
            assert values[metric][query] == pytest.approx(expected[metric]), metric


@pytest.mark.parametrize("chunk_size", [1, 7, 1000])
def test_audio_to_audio_equals_the_naive_version_on_lists_without_the_query(chunk_size):
    generator = np.random.default_rng(1)
    scores = generator.integers(0, 5, size=(60, 60)).astype(np.float32)
    # A clip is its own best match, which must not help it; one class is a pair.
    np.fill_diagonal(scores, 9)
    labels = generator.permutation(np.concatenate([[7, 7], generator.integers(0, 5, size=58)]))
    found = positions_of_others(lambda rows: scores[rows], labels, chunk_size)
    values = label_values(found)
    for query in range(60):
        others = np.arange(60) != query
        expected = naive_values(scores[query][others], labels[query], labels[others])
        for metric in LABEL_METRICS:
            assert values[metric][query] == pytest.approx(expected[metric]), metric
        assert found.num_relevant[query] == (labels[others] == labels[query]).sum()


def test_scores_are_not_changed_when_the_query_is_left_out():
    scores = np.ones((4, 4), dtype=np.float32)
    positions_of_others(lambda rows: scores[rows], np.array([0, 0, 1, 1]))
    assert (scores == 1).all()


def test_average_precision_without_ties_is_scikit_learns():
    reference = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(2)
    scores = generator.random((20, 200)).astype(np.float32)
    labels = generator.integers(0, 4, size=200)
    own = np.arange(20) % 4
    found = positions_by_label(lambda rows: scores[rows], own, labels)
    expected = [
        reference.average_precision_score(labels == label, row)
        for label, row in zip(own, scores, strict=True)
    ]
    # Scores closer than the tolerance of ties stand in the other order; here are a few of them.
    np.testing.assert_allclose(label_values(found)["mAP"], expected, atol=1e-3)


def test_a_dead_model_gets_the_worst_lists():
    same = np.ones((6, 3), dtype=np.float32)
    labels = np.array([0, 0, 0, 1, 1, 1])
    values = label_values(positions_of_others(dot_scores(same, same), labels))
    # Two relevant ones behind three others: at 4 and 5.
    np.testing.assert_allclose(values["mAP"], (1 / 4 + 2 / 5) / 2)
    assert not values["R@1"].any()


def test_lists_that_cannot_be_scored_are_refused():
    scores = np.random.default_rng(0).random((3, 3)).astype(np.float32)
    with pytest.raises(HearsayError, match=r"only one clip .*'gong'"):
        positions_of_others(lambda rows: scores[rows], np.array(["oboe", "gong", "oboe"]))
    with pytest.raises(HearsayError, match="no relevant candidate"):
        positions_by_label(lambda rows: scores[rows], np.arange(3), np.array([0, 1, 1]))
    cut = relevant_positions(lambda rows: scores[rows], np.zeros(3), np.zeros(3), depth=2)
    assert isinstance(cut, RelevantPositions)
    with pytest.raises(HearsayError, match="depth"):
        label_values(cut)
