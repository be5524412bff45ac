"""Chance of retrieval by class: exact means against simulation, permutations by hand."""

from itertools import permutations

import numpy as np
import pytest

from hearsay.errors import HearsayError
from hearsay.metrics.knn import average_precision_at_3, count_votes, true_label_ranks
from hearsay.metrics.label_chance import chance_label_level, chance_map_at_3, permuted_chance
from hearsay.metrics.label_retrieval import LABEL_METRICS, label_values, positions_by_label
from hearsay.metrics.ranks import relevant_positions


@pytest.mark.parametrize("sizes", [[3, 10, 27], [1, 4], [30]])
def test_exact_means_equal_random_scores(sizes):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    queries = np.arange(6000) % len(sizes)
    scores = np.random.default_rng(sizes[0]).random((6000, len(labels)))
    found = relevant_positions(
        lambda rows: scores[rows], queries, labels, depth=len(labels), tie_tolerance=0
    )
    for metric, values in label_values(found).items():
        exact = chance_label_level(metric, len(labels), found.num_relevant)
        noise = 5 * values.std() / np.sqrt(6000) + 1e-9
        assert values.mean() == pytest.approx(exact, abs=noise), metric


def test_average_precision_of_all_orders_by_hand():
    # Two of three relevant: at 1, 2; at 1, 3; at 2, 3.
    lists = [(1 + 1) / 2, (1 + 2 / 3) / 2, (1 / 2 + 2 / 3) / 2]
    assert chance_label_level("mAP", 3, [2]) == pytest.approx(sum(lists) / 3)
    assert chance_label_level("mAP", 1, [1]) == 1.0
    assert chance_label_level("mAP", 5, [5, 5]) == pytest.approx(1.0)


def test_precision_at_10_of_a_short_list_cannot_be_reached():
    assert chance_label_level("P@10", 4, [2]) == pytest.approx(0.2)
    assert chance_label_level("P@10", 80, [8]) == pytest.approx(0.1)


def test_esc_10_has_the_chance_that_was_simulated_for_it():
    # 80 clips, 8 a class: 14.6 % by permutation (facts of the prototype).
    assert chance_label_level("mAP", 80, [8] * 10) == pytest.approx(0.146, abs=0.003)


def test_map_at_3_of_41_classes():
    assert chance_map_at_3(41, [3, 3]) == pytest.approx((1 + 1 / 2 + 1 / 3) / 41)
    assert chance_map_at_3(41, [25]) == chance_map_at_3(41, [3])
    assert chance_map_at_3(41, [1] * 9) == pytest.approx(1 / 41)
    assert chance_map_at_3(10, [1, 2, 0]) == pytest.approx((1 + 1.5 + 0) / 10 / 3)


@pytest.mark.parametrize("k", [1, 2, 25])
def test_k_nn_over_random_votes_reaches_the_chance_of_map_at_3(k):
    generator = np.random.default_rng(3)
    scores = generator.random((4000, 300)).astype(np.float32)
    found = count_votes(lambda rows: scores[rows], 4000, np.arange(300) % 12, k)
    assert found.num_guesses.max() <= k
    labels = generator.integers(0, 12, size=4000)
    values = average_precision_at_3(true_label_ranks(found, labels))
    noise = 5 * values.std() / np.sqrt(4000)
    assert values.mean() == pytest.approx(chance_map_at_3(12, found.num_guesses), abs=noise)


def test_permuting_clips_gives_the_exact_mean():
    generator = np.random.default_rng(4)
    labels = np.repeat(np.arange(5), 8)
    scores = generator.random((5, 40)).astype(np.float32)

    def mean_precision(permuted):
        found = positions_by_label(lambda rows: scores[rows], np.arange(5), permuted)
        return label_values(found)["mAP"].mean()

    chance = permuted_chance(mean_precision, labels, "clips", 2000, seed=0)
    assert chance.mean == pytest.approx(chance_label_level("mAP", 40, [8] * 5), abs=0.004)
    assert chance.mean < chance.percentile_95 < 2 * chance.mean


def test_permuting_classes_moves_whole_classes():
    labels = np.array(["a", "b", "a", "c", "b"])
    seen = set()

    def remember(permuted):
        seen.add("".join(permuted))
        return float(np.mean(permuted == labels))

    chance = permuted_chance(remember, labels, "classes", 600, seed=1)
    expected = {"".join((x, y, x, z, y)) for x, y, z in permutations("abc")}
    assert seen == expected
    # One label in three is right on average; all are in one of six permutations.
    assert chance.mean == pytest.approx(1 / 3, abs=0.05)
    assert chance.percentile_95 == 1.0


def test_the_same_seed_gives_the_same_chance_and_counts_of_labels_stay():
    labels = np.array([1, 1, 2, 3, 3, 3])

    def place_of_two(permuted):
        assert sorted(permuted) == labels.tolist()
        return float(np.argmax(permuted == 2))

    first, again, other = (
        permuted_chance(place_of_two, labels, "clips", 20, seed) for seed in (5, 5, 6)
    )
    assert first == again != other


def test_bad_input_is_refused():
    with pytest.raises(HearsayError, match="'rows'"):
        permuted_chance(lambda _: 0.0, np.arange(3), "rows", 5, 0)
    with pytest.raises(HearsayError, match="0 permutations"):
        permuted_chance(lambda _: 0.0, np.arange(3), "clips", 0, 0)
    for metric in LABEL_METRICS:
        with pytest.raises(HearsayError, match="1 to 4"):
            chance_label_level(metric, 4, [5])
    for guesses in ([], [1, 3]):
        with pytest.raises(HearsayError, match="at most 2 guesses"):
            chance_map_at_3(2, guesses)
    with pytest.raises(HearsayError, match="'PSDS'"):
        chance_label_level("PSDS", 4, [1])
