"""The search page and its HTTP API, served by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from hearsay.commands.options import Positional


def serve(
    index: Annotated[Path, Positional("folder of an index, such as results/search/METHOD/seed0")],
    host: Annotated[str | None, "address to listen at (127.0.0.1: this machine alone)"],
    port: Annotated[int | None, "to listen at (8000); 0: any free one"],
    device: Annotated[str | None, "auto, cpu or cuda (cpu)"],
) -> None:
    """Serve a search page and an HTTP API over a trained run, until Ctrl-C; see docs/serve.md."""
    from hearsay.serve import server

    server.serve(index, host or "127.0.0.1", 8000 if port is None else port, device or "cpu")


BY_HAND: list[Callable[..., None]] = [serve]
