"""Where the media of a clip lies, as yt-dlp finds it."""

import io
import logging
import re
import threading
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import yaml
import yt_dlp
from yt_dlp.version import __version__ as YT_DLP_VERSION

from hearsay.clips.body import save_body
from hearsay.clips.outcomes import FetchError, explain_extraction, hide_secrets
from hearsay.clips.patience import call_within
from hearsay.clips.section import LONGEST_TIMEOUTS, Stream
from hearsay.errors import HearsayError

TOOL = f"yt-dlp {YT_DLP_VERSION}"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
VIDEO_ID = "{video_id}"  # in fetch.address
MP4_SUFFIXES = frozenset({"mp4", "m4a", "m4v", "mov"})
NOT_THERE = frozenset({"is_live", "is_upcoming", "post_live"})
EXTRACTION_TIMEOUTS = 10  # yt-dlp may search for so many times timeout_s

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Media:
    """The streams of one clip's media: one address, or one of pictures and one of sound."""

    streams: tuple[Stream, ...]
    proxy: str | None  # for ffmpeg; None: that of the environment, "": none


class MediaFinder:
    """Ask yt-dlp for addresses; every thread keeps YoutubeDL objects of its own.

    One reused object answers 2 to 4 times as fast as a fresh one.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        """Check `format`, `cookies`, `proxy`, `timeout_s`, `extractor_args` and `js_runtimes`.

        Raises:
            HearsayError: a file that an option names cannot be read, or the proxy is SOCKS.
        """
        self._options = options
        self._local = threading.local()
        self.cookies: str | None = None  # what the file holds
        if options["cookies"] is not None:
            try:
                self.cookies = Path(options["cookies"]).read_text()
            except OSError as error:
                raise HearsayError(
                    f"cannot read fetch.cookies {options['cookies']}: {error.strerror}; export "
                    "cookies.txt of your browser or set it to null"
                ) from error
        if (options["proxy"] or "").startswith("socks"):
            raise HearsayError(
                f"fetch.proxy {hide_secrets(options['proxy'])}: ffmpeg cannot use SOCKS; give an "
                "http:// proxy"
            )
        self.extractor_args = read_extractor_args(options["extractor_args"])

    def find(self, url: str) -> Media:
        """Return the addresses of the media behind a page or a direct link.

        Raises:
            FetchError: there are none, for a reason that its status names.
        """
        loopback = urlsplit(url).hostname in LOOPBACK
        downloader = self._downloader(loopback)
        info = self._ask(lambda: downloader.extract_info(url, download=False), EXTRACTION_TIMEOUTS)
        if info.get("live_status") in NOT_THERE or info.get("is_live"):
            raise FetchError("live", f"live_status is {info.get('live_status')}")
        formats = info.get("requested_formats") or ([info] if info.get("url") else [])
        if not 1 <= len(formats) <= 2:
            raise FetchError("unknown", f"{url} is a page of {len(formats)} media, not of one")
        # Pictures first: `cut_section` takes them from the first stream, sound from the last.
        formats = sorted(formats, key=lambda one: one.get("vcodec") == "none")
        streams = tuple(_stream(downloader, one, info) for one in formats)
        return Media(streams, "" if loopback else self._options["proxy"])

    def fetch_body(self, stream: Stream, path: Path) -> bool:
        """Write the whole file of a stream to `path`, by plain HTTP instead of ffmpeg.

        Returns:
            whether it is known to be whole: its length was stated, or its end was marked.

        Raises:
            FetchError: it cannot be had to its end, is very large, or is an HTML page.
            HearsayError: the disk is full.
        """
        downloader = self._downloader(urlsplit(stream.url).hostname in LOOPBACK)
        stop = threading.Event()
        try:
            return self._ask(lambda: save_body(downloader, stream, path, stop), LONGEST_TIMEOUTS)
        finally:
            stop.set()

    def _ask(self, asked: Callable[[], Answer], num_timeouts: int) -> Answer:
        """Call yt-dlp; its timeout is that of one read, so that a trickle could last for ever."""
        limit_s = num_timeouts * self._options["timeout_s"]
        try:
            return call_within(limit_s, asked)
        except TimeoutError as error:
            self._local.downloaders = {}  # those in use stay with the thread that hangs
            raise FetchError("network", f"yt-dlp did not end within {limit_s:.0f} s") from error
        except (FetchError, HearsayError):
            raise
        except yt_dlp.utils.YoutubeDLError as error:
            raise explain_extraction(error) from error
        except Exception as error:  # whatever breaks inside an extractor must cost one clip only
            detail = f"yt-dlp failed: {type(error).__name__}: {error}"
            raise FetchError(explain_extraction(error).status, detail) from error

    def _downloader(self, loopback: bool) -> Any:
        found = getattr(self._local, "downloaders", None)
        if found is None:
            found = self._local.downloaders = {}
        if loopback not in found:
            found[loopback] = yt_dlp.YoutubeDL(
                {
                    "format": self._options["format"],
                    "proxy": "" if loopback else self._options["proxy"],  # None: environment
                    # As text, so that no thread writes into the user's file.
                    "cookiefile": None if self.cookies is None else io.StringIO(self.cookies),
                    "socket_timeout": self._options["timeout_s"],
                    # Copies: yt-dlp changes what it is given.
                    "extractor_args": deepcopy(self.extractor_args),
                    "js_runtimes": deepcopy(self._options["js_runtimes"]),
                    # Direct links need no search through 1,800 extractors.
                    "allowed_extractors": ["generic"] if loopback else ["default"],
                    "cachedir": False,
                    "noplaylist": True,
                    "playlist_items": "1",
                    "logger": _Logger(),
                    "noprogress": True,
                    "color": {"stdout": "no_color", "stderr": "no_color"},
                }
            )
        return found[loopback]


def page_address(source: str, locator: str, address: str) -> str:
    """Return what yt-dlp is asked for: a YouTube id takes its place in `address`."""
    if source == "youtube" and re.fullmatch(r"[A-Za-z0-9_-]+", locator):
        return address.replace(VIDEO_ID, locator)
    return locator


def read_extractor_args(given: dict[str, Any] | str) -> dict[str, dict[str, list[str]]]:
    """Return arguments of yt-dlp's extractors, {extractor: {argument: [text, ...]}}.

    Args:
        given: these, or the path of a YAML or JSON file that holds them, so that tokens stand in
            no config and in no log.

    Raises:
        HearsayError: the file cannot be read or holds something else.
    """
    if not isinstance(given, str):
        return given
    try:
        read = yaml.safe_load(Path(given).read_text())
    except OSError as error:
        raise HearsayError(
            f"cannot read fetch.extractor_args {given}: {error.strerror}; mend the path, or give "
            "{} for none"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError):  # whose message would quote the file
        read = None
    if not _are_extractor_args(read):
        raise HearsayError(
            f"fetch.extractor_args {given}: the file is no mapping of lists of texts; write "
            'it like this: {youtube: {po_token: ["web.gvs+TOKEN"]}}'
        )
    return read


def _are_extractor_args(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(arguments, dict)
        and all(
            isinstance(texts, list) and all(isinstance(text, str) for text in texts)
            for texts in arguments.values()
        )
        for arguments in value.values()
    )


def _stream(downloader: Any, one: dict[str, Any], info: dict[str, Any]) -> Stream:
    protocol = one.get("protocol") or urlsplit(one["url"]).scheme
    if protocol not in ("http", "https", "m3u8", "m3u8_native"):
        raise FetchError(
            "unknown", f"format {one.get('format_id')} comes by {protocol}; choose fetch.format"
        )
    cookies = downloader.cookiejar.get_cookies_for_url(one["url"])
    return Stream(
        url=one["url"],
        headers=dict(one.get("http_headers") or info.get("http_headers") or {}),
        cookies="".join(
            f"{cookie.name}={cookie.value}; path={cookie.path}; domain={cookie.domain};\r\n"
            for cookie in cookies
        ),
        is_mp4=protocol in ("http", "https") and one.get("ext") in MP4_SUFFIXES,
        is_file=protocol in ("http", "https"),
    )


class _Logger:
    """Pass yt-dlp's talk on without its secrets; errors are raised and recorded as well."""

    def debug(self, message: str) -> None:
        logger.debug("%s", hide_secrets(message))

    warning = error = info = debug
