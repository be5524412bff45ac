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


class RunLimiter:
    """Let clips pass at the rate of the run, and nobody while the source refuses.

    The state is a file with `next_slot` (when the next clip may pass), `not_before` (nobody
    passes earlier) and `blocks` (refusals in a row), in seconds since the epoch, changed only
    under an `flock` of a file beside it. Clocks of the hosts must agree to within seconds.
    """

    def __init__(
        self,
        run_folder: Path,
        clips_per_hour: float | None,
        backoff_s: float,
        stop: threading.Event | None = None,
    ) -> None:
        """Open the shared state in `run_folder`, which is made where absent.

        Args:
            clips_per_hour: None: no limit; the breaker works all the same.
            backoff_s: the first block without a Retry-After; doubles with each in a row.
            stop: once set, `wait` returns early.

        Raises:
            HearsayError: the folder cannot be written.
        """
        self._state = Path(run_folder) / STATE_FILE
        self._lock_path = Path(run_folder) / LOCK_FILE
        self._interval_s = 3600.0 / clips_per_hour if clips_per_hour else 0.0
        self._backoff_s = backoff_s
        self._stop = stop or threading.Event()
        try:
            Path(run_folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HearsayError(f"cannot make {run_folder}: {error.strerror}") from error

    def wait(self) -> None:
        """Return when one more clip may be asked for."""
        slot: float | None = None
        told = False
        while not self._stop.is_set():
            now = time.time()
            with self._locked() as state:
                ready = state["not_before"]
                if slot is None and ready <= now:
                    slot = max(now, state["next_slot"])
                    if self._interval_s:
                        state["next_slot"] = slot + self._interval_s
            if ready > now + TELL_FROM_S and not told:
                told = True
                logger.warning(
                    "the source refused lately; waiting until %s (remove %s to go on now)",
                    time.strftime("%H:%M:%S", time.localtime(ready)),
                    self._state,
                )
            ready = max(ready, slot or 0.0)
            if ready <= now:
                return
            self._stop.wait(min(ready - now, LONGEST_NAP_S))

    def block(self, retry_after_s: float | None) -> float:
        """Keep all jobs from asking for a while; return for how many seconds.

        Args:
            retry_after_s: what the source asks for; None: it did not say.

        Raises:
            HearsayError: the source has refused ten times in a row.
        """
        now = time.time()
        with self._locked() as state:
            # Requests under way when the first refusal came tell nothing new.
            if now >= state["not_before"]:
                state["blocks"] += 1
            blocks = state["blocks"]
            pause_s = self._backoff_s * 2.0 ** (blocks - 1) if blocks else self._backoff_s
            if retry_after_s is not None:
                pause_s = retry_after_s
            pause_s = min(pause_s, LONGEST_BLOCK_S)
            state["not_before"] = max(state["not_before"], now + pause_s)
            if blocks > MAX_BLOCKS:
                state["blocks"] = 0  # the next start has its tries again
        if blocks > MAX_BLOCKS:
            raise HearsayError(
                f"the source has refused {MAX_BLOCKS} times in a row (bot check or HTTP 429); "
                "lower fetch.clips_per_hour or set fetch.cookies or fetch.proxy, then start again: "
                "what is fetched stays"
            )
        return pause_s

    def succeeded(self) -> None:
        """Tell that the source answers: the next block is a first one again."""
        if self._read()["blocks"]:
            with self._locked() as state:
                state["blocks"] = 0

    def _read(self) -> dict[str, Any]:
        state: dict[str, Any] = {"next_slot": 0.0, "not_before": 0.0, "blocks": 0}
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
