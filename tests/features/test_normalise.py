"""Normalised features, hand-worked."""

import numpy as np
import pytest
import torch

from hearsay.errors import HearsayError
from hearsay.features.normalise import normalise

FEATURES = np.array([[[1.0], [3.0], [0.0]], [[5.0], [7.0], [9.0]]], np.float16)  # [2, 3, 1]
NUM_FRAMES = np.array([2, 3])
STATISTICS = {"mean": 1.0, "std": 2.0}


def test_padding_is_normalised_like_the_rest_where_it_came_before():
    found = normalise(FEATURES, NUM_FRAMES, STATISTICS, "before")
    assert found[..., 0].tolist() == [[0.0, 1.0, -0.5], [2.0, 3.0, 4.0]]
    assert found.dtype == torch.float32


def test_padding_is_zero_where_it_comes_after():
    found = normalise(FEATURES, NUM_FRAMES, STATISTICS, "after")
    assert found[..., 0].tolist() == [[0.0, 1.0, 0.0], [2.0, 3.0, 4.0]]


def test_input_is_not_changed():
    features = FEATURES.astype(np.float32)
    normalise(features, NUM_FRAMES, STATISTICS, "after")
    np.testing.assert_array_equal(features, FEATURES)


def test_unknown_pad_is_an_error():
    with pytest.raises(HearsayError, match="pad: never"):
        normalise(FEATURES, NUM_FRAMES, STATISTICS, "never")
