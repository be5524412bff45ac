"""Take the options of one step out of the JSON that the workflow hands it."""

from dataclasses import fields
from typing import Any, TypeVar

from hearsay.errors import HearsayError

Options = TypeVar("Options")


def take_options(kind: type[Options], options: dict[str, Any], step: str) -> Options:
    """Make a dataclass of the keys that bear its fields' names; other keys are left.

    Raises:
        HearsayError: one is missing; `step` says of what.
    """
    try:
        return kind(**{field.name: options[field.name] for field in fields(kind)})  # type: ignore[arg-type]
    except KeyError as error:
        raise HearsayError(f"option {error} of {step} is missing; name it") from None
