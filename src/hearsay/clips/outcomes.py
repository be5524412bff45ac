"""What a failure of yt-dlp or ffmpeg means: one of FETCH_STATUSES."""

import email.utils
import re
import time
from typing import Any

from yt_dlp.networking.exceptions import HTTPError, TransportError
from yt_dlp.utils import GeoRestrictedError, YoutubeDLError

DETAIL_CHARACTERS = 2000

HTTP_STATUSES = {
    401: "forbidden",
    403: "forbidden",
    404: "not_found",
    407: "network",  # the proxy wants a password
    408: "network",
    410: "not_found",
    425: "network",
    429: "rate_limited",
    451: "geo_blocked",  # unavailable for legal reasons, which are those of a country
}

# Tried in this order, so that the narrower meaning wins: "blocked it in your country on
# copyright grounds" can be had elsewhere, and "Video unavailable." begins many messages.
MESSAGES: tuple[tuple[str, str], ...] = (
    (
        "bot_check",
        r"not a bot|captcha|unusual traffic|automated queries|IP is likely being blocked",
    ),
    (
        "rate_limited",
        r"rate-?limited by|isn.t available, try again later|Too Many Requests|HTTP Error 429",
    ),
    (
        "members_only",
        r"members-only|channel's members|members on level|Join this channel|requires payment"
        r"|only available to (Music|YouTube) Premium members|pay to watch|rent(al)? or purchase",
    ),
    ("private", r"private video|video is private|been granted access|is not public"),
    (
        "account_terminated",
        r"account (associated with this video )?has been terminated|accounts? .{0,80}terminated"
        r"|closed their YouTube account|channel .{0,40}terminated",
    ),
    (
        "geo_blocked",
        r"in your (country|region|location)|from your (country|location|region)"
        r"|geo.?restrict|geo.?block",
    ),
    ("copyright", r"copyright|trademark claim|contains content from .{1,200} blocked"),
    (
        "age_restricted",
        r"confirm your age|age.?restricted|inappropriate for some users|age verification"
        r"|verify your age",
    ),
    (
        "live",
        r"live event|Premieres? (in|will begin|starts)|begin(s)? (in|shortly|in a few moments)"
        r"|not currently live|live stream recording is not available|is offline|has not started"
        r"|processing this video",
    ),
    (
        # What one of yt-dlp's clients may not play says nothing of the video, and what comes of
        # "This content isn't available." alone is known to pass.
        "unknown",
        r"on this (app|device)\b|content isn.t available\.|Playback on other websites",
    ),
    ("forbidden", r"administrator restrictions|Restricted Mode|video is restricted"),
    ("no_video", r"no video stream"),
    ("not_found", r"HTTP Error (404|410)|Incomplete YouTube ID|does not exist|not found on server"),
    (
        "removed",
        r"has been removed|removed by the (user|uploader)|no longer available"
        r"|video (is )?(unavailable|not available)|isn.t available anymore"
        r"|content is not available|deleted",
    ),
    (
        "forbidden",
        r"HTTP Error (401|403)|only available for registered users|login (required|details)"
        r"|sign in|log in",
    ),
    (
        "network",
        r"HTTP Error (407|408|425|5\d\d)|timed? ?out|Connection (refused|reset|aborted|broken)"
        r"|name resolution|Name or service not known|nodename nor servname|getaddrinfo"
        r"|Failed to resolve|unreachable|No route to host|Remote end closed|IncompleteRead"
        r"|SSL|TLS|Unable to connect to proxy|cannot connect to proxy|ProxyError|Broken pipe",
    ),
)
_MESSAGES = tuple((status, re.compile(pattern, re.IGNORECASE)) for status, pattern in MESSAGES)

_FFMPEG_HTTP = re.compile(r"HTTP error (\d{3})|Server returned (\d{3}|5XX)", re.IGNORECASE)
_FFMPEG_DISK = re.compile(
    r"No space left on device|File too large|Disk quota exceeded|Read-only file system",
    re.IGNORECASE,
)
_FFMPEG_NETWORK = re.compile(
    r"Stream ends prematurely|Will reconnect|Connection (timed out|refused|reset)|timed out"
    r"|Failed to resolve|Network is unreachable|No route to host|Broken pipe"
    r"|Error reading HTTP response|Input/output error|Error in the pull function|Operation timed",
    re.IGNORECASE,
)
# Its "Input/output error" may also mean a body without a stated length, or too many redirects.
_FFMPEG_SURELY_NETWORK = re.compile(
    r"Stream ends prematurely at \d+, should be (?!18446744073709551615)"
    r"|Connection (timed out|refused|reset)|timed out|Failed to resolve|unreachable"
    r"|No route to host|Broken pipe|Error reading HTTP response",
    re.IGNORECASE,
)
_FFMPEG_CORRUPT = re.compile(
    r"Invalid data found|moov atom not found|corrupt|Error while decoding|Invalid NAL"
    r"|Header missing|does not contain any stream|Error splitting|Error submitting|partial file",
    re.IGNORECASE,
)

# Media addresses are signed for this machine: token, IP address and signature stand in the query,
# and at googlevideo.com in the path as well.
_SECRETS = (
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/?#\"'<>]+@", re.IGNORECASE), r"\1...@"),
    (re.compile(r"(googlevideo\.com(?::\d+)?/)[^\s\"'<>]+", re.IGNORECASE), r"\1..."),
    (re.compile(r"(/[^\s?\"'<>]*\?)[^\s\"'<>]*[^\s\"'<>.,:;)\]]"), r"\1..."),
)


class FetchError(Exception):
    """One clip could not be fetched, for a reason that FETCH_STATUSES names.

    `in_media_stage` tells a 403 of the media's address, which may merely have expired, from
    one of the page. `is_unclear`: ffmpeg does not tell whether the source is broken or the way
    to it; a reset connection and a damaged file can leave the same log.
    """

    def __init__(
        self,
        status: str,
        detail: str,
        retry_after_s: float | None = None,
        in_media_stage: bool = False,
        is_unclear: bool = False,
    ) -> None:
        self.status = status
        self.detail = hide_secrets(" ".join(detail.split()))[:DETAIL_CHARACTERS]
        self.retry_after_s = retry_after_s
        self.in_media_stage = in_media_stage
        self.is_unclear = is_unclear
        super().__init__(f"{status}: {self.detail}")


def hide_secrets(text: str) -> str:
    """Return a text without the queries of addresses in it, and without names and passwords.

    Details stand in logs and in tables that laboratories exchange.
    """
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def classify_message(message: str) -> str:
    """Return the status that the text of an error of yt-dlp means; "unknown" where none fits."""
    for status, pattern in _MESSAGES:
        if pattern.search(message):
            return status
    return "unknown"


def classify_http(code: int) -> str:
    """Return the status that an HTTP status code means."""
    if code >= 500:
        return "network"
    return HTTP_STATUSES.get(code, "unknown")


def explain_extraction(error: Exception) -> FetchError:
    """Turn what `YoutubeDL.extract_info` raised into a status.

    The exception inside (HTTP status, failed connection) counts before the text, since texts
    change with every version of the site.
    """
    message = re.sub(r"^(\x1b\[[0-9;]*m)*ERROR:(\x1b\[[0-9;]*m)*\s*", "", str(error))
    for cause in _causes(error):
        if isinstance(cause, HTTPError):
            status = classify_http(cause.status)
            if status == "forbidden" and classify_message(message) == "bot_check":
                status = "bot_check"
            if status != "unknown":
                headers = getattr(cause.response, "headers", {})
                return FetchError(status, message, parse_retry_after(headers.get("Retry-After")))
        if isinstance(cause, GeoRestrictedError):
            return FetchError("geo_blocked", message)
        if isinstance(cause, TransportError | ConnectionError | TimeoutError):
            return FetchError("network", message)
    return FetchError(classify_message(message), message)


def explain_ffmpeg(return_code: int, log: str) -> FetchError | None:
    """Turn the log of a failed ffmpeg (`-loglevel level+info`) into a status.

    Returns None where the disk is full, which concerns all clips and not this one.
    """
    lines = [
        line for line in log.splitlines() if re.search(r"\[(warning|error|fatal|panic)\]", line)
    ]
    said = " | ".join(lines or log.splitlines()[-3:])
    said = re.sub(r" @ 0x[0-9a-f]+", "", said)  # addresses in memory differ from run to run
    detail = f"ffmpeg ended with {return_code}: {said}"
    if _FFMPEG_DISK.search(log):
        return None
    http = _FFMPEG_HTTP.search(log)
    if http:
        code = http.group(1) or http.group(2)
        status = "network" if code == "5XX" else classify_http(int(code))
        return FetchError(status, detail, in_media_stage=True)
    is_unclear = False
    if _FFMPEG_NETWORK.search(log):
        status = "network"
        is_unclear = not _FFMPEG_SURELY_NETWORK.search(log)
    elif return_code > 0 and _FFMPEG_CORRUPT.search("".join(lines)):
        status, is_unclear = "corrupt", True
    else:  # ffmpeg was killed, or is too old for an option: the media is not to blame
        status = "unknown"
    return FetchError(status, detail, in_media_stage=True, is_unclear=is_unclear)


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for (a number or an HTTP date)."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def _causes(error: Exception) -> list[Any]:
    """Return the error and what it was raised from, innermost first."""
    found: list[Any] = []
    pending: list[Any] = [error]
    while pending:
        cause = pending.pop()
        if not isinstance(cause, BaseException) or any(cause is seen for seen in found):
            continue
        found.append(cause)
        exc_info = getattr(cause, "exc_info", None)
        if isinstance(exc_info, tuple) and len(exc_info) > 1:
            pending.append(exc_info[1])
        pending.append(getattr(cause, "cause", None))
        # Beyond yt-dlp's own errors the chain leads into the libraries below, where a harmless
        # retry of theirs may stand.
        if isinstance(cause, YoutubeDLError):
            pending.append(cause.__cause__)
    return found[::-1]
