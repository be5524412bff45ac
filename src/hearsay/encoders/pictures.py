"""Pictures as tensors: decoded once to uint8, normalised when they meet a model."""

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as image_functional

from hearsay.errors import HearsayError


def decode_image(jpeg: bytes, size: int) -> Tensor:
    """Decode a picture: short side resized to `size` bicubically, centre crop, uint8 [3, S, S].

    Raises:
        HearsayError: the bytes are no picture.
    """
    try:
        picture = Image.open(io.BytesIO(jpeg)).convert("RGB")
    except (UnidentifiedImageError, OSError) as error:
        raise HearsayError(
            f"an image cannot be decoded ({error}); decode its clip again"
        ) from error
    return square_pixels(picture, size)


def square_pixels(picture: Image.Image, size: int) -> Tensor:
    """Resize the short side of an RGB picture to `size` bicubically, crop: uint8 [3, S, S]."""
    picture = image_functional.resize(picture, size, InterpolationMode.BICUBIC)
    return image_functional.pil_to_tensor(image_functional.center_crop(picture, [size, size]))


def decode_images(jpegs: Sequence[bytes], size: int, num_workers: int) -> Tensor:
    """Decode pictures on several threads, in order: uint8 [N, 3, S, S]."""
    if not jpegs:
        return torch.zeros(0, 3, size, size, dtype=torch.uint8)
    with ThreadPoolExecutor(max(1, num_workers)) as pool:
        return torch.stack(list(pool.map(lambda jpeg: decode_image(jpeg, size), jpegs)))


def normalise_pixels(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Scale uint8 pictures [B, 3, S, S] to [0, 1] and normalise each colour channel."""
    shape = (1, 3, 1, 1)
    means = torch.tensor(mean, device=pixels.device).view(shape)
    deviations = torch.tensor(std, device=pixels.device).view(shape)
    return (pixels.float() / 255 - means) / deviations


def read_image_table(path: Path) -> pd.DataFrame:
    """Read one image table, every clip's images together and in order.

    Raises:
        HearsayError: the table is absent, or clips have different numbers of images.
    """
    if not Path(path).is_file():
        raise HearsayError(f"{path} does not exist; decode_clips has not run")
    table: pd.DataFrame = pq.read_table(
        path, columns=["clip_id", "image_index", "jpeg"]
    ).to_pandas()
    position = table.groupby("clip_id", sort=False).cumcount()
    counts = table.groupby("clip_id", sort=False).size()
    if counts.nunique() > 1 or not (position == table["image_index"]).all():
        raise HearsayError(f"{path}: clips have different numbers of images; decode them again")
    if not (table["clip_id"] == np.repeat(counts.index, counts.to_numpy())).all():
        raise HearsayError(f"{path}: the images of a clip do not stand together; decode again")
    return table
