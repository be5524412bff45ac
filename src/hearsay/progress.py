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
# What is done in the first sixtieth of an interval was mostly done before, by an earlier start: it
# says nothing of what is to come.
SETTLED_SHARE = 1 / 60
NARROW_COLUMNS = 60  # of a terminal; in fewer there is no room for a bar beside the numbers
NARROW_FORMAT = "{n_fmt}/{total_fmt} {rate_fmt}, {remaining} left"

logger = logging.getLogger(__name__)


def progress(
    iterable: Iterable[T], total: int | None, unit: str, interval_s: float = LOG_INTERVAL_S
) -> Iterator[T]:
    """Yield the items of `iterable` and show how many are done, how fast, and what time is left.

    Rate and time left follow from the last interval alone, so that what an earlier start had
    done already does not count as fast.

    Args:
        total: how many there will be; None where that is not known.
        unit: what one item is, in the singular ("clip").
        interval_s: time between two lines where stderr is not a terminal, or a log is written
            (HEARSAY_PROGRESS=log).
    """
    if sys.stderr.isatty() and os.environ.get("HEARSAY_PROGRESS") != "log":
        narrow = total is not None and _num_columns() < NARROW_COLUMNS
        bar_format = NARROW_FORMAT if narrow else None
        yield from tqdm(iterable, total=total, unit=unit, dynamic_ncols=True, bar_format=bar_format)
        return
    start = last = time.monotonic()
    done_at_last = 0
    for done, item in enumerate(iterable, start=1):
        yield item
        now = time.monotonic()
        if now - start < interval_s * SETTLED_SHARE:
            last, done_at_last = now, done
        elif now - last >= interval_s:
            logger.info("%s", describe(done, total, unit, (done - done_at_last) / (now - last)))
            last, done_at_last = now, done


def describe(done: int, total: int | None, unit: str, rate_per_s: float) -> str:
    """Return the line of a log: "12 of 200 clips, 3.1 a second, 1 min left"."""
    per, name = next(
        (per, name)
        for per, name in ((1, "a second"), (60, "a minute"), (3600, "an hour"))
        if rate_per_s * per >= 1 or per == 3600
    )
    speed = f"{rate_per_s * per:.1f} {name}"
    if total is None:
        return f"{done} {unit}s, {speed}"
    left = describe_time((total - done) / rate_per_s)
    return f"{done} of {total} {unit}s, {speed}, {left} left"


def describe_time(seconds: float) -> str:
    """Return a length of time in one or two units: "40 s", "12 min", "3 h 5 min", "2 d 7 h"."""
    minutes = round(seconds / 60)
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(minutes / 60)
    return f"{hours // 24} d {hours % 24} h"


def _num_columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or NARROW_COLUMNS
    except (OSError, ValueError):  # not a real terminal
        return NARROW_COLUMNS
