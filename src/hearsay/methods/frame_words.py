"""How well frames of sound fit words: the similarity of Xie et al. 2022, equations 1 to 3."""

from typing import Literal

import torch
from torch import Tensor

Aggregation = Literal["mean", "max"]


def clip_caption_similarity(
    frames: Tensor,
    num_frames: Tensor,
    words: Tensor,
    num_words: Tensor,
    over_frames: Aggregation,
    over_words: Aggregation,
) -> Tensor:
    """Score every clip against every caption: [B, C], from 0 to 1.

    The similarity of a frame and a word is the dot product of their unit vectors, at least 0.
    A caption's score is its mean (or largest) over the clip's frames, then over its words.

    Args:
        frames: [B, T, W], unit vectors; whatever lies behind a clip's last frame is left out.
        num_frames: int64 [B], at least 1.
        words: [C, K, W], unit vectors; whatever lies behind a caption's last word is left out.
        num_words: int64 [C], at least 1.
        over_frames: how frames are put together.
        over_words: how words are put together.
    """
    num_captions, most_words, width = words.shape
    heard = word_similarity(frames, num_frames, words.reshape(-1, width), over_frames)  # [B, C*K]
    heard = heard.unflatten(1, (num_captions, most_words))  # type: ignore[no-untyped-call]
    is_word = torch.arange(most_words, device=words.device) < num_words[:, None]  # [C, K]
    heard = heard * is_word  # a similarity is at least 0, so 0 never is the largest alone
    return heard.amax(dim=2) if over_words == "max" else heard.sum(dim=2) / num_words


def word_similarity(
    frames: Tensor, num_frames: Tensor, words: Tensor, over_frames: Aggregation
) -> Tensor:
    """Score every clip against every word: [B, V], the mean or largest over the clip's frames.

    One clip at a time, so that no [B, T, V] tensor is held.

    Args:
        frames: [B, T, W], unit vectors.
        num_frames: int64 [B].
        words: [V, W], unit vectors; zeros score 0.
        over_frames: mean or max.
    """
    rows = []
    for clip, valid in zip(frames, num_frames.tolist(), strict=True):
        similarities = (clip[:valid] @ words.T).clamp_min(0)  # [T', V]
        rows.append(similarities.amax(dim=0) if over_frames == "max" else similarities.mean(dim=0))
    return torch.stack(rows)


def phrase_activity(frames: Tensor, words: Tensor, over_words: Aggregation) -> Tensor:
    """Score every frame of one clip against one phrase: [T], from 0 to 1.

    Args:
        frames: [T, W], unit vectors of the clip's frames.
        words: [K, W], unit vectors of the phrase's words, at least one.
        over_words: mean or max.
    """
    similarities = (frames @ words.T).clamp_min(0)  # [T, K]
    return similarities.amax(dim=1) if over_words == "max" else similarities.mean(dim=1)
