"""Media whose every picture and sound tells its time, and small tables of clips."""

import subprocess
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soxr

from hearsay.annotations.tables import CLIPS_SCHEMA
from hearsay.clips.ffmpeg import find_ffmpeg

RATE_HZ = 44100
IMAGES_PER_S = 30
KEY_FRAME_INTERVAL = 120  # images: a key frame every 4 s
SIDE = 64
BITS = 12

H264 = ["-c:v", "libx264", "-g", str(KEY_FRAME_INTERVAL), "-sc_threshold", "0", "-bf", "3"]
AAC = ["-c:a", "aac", "-b:a", "128k"]
MP4 = [*H264, *AAC, "-movflags", "+faststart"]

OPTIONS: dict[str, Any] = {
    "address": "https://www.youtube.com/watch?v={video_id}",
    "clips_per_hour": None,
    "max_attempts": 2,
    "backoff_s": 0.05,
    "timeout_s": 5,
    "format": "bv+ba/b",
    "cookies": None,
    "proxy": None,
    "extractor_args": {},
    "js_runtimes": {"deno": {}},
    "min_duration_s": 1.0,
    "require_video": True,
}


def make_sound(duration_s: float) -> np.ndarray:
    """Return noise that occurs nowhere twice, [duration_s * RATE_HZ]."""
    noise = np.random.default_rng(0).standard_normal(int(duration_s * RATE_HZ))
    smooth = np.convolve(noise, np.ones(8) / 8, "same")  # AAC drops the highest frequencies
    return 0.6 * smooth / np.abs(smooth).max()


def make_media(path: Path, duration_s: float, arguments: list[str]) -> None:
    """Encode pictures that spell their number in black and white squares, and `make_sound`."""
    images = np.stack([_spell(number) for number in range(int(duration_s * IMAGES_PER_S))])
    sound = path.with_name(f"{path.name}.pcm")
    sound.write_bytes((make_sound(duration_s) * 32767).astype("<i2").tobytes())
    video_in = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{SIDE}x{SIDE}"]
    audio_in = ["-f", "s16le", "-ar", str(RATE_HZ), "-ac", "1", "-i", str(sound)]
    command = [find_ffmpeg(), "-y", "-v", "error", *video_in, "-r", str(IMAGES_PER_S), "-i", "-"]
    command += [*audio_in, "-pix_fmt", "yuv420p", "-threads", "1", *arguments, str(path)]
    subprocess.run(command, input=images.tobytes(), check=True)
    sound.unlink()


def _spell(number: int) -> np.ndarray:
    image = np.full((SIDE, SIDE), 16, np.uint8)
    for bit in range(BITS):
        y, x = divmod(bit, 4)
        if number >> bit & 1:
            image[y * 16 : y * 16 + 16, x * 16 : x * 16 + 16] = 235
    return image


def read_numbers(path: Path) -> list[tuple[float, int]]:
    """Return each picture's time in the file and the number that it spells."""
    with av.open(str(path)) as container:
        return [
            (frame.time, _read(frame.to_ndarray(format="gray")))
            for frame in container.decode(video=0)
        ]


def _read(image: np.ndarray) -> int:
    number = 0
    for bit in range(BITS):
        y, x = divmod(bit, 4)
        if image[y * 16 + 4 : y * 16 + 12, x * 16 + 4 : x * 16 + 12].mean() > 125:
            number |= 1 << bit
    return number


def find_sound(path: Path, from_s: float, sound: np.ndarray) -> float:
    """Return where in `sound` lies the half second that begins at `from_s` in the file."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    rate_hz = frames[0].sample_rate
    samples = np.concatenate([frame.to_ndarray().mean(axis=0) for frame in frames])
    samples = soxr.resample(samples, rate_hz, RATE_HZ)
    first = round((from_s - frames[0].time) * RATE_HZ)
    piece = samples[first : first + RATE_HZ // 2]
    size = 1 << int(np.ceil(np.log2(len(sound) + len(piece))))
    spectrum = np.fft.rfft(sound, size) * np.conj(np.fft.rfft(piece, size))
    return int(np.fft.irfft(spectrum, size).argmax()) / RATE_HZ


def write_clips(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write an index table; a row needs clip_id and locator."""
    full = [
        {"source": "http", "start_s": 0.0, "end_s": None, "split": "train", "labels": [], **row}
        for row in rows
    ]
    pq.write_table(pa.Table.from_pylist(full, schema=CLIPS_SCHEMA), path)
