"""Procedural sounds: sixteen classes with audible pitch and tempo.

Each class is a function of (high or low, fast or slow, number of samples, rate in Hz, random
generator) that returns a wave [samples] of any scale; `synthesise` scales and fades it.
"""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import signal

from hearsay.annotations.demo.sounds import Sound, band_noise, finish

Wave = NDArray[np.floating]


def synthesise(
    name: str, pitch: str, tempo: str, num_samples: int, rate: int, generator: Generator
) -> Sound:
    """Make a sound of a class.

    Args:
        name: one of CLASSES.
        pitch: low or high.
        tempo: slow or fast; the rate of repetition or of modulation.
        num_samples: its length.
        rate: sample rate in Hz.
        generator: of the variation between two sounds of a class.
    """
    sound = CLASSES[name](pitch == "high", tempo == "fast", num_samples, rate, generator)
    return finish(sound, rate)


def _time(num_samples: int, rate: int) -> Wave:
    return np.arange(num_samples) / rate


def _tone(hz: Wave | float, num_samples: int, rate: int) -> Wave:
    """A sine of constant or changing frequency."""
    return np.sin(2 * np.pi * np.cumsum(np.broadcast_to(hz, num_samples)) / rate)


def _harmonics(hz: Wave | float, weights: list[float], num_samples: int, rate: int) -> Wave:
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hz, num_samples)) / rate
    return np.sum([w * np.sin(k * phase) for k, w in enumerate(weights, 1)], axis=0)


def _vary(value: float, generator: Generator, share: float = 0.08) -> float:
    return value * float(generator.uniform(1 - share, 1 + share))


def _repeat(
    make: Callable[[int], Wave],
    period_s: float,
    num_samples: int,
    rate: int,
    generator: Generator,
) -> Wave:
    """Lay units one after another, each a little early or late; `make` gets the unit's number."""
    sound = np.zeros(num_samples)
    start, number = 0, 0
    while start < num_samples:
        unit = make(number) * generator.uniform(0.8, 1.0)
        end = min(start + len(unit), num_samples)
        sound[start:end] += unit[: end - start]
        start += max(1, int(period_s * rate * generator.uniform(0.93, 1.07)))
        number += 1
    return sound


def _ring(num_samples: int, rate: int, decay_s: float) -> Wave:
    """An envelope that starts at once and decays by a factor e in `decay_s`."""
    return np.exp(-_time(num_samples, rate) / decay_s)


def _arch(num_samples: int) -> Wave:
    return np.sin(np.pi * np.linspace(0, 1, num_samples)) ** 0.5


def _bell(high: bool, fast: bool, n: int, rate: int, rng: Generator) -> Wave:
    f, size = _vary(1100 if high else 400, rng), int(0.9 * rate)
    partials = [(1, 1.0), (2.0, 0.6), (2.76, 0.5), (5.4, 0.25)]
    tone = np.sum([w * _tone(f * k, size, rate) for k, w in partials], axis=0)
    return _repeat(lambda _: tone * _ring(size, rate, 0.3), 0.3 if fast else 1.1, n, rate, rng)


def _whistle(high: bool, fast: bool, n: int, rate: int, rng: Generator) -> Wave:
    f, period = _vary(2600 if high else 1100, rng), 0.28 if fast else 1.1
    size = int(0.65 * period * rate)
    trill = 1 + 0.03 * np.sin(2 * np.pi * 28 * _time(size, rate))
    return _repeat(lambda _: _tone(f * trill, size, rate) * _arch(size), period, n, rate, rng)


def _horn(high: bool, fast: bool, n: int, rate: int, rng: Generator) -> Wave:
    f, period = _vary(430 if high else 170, rng), 0.36 if fast else 1.2
    size = int(0.7 * period * rate)
    weights = [1, 0.9, 0.8, 0.6, 0.5, 0.35, 0.25, 0.2]
    tone = _harmonics(f, weights, size, rate) + _harmonics(1.26 * f, weights, size, rate)
    return _repeat(lambda _: tone * _arch(size), period, n, rate, rng)


def _siren(high: bool, fast: bool, n: int, rate: int, rng: Generator) -> Wave:
    f, turns = _vary(1300 if high else 550, rng), _vary(2.2 if fast else 0.45, rng)
    sweep = 1 + 0.35 * np.sin(2 * np.pi * turns * _time(n, rate) + rng.uniform(0, 6))
    return _harmonics(f * sweep, [1, 0.4, 0.2], n, rate)


def _bird(high: bool, fast: bool, n: int, rate: int, rng: Generator) -> Wave:
    f, period = _vary(4800 if high else 2300, rng), 0.15 if fast else 0.55
    size = int(0.1 * rate)

    def chirp(_: int) -> Wave:
        sweep = np.linspace(1, rng.uniform(1.2, 1.5), size)[:: int(rng.choice([1, -1]))]
        return _tone(f * sweep, size, rate) * _arch(size)

    return _repeat(chirp, period, n, rate, rng)


def _cricket(high: bool, fast: bool, n: int, rate: int, rng: Generator) -> Wave:
    f, period = _vary(6000 if high else 3400, rng, 0.04), 0.3 if fast else 1.0
    size = int(0.6 * period * rate)
    pulses = np.maximum(np.sin(2 * np.pi * 32 * _time(size, rate)), 0)
    return _repeat(lambda _: _tone(f, size, rate) * pulses, period, n, rate, rng)


def _engine(high: bool, fast: bool, n: int, rate: int, rng: Generator) -> Wave:
    f, beats = _vary(120 if high else 48, rng), _vary(14 if fast else 4, rng)
    wobble = 1 + 0.02 * np.sin(2 * np.pi * 0.7 * _time(n, rate))
    tone = _harmonics(f * wobble, [1 / k**0.7 for k in range(1, 16)], n, rate)
    chug = 0.35 + 0.65 * np.maximum(np.sin(2 * np.pi * beats * _time(n, rate)), 0)
    return (tone + 0.5 * band_noise(n, f, 12 * f, rate, rng)) * chug


def _helicopter(high: bool, fast: bool, n: int, rate: int, rng: Generator) -> Wave:
    low, blades = (350.0, 1600.0) if high else (60.0, 400.0), _vary(18 if fast else 8, rng)
    phase = (blades * _time(n, rate)) % 1
    return band_noise(n, *low, rate, rng) * (0.15 + np.exp(-7 * phase))


def _alarm(high: bool, fast: bool, n: int, rate: int, rng: Generator) -> Wave:
    f, period = _vary(2300 if high else 850, rng), 0.22 if fast else 0.9
    size = int(0.5 * period * rate)
    tone = _harmonics(f, [1, 0, 0.33, 0, 0.2], size, rate)
    return _repeat(lambda _: tone, period, n, rate, rng)


def _dog(high: bool, fast: bool, n: int, rate: int, rng: Generator) -> Wave:
    f, size = _vary(650 if high else 260, rng), int(0.2 * rate)
    fall = np.linspace(1.15, 0.75, size)
    weights = [0.6, 1, 0.9, 0.6, 0.4, 0.3, 0.2]

    def bark(_: int) -> Wave:
        rough = 0.25 * band_noise(size, 2 * f, 8 * f, rate, rng)
        return (_harmonics(f * fall * rng.uniform(0.95, 1.05), weights, size, rate) + rough) * (
            _arch(size) ** 2
        )

    return _repeat(bark, 0.32 if fast else 1.0, n, rate, rng)


def _drum(high: bool, fast: bool, n: int, rate: int, rng: Generator) -> Wave:
    f, size = _vary(260 if high else 85, rng), int(0.35 * rate)
    skin = _tone(f * (1 + np.exp(-_time(size, rate) / 0.03)), size, rate) * _ring(size, rate, 0.1)
    stick = 0.4 * rng.standard_normal(size) * _ring(size, rate, 0.008)
    return _repeat(lambda _: skin + stick, 0.2 if fast else 0.85, n, rate, rng)


def _clock(high: bool, fast: bool, n: int, rate: int, rng: Generator) -> Wave:
    f, size = _vary(5200 if high else 2400, rng), int(0.04 * rate)

    def tick(number: int) -> Wave:
        return _tone(f * (1.0 if number % 2 else 0.8), size, rate) * _ring(size, rate, 0.006)

    return _repeat(tick, 0.25 if fast else 1.0, n, rate, rng)


def _saw(high: bool, fast: bool, n: int, rate: int, rng: Generator) -> Wave:
    f, period = _vary(3600 if high else 1300, rng), 0.35 if fast else 1.2
    size = int(0.45 * period * rate)

    def stroke(number: int) -> Wave:
        rasp = band_noise(size, 0.6 * f, 1.7 * f, rate, rng)
        teeth = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * 60 * _time(size, rate)))
        return rasp * teeth * _arch(size) * (1.0 if number % 2 else 0.7)

    return _repeat(stroke, 0.5 * period, n, rate, rng)


def _rain(high: bool, fast: bool, n: int, rate: int, rng: Generator) -> Wave:
    band = (3500.0, 9000.0) if high else (700.0, 3000.0)
    drops = np.zeros(n)
    count = max(1, int(n / rate * (90 if fast else 12)))
    drops[rng.integers(0, n, count)] = rng.uniform(2, 8, count)
    splash = signal.fftconvolve(drops, _ring(int(0.03 * rate), rate, 0.004))[:n]
    return band_noise(n, *band, rate, rng) * (0.35 + splash)


def _wind(high: bool, fast: bool, n: int, rate: int, rng: Generator) -> Wave:
    band = (700.0, 1500.0) if high else (120.0, 420.0)
    gusts = _vary(1.8 if fast else 0.35, rng)
    swell = 0.2 + 0.8 * (0.5 + 0.5 * np.sin(2 * np.pi * gusts * _time(n, rate) + rng.uniform(0, 6)))
    return band_noise(n, *band, rate, rng) * swell**2


def _drip(high: bool, fast: bool, n: int, rate: int, rng: Generator) -> Wave:
    f, size = _vary(1700 if high else 650, rng), int(0.07 * rate)
    rise = np.linspace(1, 2.1, size)

    def drop(_: int) -> Wave:
        return _tone(f * rise * rng.uniform(0.9, 1.1), size, rate) * _ring(size, rate, 0.025)

    return _repeat(drop, 0.18 if fast else 0.8, n, rate, rng)


CLASSES: dict[str, Callable[[bool, bool, int, int, Generator], Wave]] = {
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
}
