"""Mix the sound of a scene: its events over a loud, changing background."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from hearsay.annotations.demo.scenes import Event, Scene, clip_generator
from hearsay.annotations.demo.sounds import Sound, band_noise, place_at_distance
from hearsay.annotations.demo.voices import synthesise

RATE_HZ = 24000
TAIL_S = 1.0  # the medium goes on after the clip
PEAK = 0.7
STEREO_SHARE = 0.3
LEVEL_CONTROL = 0.9  # of the level's changes in decibels that the recorder takes away
LEVEL_WINDOW_S = 1.0  # over which the recorder measures the level
LEVEL_STEP = 240  # samples, 10 ms
NOISE_S = 3.75  # of noise are made and repeated
SWELL_STEP = 60  # samples, 2.5 ms


class EventSounds(Protocol):
    """Where the sound of an event comes from."""

    @property
    def fingerprint(self) -> str:
        """Tell one set of recordings from another; empty where there are none."""

    def sound(
        self, event: Event, split: str, num_samples: int, generator: np.random.Generator
    ) -> Sound:
        """Return mono of `num_samples` at RATE_HZ, root mean square about 1, near."""


class ProceduralSounds:
    """Events are synthesised."""

    fingerprint = ""

    def sound(
        self, event: Event, split: str, num_samples: int, generator: np.random.Generator
    ) -> Sound:
        """Synthesise the event; the split makes no difference."""
        source = event.source
        return synthesise(
            source.name, source.pitch, source.tempo or "slow", num_samples, RATE_HZ, generator
        )


def render_events(scene: Scene, sounds: EventSounds, generator: np.random.Generator) -> Sound:
    """Render the events alone, over the whole medium: [(start_s + duration_s + TAIL_S) * rate]."""
    mix = np.zeros(num_samples(scene), np.float32)
    for event in scene.events:
        first = round((scene.start_s + event.onset_s) * RATE_HZ)
        last = round((scene.start_s + event.offset_s) * RATE_HZ)
        sound = sounds.sound(event, scene.split, last - first, generator)
        mix[first:last] += place_at_distance(sound, event.source.distance, RATE_HZ, generator)
    return mix


def render_background(
    scene: Scene, background_db: tuple[float, float], generator: np.random.Generator
) -> Sound:
    """Render a background whose level and colour change all the time.

    Its mean level lies `background_db` relative to a near event; it swells and fades by 10 dB
    and more either way within seconds, so that loudness says little about events.
    """
    size = num_samples(scene)
    bands = ((40, 250), (200, 1200), (800, 4000), (2500, 9000), (60, 6000))
    layers = [_noise_layer(size, *band, generator) * _swell(size, generator) for band in bands]
    # What swells together, over all of the spectrum, is what an energy detector trips over.
    layers[-1] *= _swell(size, generator)
    weights = (generator.dirichlet([0.7] * len(layers)) ** 0.5).astype(np.float32)
    background = np.sum([w * layer for w, layer in zip(weights, layers, strict=True)], axis=0)
    hum_hz = generator.choice([50.0, 60.0, 100.0])
    hum = np.sin(2 * np.pi * hum_hz / RATE_HZ * np.arange(size, dtype=np.float32))
    background += np.float32(0.3 * generator.random()) * (hum + 0.5 * hum**3)
    level = 10 ** (generator.uniform(*background_db) / 20)
    return background * np.float32(level / np.sqrt(np.square(background).mean()))


def mix_scene(
    scene: Scene, sounds: EventSounds, background_db: tuple[float, float], seed: int
) -> NDArray[np.float32]:
    """Render the whole medium: float32 [samples, channels], one or two channels, within ±1."""
    generator = clip_generator(seed, scene.clip, "sound")
    events = render_events(scene, sounds, generator)
    mix = control_level(events + render_background(scene, background_db, generator))
    mix *= PEAK * 10 ** (generator.uniform(-9, 0) / 20) / np.abs(mix).max()
    if scene.breakage == "silent":
        mix[:] = 0
    if generator.random() >= STEREO_SHARE:
        return mix.astype(np.float32)[:, None]
    pan = generator.uniform(0.75, 1.0, 2)
    return (mix[:, None] * pan).astype(np.float32)  # [samples, 2]


def control_level(sound: Sound) -> Sound:
    """Even out the level, as the automatic gain of a telephone's recorder does.

    Events and background are turned up and down together, so that an event is as audible as
    before, yet a frame that is louder than its clip tells little about events.
    """
    num_steps = max(1, len(sound) // LEVEL_STEP)
    steps = sound[: num_steps * LEVEL_STEP].reshape(num_steps, -1)
    power = uniform_filter1d(
        np.square(steps).mean(axis=1), round(LEVEL_WINDOW_S * RATE_HZ / LEVEL_STEP), mode="nearest"
    )
    gain = (power + np.float32(1e-6)) ** (-LEVEL_CONTROL / 2)
    middles = (np.arange(num_steps) + 0.5) * LEVEL_STEP
    return sound * np.interp(np.arange(len(sound)), middles, gain).astype(np.float32)


def num_samples(scene: Scene) -> int:
    """Count the samples of the medium."""
    return round((scene.start_s + scene.duration_s + TAIL_S) * RATE_HZ)


def _noise_layer(size: int, low_hz: float, high_hz: float, generator: np.random.Generator) -> Sound:
    """Make noise in a band; a few seconds of it are repeated, since the FFT is what costs."""
    noise = band_noise(round(NOISE_S * RATE_HZ), low_hz, high_hz, RATE_HZ, generator)
    return np.resize(noise.astype(np.float32), size)


def _swell(size: int, generator: np.random.Generator) -> Sound:
    """A gain that wanders between -10 and +10 dB, a new goal every 0.4 s or so."""
    num_goals = max(4, int(size / RATE_HZ / 0.4))
    goals = generator.uniform(-10, 10, num_goals)
    num_steps = -(-size // SWELL_STEP)
    gain_db = np.interp(np.linspace(0, num_goals - 1, num_steps), np.arange(num_goals), goals)
    gain = (10 ** (gain_db / 20)).astype(np.float32)
    return gain.repeat(SWELL_STEP)[:size]
