"""Names for how a source is asked, with no secret in them."""

import hashlib
import json
import urllib.request
from typing import Any

from hearsay.clips.sources import TOOL, MediaFinder


def name_way(options: dict[str, Any], finder: MediaFinder) -> str:
    """Name a way of asking: one that was refused to the end is not given up with another.

    What the files of cookies and tokens hold counts, not their paths, and so does the version of
    yt-dlp: mending these is the cure of a refusal.
    """
    keys = ("address", "clips_per_hour", "js_runtimes")
    return _digest([*_asker(options, finder), finder.extractor_args, TOOL], options, keys)


def name_access(options: dict[str, Any], finder: MediaFinder) -> str:
    """Name what a permanent failure hangs on; it is asked about again only where this changes.

    The version of yt-dlp does not count, else each new one would ask for all dead clips again.
    """
    keys = ("address", "format", "min_duration_s", "require_video")
    return _digest(_asker(options, finder), options, keys)


def _asker(options: dict[str, Any], finder: MediaFinder) -> list[Any]:
    proxy = options["proxy"]
    return [finder.cookies, urllib.request.getproxies() if proxy is None else proxy]


def _digest(parts: list[Any], options: dict[str, Any], keys: tuple[str, ...]) -> str:
    text = json.dumps([*parts, *(options[key] for key in keys)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
