"""Small media files, written with PyAV, whose every picture says its number."""

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
from PIL import Image

SIDE = 64
CELL = 16  # 4 x 4 cells, one bit each
OPTIONS: dict[str, Any] = {
    "clip_duration_s": 4.0,
    "sample_rate_hz": 16000,
    "num_images": 4,
    "image_size_px": SIDE,
    "min_duration_s": 1.0,
    "min_peak_dbfs": -60.0,
}


def spell(number: int, width: int = SIDE, height: int = SIDE) -> np.ndarray:
    """Return a picture with `number` as black and white cells in its centre, [height, width, 3]."""
    image = np.full((height, width), 128, np.uint8)
    top, left = (height - SIDE) // 2, (width - SIDE) // 2
    for bit in range(16):
        y, x = top + bit // 4 * CELL, left + bit % 4 * CELL
        image[y : y + CELL, x : x + CELL] = 235 if number >> bit & 1 else 20
    return np.repeat(image[:, :, None], 3, axis=2)


def read_number(jpeg: bytes) -> int:
    """Read back what `spell` wrote."""
    gray = np.asarray(Image.open(io.BytesIO(jpeg)).convert("L"), np.float64)
    cells = gray.reshape(4, CELL, 4, CELL)[:, 4:-4, :, 4:-4].mean(axis=(1, 3)).ravel()
    return sum(1 << bit for bit in range(16) if cells[bit] > 128)


def write_media(
    path: Path,
    times_ms: Sequence[int] = (),
    sound: np.ndarray | None = None,
    rate_hz: int = 44100,
    video_codec: str = "libx264",
    audio_codec: str = "aac",
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    size: tuple[int, int] = (SIDE, SIDE),
    first_number: int = 0,
) -> None:
    """Write pictures and sound [channels, samples].

    Picture k is shown from times_ms[k] on and says first_number + k.
    """
    width, height = size
    with av.open(str(path), "w", options=container_options or {}) as container:
        video = audio = None
        if len(times_ms):
            video = container.add_stream(video_codec, rate=25, options=options or {})
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
            video.codec_context.time_base = Fraction(1, 1000)
        if sound is not None:
            layout = {1: "mono", 2: "stereo"}[len(sound)]
            audio = container.add_stream(audio_codec, rate=rate_hz, layout=layout)
        for number, time_ms in enumerate(times_ms, first_number):
            frame = av.VideoFrame.from_ndarray(spell(number, width, height), format="rgb24")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            container.mux(video.encode(frame))
        if video is not None:
            container.mux(video.encode(None))
        if audio is not None:
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(sound, np.float32), format="fltp", layout=layout
            )
            frame.sample_rate, frame.pts = rate_hz, 0
            frame.time_base = Fraction(1, rate_hz)
            resampler = av.AudioResampler(format=audio.format, layout=layout, rate=rate_hz)
            fifo = av.AudioFifo()
            for part in resampler.resample(frame):
                fifo.write(part)
            size_of_frame = audio.codec_context.frame_size or 1024
            while part := fifo.read(size_of_frame, partial=True):
                container.mux(audio.encode(part))
            container.mux(audio.encode(None))


def noise(duration_s: float, rate_hz: int = 44100, num_channels: int = 1) -> np.ndarray:
    """Return noise, [channels, samples]."""
    shape = (num_channels, round(duration_s * rate_hz))
    return (0.1 * np.random.default_rng(0).standard_normal(shape)).astype(np.float32)


def write_tables(folder: Path, clips: list[dict[str, Any]]) -> tuple[Path, Path]:
    """Write an index and a fetch status from rows with clip_id, and path or status."""
    index = pd.DataFrame(
        {
            "clip_id": [clip["clip_id"] for clip in clips],
            "start_s": [float(clip.get("start_s", 0.0)) for clip in clips],
            "end_s": [clip.get("end_s") for clip in clips],
            "split": [clip.get("split", "train") for clip in clips],
        }
    ).astype({"end_s": "float64"})
    status = pd.DataFrame(
        {
            "clip_id": index["clip_id"],
            "status": [clip.get("status", "ok") for clip in clips],
            "detail": [clip.get("detail", "") for clip in clips],
            "path": [str(clip.get("path", "")) for clip in clips],
            "start_offset_s": [float(clip.get("start_offset_s", 0.0)) for clip in clips],
        }
    )
    index_path, status_path = folder / "clips.parquet", folder / "00000.status.parquet"
    index.to_parquet(index_path)
    status.to_parquet(status_path)
    return index_path, status_path
