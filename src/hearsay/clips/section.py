"""Cut the section of a clip out of remote media with an ffmpeg of our own, and verify it.

yt-dlp's own section download hides what went wrong: a body cut short or a reset connection
raises nothing, every HTTP error reads alike, and a hung server hangs for minutes.
"""

import os
import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import ffmpeg

from hearsay.clips.ffmpeg import find_ffmpeg
from hearsay.clips.outcomes import FetchError, explain_ffmpeg
from hearsay.clips.verify import MediaContent, verify_media
from hearsay.errors import HearsayError

MISSING_S = 0.5  # a section shorter by more than this has lost its end on the way
LONGEST_TIMEOUTS = 60  # an ffmpeg that runs for so many times timeout_s is stopped


@dataclass(frozen=True)
class Stream:
    """One address of media: both sound and pictures, or one of the two."""

    url: str
    headers: dict[str, str]
    cookies: str  # as ffmpeg's option -cookies wants them
    is_mp4: bool  # a section can be copied from MP4; from WebM and Matroska it comes out wrong
    is_file: bool = True  # else a playlist of pieces


@dataclass(frozen=True)
class Section:
    """A verified media file and where in it the clip lies."""

    start_offset_s: float
    duration_s: float  # of the clip, at most end_s - start_s
    content: MediaContent


def section_suffix(streams: tuple[Stream, ...], start_s: float) -> str:
    """Return the suffix of the file that `cut_section` makes of these streams."""
    if all(stream.is_mp4 for stream in streams) or start_s > 0:
        return ".mp4"
    return ".mkv"


def cut_section(
    streams: tuple[Stream, ...],
    start_s: float,
    end_s: float | None,
    output: Path,
    timeout_s: float,
    proxy: str | None,
) -> Section:
    """Fetch start_s .. end_s (None: to the end) of one or two streams into `output`.

    MP4 is copied from the key frame before `start_s`, anything else is encoded anew unless it
    begins at 0. Where the copy begins is read from the first packet, once with the source's
    time and once with the file's: the edit list that ffmpeg would write by itself moves the
    pictures by up to one frame against the sound.

    Args:
        timeout_s: no byte for so long: the attempt failed.
        proxy: None: that of the environment; "": none.

    Raises:
        FetchError: the media cannot be had, is damaged, or breaks off.
        HearsayError: the disk is full.
    """
    encode = start_s > 0 and not all(stream.is_mp4 for stream in streams)
    command = _build_command(streams, start_s, end_s, output, timeout_s, encode)
    log, first_packet = _run(command, output, proxy, timeout_s)
    content = verify_media(output)
    sources = re.findall(r"Duration: (?:N/A|([\d:.]+))(?:, start: (-?[\d.]+))?", log)
    start_offset_s = 0.0
    if first_packet:
        source_start_s = float(sources[0][1] or 0) if sources else 0.0
        start_offset_s = start_s + max(0.0, source_start_s) - _shift_s(first_packet, content)
    wanted_s = (end_s - start_s) if end_s is not None else float("inf")
    _check_length(
        [_parse_clock(clock) - start_s for clock, _ in sources if clock],
        wanted_s,
        content.video_end_s - start_offset_s,
        content.audio_end_s - start_offset_s,
    )
    held_s = (content.audio_end_s or content.video_end_s) - start_offset_s
    return Section(max(0.0, start_offset_s), max(0.0, min(held_s, wanted_s)), content)


def _build_command(
    streams: tuple[Stream, ...],
    start_s: float,
    end_s: float | None,
    output: Path,
    timeout_s: float,
    encode: bool,
) -> list[str]:
    section: dict[str, float] = {}
    if start_s > 0:
        section["ss"] = start_s
    if end_s is not None:
        section["t"] = end_s - start_s
    inputs = []
    for stream in streams:
        http = {
            "rw_timeout": int(timeout_s * 1e6),  # microseconds
            "reconnect": 1,  # once and at once: waiting is the business of the retries
            "reconnect_delay_max": 0,
            "headers": "".join(f"{key}: {value}\r\n" for key, value in stream.headers.items()),
        }
        if stream.cookies:
            http["cookies"] = stream.cookies
        options = http if stream.url.startswith(("http://", "https://")) else {}
        inputs.append(ffmpeg.input(stream.url, **options, **section))
    mapped = [inputs[0]["V:0?"], inputs[-1]["a:0?"]]  # V: without cover pictures
    if encode:
        stored = ffmpeg.output(
            *mapped,
            str(output),
            **{
                "c:v": "libx264",
                "preset": "ultrafast",
                "crf": 18,
                "pix_fmt": "yuv420p",
                "filter:v": "crop=trunc(iw/2)*2:trunc(ih/2)*2",  # yuv420p has even sides only
                # The time base of the frame rate would move every picture onto its grid.
                "enc_time_base:v": "1:90000",
                "c:a": "aac",
                "b:a": "192k",
                "threads": 1,
            },
        )
    elif start_s == 0:
        stored = ffmpeg.output(*mapped, str(output), c="copy")
    else:
        stored = ffmpeg.output(*mapped, str(output), c="copy", avoid_negative_ts="make_zero")
        # A second output tells the first packet's time in the source, on stdout.
        first = {"c": "copy", "frames:v": 1, "frames:a": 1, "f": "framecrc"}
        stored = ffmpeg.merge_outputs(stored, ffmpeg.output(*mapped, "pipe:1", **first))
        stored = stored.global_args("-copyts")
    quiet = ("-nostdin", "-nostats", "-hide_banner", "-loglevel", "level+info")
    stored = stored.global_args(*quiet, "-xerror")
    return list(ffmpeg.compile(stored, cmd=find_ffmpeg(), overwrite_output=True))


def _run(command: list[str], output: Path, proxy: str | None, timeout_s: float) -> tuple[str, str]:
    """Run ffmpeg and return its log and what it printed (empty unless `_build_command` asks)."""
    environment = dict(os.environ)
    if proxy is not None:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            environment.pop(name, None)
            environment.pop(name.upper(), None)
    if proxy:
        environment["http_proxy"] = proxy  # ffmpeg uses it for https too
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=environment,
            timeout=timeout_s * LONGEST_TIMEOUTS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        detail = f"ffmpeg did not end within {error.timeout:.0f} s"
        raise FetchError("network", detail, in_media_stage=True) from error
    if done.returncode == 0:
        return done.stderr, done.stdout
    failure = None
    if done.returncode != -signal.SIGXFSZ:  # a limit of the file size, as of `ulimit -f`
        failure = explain_ffmpeg(done.returncode, done.stderr)
    if failure is None:
        raise HearsayError(
            f"cannot write {output.parent}: disk full or no right to write; free "
            "space, then start the same command again"
        )
    raise failure


def _check_length(sources_s: list[float], wanted_s: float, video_s: float, audio_s: float) -> None:
    """Refuse a section that has lost its end on the way.

    Sound and pictures from one address may differ in length at the source already, so that
    there the longer counts; from two addresses each is held against its own.

    Args:
        sources_s: how much each address states to have after the section's start.
        wanted_s: length of the section.
        video_s: how much has come of the pictures; `audio_s`: of the sound.
    """
    came = (video_s, audio_s) if len(sources_s) == 2 else (max(video_s, audio_s),)
    for came_s, source_s in zip(came, sources_s, strict=False):
        expected_s = min(source_s, wanted_s)
        if came_s < expected_s - MISSING_S:
            detail = f"the media broke off: {max(0.0, came_s):.2f} s of {expected_s:.2f} s came"
            raise FetchError("network", detail, in_media_stage=True)


def _parse_clock(clock: str) -> float:
    """Return the seconds of "HH:MM:SS.ss"."""
    hours, minutes, seconds = (float(part) for part in clock.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def _shift_s(first_packet: str, content: MediaContent) -> float:
    """Return the time in the source at time 0 of the stored file.

    Args:
        first_packet: output of ffmpeg's framecrc: "#tb STREAM: NUM/DEN" for each stream, then
            "STREAM, DTS, PTS, ..." for at least one packet.
    """
    bases = {
        int(match.group(1)): int(match.group(2)) / int(match.group(3))
        for match in re.finditer(r"^#tb (\d+): (\d+)/(\d+)", first_packet, re.MULTILINE)
    }
    for line in first_packet.splitlines():
        if not line.startswith("#"):
            stream, _, pts = (int(cell) for cell in line.split(",")[:3])
            if stream in content.first_packet_s:
                return pts * bases[stream] - content.first_packet_s[stream]
    raise FetchError("corrupt", "the section holds no packet", in_media_stage=True)
