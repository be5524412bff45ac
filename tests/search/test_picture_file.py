"""Pictures that users give: upright, damaged, of other formats, or none."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hearsay.errors import HearsayError
from hearsay.search.picture_file import read_picture

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


def encode(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "TIFF", "JPEG", "GIF"])
def test_pictures_of_usual_formats_are_read(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a").write_bytes(encode(kind))
    assert read_picture(tmp_path / "a").size == (30, 20)


def test_a_picture_is_turned_as_its_camera_was_held(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown a quarter turn clockwise
    (tmp_path / "a.png").write_bytes(encode("PNG", exif=exif))
    assert (np.asarray(read_picture(tmp_path / "a.png")) == np.rot90(PIXELS, -1)).all()


def test_damaged_pictures_are_told_in_one_line(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    """Pillow raises errors of many types; a broken chunk of PNG for one is a SyntaxError."""
    generator, told = np.random.default_rng(0), 0
    for number in range(240):
        content = bytearray(encode(("PNG", "TIFF", "GIF", "WEBP", "JPEG", "BMP")[number % 6]))
        for place in generator.integers(0, min(len(content), 300), generator.integers(1, 6)):
            content[place] = generator.integers(0, 256)
        if number % 3 == 0:
            del content[int(generator.integers(1, len(content))) :]
        (tmp_path / "a.img").write_bytes(content)
        try:
            read_picture(tmp_path / "a.img")
        except HearsayError as error:
            told += 1
            assert "a.img is no picture that can be read" in str(error) and "\n" not in str(error)
    assert told > 60 and not recwarn.list
    png = encode("PNG")
    (tmp_path / "b.png").write_bytes(png[:33] + b"\0\0\0\0????" + png[41:])
    with pytest.raises(HearsayError, match=r"b\.png is no picture that can be read"):
        read_picture(tmp_path / "b.png")


def test_only_formats_that_the_search_page_takes_too_are_opened(tmp_path: Path) -> None:
    (tmp_path / "a.ppm").write_bytes(encode("PPM"))
    with pytest.raises(HearsayError, match=r"a\.ppm is no picture that can be read; give JPEG"):
        read_picture(tmp_path / "a.ppm")
