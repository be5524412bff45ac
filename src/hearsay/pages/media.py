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


def small_sound(sound: bytes) -> bytes:
    """Encode a sound file (FLAC, WAV; mono or stereo) as MP3, which all browsers play.

    Its bit rate varies: about 25 kbit/s for mono at 16 kHz. The same sound gives the same bytes.
    """
    import soundfile

    samples, sample_rate_hz = soundfile.read(io.BytesIO(sound), dtype="float32")
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
