import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from hearsay.encoders.frozen import FrozenEncoders
from hearsay.encoders.word_store import WordStore
from hearsay.errors import HearsayError
from hearsay.methods import make_family
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.family import GroundsPhrases, ScoresWords
from hearsay.methods.frame_words import NO_WORD
from hearsay.methods.word_align import WordAlign

OPTIONS = {
    "family": "word_align",
    "crnn": {"channels": [2, 4, 4, 4, 4], "dropout": 0.0},
    "loss": "info_nce",
    "margin": 1.0,
    "over_frames": "mean",
    "over_words": "mean",
    "unknown_words": "skip",
    "logmel": {"num_mel_bins": 64},
}
CAPTIONS = [[1, 2, 2], [5], [3, 0, 4, 1]]
NUM_FRAMES = [9, 16, 12]


def make_words() -> FrozenEncoders:
    vectors = functional.normalize(torch.randn(7, 8), dim=1).numpy()
    nothing = pd.DataFrame()
    return FrozenEncoders(words=WordStore("toy", None, "abc", vectors, nothing, nothing))


def make_batch() -> dict[str, torch.Tensor]:
    rows = torch.full((3, 6), NO_WORD)
    for row, words in zip(rows, CAPTIONS, strict=True):
        row[: len(words)] = torch.tensor(words)
    return {
        "logmel": torch.randn(3, 16, 64) * 2 - 5,
        "num_frames": torch.tensor(NUM_FRAMES),
        "caption_words": rows,
    }


def part() -> BatchPart:
    return BatchPart(torch.Generator().manual_seed(0))


def make(**changes: object) -> WordAlign:
    family = make_family({**OPTIONS, **changes}, "audio_text")
    assert isinstance(family, WordAlign)
    return family


@pytest.mark.parametrize("over_frames", ["mean", "max"])
@pytest.mark.parametrize("over_words", ["mean", "max"])
def test_pair_scores_are_those_of_the_equations(over_frames: str, over_words: str) -> None:
    torch.manual_seed(0)
    family, words = make(over_frames=over_frames, over_words=over_words), make_words()
    network, batch = family.build_network(words).eval(), make_batch()
    heard = family.score_words(network, batch)
    scores = family.score_captions(heard, batch["caption_words"])
    frames = network(batch["logmel"], batch["num_frames"])
    reduce = {"mean": np.mean, "max": np.max}
    for clip in range(3):
        for caption in range(3):
            own = frames[clip, : NUM_FRAMES[clip]].detach().numpy()
            pairs = (own @ words.words.vectors[CAPTIONS[caption]].T).clip(0)
            by_word = reduce[over_frames](pairs, axis=0)
            expected = reduce[over_words](by_word)
            assert scores[clip, caption].item() == pytest.approx(expected, abs=1e-6)


def test_the_loss_is_that_of_the_batchs_pair_scores() -> None:
    torch.manual_seed(0)
    family, batch = make(), make_batch()
    network = family.build_network(make_words()).eval()
    heard = family.score_words(network, batch)
    scores = family.score_captions(heard, batch["caption_words"])
    logits = scores * family.logit_scale(network)
    own = torch.arange(3)
    expected = functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own)
    loss = family.loss(network, batch, 0, part()).value
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("loss", ["info_nce", "random_imposters", "full_batch", "semi_hard"])
def test_every_loss_teaches_every_weight_of_the_encoder(loss: str) -> None:
    torch.manual_seed(0)
    family = make(loss=loss)
    network = family.build_network(make_words()).train()
    value = family.loss(network, make_batch(), 0, part()).value
    value.backward()
    assert math.isfinite(value.item())
    assert all(weight.grad.isfinite().all() for weight in network.parameters())
    assert all(weight.grad.abs().sum() > 0 for weight in network.crnn.convolutions.parameters())
    assert math.isnan(family.logit_scale(network)) == (loss != "info_nce")


def test_the_vectors_of_words_are_neither_trained_nor_stored() -> None:
    network = make().build_network(make_words())
    assert "vectors" not in network.state_dict()
    assert not network.vectors.requires_grad


def test_a_phrase_is_scored_by_the_frames_of_its_words() -> None:
    torch.manual_seed(0)
    family, words, batch = make(), make_words(), make_batch()
    network = family.build_network(words).eval()
    assert isinstance(family, GroundsPhrases) and isinstance(family, ScoresWords)
    frames = family.embed_frames(network, batch)[1]  # of a clip without padding
    phrase = torch.from_numpy(words.words.vectors[[2, 5]])
    scores = family.score_phrase(frames, phrase)
    pairs = (frames @ phrase.T).clamp_min(0)
    torch.testing.assert_close(scores["mean"], pairs.mean(dim=1))
    torch.testing.assert_close(scores["max"], pairs.amax(dim=1))


def test_what_the_family_does_not_have_is_refused() -> None:
    with pytest.raises(HearsayError, match="word_align has no stage 'audio_image'"):
        make_family(OPTIONS, "audio_image")
    with pytest.raises(HearsayError, match="builds on vectors of words"):
        make().build_network(FrozenEncoders())
    with pytest.raises(HearsayError, match="has one stage"):
        make().continue_from(torch.nn.Identity(), {})
    with pytest.raises(HearsayError, match="loss 'hardest' is not defined"):
        make(loss="hardest")
