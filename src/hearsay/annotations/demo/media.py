"""Write the medium of a scene: a real MP4 with H.264 and AAC, broken where the scene says so."""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import ffmpeg
import numpy as np
import soundfile
from numpy.typing import NDArray

from hearsay.annotations.demo.mixing import RATE_HZ
from hearsay.annotations.demo.pictures import SIZE_PX
from hearsay.annotations.demo.scenes import NUM_PICTURES, Scene
from hearsay.clips.ffmpeg import find_ffmpeg
from hearsay.errors import HearsayError

DRAWN_FPS = 2  # pictures change on a grid of 1/2 s; ffmpeg repeats them up to FPS
FPS = 8
TRUNCATED_S = 2.0


def write_medium(
    scene: Scene, pictures: list[NDArray[np.uint8]], sound: NDArray[np.float32], folder: Path
) -> None:
    """Write `folder / scene.media_name`, whole or not at all.

    Args:
        scene: its breakage decides whether the file is cut short or damaged.
        pictures: one a quarter, uint8 [SIZE_PX, SIZE_PX, 3].
        sound: [samples, channels] at RATE_HZ over the whole medium.
        folder: where media lie.

    Raises:
        HearsayError: ffmpeg failed, or the disk is full.
    """
    try:
        _write_medium(scene, pictures, sound, folder)
    except (OSError, soundfile.LibsndfileError) as error:
        raise HearsayError(
            f"cannot write {folder / scene.media_name}: {error}; free space or mend the folder, "
            "then start the same command again"
        ) from error


def _write_medium(
    scene: Scene, pictures: list[NDArray[np.uint8]], sound: NDArray[np.float32], folder: Path
) -> None:
    if scene.breakage == "truncated":
        sound = sound[: round(TRUNCATED_S * RATE_HZ)]
    duration_s = len(sound) / RATE_HZ
    frames = b"".join(
        pictures[_quarter_at(scene, number / DRAWN_FPS)].tobytes()
        for number in range(max(1, round(duration_s * DRAWN_FPS)))
    )
    target = folder / scene.media_name
    with tempfile.TemporaryDirectory(dir=folder, prefix=".partial-") as scratch:
        medium, wave = Path(scratch, "medium.mp4"), Path(scratch, "sound.wav")
        soundfile.write(wave, sound, RATE_HZ, subtype="PCM_16")
        video = ffmpeg.input(
            "pipe:", format="rawvideo", pix_fmt="rgb24", s=f"{SIZE_PX}x{SIZE_PX}", r=DRAWN_FPS
        )
        output = ffmpeg.output(
            video.video,
            ffmpeg.input(str(wave)).audio,
            str(medium),
            vcodec="libx264",
            preset="ultrafast",
            crf=23,
            pix_fmt="yuv420p",
            r=FPS,
            g=4 * FPS,  # a key frame every 4 s: sections begin between key frames
            acodec="aac",
            aac_coder="fast",  # half the time of the default
            audio_bitrate="64k",
            threads=1,
            movflags="+faststart",
        )
        _run(output.global_args("-loglevel", "error", "-nostdin"), frames, target, Path(scratch))
        if scene.breakage == "corrupt":
            _damage(medium, half=scene.clip % 2 == 0, seed=scene.clip)
        os.replace(medium, target)


def _run(output: Any, frames: bytes, target: Path, scratch: Path) -> None:
    """Run ffmpeg with frames on its standard input; what it says goes into a file in `scratch`.

    With a pipe for that too, frames would be written 4 KiB at a time, which takes a tenth of a
    medium's processor time.
    """
    with tempfile.TemporaryFile(dir=scratch) as said:
        done = subprocess.run(output.compile(cmd=find_ffmpeg()), input=frames, stderr=said)
        if done.returncode:
            said.seek(0)
            words = " ".join(said.read().decode(errors="replace").split())
            raise HearsayError(f"ffmpeg could not write {target}: {words}")


def _quarter_at(scene: Scene, time_s: float) -> int:
    """Tell which quarter of the clip a time of the medium falls into; outside, the nearest."""
    quarter = int((time_s - scene.start_s) / scene.duration_s * NUM_PICTURES)
    return min(max(quarter, 0), NUM_PICTURES - 1)


def _damage(medium: Path, half: bool, seed: int) -> None:
    """Cut a file in half, or overwrite its middle third: both are found by decoding alone."""
    content = bytearray(medium.read_bytes())
    if half:
        del content[len(content) // 2 :]
    else:
        third = len(content) // 3
        content[third : 2 * third] = np.random.default_rng(seed).bytes(third)
    medium.write_bytes(content)
