"""Texts and pictures in the space of the frozen towers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from hearsay.clips.pictures import centre_square
from hearsay.encoders.clip import load_clip
from hearsay.encoders.embed import encode_pixels, encode_texts
from hearsay.encoders.pictures import square_pixels
from hearsay.errors import HearsayError


class TowerEncoder:
    """The towers of clip.pt; loading them takes some seconds.

    Args:
        towers: clip.pt of `prepare_clip`.
        device: to compute on.
    """

    def __init__(self, towers: Path, device: torch.device) -> None:
        self.towers = load_clip(towers, device)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts as unit vectors [B, D]."""
        return encode_texts(self.towers, texts).astype(np.float32)

    def embed_picture(self, picture: Image.Image) -> NDArray[np.float32]:
        """Embed a picture as a unit vector [D]; its centre square counts.

        Raises:
            HearsayError: it cannot be decoded.
        """
        try:
            pixels = square_pixels(centre_square(picture).convert("RGB"), self.towers.image_size)
        except (OSError, ValueError, SyntaxError) as error:  # PIL's of a broken file
            raise HearsayError(f"the picture cannot be decoded ({error}); give another") from error
        return encode_pixels(self.towers, pixels[None])[0].astype(np.float32)
