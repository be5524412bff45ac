import math

import torch

from hearsay.methods.info_nce import info_nce, initial_log_scale


def test_loss_sums_both_directions_each_averaged_over_the_batch() -> None:
    cosines = torch.tensor([[0.9, 0.1], [0.4, 0.2]])
    scale = 5.0
    rows = [
        -math.log(math.exp(4.5) / (math.exp(4.5) + math.exp(0.5))),
        -math.log(math.exp(1.0) / (math.exp(2.0) + math.exp(1.0))),
    ]
    columns = [
        -math.log(math.exp(4.5) / (math.exp(4.5) + math.exp(2.0))),
        -math.log(math.exp(1.0) / (math.exp(0.5) + math.exp(1.0))),
    ]
    expected = sum(rows) / 2 + sum(columns) / 2
    loss = info_nce(cosines, torch.tensor(math.log(scale)))
    assert math.isclose(loss.item(), expected, rel_tol=1e-6)


def test_loss_of_equal_cosines_is_twice_the_logarithm_of_the_batch() -> None:
    loss = info_nce(torch.full((8, 8), 0.3), initial_log_scale())
    assert math.isclose(loss.item(), 2 * math.log(8), rel_tol=1e-6)


def test_scale_starts_at_one_over_0_07_and_is_not_clamped() -> None:
    start = initial_log_scale()
    assert start.requires_grad
    assert math.isclose(start.exp().item(), 1 / 0.07, rel_tol=1e-6)
    wrong = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    # Both directions lose s + log(1 + exp(-s)) = s at a large s, beyond CLIP's limit of 100.
    loss = info_nce(wrong, torch.tensor(math.log(1000.0)))
    assert math.isclose(loss.item(), 2000.0, rel_tol=1e-5)


def test_bfloat16_cosines_are_computed_in_float32() -> None:
    loss = info_nce(torch.eye(4, dtype=torch.bfloat16), torch.tensor(0.0))
    assert loss.dtype == torch.float32
