"""From the patches of a spectrogram to its frames, along time."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def patch_centres(
    num_segments: int, segment_frames: int, num_patches: int, patch: int, stride: int
) -> NDArray[np.float64]:
    """Say at which frame of a clip each patch is centred; segments lie one after another.

    Args:
        num_segments: S, equal pieces of the clip.
        segment_frames: frames of a piece.
        num_patches: P, of a piece, along time.
        patch: frames that a patch covers.
        stride: frames from patch to patch.

    Returns:
        [S * P]; a patch of an even number of frames is centred between two of them.
    """
    within = np.arange(num_patches) * stride + (patch - 1) / 2
    return (np.arange(num_segments)[:, None] * segment_frames + within).reshape(-1)


def spread_patches(patches: Tensor, centres: NDArray[np.float64], num_frames: int) -> Tensor:
    """Interpolate linearly in time from patches to frames.

    Before the first centre and behind the last one their patch is held.

    Args:
        patches: [B, P, D].
        centres: of the patches, in frames, ascending: [P].
        num_frames: T.

    Returns:
        [B, T, D].
    """
    frames = np.arange(num_frames)
    weights = [np.interp(frames, centres, one) for one in np.eye(len(centres))]
    return torch.as_tensor(np.stack(weights, axis=1)).to(patches) @ patches
