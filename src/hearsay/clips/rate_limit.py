"""One rate limit and one breaker for all jobs of a run, through a shared folder."""

import fcntl
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hearsay.errors import HearsayError

STATE_FILE = "rate_limit.json"
LOCK_FILE = "rate_limit.lock"
logger = logging.getLogger(__name__)

LONGEST_BLOCK_S = 3600.0
LONGEST_NAP_S = 5.0  # between two looks at the breaker
TELL_FROM_S = 30.0  # a longer wait is told
MAX_BLOCKS = 10  # so many in a row, over all jobs: going on is pointless
ADVICE = (
    "lower fetch.clips_per_hour, or give fetch.cookies of an account or a PO token in "
    "fetch.extractor_args"
)


class RunLimiter:
    """Let clips pass at the rate of the run, and nobody while the source refuses.

    The state is a file with `next_slot` (when the next clip may pass), `interval_s` (of the job
    that came last to this rate), `not_before` (nobody passes earlier), `blocks` (refusals in a
    row) and `given_up` (until when nobody asks in a way that was refused to the end), in seconds
    since the epoch, changed only under an `flock` of a file beside it. Clocks of the hosts must
    agree to within seconds.
    """

    def __init__(
        self,
        run_folder: Path,
        clips_per_hour: float | None,
        backoff_s: float,
        stop: threading.Event | None = None,
        way: str = "",
    ) -> None:
        """Open the shared state in `run_folder`, which is made where absent.

        Args:
            clips_per_hour: None: no limit; the breaker works all the same.
            backoff_s: the first block lasts at least so long; doubles with each in a row.
            stop: once set, `wait` and `hold` return early.
            way: stands for how the source is asked; another one is not given up with this one.

        Raises:
            HearsayError: the folder cannot be written.
        """
        self._state = Path(run_folder) / STATE_FILE
        self._lock_path = Path(run_folder) / LOCK_FILE
        self._interval_s = 3600.0 / clips_per_hour if clips_per_hour else 0.0
        self._backoff_s = backoff_s
        self._stop = stop or threading.Event()
        self._way = way
        self._has_joined = False  # whether this job's rate has been held against the state's
        self._told_of = 0.0  # the block, by its end, that this job has told
        self._telling = threading.Lock()
        try:
            Path(run_folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HearsayError(f"cannot make {run_folder}: {error.strerror}") from error

    def wait(self) -> float:
        """Return when one more clip may be asked for: the time, for `succeeded`.

        Raises:
            HearsayError: the source has refused to the end, lately.
        """
        slot: float | None = None
        while not self._stop.is_set():
            now = time.time()
            with self._locked() as state:
                self._check_given_up(state, now)
                self._join(state, now)
                ready = state["not_before"]
                if ready > now:
                    slot = None  # else all who wait would pass at once when the block ends
                elif slot is None:
                    slot = max(now, state["next_slot"])
                    if self._interval_s:
                        state["next_slot"] = slot + self._interval_s
            ready = max(ready, slot or 0.0)
            if ready <= now:
                return now
            self._sleep(now, ready, is_block=slot is None)
        return time.time()

    def hold(self) -> None:
        """Return when nobody is blocked, for one more request for a clip that has passed.

        Raises:
            HearsayError: the source has refused to the end, lately.
        """
        while not self._stop.is_set():
            now, state = time.time(), self._read()
            self._check_given_up(state, now)
            if state["not_before"] <= now:
                return
            self._sleep(now, state["not_before"], is_block=True)

    def block(self, retry_after_s: float | None) -> float:
        """Keep all jobs from asking for a while; return for how many seconds.

        Args:
            retry_after_s: what the source asks for; None: it did not say. Less than the
                backoff, doubled with each block in a row, does not count.

        Raises:
            HearsayError: the source has refused ten times in a row.
        """
        now = time.time()
        with self._locked() as state:
            # Requests under way when the first refusal came tell nothing new.
            if now >= state["not_before"]:
                state["blocks"] += 1
            blocks = state["blocks"]
            pause_s = self._backoff_s * 2.0 ** max(0, blocks - 1)
            # A Retry-After of 0 or in the past would use up all blocks within a moment.
            pause_s = min(max(pause_s, retry_after_s or 0.0), LONGEST_BLOCK_S)
            if blocks > MAX_BLOCKS:  # all jobs that ask in this way end; another way may go on
                state["blocks"] = 0
                state["given_up"] = {**state["given_up"], self._way: now + LONGEST_BLOCK_S}
            else:
                state["not_before"] = max(state["not_before"], now + pause_s)
        if blocks > MAX_BLOCKS:
            self._check_given_up(self._read(), now)
        return pause_s

    def succeeded(self, passed_at: float) -> None:
        """Tell that the source answers: the next block is a first one again.

        Args:
            passed_at: when the clip was let through; what was under way when the source began to
                refuse says nothing.
        """
        if self._read()["blocks"]:
            with self._locked() as state:
                if passed_at >= state["not_before"]:
                    state["blocks"] = 0

    def _join(self, state: dict[str, Any], now: float) -> None:
        """Let slots given out at another rate hold this job up by no more than its own interval.

        Once a job: data sets of other rates may be fetched at the same time, and would cancel each
        other's slots with every clip.
        """
        if self._has_joined:
            return
        self._has_joined = True
        if state["interval_s"] != self._interval_s:
            state["interval_s"] = self._interval_s
            state["next_slot"] = min(state["next_slot"], now + self._interval_s)

    def _check_given_up(self, state: dict[str, Any], now: float) -> None:
        until = state["given_up"].get(self._way, 0.0)
        if until > now:
            raise HearsayError(
                f"the source has refused {MAX_BLOCKS} times in a row (bot check or HTTP 429), so "
                f"that no job asks again until {_clock(until)}: {ADVICE}, or wait, then start "
                f"again: what is fetched stays (remove {self._state} to ask now)"
            )

    def _sleep(self, now: float, until: float, is_block: bool) -> None:
        with self._telling:
            is_news = is_block and until - now > TELL_FROM_S and until != self._told_of
            if is_news:
                self._told_of = until
        if is_news:
            # As an error, so that it is seen on the terminal and not in the job's log alone.
            logger.error(
                "the source refuses (bot check or HTTP 429); all jobs wait until %s. If that goes "
                "on: %s (remove %s to ask now)",
                _clock(until),
                ADVICE,
                self._state,
            )
        self._stop.wait(min(until - now, LONGEST_NAP_S))

    def _read(self) -> dict[str, Any]:
        state: dict[str, Any] = {
            "next_slot": 0.0,
            "interval_s": 0.0,
            "not_before": 0.0,
            "blocks": 0,
            "given_up": {},
        }
        with suppress(FileNotFoundError, ValueError, TypeError):  # first start; torn by a power cut
            state.update(json.loads(self._state.read_text()))
        return state

    @contextmanager
    def _locked(self) -> Iterator[dict[str, Any]]:
        """Yield the state under the lock and store what the block has changed."""
        try:
            with self._lock_path.open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                state = self._read()
                before = dict(state)
                yield state
                if state != before:
                    temporary = self._state.with_suffix(f".{os.getpid()}.partial")
                    temporary.write_text(json.dumps(state))
                    temporary.replace(self._state)
        except OSError as error:
            raise HearsayError(
                f"cannot write {self._state}: {error.strerror}; the run's folder must be writable "
                "and its file system must know flock"
            ) from error


def _clock(time_s: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(time_s))
