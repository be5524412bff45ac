import math
from typing import Any

import pytest
import torch
from open_clip.model import CLIP
from torch.nn import functional

from hearsay.encoders.frozen import FrozenEncoders
from hearsay.encoders.image_tower import ImageTower, make_image_tower
from hearsay.errors import HearsayError
from hearsay.methods import make_family
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.frame_match import FrameMatchNetwork
from hearsay.methods.info_nce import info_nce
from hearsay.models.audio_vit import resize_positions

OPTIONS: dict[str, Any] = {
    "family": "frame_match",
    "image_choice": "random",
    "tower": {"time_stride": 8, "mel_stride": 4},
    "masks": {"max_bins": 4, "max_frames": 8},
    "segments": 1,
    "caption_audio": "segments",
    "nearest_from_epoch": 0,
    "fbank": {"num_frames": 32, "num_mel_bins": 16},
}


@pytest.fixture
def tower() -> ImageTower:
    config: dict[str, Any] = {
        "embed_dim": 6,
        "vision_cfg": {
            "image_size": 16,
            "patch_size": 8,
            "width": 16,
            "layers": 1,
            "head_width": 8,
        },
        "text_cfg": {
            "context_length": 8,
            "vocab_size": 49408,
            "width": 8,
            "heads": 2,
            "layers": 1,
        },
        "quick_gelu": True,
    }
    torch.manual_seed(0)
    return make_image_tower("small", config, CLIP(**config).state_dict())


def make_batch(num_clips: int = 5) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return {
        "fbank": torch.randn(num_clips, 32, 16),
        "image_embeddings": functional.normalize(torch.randn(num_clips, 4, 6), dim=-1),
        "caption_embeddings": functional.normalize(torch.randn(num_clips, 6), dim=-1),
    }


def make_part(seed: int = 0) -> BatchPart:
    return BatchPart(torch.Generator().manual_seed(seed))


def test_each_stage_names_its_stores() -> None:
    assert make_family(OPTIONS, "audio_image").requires() == ("fbank", "image_embeddings")
    assert make_family(OPTIONS, "audio_text").requires() == ("fbank", "caption_embeddings")


def test_unknown_family_and_stage_are_refused() -> None:
    with pytest.raises(HearsayError, match="family 'other'"):
        make_family({**OPTIONS, "family": "other"}, "audio_image")
    with pytest.raises(HearsayError, match="audio_video"):
        make_family(OPTIONS, "audio_video")


def test_embeddings_are_unit_vectors(tower: ImageTower) -> None:
    family = make_family(OPTIONS, "audio_text")
    network = family.build_network(FrozenEncoders(tower))
    embeddings = family.embed_audio(network, make_batch())
    assert embeddings.shape == (5, 6)
    torch.testing.assert_close(embeddings.norm(dim=-1), torch.ones(5))


def test_text_loss_is_info_nce_over_the_whole_batch(tower: ImageTower) -> None:
    family = make_family(OPTIONS, "audio_text")
    network = family.build_network(FrozenEncoders(tower)).eval()
    batch = make_batch()
    audio = family.embed_audio(network, batch)
    expected = info_nce(audio @ batch["caption_embeddings"].T, torch.tensor(math.log(1 / 0.07)))
    loss = family.loss(network, batch, 0, make_part()).value
    torch.testing.assert_close(loss, expected)


def test_image_loss_uses_one_image_of_every_clip(tower: ImageTower) -> None:
    family = make_family(OPTIONS, "audio_image")
    network = family.build_network(FrozenEncoders(tower)).eval()
    batch = make_batch()
    audio = family.embed_audio(network, batch)
    loss = family.loss(network, batch, 0, make_part()).value
    scale = torch.tensor(math.log(1 / 0.07))
    possible = [
        info_nce(
            audio @ torch.stack([batch["image_embeddings"][i, c] for i, c in enumerate(choice)]).T,
            scale,
        )
        for choice in torch.cartesian_prod(*[torch.arange(4)] * 5).tolist()
    ]
    assert min(abs(loss.item() - value.item()) for value in possible) < 1e-5


def test_masks_apply_in_training_alone(tower: ImageTower) -> None:
    family = make_family(OPTIONS, "audio_text")
    network, batch = family.build_network(FrozenEncoders(tower)), make_batch()

    def measure(seed: int) -> float:
        return family.loss(network, batch, 0, make_part(seed)).value.item()

    network.eval()
    assert measure(0) == measure(1)
    network.train()
    assert measure(0) == measure(0)
    assert measure(0) != measure(1)


def test_next_stage_keeps_the_tower_and_restarts_the_temperature(tower: ImageTower) -> None:
    family = make_family(OPTIONS, "audio_text")
    trained = family.build_network(FrozenEncoders(tower))
    with torch.no_grad():
        for weight in trained.parameters():
            weight.add_(0.5)
    network = family.build_network(FrozenEncoders(tower))
    family.continue_from(network, trained.state_dict())
    assert isinstance(network, FrameMatchNetwork)
    for name, value in network.tower.state_dict().items():
        assert torch.equal(value, trained.state_dict()[f"tower.{name}"])
    assert math.isclose(family.logit_scale(network), 1 / 0.07, rel_tol=1e-6)
    assert family.logit_scale(trained) > 20


def test_tower_and_temperature_are_all_trained(tower: ImageTower) -> None:
    family = make_family(OPTIONS, "audio_image")
    network = family.build_network(FrozenEncoders(tower))
    network.train()
    family.loss(network, make_batch(), 0, make_part()).value.backward()
    without = [n for n, weight in network.named_parameters() if weight.grad is None]
    assert without == []


SEGMENTS = {**OPTIONS, "image_choice": "all", "segments": 4}


def test_segments_pass_one_by_one_through_the_shared_tower(tower: ImageTower) -> None:
    family = make_family(SEGMENTS, "audio_image")
    network, features = family.build_network(FrozenEncoders(tower)), make_batch()["fbank"]
    embedded = family.embed_audio(network, {"fbank": features})  # [B, S, D]
    assert embedded.shape == (5, 4, 6)
    for clip in range(5):
        for segment in range(4):
            frames = features[clip, 8 * segment : 8 * segment + 8]
            alone = network.get_submodule("tower")(frames[None, None])[0]
            expected = functional.normalize(alone, dim=-1)
            torch.testing.assert_close(embedded[clip, segment], expected)


def test_masks_are_cut_with_the_whole_clip_before_the_segments(tower: ImageTower) -> None:
    family = make_family({**SEGMENTS, "masks": {"max_bins": 1, "max_frames": 33}}, "audio_image")
    network, batch = family.build_network(FrozenEncoders(tower)), make_batch()
    heard: list[torch.Tensor] = []
    network.register_forward_pre_hook(lambda module, inputs: heard.append(inputs[0]))
    network.train()
    family.loss(network, batch, 0, make_part())
    hidden = (heard[0] == 0).all(dim=2)  # [B, T] of the whole clips
    assert heard[0].shape == (5, 32, 16)
    assert hidden.sum(dim=1).max() > 8, "a mask may be longer than a segment"


def test_text_stage_matches_the_normalised_mean_of_the_segments(tower: ImageTower) -> None:
    family = make_family(SEGMENTS, "audio_text")
    network, batch = family.build_network(FrozenEncoders(tower)).eval(), make_batch()
    segments = family.embed_audio(network, batch)
    mean = segments.mean(dim=1)
    expected = info_nce(
        (mean / mean.norm(dim=-1, keepdim=True)) @ batch["caption_embeddings"].T,
        torch.tensor(math.log(1 / 0.07)),
    )
    torch.testing.assert_close(family.loss(network, batch, 0, make_part()).value, expected)


def test_whole_variant_goes_on_with_resized_positions(tower: ImageTower) -> None:
    options = {**SEGMENTS, "caption_audio": "whole"}
    before = make_family(options, "audio_image").build_network(FrozenEncoders(tower))
    with torch.no_grad():
        for weight in before.parameters():
            weight.add_(torch.randn_like(weight))
    family = make_family(options, "audio_text")
    network = family.build_network(FrozenEncoders(tower))
    family.continue_from(network, before.state_dict())
    assert isinstance(network, FrameMatchNetwork)
    assert before.tower.grid_size == (1, 3) and network.tower.grid_size == (4, 3)
    expected = resize_positions(before.tower.positional_embedding, (1, 3), (4, 3))
    torch.testing.assert_close(network.tower.positional_embedding, expected)
    assert torch.equal(network.tower.proj, before.tower.proj)
    assert family.embed_audio(network, make_batch()).shape == (5, 6)


def test_a_network_of_another_tower_is_refused(tower: ImageTower) -> None:
    other = {**OPTIONS, "tower": {"time_stride": 4, "mel_stride": 4}}
    state = make_family(other, "audio_image").build_network(FrozenEncoders(tower)).state_dict()
    family = make_family(OPTIONS, "audio_text")
    with pytest.raises(HearsayError, match=r"another tower: tower.positional_embedding is \(22"):
        family.continue_from(family.build_network(FrozenEncoders(tower)), state)


def test_frames_that_the_segments_do_not_divide_are_refused() -> None:
    with pytest.raises(HearsayError, match="32 frames cannot be cut into 5"):
        make_family({**OPTIONS, "segments": 5}, "audio_image")


def test_choices_are_noted_and_pairs_of_all_images_note_none(tower: ImageTower) -> None:
    for options, noted in ((OPTIONS, True), (SEGMENTS, False)):
        family = make_family(options, "audio_image")
        loss = family.loss(
            family.build_network(FrozenEncoders(tower)), make_batch(), 0, make_part()
        )
        assert ("image" in loss.notes) is noted
