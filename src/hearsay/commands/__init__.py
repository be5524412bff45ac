"""The subcommands: each imports what it needs, calls one function, and does nothing else.

One file a stage, of tables and plots one more for each system that has its own. Imports stand
inside the functions, so that `hearsay --help` answers at once.
"""

from collections.abc import Callable

from hearsay.commands import (
    by_hand,
    data,
    features,
    grounding_report,
    label_report,
    report,
    runs,
    search,
    serve,
)
from hearsay.commands.options import Options, Positional

COMMANDS: list[Callable[..., None]] = [
    *data.COMMANDS,
    *features.COMMANDS,
    *runs.COMMANDS,
    *report.COMMANDS,
    *grounding_report.COMMANDS,
    *label_report.COMMANDS,
    *search.COMMANDS,
    *serve.BY_HAND,
    *by_hand.COMMANDS,
]
BY_HAND = [*by_hand.COMMANDS, *search.BY_HAND, *serve.BY_HAND]  # those that no rule calls

__all__ = ["BY_HAND", "COMMANDS", "Options", "Positional"]
