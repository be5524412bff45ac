"""Draw what a clip shows: scenery, and the object that makes the sound.

Pitch is the colour (low: reds and browns, high: greens and blues), tempo the number of copies
(slow: one, fast: three), distance the size (near: large, far: small).
"""

import colorsys

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hearsay.annotations.demo.icons import Pen, draw_icon
from hearsay.annotations.demo.scenes import Scene, Source

SIZE_PX = 256
SUPERSAMPLING = 2
HUES = {"low": (0.97, 1.12), "high": (0.38, 0.62)}  # of the colour circle, modulo 1
SIDES = {"near": 0.46, "far": 0.27}  # of the picture's side
NUM_COPIES = {"slow": 1, "fast": 3}


def draw_pictures(scene: Scene, seed: int) -> list[NDArray[np.uint8]]:
    """Draw the pictures of a scene, one a quarter: uint8 [SIZE_PX, SIZE_PX, 3] each."""
    # A generator a picture: what one shows does not change how the next one looks.
    return [
        draw_picture(source, np.random.default_rng([seed, scene.clip, quarter]))
        for quarter, source in enumerate(scene.shown)
    ]


def draw_picture(source: Source | None, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Draw scenery and, unless None, a source in it."""
    picture = _draw_scenery(generator)
    if source is not None:
        for corner, side in _lay_out(source, generator):
            icon = _draw_object(source, side, generator)
            picture.paste(icon, corner, icon)
    pixels = np.asarray(picture, dtype=np.int16)
    grain = generator.integers(-6, 7, (SIZE_PX // 2, SIZE_PX // 2, 1)).repeat(2, 0).repeat(2, 1)
    return np.clip(pixels + grain, 0, 255).astype(np.uint8)


def _lay_out(source: Source, generator: np.random.Generator) -> list[tuple[tuple[int, int], int]]:
    """Choose corner and side in pixels of each copy; copies stand side by side."""
    num_copies = NUM_COPIES[source.tempo or "slow"]
    side = round(SIZE_PX * SIDES[source.distance] * generator.uniform(0.92, 1.08))
    if num_copies == 1:
        corner = generator.integers(0, SIZE_PX - side, 2)
        return [((int(corner[0]), int(corner[1])), side)]
    step = min(side + 4, (SIZE_PX - side) // (num_copies - 1))
    left = int(generator.integers(0, SIZE_PX - side - step * (num_copies - 1) + 1))
    tops = generator.integers(0, SIZE_PX - side, num_copies)
    return [((left + step * copy, int(top)), side) for copy, top in enumerate(tops)]


def _draw_object(source: Source, side: int, generator: np.random.Generator) -> Image.Image:
    """Draw the icon of a source on a transparent square of `side` pixels."""
    low, high = HUES[source.pitch]
    hue = generator.uniform(low, high) % 1
    colour = _rgb(hue, generator.uniform(0.75, 0.95), generator.uniform(0.75, 0.95))
    dark = _rgb(hue, 0.9, 0.35)
    light = _rgb(hue, 0.3, 1.0)
    canvas = Image.new("RGBA", (side * SUPERSAMPLING, side * SUPERSAMPLING))
    draw_icon(source.name, Pen(ImageDraw.Draw(canvas), canvas.width, colour, dark, light))
    if generator.random() < 0.5:
        canvas = canvas.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return canvas.resize((side, side), Image.Resampling.BOX)


def _draw_scenery(generator: np.random.Generator) -> Image.Image:
    """Draw a pale sky over a ground with hills: colours of low saturation, so objects stand out."""
    sky, ground = (
        np.array(_rgb(generator.random(), generator.uniform(0.05, 0.2), generator.uniform(*value)))
        for value in ((0.75, 1.0), (0.45, 0.75))
    )
    horizon = int(SIZE_PX * generator.uniform(0.4, 0.75))
    rows = np.linspace(0.8, 1.05, SIZE_PX)[:, None]
    colours = np.where(np.arange(SIZE_PX)[:, None] < horizon, sky * rows, ground * rows)
    pixels = np.clip(colours, 0, 255).astype(np.uint8)[:, None].repeat(SIZE_PX, 1)
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(generator.integers(0, 4))):
        x, width, height = generator.integers((0, 40, 15), (SIZE_PX, 140, 60))
        tint = tuple(int(value) for value in np.clip(ground * generator.uniform(0.8, 1.1), 0, 255))
        draw.ellipse((x - width, horizon - height, x + width, horizon + height), fill=tint)
    return picture


def _rgb(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return int(255 * red), int(255 * green), int(255 * blue)
