"""Pairs of clips and classes: which belong together, how often each class comes, the seeds."""

import numpy as np
import pytest

from hearsay.errors import HearsayError
from hearsay.methods.pair_sampling import draw_pairs, fixed_pairs

# Class numbers with gaps and of very different size, in no order.
CLASSES = np.random.default_rng(0).permutation(np.repeat([2, 3, 5, 8, 40], [3, 90, 30, 1, 60]))


def flat(pairs):
    return pairs.clips.tolist(), pairs.classes.tolist(), pairs.is_same.tolist()


@pytest.mark.parametrize("num_pairs", [100, 500, 5000])
def test_half_of_the_pairs_belong_together_and_none_is_mislabelled(num_pairs):
    pairs = fixed_pairs(CLASSES, num_pairs, seed=3)
    assert pairs.clips.dtype == pairs.classes.dtype == np.int64
    assert pairs.is_same.sum() == num_pairs // 2
    np.testing.assert_array_equal(CLASSES[pairs.clips] == pairs.classes, pairs.is_same)
    assert set(pairs.classes) <= set(CLASSES)


def test_of_an_odd_number_the_larger_half_belongs_together():
    assert draw_pairs(CLASSES, 7, np.random.default_rng(0)).is_same.sum() == 4


@pytest.mark.parametrize("is_same", [True, False])
def test_classes_come_equally_often_however_many_clips_they_have(is_same):
    pairs = draw_pairs(CLASSES, 506, np.random.default_rng(1))  # 253 of a kind: 51 or 50 a class
    sounds = CLASSES[pairs.clips][pairs.is_same == is_same]
    assert sorted(np.unique(sounds, return_counts=True)[1]) == [50, 50, 51, 51, 51]


def test_clips_of_a_class_and_wrong_classes_are_equally_likely():
    pairs = draw_pairs(CLASSES, 200_000, np.random.default_rng(2))
    of_class = pairs.clips[CLASSES[pairs.clips] == 5]  # 40,000 draws of 30 clips
    counts = np.unique(of_class, return_counts=True)[1]
    assert len(counts) == 30
    assert np.abs(counts - 40_000 / 30).max() < 5 * np.sqrt(40_000 / 30)
    wrong = ~pairs.is_same
    table = np.unique(
        np.stack([CLASSES[pairs.clips[wrong]], pairs.classes[wrong]]), axis=1, return_counts=True
    )[1]
    assert len(table) == 5 * 4
    assert np.abs(table - 5000).max() < 5 * np.sqrt(5000)


def test_pairs_of_a_kind_are_not_in_a_row():
    runs = 1 + np.abs(np.diff(draw_pairs(CLASSES, 500, np.random.default_rng(1)).is_same)).sum()
    assert runs > 200


def test_fixed_pairs_hang_on_the_seed_alone_and_a_generator_draws_anew():
    assert flat(fixed_pairs(CLASSES, 100, 7)) == flat(fixed_pairs(CLASSES, 100, 7))
    assert flat(fixed_pairs(CLASSES, 100, 7)) != flat(fixed_pairs(CLASSES, 100, 8))
    generator = np.random.default_rng(7)
    drawn = [flat(draw_pairs(CLASSES, 100, generator)) for _ in range(2)]
    assert drawn[0] != drawn[1]
    assert drawn[0] == flat(draw_pairs(CLASSES, 100, np.random.default_rng(7)))


def test_what_cannot_be_paired_is_refused():
    generator = np.random.default_rng(0)
    with pytest.raises(HearsayError, match="no clip"):
        draw_pairs(np.array([], dtype=int), 10, generator)
    with pytest.raises(HearsayError, match="all 3 clips are of class 4"):
        draw_pairs(np.array([4, 4, 4]), 10, generator)
    with pytest.raises(HearsayError, match="1 pairs are too few"):
        draw_pairs(np.array([4, 5]), 1, generator)
