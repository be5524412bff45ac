import math
from typing import Any

import pytest
import torch
from open_clip.model import CLIP
from open_clip.tokenizer import SimpleTokenizer
from torch.nn import functional

from hearsay.encoders.clip import ClipTowers
from hearsay.errors import HearsayError
from hearsay.methods import make_family
from hearsay.methods.frame_match import FrameMatchNetwork
from hearsay.methods.info_nce import info_nce

OPTIONS: dict[str, Any] = {
    "family": "frame_match",
    "image_choice": "random",
    "tower": {"time_stride": 8, "mel_stride": 4},
    "masks": {"max_bins": 4, "max_frames": 8},
    "fbank": {"num_frames": 32, "num_mel_bins": 16},
}


@pytest.fixture
def towers() -> ClipTowers:
    torch.manual_seed(0)
    model = CLIP(
        6,
        {"image_size": 16, "patch_size": 8, "width": 16, "layers": 1, "head_width": 8},
        {"context_length": 8, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 1},
        quick_gelu=True,
    ).requires_grad_(False)
    return ClipTowers(
        model=model,
        name="small",
        device=torch.device("cpu"),
        mean=(0.5, 0.5, 0.5),
        std=(0.3, 0.3, 0.3),
        tokenizer=SimpleTokenizer(context_length=8),
    )


def make_batch(num_clips: int = 5) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return {
        "fbank": torch.randn(num_clips, 32, 16),
        "image_embeddings": functional.normalize(torch.randn(num_clips, 4, 6), dim=-1),
        "caption_embeddings": functional.normalize(torch.randn(num_clips, 6), dim=-1),
    }


def make_generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_each_stage_names_its_stores() -> None:
    assert make_family(OPTIONS, "audio_image").requires() == ("fbank", "image_embeddings")
    assert make_family(OPTIONS, "audio_text").requires() == ("fbank", "caption_embeddings")


def test_unknown_family_and_stage_are_refused() -> None:
    with pytest.raises(HearsayError, match="family 'other'"):
        make_family({**OPTIONS, "family": "other"}, "audio_image")
    with pytest.raises(HearsayError, match="audio_video"):
        make_family(OPTIONS, "audio_video")


def test_embeddings_are_unit_vectors(towers: ClipTowers) -> None:
    family = make_family(OPTIONS, "audio_text")
    network = family.build_network(towers)
    embeddings = family.embed_audio(network, make_batch()["fbank"])
    assert embeddings.shape == (5, 6)
    torch.testing.assert_close(embeddings.norm(dim=-1), torch.ones(5))


def test_text_loss_is_info_nce_over_the_whole_batch(towers: ClipTowers) -> None:
    family = make_family(OPTIONS, "audio_text")
    network = family.build_network(towers).eval()
    batch = make_batch()
    audio = family.embed_audio(network, batch["fbank"])
    expected = info_nce(audio @ batch["caption_embeddings"].T, torch.tensor(math.log(1 / 0.07)))
    loss = family.loss(network, batch, 0, make_generator())
    torch.testing.assert_close(loss, expected)


def test_image_loss_uses_one_image_of_every_clip(towers: ClipTowers) -> None:
    family = make_family(OPTIONS, "audio_image")
    network = family.build_network(towers).eval()
    batch = make_batch()
    audio = family.embed_audio(network, batch["fbank"])
    loss = family.loss(network, batch, 0, make_generator())
    scale = torch.tensor(math.log(1 / 0.07))
    possible = [
        info_nce(
            audio @ torch.stack([batch["image_embeddings"][i, c] for i, c in enumerate(choice)]).T,
            scale,
        )
        for choice in torch.cartesian_prod(*[torch.arange(4)] * 5).tolist()
    ]
    assert min(abs(loss.item() - value.item()) for value in possible) < 1e-5


def test_masks_apply_in_training_alone(towers: ClipTowers) -> None:
    family = make_family(OPTIONS, "audio_text")
    network, batch = family.build_network(towers), make_batch()

    def measure(seed: int) -> float:
        return family.loss(network, batch, 0, torch.Generator().manual_seed(seed)).item()

    network.eval()
    assert measure(0) == measure(1)
    network.train()
    assert measure(0) == measure(0)
    assert measure(0) != measure(1)


def test_next_stage_keeps_the_tower_and_restarts_the_temperature(towers: ClipTowers) -> None:
    family = make_family(OPTIONS, "audio_text")
    trained = family.build_network(towers)
    with torch.no_grad():
        for weight in trained.parameters():
            weight.add_(0.5)
    network = family.build_network(towers)
    family.continue_from(network, trained.state_dict())
    assert isinstance(network, FrameMatchNetwork)
    for name, value in network.tower.state_dict().items():
        assert torch.equal(value, trained.state_dict()[f"tower.{name}"])
    assert math.isclose(family.logit_scale(network), 1 / 0.07, rel_tol=1e-6)
    assert family.logit_scale(trained) > 20


def test_tower_and_temperature_are_all_trained(towers: ClipTowers) -> None:
    family = make_family(OPTIONS, "audio_image")
    network = family.build_network(towers)
    network.train()
    family.loss(network, make_batch(), 0, make_generator()).backward()
    without = [n for n, weight in network.named_parameters() if weight.grad is None]
    assert without == []
