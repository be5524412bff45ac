"""Draw what a clip shows: scenery, and the object that makes the sound.

A class has its usual surroundings: hues of sky and ground that its name determines; scenery
alone is of any hue. Pitch is the object's colour (low: reds and browns, high: greens and
blues), distance its size (near: large, far: half as large), tempo the number of beat marks
below it (slow: one, fast: five).
"""

import colorsys
import hashlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hearsay.annotations.demo.icons import Pen, draw_icon
from hearsay.annotations.demo.scenes import Scene, Source

SIZE_PX = 256
SUPERSAMPLING = 2
HUES = {"low": (0.97, 1.12), "high": (0.38, 0.62)}  # of the colour circle, modulo 1
SIDES = {"near": 0.8, "far": 0.42}  # of the picture's side
NUM_BEATS = {"slow": 1, "fast": 5}
JITTER_PX = 10  # how far an object is from its place


def draw_pictures(scene: Scene, seed: int) -> list[NDArray[np.uint8]]:
    """Draw the pictures of a scene, one a quarter: uint8 [SIZE_PX, SIZE_PX, 3] each."""
    # A generator a picture: what one shows does not change how the next one looks.
    return [
        draw_picture(source, np.random.default_rng([seed, scene.clip, quarter]))
        for quarter, source in enumerate(scene.shown)
    ]


def draw_picture(source: Source | None, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Draw scenery and, unless None, a source in it."""
    picture = _draw_scenery(surroundings(source.name) if source else None, generator)
    if source is not None:
        _place_object(picture, source, generator)
    pixels = np.asarray(picture, dtype=np.int16)
    grain = generator.integers(-6, 7, (SIZE_PX // 2, SIZE_PX // 2, 1)).astype(np.int16)
    return np.clip(pixels + grain.repeat(2, 0).repeat(2, 1), 0, 255).astype(np.uint8)


def _place_object(picture: Image.Image, source: Source, generator: np.random.Generator) -> None:
    """Draw an object near the middle and, where its tempo is known, the beat marks below it."""
    low, high = HUES[source.pitch]
    hue = float(generator.uniform(low, high))
    side = round(SIZE_PX * SIDES[source.distance] * generator.uniform(0.94, 1.06))
    x, y = generator.integers(-JITTER_PX, JITTER_PX + 1, 2)
    icon = _draw_object(source.name, hue, side, generator)
    picture.paste(icon, ((SIZE_PX - side) // 2 + int(x), (224 - side) // 2 + int(y)), icon)
    if source.tempo is not None:
        draw = ImageDraw.Draw(picture)
        for beat in range(NUM_BEATS[source.tempo]):
            left = 24 + 44 * beat
            draw.rectangle((left, 230, left + 26, 250), fill=_rgb(hue, 0.9, 0.35))


def _draw_object(name: str, hue: float, side: int, generator: np.random.Generator) -> Image.Image:
    """Draw the icon of a class on a transparent square of `side` pixels."""
    colour = _rgb(hue, generator.uniform(0.75, 0.95), generator.uniform(0.75, 0.95))
    canvas = Image.new("RGBA", (side * SUPERSAMPLING, side * SUPERSAMPLING))
    pen = Pen(
        ImageDraw.Draw(canvas), canvas.width, colour, _rgb(hue, 0.9, 0.35), _rgb(hue, 0.3, 1.0)
    )
    draw_icon(name, pen)
    return canvas.resize((side, side), Image.Resampling.BOX)


def surroundings(name: str) -> tuple[float, float]:
    """Return the hues of sky and ground where a class is usually met, from its name."""
    digits = hashlib.sha256(name.encode()).digest()
    return digits[0] / 256, digits[1] / 256


def _draw_scenery(hues: tuple[float, float] | None, generator: np.random.Generator) -> Image.Image:
    """Draw a pale sky over a ground with hills: colours of low saturation, so objects stand out."""
    sky, ground = (
        np.array(_rgb(hue + generator.normal(0, 0.02), saturation, generator.uniform(*value)))
        for hue, saturation, value in zip(
            hues or generator.random(2),
            generator.uniform(0.15, 0.3, 2),
            ((0.75, 1.0), (0.45, 0.75)),
            strict=True,
        )
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
