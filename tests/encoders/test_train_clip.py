import math

import pytest
import torch
from open_clip.loss import ClipLoss
from torch.nn import functional

from hearsay.encoders.train_clip import contrast


def test_loss_is_open_clips_averaged_over_the_images_of_a_clip() -> None:
    torch.manual_seed(0)
    images, texts = torch.randn(5, 3, 8), torch.randn(5, 8)
    scale = torch.tensor(2.0)
    unit_images = functional.normalize(images, dim=-1)
    unit_texts = functional.normalize(texts, dim=-1)
    expected = torch.stack(
        [ClipLoss()(unit_images[:, index], unit_texts, scale.exp()) for index in range(3)]
    ).mean()
    torch.testing.assert_close(contrast(images, texts, scale), expected)


def test_scale_is_held_at_100() -> None:
    images = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])
    texts = images[:, 0].flip(0)  # every pair is wrong: the loss is the scale
    loss = contrast(images, texts, torch.tensor(math.log(1000.0)))
    assert loss.item() == pytest.approx(100.0)
