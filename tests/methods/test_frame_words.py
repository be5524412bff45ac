import pytest
import torch
from torch.nn import functional

from hearsay.methods.frame_words import (
    NO_WORD,
    caption_similarity,
    phrase_activity,
    word_similarity,
)

FRAMES = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])  # right, up, left
WORDS = torch.tensor([[1.0, 0.0], [0.6, 0.8]])


def test_negative_products_count_as_zero() -> None:
    activity = phrase_activity(FRAMES, WORDS, "mean")
    torch.testing.assert_close(activity, torch.tensor([0.8, 0.4, 0.0]))
    activity = phrase_activity(FRAMES, WORDS, "max")
    torch.testing.assert_close(activity, torch.tensor([1.0, 0.8, 0.0]))


@pytest.mark.parametrize(
    ("over_frames", "over_words", "expected"),
    # Of the frames: word 0 scores 1, 0, 0 and word 1 scores 0.6, 0.8, 0.
    [
        ("mean", "mean", (1 / 3 + 1.4 / 3) / 2),
        ("mean", "max", 1.4 / 3),
        ("max", "mean", 0.9),
        ("max", "max", 1.0),
    ],
)
def test_score_of_a_clip_and_a_caption_by_hand(
    over_frames: str, over_words: str, expected: float
) -> None:
    heard = word_similarity(FRAMES[None], torch.tensor([3]), WORDS, over_frames)
    score = caption_similarity(heard, torch.tensor([[0, 1]]), over_words)
    assert score.item() == pytest.approx(expected)


@pytest.mark.parametrize("over_frames", ["mean", "max"])
@pytest.mark.parametrize("over_words", ["mean", "max"])
def test_padding_counts_for_nothing(over_frames: str, over_words: str) -> None:
    torch.manual_seed(0)
    num_frames, captions = torch.tensor([5, 9, 2]), [[3], [0, 2, 2, 1]]
    frames = functional.normalize(torch.randn(3, 9, 6), dim=-1)
    words = functional.normalize(torch.randn(4, 6), dim=-1)
    heard = word_similarity(frames, num_frames, words, over_frames)
    rows = torch.tensor([[3, NO_WORD, NO_WORD, NO_WORD], captions[1]])
    together = caption_similarity(heard, rows, over_words)
    reduce = {"mean": torch.mean, "max": torch.amax}
    for clip in range(3):
        for caption in range(2):
            pairs = frames[clip, : num_frames[clip]] @ words[captions[caption]].T
            by_word = reduce[over_frames](pairs.clamp_min(0), dim=0)
            alone = reduce[over_words](by_word, dim=0)
            torch.testing.assert_close(together[clip, caption], alone)
