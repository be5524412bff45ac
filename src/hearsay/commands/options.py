"""What parameters of subcommands can be beside plain values."""

from typing import Any

Options = dict[str, Any]
"""Options that come as one JSON text on the command line."""


class Positional(str):
    """Help of a parameter that is given by its place, without its name."""
