"""Hits as a table that reads well in 80 columns."""

import textwrap
from collections.abc import Mapping, Sequence

from hearsay.search.engine import Hit

WIDTH = 80
INDENT = " " * 13


def format_hits(hits: Sequence[Hit], about: Mapping[str, str] | None = None) -> str:
    """Lay out hits: a line of rank, score, split, clip and time, below it text and link.

    Args:
        hits: of one search.
        about: what is said of the clips that were found, by their ids.
    """
    if not hits:
        return "nothing found\n"
    if hits[0].kind == "label":
        lines = [f"{'':>4} {'score':>6}  label"]
        return "\n".join([*lines, *(f"{h.rank:>4} {h.score:>6.3f}  {h.text}" for h in hits)]) + "\n"
    width = min(max(len("clip"), *(len(hit.clip_id or "") for hit in hits)), WIDTH - 40)
    lines = [f"{'':>4} {'score':>6}  {'split':<5}  {'clip':<{width}}  time in its source"]
    for hit in hits:
        lines.append(
            f"{hit.rank:>4} {hit.score:>6.3f}  {hit.split or '':<5}  {hit.clip_id or '':<{width}}"
            f"  {_span(hit.start_s, hit.end_s)}"
        )
        text = hit.text or (about or {}).get(hit.clip_id or "")
        if text:
            lines += textwrap.wrap(text, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)
        if hit.link:
            lines.append(INDENT + hit.link)  # never wrapped, so that it can be followed
    return "\n".join(lines) + "\n"


def _span(start_s: float | None, end_s: float | None) -> str:
    """Write seconds as minutes: 90 to 100.5 is 1:30 – 1:40.5.

    >>> _span(90.0, 100.5)
    '1:30 – 1:40.5'
    """
    if start_s is None:
        return "whole"
    return f"{_clock(start_s)} – {_clock(end_s) if end_s is not None else 'end'}"


def _clock(seconds: float) -> str:
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    whole, tenth = divmod(rest, 10)
    return f"{minutes}:{whole:02d}" + (f".{tenth}" if tenth else "")
