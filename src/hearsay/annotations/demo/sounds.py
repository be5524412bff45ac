"""What any sound of the demo goes through: scale, fades, distance; and noise in a band."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

Sound = NDArray[np.float32]
FADE_S = 0.02
FAR_LOWPASS_HZ = 2500.0
FAR_GAIN_DB = -8.0


def finish(sound: NDArray[np.floating], rate: int) -> Sound:
    """Scale to a root mean square of 1 over the louder half of the sound, and fade both ends."""
    power = np.square(sound)
    half = len(power) // 2
    level = np.sqrt(np.partition(power, half)[half:].mean() / 2 + 1e-12)
    fade = min(int(FADE_S * rate), len(sound) // 2)
    sound = sound / level
    ramp = np.linspace(0, 1, fade)
    sound[:fade] *= ramp
    sound[len(sound) - fade :] *= ramp[::-1]
    return sound.astype(np.float32)


def place_at_distance(
    sound: Sound, distance: str, rate: int, generator: np.random.Generator
) -> Sound:
    """Let a sound be near (as it is) or far: quieter, duller, with reverberation; same length."""
    if distance == "near":
        return sound * np.float32(10 ** (generator.uniform(-2, 2) / 20))
    dull = signal.sosfilt(signal.butter(2, FAR_LOWPASS_HZ, fs=rate, output="sos"), sound)
    tail_s = generator.uniform(0.25, 0.5)
    num_tail = int(2 * tail_s * rate)
    decay = 10 ** (-3 * np.arange(num_tail) / (tail_s * 2 * rate))
    room = generator.standard_normal(num_tail) * decay
    room /= np.sqrt(np.square(room).sum())
    wet = signal.fftconvolve(dull, room)[: len(sound)]
    gain = 10 ** ((FAR_GAIN_DB + generator.uniform(-2, 2)) / 20)
    return finish(0.6 * dull + 0.8 * wet, rate) * np.float32(gain)


def band_noise(
    num_samples: int, low_hz: float, high_hz: float, rate: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Make noise between two frequencies, root mean square 1."""
    # In single precision and at a length that suits the FFT: most of the time goes here.
    length = fft.next_fast_len(num_samples, real=True)
    spectrum = fft.rfft(generator.standard_normal(length, dtype=np.float32))
    hz = np.maximum(np.arange(len(spectrum), dtype=np.float32) * (rate / length), 1)
    below, above = np.float32(low_hz) / hz, hz / np.float32(high_hz)
    below, above = below * below * below, above * above * above  # faster than a power
    spectrum /= (1 + below * below) * (1 + above * above)
    noise = fft.irfft(spectrum, length)[:num_samples]
    return noise / np.sqrt(np.square(noise).mean() + 1e-12)
