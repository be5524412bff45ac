"""A picture for each class of sound, drawn on a unit square; an emblem for any other name."""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]


@dataclass(frozen=True)
class Pen:
    """Draws in unit coordinates (x to the right, y down) with three tones of one colour."""

    draw: ImageDraw.ImageDraw
    size_px: int
    colour: Colour
    dark: Colour
    light: Colour

    def ellipse(self, x0: float, y0: float, x1: float, y1: float, fill: Colour) -> None:
        """Fill an ellipse in a box."""
        self.draw.ellipse(self._scale([(x0, y0), (x1, y1)]), fill=fill)

    def box(self, x0: float, y0: float, x1: float, y1: float, fill: Colour) -> None:
        """Fill a rectangle."""
        self.draw.rectangle(self._scale([(x0, y0), (x1, y1)]), fill=fill)

    def polygon(self, points: Sequence[Point], fill: Colour) -> None:
        """Fill a polygon."""
        self.draw.polygon(self._scale(points), fill=fill)

    def line(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """Draw a line of some width."""
        scaled = self._scale(points)
        self.draw.line(scaled, fill=fill, width=max(1, round(width * self.size_px)), joint="curve")

    def arc(
        self, x0: float, y0: float, x1: float, y1: float, start: float, end: float, width: float,
        fill: Colour,
    ) -> None:  # fmt: skip
        """Draw a part of an ellipse's outline; angles in degrees, clockwise from the right."""
        box = self._scale([(x0, y0), (x1, y1)])
        self.draw.arc(box, start, end, fill=fill, width=max(1, round(width * self.size_px)))

    def _scale(self, points: Sequence[Point]) -> list[tuple[float, float]]:
        return [(x * self.size_px, y * self.size_px) for x, y in points]


def draw_icon(name: str, pen: Pen) -> None:
    """Draw the icon of a class, or an emblem that its name determines."""
    if name in ICONS:
        ICONS[name](pen)
    else:
        _draw_emblem(name, pen)


def ring_points(cx: float, cy: float, radius: float, count: int, turn: float = 0.0) -> list[Point]:
    """Return the corners of a regular polygon."""
    angles = [turn + 2 * math.pi * k / count for k in range(count)]
    return [(cx + radius * math.cos(angle), cy + radius * math.sin(angle)) for angle in angles]


def _draw_emblem(name: str, p: Pen) -> None:
    """A frame, a star or polygon inside, and a mark in its middle, chosen by a hash."""
    digits = hashlib.sha256(name.encode()).digest()
    corners, points, mark = 3 + digits[0] % 6, 3 + digits[1] % 6, digits[2] % 3
    turn = digits[3] / 40
    if digits[4] % 2:
        p.ellipse(0.02, 0.02, 0.98, 0.98, p.dark)
    else:
        p.polygon(ring_points(0.5, 0.5, 0.5, corners, turn), p.dark)
    outer, inner = (
        ring_points(0.5, 0.5, 0.42, points, turn),
        ring_points(0.5, 0.5, 0.2 + 0.1 * (digits[5] % 3) / 2, points, turn + math.pi / points),
    )
    star = [point for pair in zip(outer, inner, strict=True) for point in pair]
    p.polygon(star, p.colour)
    if mark == 0:
        p.ellipse(0.4, 0.4, 0.6, 0.6, p.light)
    elif mark == 1:
        p.box(0.42, 0.3, 0.58, 0.7, p.light)
    else:
        p.polygon(ring_points(0.5, 0.5, 0.16, 3, turn), p.light)


def _alarm(p: Pen) -> None:
    p.box(0.1, 0.75, 0.9, 0.95, p.dark)
    p.ellipse(0.2, 0.3, 0.8, 0.9, p.colour)
    p.box(0.2, 0.6, 0.8, 0.78, p.colour)
    p.box(0.44, 0.4, 0.56, 0.7, p.light)
    for x0, y0, x1, y1 in ((0.5, 0.22, 0.5, 0.02), (0.2, 0.3, 0.06, 0.14), (0.8, 0.3, 0.94, 0.14)):
        p.line([(x0, y0), (x1, y1)], 0.06, p.light)


def _bell(p: Pen) -> None:
    p.polygon(
        [(0.4, 0.1), (0.6, 0.1), (0.75, 0.6), (0.95, 0.8), (0.05, 0.8), (0.25, 0.6)], p.colour
    )
    p.ellipse(0.42, 0.02, 0.58, 0.16, p.dark)
    p.box(0.05, 0.74, 0.95, 0.82, p.dark)
    p.ellipse(0.4, 0.78, 0.6, 0.98, p.dark)


def _bird(p: Pen) -> None:
    p.ellipse(0.15, 0.35, 0.75, 0.8, p.colour)
    p.ellipse(0.55, 0.15, 0.88, 0.5, p.colour)
    p.polygon([(0.85, 0.28), (1.0, 0.36), (0.84, 0.42)], p.dark)
    p.polygon([(0.2, 0.5), (0.0, 0.3), (0.05, 0.6)], p.dark)
    p.ellipse(0.3, 0.42, 0.6, 0.66, p.dark)
    p.ellipse(0.7, 0.24, 0.78, 0.32, p.light)
    p.line([(0.42, 0.78), (0.4, 0.97)], 0.04, p.dark)
    p.line([(0.52, 0.78), (0.54, 0.97)], 0.04, p.dark)


def _clock(p: Pen) -> None:
    p.ellipse(0.02, 0.02, 0.98, 0.98, p.dark)
    p.ellipse(0.1, 0.1, 0.9, 0.9, p.light)
    for x, y in ring_points(0.5, 0.5, 0.33, 12):
        p.ellipse(x - 0.03, y - 0.03, x + 0.03, y + 0.03, p.colour)
    p.line([(0.5, 0.5), (0.5, 0.2)], 0.06, p.dark)
    p.line([(0.5, 0.5), (0.72, 0.6)], 0.07, p.colour)


def _cricket(p: Pen) -> None:
    p.ellipse(0.15, 0.48, 0.85, 0.68, p.colour)
    p.ellipse(0.76, 0.44, 0.95, 0.64, p.dark)
    p.line([(0.35, 0.55), (0.2, 0.2), (0.02, 0.85)], 0.05, p.dark)
    p.line([(0.55, 0.65), (0.5, 0.92)], 0.04, p.dark)
    p.line([(0.7, 0.65), (0.72, 0.92)], 0.04, p.dark)
    p.line([(0.9, 0.46), (0.98, 0.15)], 0.03, p.dark)
    p.line([(0.86, 0.46), (0.8, 0.12)], 0.03, p.dark)
    p.line([(0.25, 0.5), (0.65, 0.5)], 0.03, p.light)


def _dog(p: Pen) -> None:
    p.box(0.15, 0.42, 0.7, 0.7, p.colour)
    for x in (0.17, 0.3, 0.5, 0.62):
        p.box(x, 0.65, x + 0.08, 0.97, p.colour)
    p.polygon([(0.6, 0.2), (0.85, 0.2), (1.0, 0.38), (0.95, 0.5), (0.62, 0.52)], p.colour)
    p.polygon([(0.6, 0.2), (0.7, 0.2), (0.62, 0.48), (0.53, 0.4)], p.dark)
    p.line([(0.17, 0.45), (0.02, 0.2)], 0.07, p.colour)
    p.ellipse(0.77, 0.26, 0.84, 0.33, p.light)
    p.ellipse(0.93, 0.34, 1.0, 0.42, p.dark)


def _drip(p: Pen) -> None:
    p.box(0.05, 0.15, 0.6, 0.32, p.dark)
    p.box(0.5, 0.15, 0.68, 0.48, p.dark)
    p.box(0.26, 0.03, 0.42, 0.18, p.dark)
    for y, size in ((0.5, 0.09), (0.74, 0.12)):
        p.polygon([(0.59, y), (0.59 + size, y + 0.14), (0.59 - size, y + 0.14)], p.colour)
        p.ellipse(0.59 - size, y + 0.07, 0.59 + size, y + 0.07 + 1.5 * size, p.colour)


def _drum(p: Pen) -> None:
    p.box(0.1, 0.45, 0.9, 0.8, p.colour)
    p.ellipse(0.1, 0.66, 0.9, 0.95, p.colour)
    p.ellipse(0.1, 0.3, 0.9, 0.6, p.light)
    for x in (0.2, 0.4, 0.6, 0.8):
        p.line([(x, 0.58), (x + 0.08, 0.85)], 0.03, p.dark)
    p.line([(0.5, 0.45), (0.15, 0.05)], 0.06, p.dark)
    p.line([(0.6, 0.45), (0.92, 0.05)], 0.06, p.dark)


def _engine(p: Pen) -> None:
    p.box(0.02, 0.35, 0.6, 0.75, p.colour)
    p.polygon([(0.62, 0.45), (0.8, 0.45), (0.98, 0.62), (0.98, 0.75), (0.62, 0.75)], p.dark)
    p.polygon([(0.7, 0.5), (0.78, 0.5), (0.88, 0.61), (0.7, 0.61)], p.light)
    for x in (0.08, 0.36, 0.72):
        p.ellipse(x, 0.66, x + 0.2, 0.86, p.dark)
        p.ellipse(x + 0.06, 0.72, x + 0.14, 0.8, p.light)


def _helicopter(p: Pen) -> None:
    p.ellipse(0.25, 0.35, 0.8, 0.8, p.colour)
    p.polygon([(0.3, 0.48), (0.02, 0.4), (0.02, 0.5), (0.3, 0.62)], p.colour)
    p.box(0.0, 0.28, 0.06, 0.6, p.dark)
    p.line([(0.52, 0.36), (0.52, 0.2)], 0.05, p.dark)
    p.line([(0.08, 0.18), (0.98, 0.18)], 0.05, p.dark)
    p.ellipse(0.55, 0.42, 0.76, 0.62, p.light)
    p.line([(0.25, 0.9), (0.85, 0.9)], 0.05, p.dark)


def _horn(p: Pen) -> None:
    p.polygon([(0.3, 0.42), (0.75, 0.1), (0.75, 0.9), (0.3, 0.58)], p.colour)
    p.ellipse(0.62, 0.08, 0.92, 0.92, p.dark)
    p.ellipse(0.7, 0.2, 0.86, 0.8, p.light)
    p.ellipse(0.02, 0.34, 0.34, 0.66, p.dark)


def _rain(p: Pen) -> None:
    for x0, y0, x1, y1 in ((0.05, 0.2, 0.5, 0.55), (0.3, 0.05, 0.75, 0.5), (0.5, 0.2, 0.95, 0.55)):
        p.ellipse(x0, y0, x1, y1, p.colour)
    p.box(0.25, 0.35, 0.75, 0.55, p.colour)
    for x in (0.15, 0.35, 0.55, 0.75):
        p.line([(x + 0.1, 0.62), (x, 0.78)], 0.05, p.dark)
        p.line([(x + 0.02, 0.82), (x - 0.08, 0.98)], 0.05, p.dark)


def _saw(p: Pen) -> None:
    p.polygon([(0.3, 0.3), (0.98, 0.5), (0.98, 0.62), (0.25, 0.7)], p.light)
    teeth = [(0.3 + 0.085 * k, 0.70 - 0.01 * k) for k in range(9)]
    for x, y in teeth[:-1]:
        p.polygon([(x, y - 0.02), (x + 0.085, y - 0.03), (x + 0.04, y + 0.1)], p.light)
    p.polygon([(0.02, 0.25), (0.35, 0.25), (0.32, 0.75), (0.05, 0.75)], p.colour)
    p.ellipse(0.12, 0.38, 0.25, 0.62, p.dark)


def _siren(p: Pen) -> None:
    p.box(0.05, 0.45, 0.95, 0.75, p.light)
    p.box(0.05, 0.56, 0.95, 0.64, p.colour)
    p.polygon([(0.25, 0.46), (0.35, 0.25), (0.75, 0.25), (0.85, 0.46)], p.dark)
    p.box(0.44, 0.1, 0.6, 0.25, p.colour)
    for x in (0.14, 0.66):
        p.ellipse(x, 0.66, x + 0.2, 0.86, p.dark)
    p.line([(0.4, 0.12), (0.28, 0.03)], 0.04, p.colour)
    p.line([(0.64, 0.12), (0.76, 0.03)], 0.04, p.colour)


def _whistle(p: Pen) -> None:
    p.ellipse(0.02, 0.35, 0.6, 0.93, p.colour)
    p.polygon([(0.3, 0.35), (0.98, 0.35), (0.98, 0.55), (0.5, 0.6)], p.colour)
    p.box(0.56, 0.3, 0.68, 0.42, p.dark)
    p.ellipse(0.2, 0.52, 0.42, 0.74, p.dark)
    p.arc(0.1, 0.02, 0.5, 0.4, 120, 420, 0.05, p.dark)


def _wind(p: Pen) -> None:
    for y, length in ((0.25, 0.65), (0.5, 0.8), (0.75, 0.55)):
        p.line([(0.05, y), (length, y)], 0.08, p.colour)
        p.arc(length - 0.14, y - 0.24, length + 0.16, y + 0.04, 270, 450, 0.08, p.dark)


ICONS: dict[str, Callable[[Pen], None]] = {
    "alarm": _alarm,
    "bell": _bell,
    "bird": _bird,
    "clock": _clock,
    "cricket": _cricket,
    "dog": _dog,
    "drip": _drip,
    "drum": _drum,
    "engine": _engine,
    "helicopter": _helicopter,
    "horn": _horn,
    "rain": _rain,
    "saw": _saw,
    "siren": _siren,
    "whistle": _whistle,
    "wind": _wind,
    # the recorded classes that are the same thing
    "dog bark": _dog,
    "clock tick": _clock,
}
