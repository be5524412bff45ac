import math

import pytest
import torch
from torch import Tensor

from hearsay.errors import HearsayError
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.caption_losses import make_caption_loss
from hearsay.methods.info_nce import info_nce

# Clips are rows, captions columns.
SCORES = torch.tensor([[0.9, 0.2, 0.7], [0.1, 0.5, 0.4], [0.6, 0.3, 0.2]])
LOG_SCALE = torch.tensor(math.log(1 / 0.07))


def compute(loss: str, scores: Tensor, margin: float = 0.3, seed: int = 0) -> Tensor:
    part = BatchPart(torch.Generator().manual_seed(seed))
    return make_caption_loss({"loss": loss, "margin": margin})(scores, LOG_SCALE, part)


def test_paper_margin_makes_the_loss_linear_and_dead_models_score_two() -> None:
    dead = compute("random_imposters", torch.full((4, 4), 0.3), margin=1.0)
    assert dead.item() == pytest.approx(2.0)
    # With margin 1 no hinge is ever closed: doubling all differences doubles what is above 2.
    small, large = (compute("random_imposters", k * SCORES, 1.0).item() - 2 for k in (0.5, 1.0))
    assert large == pytest.approx(2 * small, rel=1e-4)


def test_imposters_are_drawn_among_all_others_and_never_the_own() -> None:
    one_hot = torch.eye(3)  # own 1, others 0: any own imposter would add the margin
    for seed in range(50):
        assert compute("random_imposters", one_hot, 0.5, seed).item() == 0.0
    # Each imposter is equally likely: the mean over many draws is the full batch's.
    draws = torch.stack([compute("random_imposters", SCORES, 0.3, seed) for seed in range(3000)])
    assert draws.mean().item() == pytest.approx(compute("full_batch", SCORES).item(), abs=0.01)


def test_the_imposter_clip_and_the_imposter_caption_are_drawn_independently() -> None:
    # Of three clips each pair has two imposters of either kind. Weights tell which were drawn.
    seen = set()
    for seed in range(200):
        scores = torch.zeros(3, 3, requires_grad=True)
        compute("random_imposters", scores, 1.0, seed).backward()
        assert scores.grad is not None
        asked = scores.grad * 3 + 2 * torch.eye(3)  # how often each pair was an imposter
        seen.add(tuple(asked.round().int().flatten().tolist()))
    # Captions 2^3 ways and clips 2^3 ways; a single draw for both would give eight sums at most.
    assert len(seen) > 8


def test_full_batch_is_the_mean_over_all_imposters_by_hand() -> None:
    # Captions: clip 0 (own 0.9): 0, 0.1; clip 1 (0.5): 0, 0.2; clip 2 (0.2): 0.7, 0.4.
    # Clips: caption 0 (0.9): 0, 0; caption 1 (0.5): 0, 0.1; caption 2 (0.2): 0.8, 0.5.
    expected = (0.1 + 0.2 + 0.7 + 0.4 + 0.1 + 0.8 + 0.5) / 6
    assert compute("full_batch", SCORES).item() == pytest.approx(expected)


def test_semi_hard_takes_the_imposter_nearest_to_the_own_score_above_or_below() -> None:
    # Captions: 0.7 for 0.9; 0.4 for 0.5; 0.3 for 0.2. Clips: 0.6 for 0.9; 0.3 for 0.5; 0.4 for 0.2.
    expected = (0.1 + 0.2 + 0.4 + 0.0 + 0.1 + 0.5) / 3
    assert compute("semi_hard", SCORES).item() == pytest.approx(expected)


def test_info_nce_is_that_of_the_other_family() -> None:
    torch.testing.assert_close(compute("info_nce", SCORES), info_nce(SCORES, LOG_SCALE))


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(HearsayError, match="'hardest' is not defined"):
        make_caption_loss({"loss": "hardest", "margin": 1.0})
