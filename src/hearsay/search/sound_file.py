"""Read the sound of a file that a user gives, in a process of its own and in limited time.

Whatever the file makes a decoder do, to crash, to run for ever or to take all memory, is met by
that process alone. Only formats that hold their media themselves are opened: none that names
other files or addresses, such as a playlist.
"""

import json
import math
import subprocess
import sys
from pathlib import Path

import av
import av.logging
import numpy as np
from av.error import FFmpegError

from hearsay.clips.audio import Waveform, decode_sound
from hearsay.clips.recording import open_recording
from hearsay.errors import HearsayError
from hearsay.files import check_is_file

# Alike for the uploads of hearsay.serve.
FORMATS = (
    "aac,ac3,adts,aiff,amr,asf,au,avi,caf,eac3,flac,flv,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,"
    "mpeg,mpegts,ogg,w64,wav,wv,tta,ape,rm"
)
OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
MOST_BYTES = 2**31  # of memory that the process may take


def read_sound(path: Path, longest_s: float, timeout_s: float) -> tuple[Waveform, int]:
    """Decode the first seconds of a file's sound, mixed to one channel.

    Args:
        path: of a sound or a video.
        longest_s: of the sound; the rest is left.
        timeout_s: until reading is given up.

    Returns:
        float32 [samples], and their rate in Hz.

    Raises:
        HearsayError: the file is absent, has no sound, is broken or takes too long.
    """
    check_is_file(path)
    command = [sys.executable, "-m", "hearsay.search.sound_file", str(path), str(longest_s)]
    try:
        done = subprocess.run(
            [*command, str(math.ceil(timeout_s))],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        raise HearsayError(
            f"{path.name} could not be decoded within {timeout_s:g} s; give a shorter sound, or "
            "one in another format"
        ) from None
    header, _, body = done.stdout.partition(b"\n")
    try:
        answer = json.loads(header)
    except ValueError:
        answer = {"error": f"its decoder ended with {done.returncode}"}
    if "error" in answer:
        raise HearsayError(f"{path.name} is no sound that can be read: {answer['error']}")
    return np.frombuffer(body, np.float32), int(answer["sample_rate_hz"])


def begin_of_sound(path: Path) -> float | None:
    """Return the smallest time stamp of a file that holds sound, in seconds; None: it holds none.

    Cuts of streams keep the stamps of the whole, so that many begin late.

    Raises:
        av.error.FFmpegError, ValueError: the file cannot be opened.
    """
    # Without "file:" a name such as "take:1.wav" would be of a protocol "take".
    with av.open(f"file:{path}", options=OPTIONS) as container:
        if not container.streams.audio:
            return None
        return max(0.0, (container.start_time or 0) / av.time_base)


def main(path: str, longest_s: str, seconds: str) -> None:
    """Print a line of JSON, and behind it the samples; `seconds` of processor time are allowed."""
    _limit(int(seconds))
    av.logging.set_level(None)
    try:
        start_s, length_s = begin_of_sound(Path(path)), float(longest_s)
        if start_s is None:
            raise ValueError("it has no sound")
        with open_recording(Path(path), start_s, length_s, False, OPTIONS) as recording:
            sound = decode_sound(recording, start_s, length_s)
            if not len(sound.samples):
                raise ValueError("its sound is empty")
    except (FFmpegError, ValueError, OSError, RuntimeError, MemoryError) as error:
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        print(json.dumps({"error": " ".join(text.split())}))
        return
    print(json.dumps({"sample_rate_hz": sound.sample_rate_hz}), flush=True)
    sys.stdout.buffer.write(np.ascontiguousarray(sound.samples).tobytes())


def _limit(seconds: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    if sys.platform == "linux":  # elsewhere libraries alone map more
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(*sys.argv[1:])
