"""Being told to stop: a batch system warns a job by SIGTERM before it takes the machine away."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType


class StopRequest:
    """Whether somebody asked this process to stop."""

    def __init__(self) -> None:
        self.requested = False

    def note(self, signum: int, frame: FrameType | None) -> None:
        """Remember the request; the training looks at it between two steps."""
        self.requested = True


@contextmanager
def watch_for_stop() -> Iterator[StopRequest]:
    """Turn SIGTERM into a request inside the block, so that the step at hand ends first."""
    request = StopRequest()
    if current_thread() is not main_thread():  # only the main thread may handle signals
        yield request
        return
    before = signal.signal(signal.SIGTERM, request.note)
    try:
        yield request
    finally:
        signal.signal(signal.SIGTERM, before)
