"""The family frame_match as a scorer of phrases."""

from typing import Any

import pytest
import torch
from open_clip.model import CLIP
from torch import Tensor
from torch.nn import functional

from hearsay.encoders.frozen import FrozenEncoders
from hearsay.encoders.image_tower import make_image_tower
from hearsay.methods.family import GroundsPhrases
from hearsay.methods.frame_match import FrameMatch, FrameMatchNetwork

OPTIONS: dict[str, Any] = {
    "image_choice": "random",
    "tower": {"time_stride": 9, "mel_stride": 4},
    "masks": {"max_bins": 4, "max_frames": 8},
    "segments": 1,
    "caption_audio": "segments",
    "fbank": {"num_frames": 54, "num_mel_bins": 17},
}
SIZES: dict[str, Any] = {
    "embed_dim": 6,
    "vision_cfg": {"image_size": 18, "patch_size": 9, "width": 16, "layers": 1, "head_width": 8},
    "text_cfg": {"context_length": 8, "vocab_size": 50, "width": 8, "heads": 2, "layers": 1},
    "quick_gelu": True,
}


def make_system(**options: Any) -> tuple[FrameMatch, FrameMatchNetwork]:
    """Make a system of patches of 9 frames; of one layer, so that patches hear no others."""
    torch.manual_seed(0)
    tower = make_image_tower("small", SIZES, CLIP(**SIZES).state_dict())
    family = FrameMatch({**OPTIONS, **options}, "audio_text")
    return family, family.build_network(FrozenEncoders(tower)).eval()


def embed(family: FrameMatch, network: FrameMatchNetwork, features: Tensor) -> Tensor:
    with torch.inference_mode():
        return family.embed_frames(network, {"fbank": features})


def test_every_frame_of_the_filter_bank_gets_a_unit_vector() -> None:
    family, network = make_system()
    assert isinstance(family, GroundsPhrases)
    frames = embed(family, network, torch.randn(3, 54, 17))
    assert frames.shape == (3, 54, 6)
    torch.testing.assert_close(frames.norm(dim=-1), torch.ones(3, 54))


def test_frames_at_the_middle_of_a_patch_are_the_mean_of_the_patches_there() -> None:
    family, network = make_system()
    features = torch.randn(2, 54, 17)
    frames = embed(family, network, features)
    with torch.inference_mode():
        patches = network.tower.embed_patches(features[:, None])  # [2, 6, 3, 6]
    expected = functional.normalize(patches.sum(dim=2), dim=-1)
    torch.testing.assert_close(frames[:, 4::9], expected)  # patches of 9 frames, 9 apart
    between = functional.normalize(patches[:, 1].sum(1) * 2 / 9 + patches[:, 2].sum(1) * 7 / 9)
    torch.testing.assert_close(frames[:, 20], between)  # of the centres 13 and 22


@pytest.mark.parametrize("segments", [1, 2])
def test_a_change_of_the_second_half_leaves_the_frames_of_earlier_patches(segments: int) -> None:
    family, network = make_system(segments=segments)
    before = torch.randn(1, 54, 17)
    after = before.clone()
    after[:, 27:] = torch.randn(1, 27, 17)
    moved = (embed(family, network, after) - embed(family, network, before)).abs().amax(-1)[0]
    # The last patch of the first half is centred at frame 22, the next at 31.
    assert (moved[:23] < 1e-6).all() and (moved[23:] > 1e-3).all()


def test_segments_are_embedded_alone_and_laid_in_their_order() -> None:
    family, network = make_system(segments=2)
    first, second = torch.randn(1, 27, 17), torch.randn(1, 27, 17)
    forwards = embed(family, network, torch.cat([first, second], dim=1))
    backwards = embed(family, network, torch.cat([second, first], dim=1))
    # From the first centre of a segment, its frame 4, to its last, 22.
    torch.testing.assert_close(forwards[:, 4:23], backwards[:, 31:50])
    torch.testing.assert_close(forwards[:, 31:50], backwards[:, 4:23])
    assert not torch.allclose(forwards[:, :23], backwards[:, :23], atol=1e-2)


def test_scores_run_from_0_to_1_with_the_cosine() -> None:
    family, _ = make_system()
    frames = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [-0.6, 0.8], [-1.0, 0.0]])
    # Half precision leaves the phrase a little too long; no score may pass 1.
    found = family.score_phrase(frames, torch.tensor([[1.0005, 0.0]]))
    assert list(found) == ["mean"]
    torch.testing.assert_close(
        found["mean"], torch.tensor([1, 0.8, 0.5, 0.2, 0]), rtol=0, atol=1e-3
    )
    assert found["mean"].min() >= 0 and found["mean"].max() <= 1
