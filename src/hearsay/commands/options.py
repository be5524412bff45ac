"""The type of options that come as one JSON text on the command line."""

from typing import Any

Options = dict[str, Any]
