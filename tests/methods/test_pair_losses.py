"""The eight losses of Table 1 against naive ones in float64, and at the ends of the distance."""

import math

import pytest
import torch

from hearsay.errors import HearsayError
from hearsay.methods.pair_losses import LOSSES, MEASURES, distances, make_pair_loss

CELLS = [(loss, measure) for loss in LOSSES for measure in MEASURES]
MARGIN = 1.0


def pair_loss(loss: str, measure: str, margin: float = MARGIN):
    return make_pair_loss({"loss": loss, "measure": measure, "margin": margin})


def naive(loss: str, measure: str, a: list[float], b: list[float], is_same: bool) -> float:
    """Write a cell down as it is read, for moderate distances."""
    gaps = [abs(x - y) for x, y in zip(a, b, strict=True)]
    distance = sum(gaps) if "l1" in measure else math.sqrt(sum(gap**2 for gap in gaps))
    likeness = math.exp(-distance)
    if loss == "contrastive":
        spread = 1 - likeness if "exp" in measure else distance
        return spread**2 / 2 if is_same else max(0.0, MARGIN - spread) ** 2 / 2
    probability = likeness if "exp" in measure else 1 / (1 + distance)
    return -math.log(probability if is_same else 1 - probability)


@pytest.mark.parametrize(("loss", "measure"), CELLS)
def test_each_cell_equals_its_formula(loss: str, measure: str) -> None:
    torch.manual_seed(0)
    audio, text = torch.rand(20, 4) * 0.6, torch.rand(20, 4) * 0.6
    is_same = torch.arange(20) % 2 == 0
    rows = zip(audio.tolist(), text.tolist(), is_same.tolist(), strict=True)
    expected = sum(naive(loss, measure, *row) for row in rows) / 20
    assert pair_loss(loss, measure)(audio, text, is_same).item() == pytest.approx(expected, 1e-4)


def test_the_papers_cell_by_hand() -> None:
    # Distance 5: probability exp(-5). Distance log 2: probability one half.
    loss = pair_loss("bce", "exp_l2")
    zero, far = torch.zeros(1, 2), torch.tensor([[3.0, 4.0]])
    near = torch.tensor([[math.log(2), 0.0]])
    same, other = torch.tensor([True]), torch.tensor([False])
    assert loss(zero, far, same).item() == pytest.approx(5.0)
    assert loss(zero, far, other).item() == pytest.approx(-math.log(1 - math.exp(-5)))
    assert loss(zero, near, other).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize(("loss", "measure"), CELLS)
@pytest.mark.parametrize("is_same", [True, False])
@pytest.mark.parametrize("distance", [0.0, 1e-8, 200.0])
def test_value_and_gradient_are_finite_at_both_ends(
    loss: str, measure: str, is_same: bool, distance: float
) -> None:
    audio = torch.zeros(1, 1024, requires_grad=True)
    text = torch.zeros(1, 1024)
    text[0, 0] = distance
    text.requires_grad_()
    value = pair_loss(loss, measure)(audio, text, torch.tensor([is_same]))
    value.backward()
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    for embedding in (audio, text):
        assert embedding.grad is not None
        assert torch.isfinite(embedding.grad).all()


@pytest.mark.parametrize(
    ("measure", "value", "pull"),
    [("exp_l2", 200, 1), ("exp_l1", 200, 1), ("l2", math.log(201), 1 / 201)],
)
def test_a_far_pair_that_belongs_together_is_still_pulled(
    measure: str, value: float, pull: float
) -> None:
    # -log(exp(-200)) computed as it stands is infinite in float32, and clipped it has no gradient.
    audio, text = torch.zeros(1, 8, requires_grad=True), torch.zeros(1, 8)
    text[0, 0] = 200.0
    loss = pair_loss("bce", measure)(audio, text, torch.tensor([True]))
    loss.backward()
    assert loss.item() == pytest.approx(value)
    assert audio.grad is not None
    assert audio.grad[0, 0].item() == pytest.approx(-pull)


def test_a_near_pair_of_two_classes_keeps_its_digits() -> None:
    # 1 - exp(-D) computed as it stands is off by percents in float32 where D is a few millionths.
    audio, text = torch.zeros(1, 8, requires_grad=True), torch.zeros(1, 8)
    text[0, 0] = 3e-6
    value = pair_loss("bce", "exp_l1")(audio, text, torch.tensor([False]))
    value.backward()
    assert value.item() == pytest.approx(-math.log(-math.expm1(-3e-6)), rel=1e-6)
    assert audio.grad is not None
    assert audio.grad[0, 0].item() == pytest.approx(1 / math.expm1(3e-6), rel=1e-5)


@pytest.mark.parametrize(("loss", "measure"), CELLS)
def test_one_step_brings_pairs_together_or_apart(loss: str, measure: str) -> None:
    torch.manual_seed(1)
    # Near enough that the contrastive margin still holds the others apart.
    audio, text = torch.rand(6, 3) * 0.2, torch.rand(6, 3) * 0.2
    is_same = torch.tensor([True, False] * 3)
    audio.requires_grad_()
    pair_loss(loss, measure)(audio, text, is_same).backward()
    assert audio.grad is not None
    moved = audio.detach() - 1e-3 * audio.grad
    for norm in ("l1", "l2"):
        if norm in measure:
            closer = distances(moved, text, norm) < distances(audio.detach(), text, norm)
            assert closer.tolist() == is_same.tolist()


def test_pairs_beyond_the_margin_cost_nothing() -> None:
    audio, text = torch.zeros(1, 2), torch.tensor([[0.0, 2.0]])
    other = torch.tensor([False])
    assert pair_loss("contrastive", "l2", 2.0)(audio, text, other).item() == 0
    assert pair_loss("contrastive", "l2", 3.0)(audio, text, other).item() == pytest.approx(0.5)


def test_equal_embeddings_are_at_the_smallest_distance_not_at_zero() -> None:
    a = torch.ones(2, 5)
    for norm in ("l1", "l2"):
        torch.testing.assert_close(distances(a, a, norm), torch.full((2,), 1e-6))


def test_bfloat16_embeddings_are_compared_in_float32() -> None:
    a = torch.ones(2, 5, dtype=torch.bfloat16)
    assert distances(a, a, "l2").dtype == torch.float32


def test_unknown_names_and_a_margin_of_zero_are_refused() -> None:
    with pytest.raises(HearsayError, match="'triplet' over 'l2'"):
        pair_loss("triplet", "l2")
    with pytest.raises(HearsayError, match="'bce' over 'cosine'"):
        pair_loss("bce", "cosine")
    with pytest.raises(HearsayError, match="margin"):
        pair_loss("contrastive", "l1", 0.0)
