"""Sound, pictures and spectrograms small enough to stand inside a page."""

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

MP3_COMPRESSION = 0.7  # from 0, the best, to below 1, the smallest
NUM_LEVELS = 64  # of grey: more cannot be told apart in a strip, and compress worse


def spectrogram_levels(
    logmel: NDArray[Any], most_frames: int = 400, num_levels: int = 256
) -> NDArray[np.uint8]:
    """Turn a log-mel into levels from 0 to 255, [T, F] to [T', F].

    The scale goes from the 5th to the 99.8th percentile, since digital silence lies far below all
    sound; a constant one is black. Frames are averaged in blocks where there are more than
    `most_frames`.
    """
    bins: NDArray[np.floating] = np.asarray(logmel, dtype=np.float32)
    if len(bins) > most_frames:
        starts = np.linspace(0, len(bins), most_frames, endpoint=False).astype(int)
        sizes = np.diff([*starts, len(bins)])
        bins = np.add.reduceat(bins, starts, axis=0) / sizes[:, None]
    low, high = np.percentile(bins, [5, 99.8]) if bins.size else (0.0, 1.0)
    share = np.clip((bins - low) / max(float(high - low), 1e-6), 0, 1)
    steps = np.round(share * (num_levels - 1))
    return np.asarray(np.round(steps * 255 / (num_levels - 1)), dtype=np.uint8)


def mel_spectrogram(samples: NDArray[Any], sample_rate_hz: int) -> NDArray[np.float32]:
    """Return a log-mel for the eye, [T, 64], of mono samples; a frame each 25 ms.

    Methods hear features of their own; this one is the same for clips of every data set.
    """
    shift = sample_rate_hz // 40
    mirrored = samples[::-1][: 2 * shift]  # so that the last frame is no darker
    silence = np.zeros(2 * shift - len(mirrored), dtype=samples.dtype)
    padded = np.concatenate([samples, mirrored, silence])
    frames = np.lib.stride_tricks.sliding_window_view(padded, 2 * shift)[::shift]  # [T, 50 ms]
    power = np.abs(np.fft.rfft(frames * np.hanning(2 * shift), axis=1)) ** 2
    return np.log(power @ _mel_filters(power.shape[1], sample_rate_hz).T + 1e-10).astype(np.float32)


def _mel_filters(num_lines: int, sample_rate_hz: int, num_bins: int = 64) -> NDArray[np.float64]:
    """Return triangles on the mel scale of HTK, [F, lines of the spectrum], from 50 Hz on."""
    lines_hz = np.linspace(0, sample_rate_hz / 2, num_lines)
    low, high = 2595 * np.log10(1 + np.array([50, sample_rate_hz / 2]) / 700)
    edges_hz = 700 * (10 ** (np.linspace(low, high, num_bins + 2) / 2595) - 1)
    # No triangle is narrower than the lines are apart, else it would hear nothing.
    width_hz = np.maximum(np.diff(edges_hz), lines_hz[1])
    rising = 1 - (edges_hz[1:-1, None] - lines_hz) / width_hz[:-1, None]
    falling = 1 - (lines_hz - edges_hz[1:-1, None]) / width_hz[1:, None]
    return np.clip(np.minimum(rising, falling), 0, None)


def spectrogram_png(logmel: NDArray[Any], most_frames: int = 400) -> bytes:
    """Draw a log-mel [T, F] as a grey PNG, low pitch at the bottom; clip_view.js colours it."""
    from PIL import Image

    levels = spectrogram_levels(logmel, most_frames, NUM_LEVELS)
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(levels.T[::-1])).save(file, "PNG", optimize=True)
    return file.getvalue()


def small_picture(picture: bytes, width: int) -> bytes:
    """Scale a picture down to a width, as JPEG; one that is no wider keeps its size."""
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as opened:
        image = opened.convert("RGB")
    image.thumbnail((width, 4 * width))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=70, optimize=True)
    return file.getvalue()


def read_sound(sound: bytes, longest_s: float | None = None) -> tuple[NDArray[np.float32], int]:
    """Decode the beginning of a sound file (FLAC, WAV) to mono: samples and their rate in Hz."""
    import soundfile

    with soundfile.SoundFile(io.BytesIO(sound)) as file:
        number = -1 if longest_s is None else round(longest_s * file.samplerate)
        samples = file.read(number, dtype="float32", always_2d=True)
        return samples.mean(axis=1), file.samplerate


def small_sound(samples: NDArray[Any], sample_rate_hz: int) -> bytes:
    """Encode samples, of 8 to 48 kHz, as MP3, which all browsers play.

    Its bit rate varies: about 25 kbit/s for mono at 16 kHz. The same sound gives the same bytes.
    """
    import soundfile

    file = io.BytesIO()
    soundfile.write(
        file,
        samples,
        sample_rate_hz,
        format="MP3",
        compression_level=MP3_COMPRESSION,
        bitrate_mode="VARIABLE",
    )
    return file.getvalue()


def data_address(content: bytes, media_type: str) -> str:
    """Return an address that holds the content itself: `data:image/png;base64,...`."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"
