"""How well frames of sound fit words: the similarity of Xie et al. 2022, equations 1 to 3."""

from typing import Literal

import torch
from torch import Tensor

Aggregation = Literal["mean", "max"]

NO_WORD = -1  # fills up the rows of captions with fewer words


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


def caption_similarity(heard: Tensor, rows: Tensor, over_words: Aggregation) -> Tensor:
    """Score every clip against every caption: [B, C], from 0 to 1.

    Args:
        heard: [B, V] of `word_similarity`, with mean frames that of equation 3.
        rows: int64 [C, K], the captions' words as columns of `heard`; NO_WORD behind the last one.
        over_words: how a caption's words are put together.
    """
    is_word = rows != NO_WORD  # [C, K]
    scores = heard[:, rows.clamp_min(0)] * is_word  # [B, C, K]
    # A similarity is at least 0, so that no padding ever is the largest alone.
    return scores.amax(dim=2) if over_words == "max" else scores.sum(dim=2) / is_word.sum(dim=1)


def phrase_activity(frames: Tensor, words: Tensor, over_words: Aggregation) -> Tensor:
    """Score every frame of one clip against one phrase: [T], from 0 to 1.

    Args:
        frames: [T, W], unit vectors of the clip's frames.
        words: [K, W], unit vectors of the phrase's words, at least one.
        over_words: mean or max.
    """
    similarities = (frames @ words.T).clamp_min(0)  # [T, K]
    return similarities.amax(dim=1) if over_words == "max" else similarities.mean(dim=1)
