import math

import pytest
import torch

from hearsay.errors import HearsayError
from hearsay.methods.collapse import Collapse, measure_collapse


def test_distance_rows_and_units_by_hand() -> None:
    text = torch.tensor([[1.0, 0.0, 0.0, 0.0], [4.0, 0.0, 4.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    audio = torch.tensor([[0.0, 0.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0]])
    found = measure_collapse(text, audio)
    # Nearest texts: (1, 0, 0, 0) and the zero row; units 1 and 3 are never used.
    assert found == Collapse(min_text_distance=1.0, num_zero_rows=2, dead_unit_share=0.5)


def test_a_unit_that_only_sound_uses_is_alive() -> None:
    text = torch.tensor([[1.0, 0.0], [2.0, 0.0]])
    assert measure_collapse(text, torch.tensor([[0.0, 3.0]])).dead_unit_share == 0.0
    assert measure_collapse(text, torch.tensor([[5.0, 0.0]])).dead_unit_share == 0.5


def test_two_classes_at_one_point_have_distance_zero() -> None:
    text = torch.tensor([[1.0, 2.0], [7.0, 2.0], [1.0, 2.0]])
    assert measure_collapse(text, text).min_text_distance == 0.0
    apart = torch.tensor([[1.0, 2.0], [4.0, 6.0], [1.0 + 13.0, 2.0]])
    assert math.isclose(measure_collapse(apart, text).min_text_distance, 5.0)


def test_one_class_and_diverged_embeddings_are_refused() -> None:
    with pytest.raises(HearsayError, match="two classes, not 1"):
        measure_collapse(torch.ones(1, 2), torch.ones(3, 2))
    with pytest.raises(HearsayError, match="not finite"):
        measure_collapse(torch.ones(2, 2), torch.tensor([[1.0, torch.nan]]))
