"""Media in which a white picture and a click come at the same known times."""

import io
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hearsay.clips.audio import decode_flac
from hearsay.clips.decode_clip import DecodedClip, DecodeOptions, Task, decode_clip
from hearsay.clips.ffmpeg import find_ffmpeg

SIDE = 64
IMAGES_PER_S = 25
TIMES_S = (0.48, 1.52, 2.6, 3.4)  # at the begin of a picture; no two distances are the same
DURATION_S = 4.0
TOLERANCE_S = 0.025  # of sound and pictures against the true time

H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "stillimage", "-bf", "2", "-g", "40")
VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-threads", "1", "-g", "40")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-threads", "1", "-g", "40")
AV1 = ("-c:v", "libsvtav1", "-preset", "13", "-g", "40", "-svtav1-params", "lp=1")
AAC = ("-c:a", "aac", "-b:a", "128k")
MP3 = ("-c:a", "libmp3lame")
OPUS = ("-c:a", "libopus")
VORBIS = ("-c:a", "libvorbis")


@cache
def encoders() -> frozenset[str]:
    """Return the names of the encoders of this ffmpeg."""
    command = [find_ffmpeg(), "-hide_banner", "-encoders"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    return frozenset(line.split()[1] for line in lines if len(line.split()) > 1)


def make_flashes(
    path: Path,
    arguments: tuple[str, ...],
    rate_hz: int = 48000,
    times_s: tuple[float, ...] = TIMES_S,
    duration_s: float = DURATION_S,
) -> Path:
    """Encode black pictures, faint noise, and at each time one white picture and a click.

    Args:
        arguments: of ffmpeg, for the output; "-vn" and "-an" leave one of the two out.
    """
    for name in arguments:
        if name.startswith("lib") and name not in encoders():
            pytest.skip(f"this ffmpeg has no encoder {name}")
    images = np.full((round(duration_s * IMAGES_PER_S), SIDE, SIDE), 16, np.uint8)
    images[[round(time_s * IMAGES_PER_S) for time_s in times_s]] = 235
    sound = path.with_name(f"{path.name}.pcm")
    samples = clicks(times_s, rate_hz, duration_s)
    samples += 0.01 * np.random.default_rng(0).standard_normal(len(samples))
    sound.write_bytes((samples * 32767).astype("<i2").tobytes())
    command = [find_ffmpeg(), "-y", "-v", "error", "-f", "rawvideo", "-pix_fmt", "gray"]
    command += ["-s", f"{SIDE}x{SIDE}", "-r", str(IMAGES_PER_S), "-i", "-"]
    command += ["-f", "s16le", "-ar", str(rate_hz), "-ac", "1", "-i", str(sound)]
    command += ["-map", "0:v?", "-map", "1:a?", "-pix_fmt", "yuv420p", *arguments, str(path)]
    subprocess.run(command, input=images.tobytes(), check=True)
    sound.unlink()
    return path


def run_ffmpeg(*arguments: str | Path) -> None:
    command = [find_ffmpeg(), "-y", "-v", "error", *map(str, arguments)]
    subprocess.run(command, check=True)


def clicks(times_s: tuple[float, ...], rate_hz: int, duration_s: float) -> np.ndarray:
    """Return silence with a burst of 6 ms around each time, its highest value at the time."""
    sound = np.zeros(round(duration_s * rate_hz))
    around_s = np.arange(-round(0.003 * rate_hz), round(0.003 * rate_hz) + 1) / rate_hz
    burst = 0.8 * np.cos(2 * np.pi * 1500 * around_s) * np.cos(np.pi * around_s / 0.0061) ** 2
    for time_s in times_s:
        first = round(time_s * rate_hz) - len(burst) // 2
        sound[first : first + len(burst)] = burst
    return sound


def decode(
    path: Path, start_s: float = 0.0, length_s: float = DURATION_S, with_pictures: bool = True
) -> DecodedClip:
    """Decode every picture of a clip and its sound at 16 kHz."""
    options = DecodeOptions(
        clip_duration_s=length_s,
        sample_rate_hz=16000,
        num_images=round(length_s * IMAGES_PER_S) + 1 if with_pictures else 0,
        image_size_px=SIDE,
        min_duration_s=1.0,
        min_peak_dbfs=None,
    )
    return decode_clip(Task("clip", path, start_s, length_s), options)


def flash_times_s(clip: DecodedClip) -> list[float]:
    """Return when the white pictures begin."""
    white = set()
    for picture in clip.pictures:
        if np.asarray(Image.open(io.BytesIO(picture.jpeg)).convert("L")).mean() > 128:
            white.add(picture.timestamp_s)
    return sorted(white)


def click_times_s(clip: DecodedClip) -> list[float]:
    """Return where the sound of 16 kHz is loudest: once in each stretch above half of its peak."""
    level = np.abs(decode_flac(clip.flac))
    times_s: list[float] = []
    while level.max() > 0.2:
        place = int(level.argmax())
        times_s.append(place / 16000)
        level[max(place - 1600, 0) : place + 1600] = 0
    return sorted(times_s)
