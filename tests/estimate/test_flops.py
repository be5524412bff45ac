"""Formulas of operations and sizes, against the networks themselves."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from hearsay.encoders.image_tower import make_image_tower
from hearsay.encoders.wal_net_layers import WalNet
from hearsay.errors import HearsayError
from hearsay.estimate.flops import (
    Network,
    audio_vit,
    clip_model,
    crnn,
    image_tower,
    joint_mlp,
    text_tower,
    wal_net,
)
from hearsay.models.audio_vit import AudioViT
from hearsay.models.crnn import Crnn
from hearsay.models.joint_mlp import JointMLP

SMALL = {
    "embed_dim": 16,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 64, "patch_size": 32, "width": 32, "layers": 2, "head_width": 16},
    "text_cfg": {"context_length": 48, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
PAPER = {
    "fbank": {"num_frames": 1000, "num_mel_bins": 128},
    "tower": {"time_stride": 16, "mel_stride": 24},
}


def counted(network: torch.nn.Module, *inputs: torch.Tensor) -> Network:
    network.eval()
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        network(*inputs)
    parameters = sum(weight.numel() for weight in network.parameters())
    return Network("", counter.get_total_flops(), parameters)


def test_the_audio_tower_of_the_paper_costs_what_the_design_says() -> None:
    model = clip_model("ViT-B-32-quickgelu")
    whole = audio_vit(model, **PAPER, segments=1)
    assert whole.parameters == 88_045_824
    # 55.9 GFLOP where the last layer makes all its tokens: ten twelfths of a layer less
    assert whole.flops == pytest.approx(55.9e9 * (1 - 10 / 12 / 12), rel=0.01)
    # 30 epochs of 1,673,501 clips: what docs/design.md says
    assert 3 * whole.flops * 1_673_501 * 30 == pytest.approx(7.8e18, rel=0.01)
    # Four segments of 14 x 5 patches and CLS, each a 71-token transformer of width 768:
    tokens = 71
    layers = 11 * (24 * tokens * 768**2 + 4 * tokens**2 * 768)
    last = 4 * tokens * 768**2 + 4 * tokens * 768 + 20 * 768**2  # keys, values; one token on
    by_hand = layers + last + 2 * 70 * 1024 * 768 + 2 * 768 * 512
    assert audio_vit(model, **PAPER, segments=4).flops == 4 * by_hand


def test_clips_own_towers_have_their_published_sizes() -> None:
    model = clip_model("ViT-B-32-quickgelu")
    assert image_tower(model).parameters == 87_849_216
    assert image_tower(model).flops == pytest.approx(8.8e9, rel=0.01)
    assert text_tower(model).parameters == 63_428_096
    with pytest.raises(HearsayError, match="'ViT-B-31': open_clip knows no model of this name"):
        clip_model("ViT-B-31")


def test_a_small_tower_costs_what_torch_counts() -> None:
    import open_clip

    clip = open_clip.CLIP(**SMALL)
    tower = make_image_tower("small", SMALL, clip.state_dict())
    vit = AudioViT(tower, num_frames=100, num_bins=64, time_stride=16, mel_stride=24)
    options = {"num_frames": 100, "num_mel_bins": 64}
    expected = audio_vit(SMALL, options, PAPER["tower"], 1)
    found = counted(vit, torch.randn(1, 1, 100, 64))
    assert found.parameters == expected.parameters
    assert found.flops == pytest.approx(expected.flops, rel=1e-6)


@pytest.mark.parametrize("channels", [[32, 128, 128, 128, 128], [2, 4, 4, 4, 4]])
def test_the_crnn_costs_what_torch_counts(channels: list[int]) -> None:
    expected = crnn({"channels": channels}, {"num_frames": 501, "num_mel_bins": 64}, 300)
    network = Crnn(64, channels, 300, 0.0)
    found = counted(network, torch.randn(1, 501, 64), torch.tensor([501]))
    assert found.parameters == expected.parameters
    assert found.flops == pytest.approx(expected.flops, rel=1e-6)
    if channels[0] == 32:
        assert expected.parameters == 732_354


def test_wal_net_and_the_joint_network_cost_what_torch_counts() -> None:
    expected = wal_net(431, 128, 527)
    assert expected.parameters == 5_002_047
    found = counted(WalNet(527), torch.randn(1, 431, 128), torch.tensor([431]))
    assert found == Network("", expected.flops, expected.parameters)
    joint = counted(JointMLP("relu", 0.5), torch.randn(1, 300))
    assert joint == Network("", joint_mlp().flops, 1_620_992)
    assert joint_mlp().parameters == 1_620_992
