import io
from pathlib import Path

import pytest
import yt_dlp
from yt_dlp.networking import Response
from yt_dlp.networking.exceptions import HTTPError, TransportError
from yt_dlp.utils import DownloadError, ExtractorError, GeoRestrictedError

from hearsay.clips.outcomes import (
    classify_http,
    classify_message,
    explain_extraction,
    explain_ffmpeg,
    hide_secrets,
    parse_retry_after,
)
from hearsay.clips.status import (
    BLOCKING_FETCH_STATUSES,
    FETCH_STATUSES,
    PERMANENT_FETCH_STATUSES,
)

COOKIES = (
    "Use --cookies-from-browser or --cookies for the authentication. See  "
    "https://github.com/yt-dlp/yt-dlp/wiki/FAQ#how-do-i-pass-cookies-to-yt-dlp  for how to "
    "manually pass cookies"
)

# Texts that users of yt-dlp have seen.
MESSAGES = [
    ("private", f"[youtube] x: Private video. Sign in if you've been granted access. {COOKIES}"),
    ("private", "[youtube] x: Private video. Sign in if you've been granted access to this video"),
    ("private", "[vimeo] 1: This video is private"),
    ("removed", "[youtube] x: Video unavailable"),
    ("removed", "[youtube] x: Video unavailable. This video is not available"),
    ("removed", "[youtube] x: Video unavailable. This video has been removed by the uploader"),
    ("removed", "[youtube] x: This video isn't available anymore"),
    (
        "removed",
        "[youtube] x: This video has been removed for violating YouTube's policy on hate speech.",
    ),
    (
        "account_terminated",
        "[youtube] x: Video unavailable. This video is no longer available because the YouTube "
        "account associated with this video has been terminated.",
    ),
    (
        "account_terminated",
        "[youtube] x: Video unavailable. This video is no longer available because the uploader "
        "has closed their YouTube account.",
    ),
    (
        "copyright",
        "[youtube] x: Video unavailable. This video is no longer available due to a copyright "
        "claim by Somebody",
    ),
    (
        "copyright",
        "[youtube] x: Video unavailable. This video contains content from SME, who has blocked it "
        "on copyright grounds",
    ),
    (
        "geo_blocked",
        "[youtube] x: Video unavailable. This video contains content from Rotana Holding, who has "
        "blocked it in your country on copyright grounds",
    ),
    ("geo_blocked", "[youtube] x: The uploader has not made this video available in your country"),
    (
        "geo_blocked",
        "[bbc] x: This video is not available from your location due to geo restriction",
    ),
    (
        "age_restricted",
        "[youtube] x: Sign in to confirm your age. This video may be inappropriate for some "
        f"users. {COOKIES}",
    ),
    (
        "members_only",
        "[youtube] x: Join this channel to get access to members-only content like this video, "
        "and other exclusive perks.",
    ),
    (
        "members_only",
        "[youtube] x: This video is available to this channel's members on level: Fan (or any "
        "higher level). Join this channel to get access to members-only content and other "
        "exclusive perks.",
    ),
    ("members_only", "[youtube] x: This video requires payment to watch."),
    ("live", "[youtube] x: This live event will begin in 3 hours."),
    ("live", "[youtube] x: Premieres in 21 hours"),
    ("live", "[youtube] x: This live stream recording is not available."),
    ("live", "[twitch:stream] x: The channel is not currently live"),
    ("bot_check", f"[youtube] x: Sign in to confirm you’re not a bot. {COOKIES}"),
    ("bot_check", f"[youtube] x: Sign in to confirm you're not a bot. {COOKIES}"),
    (
        "bot_check",
        "[youtube] x: Video unavailable. YouTube is requiring a captcha challenge before playback",
    ),
    (
        "rate_limited",
        "[youtube] x: Video unavailable. This content isn't available, try again later. The "
        "current session has been rate-limited by YouTube for up to an hour. It is recommended to "
        "use `-t sleep` to add a delay between video requests",
    ),
    (
        "rate_limited",
        "[youtube] x: Unable to download API page: HTTP Error 429: Too Many Requests "
        "(caused by <HTTPError 429: Too Many Requests>)",
    ),
    ("forbidden", "[generic] Unable to download webpage: HTTP Error 403: Forbidden"),
    ("forbidden", "[x] This video is only available for registered users"),
    ("forbidden", f"[youtube] x: Please sign in. {COOKIES}"),
    ("not_found", "[generic] Unable to download webpage: HTTP Error 404: Not Found"),
    ("not_found", "[generic] Unable to download webpage: HTTP Error 410: Gone"),
    (
        "not_found",
        "[youtube:truncated_id] abc: Incomplete YouTube ID abc. URL https://youtu.be/abc looks "
        "truncated.",
    ),
    (
        "network",
        "[youtube] x: Unable to download webpage: Failed to resolve 'www.youtube.com' "
        "([Errno -3] Temporary failure in name resolution)",
    ),
    ("network", "[generic] Unable to download webpage: The read operation timed out"),
    ("network", "[generic] Unable to download webpage: HTTP Error 503: Service Unavailable"),
    ("network", "[generic] Unable to download webpage: [Errno 104] Connection reset by peer"),
    ("unknown", "Unsupported URL: http://example.org/page.html"),
    ("unknown", "[youtube] x: Requested format is not available. Use --list-formats for a list"),
    ("unknown", "[youtube] x: The following content is not available on this app."),
    ("unknown", "[youtube] x: This video is unavailable on this device."),
    ("unknown", "[youtube] x: Video unavailable. This content isn’t available."),
    (
        "unknown",
        "[youtube] x: Video unavailable. Playback on other websites has been disabled by the "
        "video owner",
    ),
    ("unknown", "[youtube] x: This video is DRM protected"),
    ("unknown", "[youtube] x: The page needs to be reloaded."),
    ("unknown", "[youtube] x: Failed to extract any player response"),
    (
        "bot_check",
        "[youtube] x: All player responses are invalid. Your IP is likely being blocked by Youtube",
    ),
    (
        "forbidden",
        "[youtube] x: Video unavailable. This video is restricted. Please check the Google "
        "Workspace administrator and/or the network administrator restrictions.",
    ),
    ("forbidden", f"[youtube] x: Login details are needed to download this content. {COOKIES}"),
    (
        "copyright",
        "[youtube] x: Video unavailable. This video contains content from UMG, who has blocked it "
        "from display on this website or application",
    ),
    (
        "account_terminated",
        "[youtube] x: Video unavailable. This account has been terminated for a violation of "
        "YouTube's Terms of Service.",
    ),
    (
        "removed",
        "[youtube] x: Video unavailable. This video is no longer available due to a privacy claim "
        "by a third party",
    ),
    (
        "members_only",
        "[youtube] x: Video unavailable. This video is only available to Music Premium members",
    ),
    ("age_restricted", "[youtube] x: This video is age-restricted and only available on YouTube."),
    ("live", "[youtube] x: Premiere will begin shortly"),
    ("live", "[youtube] x: This live event has ended."),
    ("live", "[youtube] x: We're processing this video. Check back later."),
]


@pytest.mark.parametrize(("status", "message"), MESSAGES)
def test_a_message_of_yt_dlp_has_its_status(status: str, message: str) -> None:
    assert classify_message(message) == status


def test_every_status_that_a_message_can_have_is_in_the_table() -> None:
    without_a_message = {"ok", "excluded", "no_audio", "no_video", "too_short", "corrupt"}
    assert {status for status, _ in MESSAGES} == set(FETCH_STATUSES) - without_a_message
    assert set(FETCH_STATUSES) >= PERMANENT_FETCH_STATUSES | BLOCKING_FETCH_STATUSES
    assert not PERMANENT_FETCH_STATUSES & BLOCKING_FETCH_STATUSES


def test_an_unknown_failure_keeps_its_whole_message() -> None:
    message = "ERROR: [youtube] x: Something that YouTube has\nnever said before"
    failure = explain_extraction(DownloadError(message))
    assert failure.status == "unknown"
    assert failure.detail == "[youtube] x: Something that YouTube has never said before"


def _http_error(code: int, headers: dict[str, str] | None = None) -> HTTPError:
    return HTTPError(Response(io.BytesIO(), "http://example.org", headers or {}, code))


def _download_error(cause: Exception, message: str = "cannot") -> DownloadError:
    inner = ExtractorError(message, cause=cause)
    inner.exc_info = (type(cause), cause, None)
    return DownloadError(f"ERROR: {message}", (type(inner), inner, None))


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (401, "forbidden"),
        (403, "forbidden"),
        (404, "not_found"),
        (410, "not_found"),
        (429, "rate_limited"),
        (451, "geo_blocked"),
        (500, "network"),
        (503, "network"),
        (418, "unknown"),
    ],
)
def test_the_http_status_inside_counts_before_the_text(code: int, status: str) -> None:
    assert classify_http(code) == status
    assert explain_extraction(_download_error(_http_error(code))).status == status


def test_the_retry_after_of_a_429_is_kept() -> None:
    failure = explain_extraction(_download_error(_http_error(429, {"Retry-After": "7"})))
    assert (failure.status, failure.retry_after_s) == ("rate_limited", 7.0)
    assert parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert parse_retry_after("soon") is None
    assert parse_retry_after(None) is None


def test_failed_connections_and_countries_are_known_by_their_exception() -> None:
    assert explain_extraction(_download_error(TransportError("odd words"))).status == "network"
    geo = DownloadError("ERROR: odd words", (GeoRestrictedError, GeoRestrictedError("odd"), None))
    assert explain_extraction(geo).status == "geo_blocked"


@pytest.mark.parametrize(
    ("status", "log"),
    [
        ("not_found", "[in#0] [error] Error opening input: Server returned 404 Not Found"),
        ("forbidden", "[in#0] [error] Server returned 403 Forbidden (access denied)"),
        ("rate_limited", "[http @ 0x1] [warning] HTTP error 429 Too Many Requests"),
        ("network", "[in#0] [error] Server returned 5XX Server Error reply"),
        ("network", "[http @ 0x1] [error] Stream ends prematurely at 200000, should be 356585"),
        ("network", "[http @ 0x1] [error] Error reading HTTP response: Connection timed out"),
        ("network", "[tcp @ 0x1] [error] Connection to tcp://127.0.0.1:9 failed: Refused\n"
                    "[error] Error opening input: Connection refused"),
        ("corrupt", "[in#0] [error] moov atom not found\n"
                    "[error] Error opening input: Invalid data found when processing input"),
    ],
)  # fmt: skip
def test_a_log_of_ffmpeg_has_its_status(status: str, log: str) -> None:
    failure = explain_ffmpeg(183, log)
    assert failure is not None
    assert failure.status == status
    assert failure.in_media_stage
    assert log.splitlines()[0].replace(" @ 0x1", "") in failure.detail  # the same in every run


@pytest.mark.parametrize(
    ("code", "log"),
    [(-9, ""), (1, "[error] Unrecognized option 'reconnect_delay_max'."), (-11, "[error] corrupt")],
)
def test_a_fault_of_ffmpeg_itself_is_no_fault_of_the_media(code: int, log: str) -> None:
    failure = explain_ffmpeg(code, log)
    assert failure is not None
    assert failure.status == "unknown"
    assert failure.status not in PERMANENT_FETCH_STATUSES


def test_a_full_disk_is_no_matter_of_one_clip() -> None:
    assert explain_ffmpeg(228, "[out#0] [error] Error: No space left on device") is None


# What yt-dlp says by itself, where the rest is YouTube's own words.
OWN_TEXTS = [
    ("bot_check", "All player responses are invalid. Your IP is likely being blocked by Youtube"),
    ("bot_check", "YouTube is requiring a captcha challenge before playback"),
    ("rate_limited", "has been rate-limited by YouTube for up to an hour"),
    ("geo_blocked", "The uploader has not made this video available in your country"),
    ("geo_blocked", "This video is not available from your location due to geo restriction"),
    ("forbidden", "Login details are needed to download this content"),
    ("forbidden", "This video is only available for registered users"),
    ("live", "The channel is not currently live"),
    ("unknown", "This video is DRM protected"),
    ("unknown", "Failed to extract any player response"),
]


@pytest.fixture(scope="module")
def yt_dlp_source() -> str:
    root = Path(yt_dlp.__file__).parent
    files = [*root.glob("*.py"), *root.glob("utils/*.py"), root / "extractor" / "common.py"]
    return "".join(file.read_text() for file in [*files, *root.glob("extractor/youtube/*.py")])


@pytest.mark.parametrize(("status", "text"), OWN_TEXTS)
def test_what_yt_dlp_itself_says_stands_in_its_source(
    status: str, text: str, yt_dlp_source: str
) -> None:
    assert text in yt_dlp_source, "yt-dlp says it otherwise now: see hearsay.clips.outcomes"
    assert classify_message(text) == status


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (
            "[in#0] [error] Error opening input file https://rr3.example/videoplayback"
            "?ip=1.2.3.4&pot=SECRET&sig=S=.",
            "[in#0] [error] Error opening input file https://rr3.example/videoplayback?....",
        ),
        ("https://h/a.mp4?sig=SECRET: Invalid data", "https://h/a.mp4?...: Invalid data"),
        ("'http://h:8080/?sig=SECRET' failed", "'http://h:8080/?...' failed"),
        ("retries exceeded with url: /play?sig=SECRET (x)",
         "retries exceeded with url: /play?... (x)"),
        ("HTTPS://H/A?sig=SECRET#SECRET", "HTTPS://H/A?..."),
        ("at https://r1---sn-x.googlevideo.com/videoplayback/ip/1.2.3.4/sig/SECRET/f.m3u8 no",
         "at https://r1---sn-x.googlevideo.com/... no"),
        ("proxy http://user:SECRET@p:3128/ and socks5://user:SECR@ET@q",
         "proxy http://...@p:3128/ and socks5://...@q"),
        ("is this it? a/b and http://h/a.mp4: 404, mail a@b.c", None),
    ],
)  # fmt: skip
def test_secrets_of_addresses_are_hidden_and_the_rest_is_kept(said: str, kept: str | None) -> None:
    assert hide_secrets(said) == (kept or said)


def test_no_signed_address_ends_in_a_detail() -> None:
    address = "https://h.example/videoplayback?ip=1.2.3.4&pot=SECRET&sig=S"
    log = f"[in#0 @ 0x1] [error] Error opening input file {address}: Invalid data found"
    failure = explain_ffmpeg(183, log)
    assert failure is not None and failure.status == "corrupt"
    assert "SECRET" not in str(failure) and "1.2.3.4" not in failure.detail
    assert failure.detail.endswith("https://h.example/videoplayback?...: Invalid data found")
    said = explain_extraction(DownloadError(f"ERROR: [generic] Unable to download {address}"))
    assert said.detail == "[generic] Unable to download https://h.example/videoplayback?..."
    # Cut to length afterwards, else a secret without its beginning would not be known for one.
    long = explain_extraction(DownloadError("x" * 1950 + f" {address}"))
    assert "pot" not in long.detail
