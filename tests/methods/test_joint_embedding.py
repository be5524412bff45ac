"""The family of joint embeddings: its loss, its one network for both sides, a small training."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from hearsay.errors import HearsayError
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.family import Batch
from hearsay.methods.joint_embedding import JointEmbedding
from hearsay.methods.pair_sampling import draw_pairs

OPTIONS: dict[str, Any] = {
    "output": "relu",
    "dropout": 0.5,
    "loss": "bce",
    "measure": "exp_l2",
    "margin": 1.0,
    "num_pairs": 64,
    "pairs": "redrawn",
    "fit": "zero_pad",
    "text_noise": 0.0,
}


def a_part() -> BatchPart:
    return BatchPart(torch.Generator().manual_seed(0))


def a_batch(size: int, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.nn.functional.normalize(torch.randn(2, size, 300, generator=generator), dim=2)
    return {
        "clip_vectors": vectors[0],
        "label_vectors": vectors[1],
        "is_same": torch.arange(size) % 2 == 0,
    }


def test_loss_is_the_mean_over_the_pairs_of_one_shared_network() -> None:
    family = JointEmbedding(OPTIONS, "audio_label")
    torch.manual_seed(0)
    network = family.build_network(None).eval()
    batch = a_batch(6)
    losses = []
    for clip, label, is_same in zip(*batch.values(), strict=True):
        gap = network(clip[None]) - network(label[None])
        likeness = math.exp(-gap.double().norm().item())
        losses.append(-math.log(likeness if is_same else 1 - likeness))
    value = family.loss(network, batch, 0, a_part()).value
    assert value.item() == pytest.approx(sum(losses) / 6, rel=1e-4)


def test_parts_of_several_processes_make_the_loss_of_the_whole_batch() -> None:
    family = JointEmbedding(OPTIONS, "audio_label")
    network = family.build_network(None).eval()
    batch = a_batch(8)
    whole = family.loss(network, batch, 0, a_part()).value
    first, second = ({k: v[rows] for k, v in batch.items()} for rows in (slice(4), slice(4, 8)))
    others = iter(
        [network(second["clip_vectors"]), network(second["label_vectors"]), second["is_same"]]
    )
    generator = torch.Generator().manual_seed(0)
    part = BatchPart(generator, 0, 2, lambda own: torch.cat([own, next(others)]))
    torch.testing.assert_close(family.loss(network, first, 0, part).value, whole)


def test_embeddings_have_unit_norm_and_a_dead_row_stays_zero() -> None:
    family = JointEmbedding(OPTIONS, "audio_label")
    torch.manual_seed(0)
    network = family.build_network(None).eval()
    batch = a_batch(5)
    audio, text = family.embed_audio(network, batch), family.embed_labels(network, batch)
    for embedded, features in ((audio, "clip_vectors"), (text, "label_vectors")):
        expected = network(batch[features])
        torch.testing.assert_close(embedded, expected / expected.norm(dim=1, keepdim=True))
    with torch.no_grad():
        network.layers[-1].weight.zero_()
        network.layers[-1].bias.fill_(-1.0)
    assert not family.embed_audio(network, batch).any()


def test_a_short_training_brings_clips_to_the_text_of_their_class() -> None:
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    classes = np.repeat(np.arange(4), 10)
    centres, texts = torch.randn(2, 4, 300) / 300**0.5
    clips = centres[classes] + 0.02 * torch.from_numpy(generator.normal(size=(40, 300))).float()
    family = JointEmbedding(OPTIONS, "audio_label")
    network = family.build_network(None).train()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for epoch in range(25):
        pairs = draw_pairs(classes, 64, generator)
        batch = {
            "clip_vectors": clips[pairs.clips],
            "label_vectors": texts[pairs.classes],
            "is_same": torch.from_numpy(pairs.is_same),
        }
        loss = family.loss(network, batch, epoch, a_part()).value
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    with torch.inference_mode():
        audio = family.embed_audio(network, {"clip_vectors": clips})
        text = family.embed_labels(network, {"label_vectors": texts})
    nearest = (audio @ text.T).argmax(dim=1).numpy()
    assert (nearest == classes).mean() > 0.9


def test_other_stages_and_a_stage_before_are_refused() -> None:
    with pytest.raises(HearsayError, match="'audio_image'"):
        JointEmbedding(OPTIONS, "audio_image")
    family = JointEmbedding(OPTIONS, "audio_label")
    with pytest.raises(HearsayError, match="one stage"):
        family.continue_from(family.build_network(None), {})
    assert math.isnan(family.logit_scale(family.build_network(None)))
