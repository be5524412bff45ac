"""Call what may hang, for a limited time."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


def call_within(limit_s: float, function: Callable[[], Result]) -> Result:
    """Return what the function returns, or raise what it raises.

    It runs in a thread of its own, which is left to itself when the time is over: nothing can
    end it, but it holds up neither the caller nor the end of the program.

    Raises:
        TimeoutError: it has not ended after `limit_s`.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:
            future.set_exception(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return future.result(limit_s)
