"""Which ffmpeg program to use."""

import os
import shutil
import subprocess
from functools import cache

from hearsay.errors import HearsayError

VARIABLE = "HEARSAY_FFMPEG"
NEEDED_ENCODERS = ("libx264", "aac")


def find_ffmpeg() -> str:
    """Return the path of an ffmpeg that encodes H.264 and AAC.

    The one that the environment variable HEARSAY_FFMPEG names, and no other, where it is set;
    else the system's; else the binary inside the package imageio-ffmpeg.

    Raises:
        HearsayError: there is none, or the one named by HEARSAY_FFMPEG is not usable.
    """
    return _find_ffmpeg(os.environ.get(VARIABLE), os.environ.get("PATH"))


@cache
def _find_ffmpeg(named: str | None, search_path: str | None) -> str:
    """Do the work of `find_ffmpeg`; the arguments are all that the answer hangs on."""
    if named:
        program = shutil.which(named, path=search_path)
        if program is None or not _encodes(program):
            raise HearsayError(
                f"ffmpeg not found: {VARIABLE}={named} is not an ffmpeg with the encoders "
                f"{' and '.join(NEEDED_ENCODERS)}; name another one or unset the variable"
            )
        return program
    program = shutil.which("ffmpeg", path=search_path)
    if program is not None and _encodes(program):
        return program
    bundled = _bundled_ffmpeg()
    if bundled is not None and _encodes(bundled):
        return bundled
    raise HearsayError(
        "ffmpeg not found: neither on PATH with the encoders "
        f"{' and '.join(NEEDED_ENCODERS)}, nor in the package imageio-ffmpeg; install ffmpeg "
        f"or set {VARIABLE} to its path"
    )


def _bundled_ffmpeg() -> str | None:
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):  # RuntimeError: a wheel without a binary for this platform
        return None


def _encodes(program: str) -> bool:
    """Tell whether the program runs and lists the needed encoders."""
    try:
        answer = subprocess.run(
            [program, "-hide_banner", "-encoders"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    # " V....D libx264              libx264 H.264 / AVC / MPEG-4 AVC ..."
    names = {line.split()[1] for line in answer.stdout.splitlines() if len(line.split()) > 1}
    return names.issuperset(NEEDED_ENCODERS)
