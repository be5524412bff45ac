"""Sounds and pictures to send: real files, made here."""

import io
import struct
import tempfile
from functools import cache
from pathlib import Path

import av
import numpy as np
import soundfile
from PIL import Image

RATE_HZ = 16000


def tone(length_s: float = 2.0, rate_hz: int = RATE_HZ) -> np.ndarray:
    """Return a swept tone, float32 [n]."""
    times_s = np.arange(round(length_s * rate_hz)) / rate_hz
    return (0.3 * np.sin(2 * np.pi * (300 + 200 * times_s) * times_s)).astype(np.float32)


@cache
def sound_file(kind: str = "WAV", length_s: float = 2.0, rate_hz: int = RATE_HZ) -> bytes:
    """Encode the tone as WAV, FLAC, OGG or MP3."""
    file = io.BytesIO()
    soundfile.write(file, tone(length_s, rate_hz), rate_hz, format=kind)
    return file.getvalue()


@cache
def video_file(suffix: str, codec: str, length_s: float = 2.0) -> bytes:
    """Encode the tone as the sound of an .mp4, .webm or the like."""
    samples = (tone(length_s, 48000) * 32767).astype(np.int16)[None]  # [1, n]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"sound{suffix}"
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=48000)
            frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
            frame.sample_rate = 48000
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)
        return path.read_bytes()


@cache
def picture_file(kind: str = "JPEG", size: tuple[int, int] = (120, 90)) -> bytes:
    """Encode noise as JPEG, PNG, WEBP or GIF."""
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def wav_header(
    data: bytes,
    stated: int | None = None,
    form: int = 1,
    channels: int = 1,
    rate_hz: int = RATE_HZ,
    bits: int = 16,
) -> bytes:
    """Write a WAV file whose header says what it is told to, `stated` bytes of sound for one."""
    stated = len(data) if stated is None else stated
    block = max(1, channels * bits // 8) & 0xFFFF
    head = struct.pack(
        "<HHIIHH", form, channels, rate_hz, (rate_hz * block) & 0xFFFFFFFF, block, bits
    )
    body = b"fmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", stated)
    return b"RIFF" + struct.pack("<I", (36 + stated) & 0xFFFFFFFF) + b"WAVE" + body + data


@cache
def bomb_picture() -> bytes:
    """Return a PNG of 30,000 x 30,000 pixels in about 100 kB."""
    file = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(file, "PNG")
    return file.getvalue()
