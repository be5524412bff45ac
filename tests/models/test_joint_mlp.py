"""The shared network of text and sound against its layers written out by hand."""

import pytest
import torch

from hearsay.errors import HearsayError
from hearsay.models.joint_mlp import JointMLP


def by_hand(network: JointMLP, features: torch.Tensor) -> torch.Tensor:
    """Multiply by the weights in the order of their names; ReLU between layers, none behind."""
    weights = list(network.state_dict().values())
    x = features
    for place in range(0, len(weights), 2):
        x = (x.clamp_min(0) if place else x) @ weights[place].T + weights[place + 1]
    return x


def test_number_of_parameters_is_the_papers() -> None:
    network = JointMLP("relu", 0.5)
    assert sum(weight.numel() for weight in network.parameters()) == 1_620_992
    shapes = [tuple(w.shape) for name, w in network.named_parameters() if "weight" in name]
    assert shapes == [(1024, 300), (512, 1024), (512, 512), (1024, 512)]


@pytest.mark.parametrize("output", ["relu", "linear"])
def test_embeddings_equal_the_layers_by_hand(output: str) -> None:
    torch.manual_seed(0)
    network = JointMLP(output, 0.5).eval()
    features = torch.randn(9, 300)
    expected = by_hand(network, features)
    assert (expected < 0).any()
    if output == "relu":
        expected = expected.clamp_min(0)
    torch.testing.assert_close(network(features), expected)


def test_dropout_takes_half_of_each_hidden_layer_and_nothing_of_the_input_or_output() -> None:
    torch.manual_seed(0)
    network = JointMLP("linear", 0.5).train()
    with torch.no_grad():
        for layer in network.layers:
            layer.weight.zero_()
            layer.bias.fill_(1.0)
    inputs: list[torch.Tensor] = []
    for layer in network.layers:
        layer.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    embeddings = network(torch.ones(64, 300))
    assert torch.equal(inputs[0], torch.ones(64, 300))
    for hidden in inputs[1:]:
        assert set(hidden.unique().tolist()) == {0.0, 2.0}
        assert (hidden == 0).float().mean().item() == pytest.approx(0.5, abs=0.02)
    assert torch.equal(embeddings, torch.ones(64, 1024))
    network.eval()
    inputs.clear()
    network(torch.ones(64, 300))
    assert torch.equal(inputs[1], torch.ones(64, 1024))


def test_other_activations_and_widths_are_refused() -> None:
    with pytest.raises(HearsayError, match="'tanh'"):
        JointMLP("tanh", 0.5)
    with pytest.raises(HearsayError, match="300 dimensions, not 100"):
        JointMLP("relu", 0.5)(torch.ones(2, 100))
