"""Fetch a media file whole by plain HTTP, and look at what came."""

import re
import threading
from pathlib import Path
from typing import Any

from yt_dlp.networking import Request

from hearsay.clips.outcomes import FetchError
from hearsay.clips.section import Stream
from hearsay.errors import HearsayError

LARGEST_BYTES = 1 << 28
BLOCK_BYTES = 1 << 16
HTML = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype html|html|head|body)", re.IGNORECASE)
SHOWN_BYTES = 200


def save_body(downloader: Any, stream: Stream, path: Path, stop: threading.Event) -> bool:
    """Write what an address answers to `path`.

    Args:
        downloader: yt-dlp's YoutubeDL, which knows proxy, cookies and timeout.
        stop: once set, the rest is left.

    Returns:
        whether the answer stated its length or marked its end, so that `path` is whole.

    Raises:
        FetchError: the answer is larger than 256 MB or an HTML page.
        YoutubeDLError: it cannot be had to its end.
        HearsayError: the disk is full.
    """
    headers = {**stream.headers, "Accept-Encoding": "identity", "Range": "bytes=0-"}  # as ffmpeg's
    response = downloader.urlopen(Request(stream.url, headers=headers))
    try:
        is_stated = "Content-Length" in response.headers
        is_marked = "chunked" in (response.headers.get("Transfer-Encoding") or "")
        num_bytes = 0
        with path.open("wb") as file:
            while not stop.is_set() and (block := response.read(BLOCK_BYTES)):
                if num_bytes == 0 and HTML.match(block):
                    raise FetchError("unknown", f"an HTML page instead of media: {_show(block)}")
                num_bytes += len(block)
                if num_bytes > LARGEST_BYTES:
                    raise FetchError("unknown", f"over {LARGEST_BYTES >> 20} MB")
                _write(file, block, path)
    finally:
        response.close()
    return is_stated or is_marked


def _write(file: Any, block: bytes, path: Path) -> None:
    try:
        file.write(block)
        file.flush()  # so that a full disk is met here
    except OSError as error:
        raise HearsayError(
            f"cannot write {path.parent}: {error.strerror}; free space, then start the same "
            "command again"
        ) from error


def _show(block: bytes) -> str:
    return block[:SHOWN_BYTES].decode(errors="replace")
