import numpy as np
import torch

from hearsay.methods.patch_frames import patch_centres, spread_patches


def test_centres_are_the_middles_of_patches() -> None:
    # Patches of 3 frames, 2 apart: frames 0-2, 2-4, 4-6.
    np.testing.assert_array_equal(patch_centres(1, 8, 3, patch=3, stride=2), [1, 3, 5])
    # An even patch is centred between two frames; a frame that no patch covers moves nothing.
    np.testing.assert_array_equal(patch_centres(1, 9, 2, patch=4, stride=4), [1.5, 5.5])


def test_segments_lie_one_after_another() -> None:
    np.testing.assert_array_equal(patch_centres(2, 8, 2, patch=3, stride=4), [1, 5, 9, 13])


def test_frames_between_centres_are_interpolated_and_edges_held() -> None:
    patches = torch.tensor([[[0.0, 8.0], [4.0, 0.0], [4.0, 2.0]]])
    frames = spread_patches(patches, np.array([1.0, 5.0, 6.0]), 8)
    expected = [[0, 8], [0, 8], [1, 6], [2, 4], [3, 2], [4, 0], [4, 2], [4, 2]]
    torch.testing.assert_close(frames, torch.tensor([expected], dtype=torch.float32))


def test_a_centre_between_two_frames_pulls_both_alike() -> None:
    frames = spread_patches(torch.tensor([[[0.0], [4.0]]]), np.array([0.5, 4.5]), 6)
    torch.testing.assert_close(frames[0, :, 0], torch.tensor([0.0, 0.5, 1.5, 2.5, 3.5, 4.0]))


def test_a_single_patch_is_held_throughout_and_clips_stay_apart() -> None:
    frames = spread_patches(torch.tensor([[[3.0, 1.0]], [[5.0, 2.0]]]), np.array([7.5]), 4)
    assert frames.shape == (2, 4, 2)
    assert (frames == torch.tensor([[[3.0, 1.0]], [[5.0, 2.0]]])).all()
