"""Exact chance levels against simulation and hand-worked values."""

import numpy as np
import pytest

from hearsay.errors import HearsayError
from hearsay.metrics.chance import (
    chance_level,
    chance_map_at_10,
    chance_median_rank,
    chance_recall_at,
)
from hearsay.metrics.ranks import relevant_positions
from hearsay.metrics.retrieval import RETRIEVAL_METRICS, STATISTICS, query_values


@pytest.mark.parametrize(("clips", "captions_a_clip"), [(37, 1), (40, 5), (9, 3), (3, 20)])
def test_chance_equals_random_scores(clips, captions_a_clip):
    generator = np.random.default_rng(clips)
    groups = np.arange(6000) % clips
    candidates = np.repeat(np.arange(clips), captions_a_clip)
    scores = generator.random((6000, len(candidates)))
    found = relevant_positions(lambda rows: scores[rows], groups, candidates, tie_tolerance=0)
    values = query_values(found)
    for metric in RETRIEVAL_METRICS:
        simulated = STATISTICS[metric](values[metric])
        exact = chance_level(metric, len(candidates), found.num_relevant.tolist())
        noise = 5 * values[metric].std() / np.sqrt(6000)
        # The median of a discrete rank moves in whole steps.
        room = max(1.0, 2.5 * noise) if metric == "median_rank" else noise + 1e-9
        assert simulated == pytest.approx(exact, abs=room), metric


def test_one_relevant_candidate_gives_k_over_c():
    assert chance_recall_at(180, [1], 10) == 10 / 180
    assert chance_recall_at(5, [1], 10) == 1.0
    assert chance_median_rank(180, [1]) == 90.5
    assert chance_median_rank(7, [1]) == 4.0


def test_five_captions_of_a_clip_by_hand():
    # 1 - C(5, 1)/C(10, 1) for one try; 1 - 5*4/(10*9) for two.
    assert chance_recall_at(10, [5, 5], 1) == 0.5
    assert chance_recall_at(10, [5], 2) == pytest.approx(1 - 20 / 90)
    # P(R <= 1) is exactly one half: between ranks 1 and 2.
    assert chance_median_rank(10, [5]) == 1.5


def test_map_by_hand_for_one_relevant_candidate():
    harmonic = sum(1 / k for k in range(1, 11))
    assert chance_map_at_10(50, [1]) == pytest.approx(harmonic / 50)
    assert chance_map_at_10(1, [1]) == 1.0
    assert chance_map_at_10(12, [12]) == pytest.approx(1.0)


def test_queries_with_different_numbers_of_captions_are_averaged():
    mixed = chance_recall_at(20, [1, 5], 3)
    alone = [chance_recall_at(20, [1], 3), chance_recall_at(20, [5], 3)]
    assert mixed == pytest.approx(np.mean(alone))


def test_the_papers_gallery_is_quick():
    assert chance_median_rank(16_000, [1]) == 8000.5
    assert chance_level("R@10", 4225, [5] * 845) == pytest.approx(0.0118, abs=1e-4)


@pytest.mark.parametrize("relevant", [[], [0], [11]])
def test_impossible_numbers_are_refused(relevant):
    with pytest.raises(HearsayError, match="1 to 10"):
        chance_recall_at(10, relevant, 1)


def test_an_unknown_metric_is_refused():
    with pytest.raises(HearsayError, match="PSDS"):
        chance_level("PSDS", 10, [1])
