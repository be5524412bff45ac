"""Masks over normalised features: one along frequency, one along time, for each clip its own."""

import torch
from torch import Tensor

from hearsay.device import send
from hearsay.methods.batch_part import BatchPart


def mask_features(features: Tensor, max_bins: int, max_frames: int, part: BatchPart) -> Tensor:
    """Fill one band of bins and one stretch of frames of every clip with 0.

    A width is uniform over 0 ... max - 1 (so "fewer than 32 bins"), a start uniform over all
    places where the mask fits. SpecAugment (Park et al. 2019) with VIP-ANT's sizes; 0 is the
    mean, since masks come after the normalisation.

    Args:
        features: [B, T, F], finite; not changed.
        max_bins: widths stay below this; 0 or 1: no mask.
        max_frames: the same along time.
        part: draws on the CPU, so that a GPU has the same masks.
    """
    num_clips, num_frames, num_bins = features.shape
    device = features.device
    kept_frames = send(~draw_spans(num_clips, num_frames, max_frames, part), device)
    kept_bins = send(~draw_spans(num_clips, num_bins, max_bins, part), device)
    # Two products take a tenth of the time that filling by a mask [B, T, F] does on a CPU.
    return (features * kept_frames[:, :, None]).mul_(kept_bins[:, None, :])


def draw_spans(num_clips: int, size: int, limit: int, part: BatchPart) -> Tensor:
    """Draw one span of fewer than `limit` places in each row: bool [num_clips, size]."""
    widths = part.choose(num_clips, max(1, min(limit, size + 1)))
    # The number of possible starts differs from clip to clip, so a uniform share is scaled.
    starts = (part.uniform(num_clips) * (size - widths + 1)).long()
    place = torch.arange(size)
    return (place >= starts[:, None]) & (place < (starts + widths)[:, None])
