from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from hearsay.errors import HearsayError
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.image_choice import Pairs, clip_embedding, make_pairing, take_images


def make_batch() -> tuple[Tensor, Tensor]:
    """Return sounds of one segment [5, 1, 6] and images [5, 4, 6]."""
    torch.manual_seed(0)
    audio = functional.normalize(torch.randn(5, 1, 6), dim=-1)
    images = functional.normalize(torch.randn(5, 4, 6), dim=-1)
    return audio, images


def pair(choice: str, audio: Tensor, images: Tensor, epoch: int = 0, **options: Any) -> Pairs:
    part = BatchPart(torch.Generator().manual_seed(7))
    return make_pairing({"image_choice": choice, **options})(audio, images, epoch, part)


# Two clips in a plane, by hand. Sound 0 points along x, sound 1 along y.
AUDIO = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])
IMAGES = torch.tensor(
    [
        [[0.6, 0.8], [0.8, 0.6], [0.8, -0.6]],  # the second and third are equally near
        [[1.0, 0.0], [-0.6, 0.8], [0.8, 0.6]],  # the second is nearest
    ]
)


def test_random_pairing_gives_cosines_with_one_image_a_clip() -> None:
    audio, images = make_batch()
    pairs = pair("random", audio, images)
    for clip in range(5):
        possible = audio[:, 0] @ images[clip].T  # [B, L]: each column is one image of this clip
        matches = (pairs.cosines[:, clip : clip + 1] - possible).abs().amax(dim=0) < 1e-6
        assert pairs.choice is not None
        assert matches.nonzero().flatten().tolist() == [pairs.choice[clip]]


def test_random_pairing_chooses_each_image_equally_often() -> None:
    images = torch.eye(4).expand(8000, 4, 4)
    choice = pair("random", torch.ones(8000, 1, 4), images, 3).choice
    assert choice is not None
    shares = torch.bincount(choice, minlength=4) / 8000
    torch.testing.assert_close(shares, torch.full((4,), 0.25), atol=0.02, rtol=0)


def test_nearest_pairing_takes_the_image_nearest_to_the_own_sound_ties_the_first() -> None:
    pairs = pair("nearest", AUDIO, IMAGES, nearest_from_epoch=0)
    assert pairs.choice is not None and pairs.choice.tolist() == [1, 1]
    # Sound i with the chosen image of clip j: (0.8, 0.6) and (-0.6, 0.8).
    torch.testing.assert_close(pairs.cosines, torch.tensor([[0.8, -0.6], [0.6, 0.8]]))


@pytest.mark.parametrize("choice", ["nearest", "nearest_of_pairs"])
def test_nearest_pairings_are_random_before_epoch_n(choice: str) -> None:
    audio, images = make_batch()
    random = pair("random", audio, images).cosines
    before = pair(choice, audio, images, epoch=4, nearest_from_epoch=5)
    from_then = pair(choice, audio, images, epoch=5, nearest_from_epoch=5)
    assert torch.equal(before.cosines, random)
    assert not torch.equal(from_then.cosines, random)


def test_the_choice_carries_no_gradient_but_the_chosen_cosine_does() -> None:
    audio = AUDIO.clone().requires_grad_()
    pair("nearest", audio, IMAGES, nearest_from_epoch=0).cosines[0, 0].backward()
    assert audio.grad is not None
    # d cos / d a of a unit vector a and a chosen c is c - (a.c) a; a hair's change of the choice
    # would add more.
    torch.testing.assert_close(audio.grad[0, 0], torch.tensor([0.0, 0.6]))


def test_pairwise_takes_the_largest_cosine_inside_every_pair() -> None:
    pairs = pair("nearest_of_pairs", AUDIO, IMAGES, nearest_from_epoch=0)
    # Sound 1 is nearest to image 0 of clip 0 (0.8), though sound 0 would take another.
    torch.testing.assert_close(pairs.cosines, torch.tensor([[0.8, 1.0], [0.8, 0.8]]))
    assert pairs.choice is None


def test_all_images_give_the_mean_cosine_of_the_segments() -> None:
    torch.manual_seed(1)
    audio = 3 * torch.randn(3, 4, 6)
    images = functional.normalize(torch.randn(3, 4, 6), dim=-1)
    cosines = pair("all", audio, images).cosines
    for i in range(3):
        for j in range(3):
            parts = [functional.cosine_similarity(audio[i, s], images[j, s], 0) for s in range(4)]
            torch.testing.assert_close(cosines[i, j], torch.stack(parts).mean())


def test_unnormalised_segments_weigh_by_their_length() -> None:
    # One segment three times as long as the other: cos = (3 * 1 + 1 * 0) / (sqrt(10) * sqrt(2)).
    audio = torch.tensor([[[3.0, 0.0], [0.0, 1.0]]])
    images = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    cosine = pair("all_unnormalised", audio, images).cosines.item()
    assert cosine == pytest.approx(3 / 20**0.5)
    assert pair("all", audio, images).cosines.item() == pytest.approx(0.5)


def test_another_number_of_segments_than_images_is_refused() -> None:
    with pytest.raises(HearsayError, match="2 segments, but the data set has 3 images"):
        pair("all", torch.ones(1, 2, 6), torch.ones(1, 3, 6))


@pytest.mark.parametrize("choice", ["random", "nearest", "nearest_of_pairs", "all"])
def test_parts_of_two_processes_give_the_cosines_of_one(choice: str) -> None:
    audio, images = make_batch()
    audio, images = audio[:4].expand(4, 4, 6) + torch.arange(4.0)[:, None], images[:4]
    whole = pair(choice, audio, images, nearest_from_epoch=0).cosines
    halves = [(audio[:2], images[:2]), (audio[2:], images[2:])]
    gathered: list[Tensor] = []  # what both processes bring, in the order of the calls
    for rank in (0, 1):
        part = BatchPart(torch.Generator().manual_seed(7), rank, 2, lambda x: _note(gathered, x))
        make_pairing({"image_choice": choice, "nearest_from_epoch": 0})(*halves[rank], 0, part)
    calls = len(gathered) // 2
    joined = iter([torch.cat([gathered[k], gathered[calls + k]]) for k in range(calls)])
    part = BatchPart(torch.Generator().manual_seed(7), 0, 2, lambda x: next(joined))
    pairing = make_pairing({"image_choice": choice, "nearest_from_epoch": 0})
    torch.testing.assert_close(pairing(*halves[0], 0, part).cosines, whole)


def _note(gathered: list[Tensor], x: Tensor) -> Tensor:
    gathered.append(x)
    return x


def test_a_clip_is_the_normalised_mean_of_its_unit_segments() -> None:
    audio = torch.tensor([[[5.0, 0.0], [0.0, 0.1]]])
    torch.testing.assert_close(clip_embedding(audio), torch.full((1, 2), 0.5**0.5))


def test_images_are_taken_by_clip() -> None:
    images = torch.arange(12.0).reshape(2, 3, 2)
    taken = take_images(images, torch.tensor([2, 0]))
    assert taken.tolist() == [[4.0, 5.0], [6.0, 7.0]]


def test_unknown_choice_is_refused() -> None:
    with pytest.raises(HearsayError, match="loudest"):
        make_pairing({"image_choice": "loudest"})
