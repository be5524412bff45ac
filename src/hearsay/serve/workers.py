"""Run what computes on a few threads, and refuse what would wait too long."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from hearsay.serve.refusal import busy

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """Threads with a queue of limited length; for the event loop of one server."""

    def __init__(self, num_threads: int, num_waiting: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(num_threads, thread_name_prefix=name)
        self._free = num_threads + num_waiting
        self._lock = threading.Lock()

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function on a thread.

        Raises:
            Refusal: 503, since too many calls are waiting already.
        """
        with self._lock:
            if self._free <= 0:
                raise busy("requests are waiting")
            self._free -= 1
        future = self._pool.submit(call, *args, **kwargs)
        future.add_done_callback(self._release)
        return await asyncio.wrap_future(future)

    def _release(self, _: object) -> None:
        with self._lock:
            self._free += 1

    def close(self) -> None:
        """Let go of what waits; what runs comes to its end."""
        self._pool.shutdown(wait=False, cancel_futures=True)
