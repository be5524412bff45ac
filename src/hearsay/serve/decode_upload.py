"""Decode an upload, in a process of its own that may be killed.

Uploads are a stranger's bytes, met by decoders written in C. So each is decoded by a child with
limits on memory, processor time and files; what it sends back are plain numbers, never objects.
"""

import json
import resource
import signal
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av.logging
import numpy as np
from av.error import FFmpegError
from PIL import Image, ImageOps, UnidentifiedImageError

from hearsay.clips.audio import decode_sound
from hearsay.clips.pictures import centre_square
from hearsay.clips.recording import open_recording
from hearsay.search import picture_file, sound_file
from hearsay.serve.limits import Limits

LOWEST_HZ, HIGHEST_HZ = 1_000, 768_000
BEYOND_S = 0.1  # decoded past the limit, to know whether the sound is longer
KEPT_PX = 896  # sides of a larger picture; four times what the towers see


class UploadError(Exception):
    """The upload is refused with this status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def decode_upload(kind: str, descriptor: int, sender: Connection, limits: Limits) -> None:
    """Decode an open file and send a JSON header, then the numbers.

    The header is {"error", "status"} or, of a sound, {"sample_rate_hz", "is_cut"}, followed by
    float32 samples; of a picture, {"width", "height"}, followed by RGB bytes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's to answer
    _limit_this_process(limits)
    av.logging.set_level(None)
    path = Path(f"/dev/fd/{descriptor}")  # the name of an open file leads to no other one
    header: dict[str, Any]
    content = b""
    try:
        header, content = (_decode_sound if kind == "sound" else _decode_picture)(path, limits)
    except UploadError as error:
        header = {"status": error.status, "error": str(error)}
    except MemoryError:
        header = {"status": 422, "error": f"decoding the {kind} takes too much memory"}
    except Exception as error:  # whatever a decoder makes of broken bytes
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        header = {"status": 422, "error": f"the {kind} is broken: {reason}"}
    sender.send_bytes(json.dumps(header).encode())
    sender.send_bytes(content)
    sender.close()


def _limit_this_process(limits: Limits) -> None:
    seconds = max(1, round(limits.decode_s))
    for name, value in (
        (resource.RLIMIT_AS, limits.decode_bytes),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),  # it writes no file
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):  # a lower limit stands already; or macOS
            resource.setrlimit(name, (value, value))


def _decode_sound(path: Path, limits: Limits) -> tuple[dict[str, Any], bytes]:
    """Decode the first seconds like a clip's: from where the file begins, the mean of channels."""
    start_s = _begin_of_sound(path)
    length_s = limits.sound_s + BEYOND_S
    with open_recording(path, start_s, length_s, False, sound_file.OPTIONS) as recording:
        assert recording.sound is not None
        rate = recording.sound.codec_context.sample_rate
        if not LOWEST_HZ <= rate <= HIGHEST_HZ:
            raise ValueError(f"a sample rate of {rate} Hz")
        sound = decode_sound(recording, start_s, length_s)
    num_samples = round(limits.sound_s * sound.sample_rate_hz)
    samples = sound.samples[:num_samples]
    if not len(samples):
        raise ValueError("it holds no sample")
    if not np.isfinite(samples).all():
        raise ValueError("some of its samples are no numbers")
    header = {"sample_rate_hz": sound.sample_rate_hz, "is_cut": len(sound.samples) > num_samples}
    return header, np.clip(samples, -1.0, 1.0).tobytes()


def _begin_of_sound(path: Path) -> float:
    """Return the file's smallest time stamp, in seconds, once it is known to hold sound."""
    try:
        start_s = sound_file.begin_of_sound(path)
    except (FFmpegError, ValueError) as error:
        raise UploadError(
            415,
            "this is no sound file that can be read here; send WAV, FLAC, MP3, Ogg, WebM, MP4 or "
            "the like",
        ) from error
    if start_s is None:
        raise UploadError(415, "the file holds no sound")
    return start_s


def _decode_picture(path: Path, limits: Limits) -> tuple[dict[str, Any], bytes]:
    """Decode a picture, upright: the centre square, all that the towers see, at most KEPT_PX."""
    Image.MAX_IMAGE_PIXELS = None  # the limit below stands in its place
    with path.open("rb") as file:
        try:
            picture = Image.open(file, formats=picture_file.FORMATS)
        except UnidentifiedImageError as error:
            raise UploadError(
                415, "this is no picture that can be read here; send JPEG, PNG, WebP or GIF"
            ) from error
        width, height = picture.size
        if width * height > limits.picture_px:
            limit = f"{limits.picture_px / 1e6:g} million pixels"
            raise UploadError(413, f"a picture of {width} x {height} has more than {limit}")
        picture.draft("RGB", (KEPT_PX, KEPT_PX))  # a JPEG comes out smaller where that is exact
        upright = ImageOps.exif_transpose(picture.convert("RGB"))
    square = centre_square(upright)
    if square.width > KEPT_PX:
        size = (KEPT_PX, KEPT_PX)
        square = square.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
    return {"width": square.width, "height": square.height}, square.tobytes()
