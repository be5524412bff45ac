"""Fetch one clip: settled already, a local file, or remote media with its retries."""

import logging
import math
import os
import random
import threading
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hearsay.clips.access import name_access, name_way
from hearsay.clips.body import cut_remote
from hearsay.clips.journal import Journal
from hearsay.clips.outcomes import FetchError
from hearsay.clips.rate_limit import RunLimiter
from hearsay.clips.section import Stream, section_suffix
from hearsay.clips.sources import TOOL, MediaFinder, page_address
from hearsay.clips.status import BLOCKING_FETCH_STATUSES, PERMANENT_FETCH_STATUSES
from hearsay.clips.verify import MediaContent, verify_media
from hearsay.errors import HearsayError
from hearsay.layout import SERVED_HERE

LOCAL_SOURCES = ("file", "archive")  # verified where they lie
ROUNDING_S = 1e-3  # a recording that is shorter by less than this is not too short
REPEATED_FETCH_STATUSES = BLOCKING_FETCH_STATUSES | {"network"}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clip:
    """One row of the index, as far as fetching goes."""

    clip_id: str
    source: str
    locator: str
    start_s: float
    end_s: float | None
    excluded: str | None = None  # why it is not to be used

    @property
    def request(self) -> list[Any]:
        """What is fetched, as it stands in the journal."""
        return [self.source, self.locator, self.start_s, self.end_s]


@dataclass(frozen=True)
class Outcome:
    """One row of the status table."""

    clip_id: str
    status: str
    detail: str = ""
    attempts: int = 0
    bytes: int = 0
    duration_s: float = 0.0
    path: str = ""
    start_offset_s: float = 0.0
    tool: str = TOOL


class Fetcher:
    """Fetch single clips from several threads, sharing journal, rate limit and options."""

    def __init__(
        self,
        media_folder: Path,
        options: dict[str, Any],
        run_folder: Path,
        address: str | None,
        archive_folder: Path | None,
    ) -> None:
        """Take `address` ("http://127.0.0.1:PORT/") in place of http://localhost/; None: leave.

        Locators of source `archive` are paths inside `archive_folder`.
        """
        self.stop = threading.Event()
        self._folder = media_folder
        self._options = options
        self._address = address
        self._archive_folder = archive_folder
        self._journal = Journal(media_folder)
        self._decoded: dict[Path, Future[MediaContent]] = {}
        self._decoded_lock = threading.Lock()
        self._finder = MediaFinder(options)
        self._limiter = RunLimiter(
            run_folder,
            options["clips_per_hour"],
            options["backoff_s"],
            self.stop,
            name_way(options, self._finder),
        )
        self._access = name_access(options, self._finder)

    def fetch(self, clip: Clip) -> Outcome:
        """Fetch one clip, trying again where the failure is a passing one.

        Raises:
            HearsayError: something that concerns all clips.
        """
        if clip.excluded:  # even where it was fetched before
            return Outcome(clip.clip_id, "excluded", clip.excluded, tool="")
        settled = self._settled(clip)
        if settled is not None:
            return settled
        is_local = clip.source in LOCAL_SOURCES
        outcome = self._verify_file(clip) if is_local else self._try_remote(clip)
        if outcome.status != "ok":
            logger.warning("clip %s: %s: %s", clip.clip_id, outcome.status, outcome.detail)
        if outcome.status != "ok" or is_local:
            self._record(clip, outcome)  # a fetched file is recorded before it gets its name
        return outcome

    def _record(self, clip: Clip, outcome: Outcome) -> None:
        self._journal.append({**asdict(outcome), "request": clip.request, "access": self._access})

    def _settled(self, clip: Clip) -> Outcome | None:
        """Return the outcome of an earlier start, where it can be trusted."""
        entry = self._journal[clip.clip_id]
        if entry is None or entry["request"] != clip.request:
            return None
        outcome = Outcome(**{key: entry[key] for key in Outcome.__dataclass_fields__})
        if outcome.status == "ok":
            path = Path(outcome.path)
            if clip.source != "file":  # the working directory may be another one today
                path = self._archived(clip) or self._folder / path.name
                outcome = Outcome(**{**asdict(outcome), "path": str(path)})
            return outcome if path.is_file() and path.stat().st_size == outcome.bytes else None
        # A local file may have been mended, and asking for it costs nobody anything.
        permanent = outcome.status in PERMANENT_FETCH_STATUSES and clip.source not in LOCAL_SOURCES
        return outcome if permanent and entry["access"] == self._access else None

    def _archived(self, clip: Clip) -> Path | None:
        """Return where a clip of an archive lies; None: it is of another source."""
        if clip.source != "archive" or self._archive_folder is None:
            return None
        return self._archive_folder / clip.locator

    def _verify_file(self, clip: Clip) -> Outcome:
        path = self._archived(clip) or Path(clip.locator)
        try:
            if not path.is_file():
                raise FetchError("not_found", f"there is no file {path}")
            content = self._decode_once(path)
            start_offset_s = clip.start_s + content.start_s
            held_s = (content.audio_end_s or content.video_end_s) - start_offset_s
            wanted_s = math.inf if clip.end_s is None else clip.end_s - clip.start_s
            duration_s = max(0.0, min(held_s, wanted_s))
            self._check(content, duration_s)
        except FetchError as error:
            return Outcome(clip.clip_id, error.status, error.detail, attempts=1, tool=clip.source)
        return Outcome(
            clip.clip_id,
            "ok",
            attempts=1,
            bytes=path.stat().st_size,
            duration_s=duration_s,
            path=str(path),
            start_offset_s=start_offset_s,
            tool=clip.source,
        )

    def _decode_once(self, path: Path) -> MediaContent:
        """Verify a local file, once for all the clips that lie in it."""
        with self._decoded_lock:
            known = self._decoded.get(path)
            future = known or self._decoded.setdefault(path, Future())
        if known is None:
            try:
                future.set_result(verify_media(path))
            except BaseException as error:
                future.set_exception(error)
        return future.result()

    def _try_remote(self, clip: Clip) -> Outcome:
        attempts = media_forbidden = 0
        while True:
            attempts += 1
            passed_at = self._limiter.wait()
            if self.stop.is_set():
                raise HearsayError("another clip has ended the job")  # and told why
            try:
                outcome = self._fetch_once(clip, attempts)
                self._limiter.succeeded(passed_at)
                return outcome
            except FetchError as error:
                failure = error
            if failure.status in BLOCKING_FETCH_STATUSES:
                pause_s = self._limiter.block(failure.retry_after_s)
                logger.warning(
                    "clip %s: %s; all jobs pause for %.1f s", clip.clip_id, failure.status, pause_s
                )
            else:
                if failure.status != "network":
                    self._limiter.succeeded(passed_at)
                # The address may have expired since yt-dlp found it: one more look.
                media_forbidden += failure.status == "forbidden" and failure.in_media_stage
            again = failure.status in REPEATED_FETCH_STATUSES or (
                failure.status == "forbidden" and failure.in_media_stage and media_forbidden == 1
            )
            if not again or attempts >= self._options["max_attempts"] or self.stop.is_set():
                return Outcome(clip.clip_id, failure.status, failure.detail, attempts)
            logger.info("clip %s: attempt %d: %s", clip.clip_id, attempts, failure)
            if failure.status not in BLOCKING_FETCH_STATUSES:
                wait_s = self._options["backoff_s"] * 2.0 ** (attempts - 1)
                self.stop.wait(wait_s * random.uniform(0.5, 1.5))

    def _fetch_once(self, clip: Clip, attempts: int) -> Outcome:
        url = page_address(clip.source, clip.locator, self._options["address"])
        if self._address is not None and url.startswith(SERVED_HERE):
            url = self._address + url.removeprefix(SERVED_HERE)
        media = self._finder.find(url)
        self._limiter.hold()  # another job may have been refused meanwhile
        suffix = section_suffix(media.streams, clip.start_s)
        temporary = self._folder / f".{clip.clip_id}.{os.getpid()}.partial{suffix}"
        try:
            section = cut_remote(
                media.streams,
                clip.start_s,
                clip.end_s,
                temporary,
                self._options["timeout_s"],
                media.proxy,
                self._fetch_body,
            )
            self._check(section.content, section.duration_s)
            path = self._folder / f"{clip.clip_id}{suffix}"
            outcome = Outcome(
                clip.clip_id,
                "ok",
                attempts=attempts,
                bytes=temporary.stat().st_size,
                duration_s=section.duration_s,
                path=str(path),
                start_offset_s=section.start_offset_s,
            )
            # In this order, so that a kill costs no verified file and no entry speaks of another
            # file than the one that lies there.
            path.unlink(missing_ok=True)
            self._record(clip, outcome)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        return outcome

    def _fetch_body(self, stream: Stream, path: Path) -> bool:
        self._limiter.hold()
        return self._finder.fetch_body(stream, path)

    def _check(self, content: MediaContent, duration_s: float) -> None:
        if not content.has_audio:
            raise FetchError("no_audio", "there is no audio stream")
        if self._options["require_video"] and not content.has_video:
            raise FetchError("no_video", "there is no video stream")
        if duration_s < self._options["min_duration_s"] - ROUNDING_S:
            raise FetchError(
                "too_short",
                f"{duration_s:.2f} s is shorter than {self._options['min_duration_s']} s",
            )
