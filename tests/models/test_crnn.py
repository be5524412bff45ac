import pytest
import torch
from torch.nn import functional

from hearsay.errors import HearsayError
from hearsay.models.crnn import Crnn, MaskedBatchNorm, convolve, lp_pool, stretch


def make_small() -> Crnn:
    torch.manual_seed(0)
    return Crnn(64, (4, 6, 6, 6, 6), 10, dropout=0.0)


def lengths(*numbers: int) -> torch.Tensor:
    return torch.tensor(numbers)


def test_paper_size_has_732354_parameters() -> None:
    network = Crnn(64, (32, 128, 128, 128, 128), 300, dropout=0.3)
    assert sum(weight.numel() for weight in network.parameters()) == 732_354


def test_501_frames_become_125_and_501_again() -> None:
    network = make_small().eval()
    heard: list[int] = []
    network.gru.register_forward_pre_hook(lambda module, inputs: heard.append(inputs[0].shape[1]))
    embedded = network(torch.randn(1, 501, 64), lengths(501))
    assert heard == [125]
    assert embedded.shape == (1, 501, 10)
    torch.testing.assert_close(embedded.norm(dim=-1), torch.ones(1, 501))


def naive(network: Crnn, clip: torch.Tensor) -> torch.Tensor:
    """Compute one clip with torch's own layers, as the paper's outline has them."""
    x = clip[None, None]  # [1, 1, T, F]
    pools = {0: (2, 4), 2: (2, 4), 4: (1, 4)}
    for block in range(5):
        norm, convolution = network.norms[block].norm, network.convolutions[block]
        x = functional.batch_norm(
            x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
        )
        x = functional.leaky_relu(functional.conv2d(x, convolution.weight, padding=1), 0.1)
        if block in pools:
            x = functional.lp_pool2d(x, 4.0, pools[block])
    x = network.gru(x.flatten(2).transpose(1, 2))[0]
    x = functional.interpolate(x.transpose(1, 2), len(clip), mode="linear", align_corners=False)
    return functional.normalize(x.transpose(1, 2), dim=-1)[0]


def test_a_clip_alone_equals_the_plain_layers() -> None:
    network = make_small()
    network(torch.randn(3, 60, 64), lengths(60, 60, 60))  # running statistics that are not 0 and 1
    network.eval()
    clip = torch.randn(53, 64)
    expected = naive(network, clip)
    torch.testing.assert_close(network(clip[None], lengths(53))[0], expected, atol=1e-5, rtol=0)


def test_a_clips_embedding_does_not_depend_on_its_batch() -> None:
    network = make_small()
    network(torch.randn(3, 60, 64), lengths(60, 60, 60))
    network.eval()
    clips = [torch.randn(length, 64) for length in (53, 80, 17)]
    batch = torch.full((3, 80, 64), 7.0)  # whatever the padding is
    for row, clip in zip(batch, clips, strict=True):
        row[: len(clip)] = clip
    together = network(batch, lengths(53, 80, 17))
    for clip, embedded in zip(clips, together, strict=True):
        torch.testing.assert_close(embedded[: len(clip)], naive(network, clip), atol=1e-5, rtol=0)
        assert (embedded[len(clip) :] == 0).all()


def test_statistics_in_training_come_from_valid_frames_alone() -> None:
    norm = MaskedBatchNorm(2)
    x = torch.randn(2, 2, 6, 3)
    x[1, :, 4:] = 1e6
    out = norm(x, lengths(6, 4))
    valid = torch.cat([x[0].transpose(0, 1), x[1, :, :4].transpose(0, 1)])  # [10, C, F]
    mean, variance = valid.mean(dim=(0, 2)), valid.var(dim=(0, 2), unbiased=False)
    expected = (x[0] - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt()
    torch.testing.assert_close(out[0], expected)
    assert (out[1, :, 4:] == 0).all()
    torch.testing.assert_close(norm.norm.running_mean, 0.1 * mean)


def test_gradients_are_finite_with_padding_and_silence() -> None:
    network = make_small().train()
    features = torch.randn(2, 40, 64)
    features[0] = -36.0  # digital silence: every frame alike
    network(features, lengths(40, 20))[..., 0].sum().backward()
    assert all(torch.isfinite(weight.grad).all() for weight in network.parameters())


@pytest.mark.parametrize("num_channels", [1, 3])
def test_a_convolution_and_its_gradients_are_those_of_torch(num_channels: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, num_channels, 20, 16, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, num_channels, 3, 3, dtype=torch.float64, requires_grad=True)
    found, expected = convolve(x, weight), functional.conv2d(x, weight, padding=1)
    torch.testing.assert_close(found, expected)
    steps = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(found, (x, weight), steps),
        torch.autograd.grad(expected, (x, weight), steps),
    )


def test_pooling_is_the_sum_form_of_the_l4_norm() -> None:
    x = torch.tensor([[1.0, 2.0, 0.0, -2.0], [0.0, 1.0, 2.0, 2.0]])[None, None]
    expected = torch.tensor([[[[18**0.25, 48**0.25]]]])
    torch.testing.assert_close(lp_pool(x, (2, 2)), expected)
    assert torch.isfinite(lp_pool(torch.zeros(1, 1, 2, 4), (2, 4))).all()


@pytest.mark.parametrize(("old", "new"), [(1, 4), (3, 12), (5, 23), (125, 501)])
def test_stretching_equals_linear_interpolation(old: int, new: int) -> None:
    x = torch.randn(1, old, 3)
    expected = functional.interpolate(x.transpose(1, 2), new, mode="linear", align_corners=False)
    padded = torch.cat([x, torch.full((1, 4, 3), 9.0)], dim=1)
    stretched = stretch(padded, lengths(old), lengths(new), new + 2)
    torch.testing.assert_close(stretched[:, :new], expected.transpose(1, 2), atol=1e-5, rtol=1e-5)
    assert (stretched[:, new:] == 0).all()


def test_other_sizes_and_clips_too_short_are_refused() -> None:
    with pytest.raises(HearsayError, match="40 mel bands"):
        Crnn(40, (4, 4, 4, 4, 4), 10, 0.0)
    with pytest.raises(HearsayError, match="a clip of 3 frames is too short"):
        make_small()(torch.randn(2, 8, 64), lengths(8, 3))
