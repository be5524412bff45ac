"""Subcommands that no rule calls: what a user asks of results that are there."""

from collections.abc import Callable
from pathlib import Path


def export_subset(
    data: list[Path], splits: list[str] | None, among: list[Path] | None, file: Path
) -> None:
    """Write the ids of the clips that are available here, and in every list of `--among`.

    Send the file to another lab, which makes its own among yours; benchmark.subset takes it.
    """
    from hearsay.clips import subsets

    subsets.export_subset(data, splits, among or [], file)


COMMANDS: list[Callable[..., None]] = [
    export_subset,
]
