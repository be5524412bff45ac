"""What the methods of frame-word alignment were trained with, for the comparison of losses."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hearsay.errors import HearsayError
from hearsay.files import read_json

FAMILY = "word_align"
_NAMES = {
    "info_nce": "InfoNCE",
    "random_imposters": "hinge, random imposters",
    "full_batch": "hinge, full batch",
    "semi_hard": "hinge, semi-hard",
}


@dataclass(frozen=True)
class Loss:
    """How a method was trained.

    Attributes:
        name: of the loss, in words, a hinge with its margin.
        pooling: how words are scored in a clip and put together to a caption, in words.
    """

    name: str
    pooling: str


def read_losses(runs: Iterable[Path]) -> dict[str, Loss]:
    """Read what the methods of the family were trained with, in the order of their runs.

    Args:
        runs: run.json files; those of other families are passed over.

    Raises:
        HearsayError: a file is absent or wrong, or two runs of a method differ.
    """
    losses: dict[str, Loss] = {}
    for path in runs:
        record = read_json(path)
        try:
            method, options = str(record["method"]), record["options"]
            if options["family"] != FAMILY:
                continue
            loss = _loss(options)
        except (KeyError, TypeError) as error:
            raise HearsayError(
                f"{path} does not say what was trained ({error!r}); train the run again"
            ) from error
        if losses.setdefault(method, loss) != loss:
            raise HearsayError(
                f"{path}: {method} was trained with {loss}, another seed with {losses[method]}; "
                "train it anew"
            )
    return losses


def _loss(options: dict[str, Any]) -> Loss:
    name = _NAMES.get(options["loss"], str(options["loss"]))
    if options["loss"] != "info_nce":  # the only one without a margin
        name += f", margin {options['margin']:g}"
    return Loss(name, f"{options['over_frames']} over frames, {options['over_words']} over words")
