"""Cut a clip out of remote media, where ffmpeg stumbles out of a file fetched whole."""

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from yt_dlp.networking import Request

from hearsay.clips.outcomes import FetchError
from hearsay.clips.section import Section, Stream, cut_section
from hearsay.files import cannot_write

LARGEST_BYTES = 1 << 28
BLOCK_BYTES = 1 << 16
HTML = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype html|html|head|body)", re.IGNORECASE)
SHOWN_BYTES = 200


def cut_remote(
    streams: tuple[Stream, ...],
    start_s: float,
    end_s: float | None,
    output: Path,
    timeout_s: float,
    proxy: str | None,
    fetch_body: Callable[[Stream, Path], bool],
) -> Section:
    """Do as `cut_section`; where ffmpeg stumbles, cut out of whole files brought here.

    What fails then is the fault of the source and no more of the way to it.

    Args:
        fetch_body: writes the whole file of a stream; returns whether it is known to be whole.

    Raises:
        FetchError, HearsayError: as `cut_section`.
    """
    cut = partial(cut_section, start_s=start_s, end_s=end_s, output=output, timeout_s=timeout_s)
    try:
        return cut(streams, proxy=proxy)
    except FetchError as error:
        if not error.is_unclear and error.status != "corrupt":
            raise
        failure = error
    if not all(stream.is_file for stream in streams):
        raise FetchError("unknown", failure.detail) from failure
    bodies = [output.with_name(f"{output.name}.{number}") for number in range(len(streams))]
    try:
        pairs = list(zip(streams, bodies, strict=True))
        whole = [fetch_body(stream, body) for stream, body in pairs]
        return cut(tuple(replace(stream, url=str(body)) for stream, body in pairs), proxy="")
    except FetchError as error:
        status = error.status
        if status == "corrupt" and not all(whole):
            status = "network"  # it may have broken off
        detail = f"{error.detail} | before that: {failure.detail}"
        raise FetchError(status, detail, error.retry_after_s, in_media_stage=True) from error
    finally:
        for body in bodies:
            body.unlink(missing_ok=True)


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
        raise cannot_write(path.parent, error) from error


def _show(block: bytes) -> str:
    return block[:SHOWN_BYTES].decode(errors="replace")
