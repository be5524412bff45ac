"""Read a picture that a user gives."""

import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from hearsay.errors import HearsayError
from hearsay.files import check_is_file

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")  # as Pillow names them


def read_picture(path: Path) -> Image.Image:
    """Open a picture, turned upright as its EXIF says.

    Raises:
        HearsayError: the file is absent, of another format or damaged.
    """
    check_is_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is damaged, but does no harm
            with Image.open(path, formats=FORMATS) as image:
                return ImageOps.exif_transpose(image)
    except UnidentifiedImageError:
        reason = "give JPEG, PNG, WebP, GIF, BMP or TIFF"
    except Exception as error:  # Pillow raises whatever its decoders make of broken bytes
        reason = " ".join(str(error).split()) or type(error).__name__
    raise HearsayError(f"{path} is no picture that can be read; {reason}")
