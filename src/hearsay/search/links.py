"""Where on the web a clip can be seen and heard, at its second."""

import re
from urllib.parse import urldefrag

from hearsay.layout import SERVED_HERE

VIDEO_ID = re.compile(r"[A-Za-z0-9_-]+")


def link_at(source: str, locator: str, start_s: float | None, end_s: float | None) -> str | None:
    """Return an address that plays a clip's source from the clip's start.

    Args:
        source: of the index: youtube, http, file, archive.
        locator: video id, address or path.
        start_s: of the clip; None or 0: the beginning.
        end_s: of the clip; addresses of media files can say it (Media Fragments). None: to the end.

    Returns:
        None where the source is on no web page, as of media served only while they are fetched.

    >>> link_at("youtube", "dQw4w9WgXcQ", 30.5, 40.5)
    'https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=30s'
    >>> link_at("http", "https://sounds.example/dog.mp4", 2.0, 12.0)
    'https://sounds.example/dog.mp4#t=2,12'
    """
    start_s = start_s or 0.0
    if source == "youtube" and VIDEO_ID.fullmatch(locator):
        at = f"&t={int(start_s)}s" if int(start_s) else ""
        return f"https://www.youtube.com/watch?v={locator}{at}"
    if locator.startswith(SERVED_HERE):
        return None
    if source in ("youtube", "http") and locator.startswith(("http://", "https://")):
        until = f",{end_s:g}" if end_s is not None else ""
        at = f"#t={start_s:g}{until}" if start_s or until else ""
        return urldefrag(locator).url + at
    return None
