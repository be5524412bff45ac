import pytest
import torch
from torch.nn import functional

from hearsay.errors import HearsayError
from hearsay.methods.image_choice import make_pairing, take_images


def make_batch() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    audio = functional.normalize(torch.randn(5, 6), dim=-1)
    images = functional.normalize(torch.randn(5, 4, 6), dim=-1)
    return audio, images


def test_random_pairing_gives_cosines_with_one_image_a_clip() -> None:
    audio, images = make_batch()
    pairing = make_pairing({"image_choice": "random"})
    cosines = pairing(audio, images, 0, torch.Generator().manual_seed(7))
    for clip in range(5):
        possible = audio @ images[clip].T  # [B, L]: each column is one image of this clip
        matches = (cosines[:, clip : clip + 1] - possible).abs().amax(dim=0) < 1e-6
        assert matches.sum() == 1


def test_random_pairing_chooses_each_image_equally_often() -> None:
    images = torch.eye(4).expand(8000, 4, 4)  # image l of a clip is the unit vector l
    audio = torch.eye(4)
    cosines = make_pairing({"image_choice": "random"})(
        audio, images, 3, torch.Generator().manual_seed(0)
    )
    shares = cosines.mean(dim=1)  # how often image l was chosen
    torch.testing.assert_close(shares, torch.full((4,), 0.25), atol=0.02, rtol=0)


def test_images_are_taken_by_clip() -> None:
    images = torch.arange(12.0).reshape(2, 3, 2)
    taken = take_images(images, torch.tensor([2, 0]))
    assert taken.tolist() == [[4.0, 5.0], [6.0, 7.0]]


def test_unknown_choice_is_refused() -> None:
    with pytest.raises(HearsayError, match="loudest"):
        make_pairing({"image_choice": "loudest"})
