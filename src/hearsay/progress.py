"""Show how far long work has come: a bar on a terminal, a line a minute in a log file."""

import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
LOG_INTERVAL_S = 60.0

logger = logging.getLogger(__name__)


def progress(
    iterable: Iterable[T], total: int | None, unit: str, interval_s: float = LOG_INTERVAL_S
) -> Iterator[T]:
    """Yield the items of `iterable` and show how many are done.

    Args:
        total: how many there will be; None where that is not known.
        unit: what one item is, in the singular ("clip").
        interval_s: time between two lines where stderr is not a terminal, or a log is written
            (HEARSAY_PROGRESS=log).
    """
    if sys.stderr.isatty() and os.environ.get("HEARSAY_PROGRESS") != "log":
        yield from tqdm(iterable, total=total, unit=unit)
        return
    start = last = time.monotonic()
    for done, item in enumerate(iterable, start=1):
        yield item
        now = time.monotonic()
        if now - last >= interval_s:
            last = now
            of_total = f" of {total}" if total is not None else ""
            logger.info("%d%s %ss, %.2f a second", done, of_total, unit, done / (now - start))
