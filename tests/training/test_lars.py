import pytest
import torch

from hearsay.training.lars import LARS


def step(optimizer: torch.optim.Optimizer, weight: torch.Tensor, gradient: list) -> None:
    weight.grad = torch.tensor(gradient)
    optimizer.step()


def test_two_hand_computed_steps_of_a_matrix() -> None:
    weight = torch.nn.Parameter(torch.tensor([[3.0, 4.0]]))  # norm 5
    optimizer = LARS([weight], lr=2.0, weight_decay=0.1)
    # g + wd * w = [0.3, 0.4] + [0.3, 0.4] = [0.6, 0.8], norm 1; ratio 0.001 * 5 / 1 = 0.005.
    # m = [0.003, 0.004]; w = [3, 4] - 2 m = [2.994, 3.992].
    step(optimizer, weight, [[0.3, 0.4]])
    torch.testing.assert_close(weight.data, torch.tensor([[2.994, 3.992]]))
    # norm w = 4.99; g + wd * w = [-0.2994 + 0.2994, 0.6008 + 0.3992] = [0, 1], ratio 0.00499.
    # m = 0.9 * [0.003, 0.004] + [0, 0.00499] = [0.0027, 0.00859]; w -= 2 m.
    step(optimizer, weight, [[-0.2994, 0.6008]])
    torch.testing.assert_close(weight.data, torch.tensor([[2.9886, 3.97482]]))


@pytest.mark.parametrize("shape", [(), (2,)])
def test_other_tensors_take_plain_momentum_steps(shape: tuple[int, ...]) -> None:
    weight = torch.nn.Parameter(torch.full(shape, 7.0))
    optimizer = LARS([weight], lr=0.5, weight_decay=0.1)
    weight.grad = torch.full(shape, 2.0)
    optimizer.step()
    torch.testing.assert_close(weight.data, torch.full(shape, 6.0))  # 7 - 0.5 * 2
    optimizer.step()
    # m = 0.9 * 2 + 2 = 3.8
    torch.testing.assert_close(weight.data, torch.full(shape, 4.1))


def test_ratio_is_one_where_a_norm_is_zero() -> None:
    zero_weight = torch.nn.Parameter(torch.zeros(1, 2))
    optimizer = LARS([zero_weight], lr=1.0, weight_decay=0.1)
    step(optimizer, zero_weight, [[0.5, 0.0]])
    torch.testing.assert_close(zero_weight.data, torch.tensor([[-0.5, 0.0]]))
    zero_gradient = torch.nn.Parameter(torch.ones(1, 2))
    optimizer = LARS([zero_gradient], lr=1.0, weight_decay=0.0)
    step(optimizer, zero_gradient, [[0.0, 0.0]])
    torch.testing.assert_close(zero_gradient.data, torch.ones(1, 2))


def test_groups_have_their_own_rates() -> None:
    matrix, bias = torch.nn.Parameter(torch.tensor([[3.0, 4.0]])), torch.nn.Parameter(torch.ones(1))
    optimizer = LARS(
        [{"params": [matrix], "lr": 1.0}, {"params": [bias], "lr": 0.1}], lr=9.0, weight_decay=0.0
    )
    matrix.grad, bias.grad = torch.tensor([[0.0, 1.0]]), torch.ones(1)
    optimizer.step()
    torch.testing.assert_close(matrix.data, torch.tensor([[3.0, 3.995]]))
    torch.testing.assert_close(bias.data, torch.tensor([0.9]))
