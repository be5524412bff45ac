from itertools import pairwise

import pytest
import torch
from torch import nn

from hearsay.encoders.wal_net_layers import WalNet, count_segments, mean_segments
from hearsay.errors import HearsayError


def lengths(*numbers: int) -> torch.Tensor:
    return torch.tensor(numbers)


def make_network() -> WalNet:
    """Make a network whose running statistics are not 0 and 1."""
    torch.manual_seed(0)
    network = WalNet(5)
    with torch.no_grad():
        network(torch.randn(2, 192, 128) * 10 - 40, lengths(192, 192))
    return network.eval()


def make_plain(network: WalNet) -> nn.Sequential:
    """Lay the network's layers out one by one as the paper lists them, up to the 1024-d layer."""
    layers: list[nn.Module] = []
    pooled_after = {1, 3, 5, 7, 9, 10}
    for number, (convolution, norm) in enumerate(
        zip(network.convolutions, network.norms, strict=True)
    ):
        layers += [convolution, norm, nn.ReLU()]
        if number in pooled_after:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, network.segments, network.segment_norm, nn.ReLU()).eval()


def test_published_size() -> None:
    network = WalNet(527)
    total = sum(weight.numel() for weight in network.parameters())
    assert total == 5_002_047
    assert total - sum(weight.numel() for weight in network.classifier.parameters()) == 4_461_872


def test_channels_are_the_papers() -> None:
    network = WalNet(527)
    shapes = [tuple(layer.weight.shape) for layer in network.convolutions]
    widths = [1, 16, 16, 32, 32, 64, 64, 128, 128, 256, 256, 512]
    assert shapes == [(after, before, 3, 3) for before, after in pairwise(widths)]
    assert tuple(network.segments.weight.shape) == (1024, 512, 2, 2)


@pytest.mark.parametrize(("num_frames", "segments"), [(128, 1), (191, 1), (192, 2), (862, 12)])
def test_a_segment_begins_every_64_frames(num_frames: int, segments: int) -> None:
    with torch.no_grad():
        probabilities, embedded = make_network()(
            torch.randn(1, num_frames, 128), lengths(num_frames)
        )
    assert probabilities.shape == (1, 5)
    assert embedded.shape == (1, segments, 1024)
    assert count_segments(lengths(num_frames)).item() == segments


def test_a_clip_alone_equals_the_plain_layers() -> None:
    network = make_network()
    clip = torch.randn(1, 200, 128) * 10 - 40
    with torch.no_grad():
        probabilities, embedded = network(clip, lengths(200))
        plain = make_plain(network)(clip[:, None])[..., 0]  # [1, 1024, K]
        weight, bias = network.classifier.weight, network.classifier.bias
        expected = torch.einsum("bdk,cd->bkc", plain, weight) + bias
    torch.testing.assert_close(embedded, plain.transpose(1, 2))
    torch.testing.assert_close(probabilities, expected.sigmoid().mean(dim=1))
    assert probabilities.min() > 0 and probabilities.max() < 1


def test_a_clips_output_does_not_depend_on_its_batch() -> None:
    network = make_network()
    clips = [torch.randn(length, 128) * 10 - 40 for length in (200, 321, 257, 128)]
    batch = torch.full((4, 330, 128), torch.nan)  # whatever the padding is
    for row, clip in zip(batch, clips, strict=True):
        row[: len(clip)] = clip
    with torch.no_grad():
        together, segments = network(batch, lengths(200, 321, 257, 128))
        for number, clip in enumerate(clips):
            alone, embedded = network(clip[None], lengths(len(clip)))
            num_segments = embedded.shape[1]
            torch.testing.assert_close(together[number], alone[0], atol=1e-6, rtol=0)
            torch.testing.assert_close(
                segments[number, :num_segments], embedded[0], atol=1e-6, rtol=0
            )
            assert not segments[number, num_segments:].any()


def test_the_mean_is_over_a_clips_own_segments() -> None:
    values = torch.tensor([[[2.0], [4.0], [100.0]], [[1.0], [2.0], [6.0]]])
    assert mean_segments(values, lengths(2, 3)).tolist() == [[3.0], [3.0]]


def test_every_weight_learns() -> None:
    network = WalNet(3)
    probabilities, _ = network(torch.randn(4, 192, 128), lengths(192, 192, 192, 192))
    nn.functional.binary_cross_entropy(probabilities, torch.eye(4)[:, :3]).backward()
    for name, weight in network.named_parameters():
        # in front of BatchNorm a bias has no effect
        has_effect = not (name.endswith("bias") and ("convolutions" in name or "segments" in name))
        assert weight.grad is not None and torch.isfinite(weight.grad).all(), name
        assert not has_effect or weight.grad.abs().max() > 1e-8, name


@pytest.mark.parametrize(
    ("shape", "numbers", "message"),
    [
        ((1, 200, 64), (200,), "hears 128 mel bands, not 64"),
        ((2, 200, 128), (200, 127), "a clip of 127 frames is too short"),
        ((2, 200, 128), (200, 150), "trained on clips of one length, not 150 to 200 of 200"),
    ],
)
def test_what_cannot_be_heard_is_refused(
    shape: tuple[int, ...], numbers: tuple[int, ...], message: str
) -> None:
    with pytest.raises(HearsayError, match=message):
        WalNet(2).train()(torch.zeros(shape), lengths(*numbers))
