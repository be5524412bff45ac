"""The state of an unfinished training, from which the same command goes on."""

import hashlib
import json
import logging
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from pandas import json_normalize

from hearsay.errors import HearsayError
from hearsay.files import write_torch

logger = logging.getLogger(__name__)

State = dict[str, Any]


class Checkpoint:
    """One file that is replaced after each epoch, and inside long ones, and removed at the end.

    It is no declared output of the workflow, so Snakemake leaves it where it is when a job dies.

    Args:
        path: the file.
        options: of config; a file with others is refused, so that nothing trained is lost.
        fingerprint: of everything else that changes the result; a file with another one is set
            aside, and the training starts anew.
    """

    def __init__(self, path: Path, options: dict[str, Any], fingerprint: str) -> None:
        self.path = path
        self.options = options
        self.fingerprint = fingerprint

    def save(self, state: State) -> None:
        """Replace the file, atomically."""
        write_torch(
            {"options": self.options, "fingerprint": self.fingerprint, "state": state}, self.path
        )

    def load(self) -> State | None:
        """Return the state to go on from; None where there is none of these inputs.

        Raises:
            HearsayError: the file is of other options.
        """
        if not self.path.is_file():
            return None
        try:
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
            options, fingerprint, state = (saved[k] for k in ("options", "fingerprint", "state"))
        except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError) as error:
            self._set_aside(f"cannot be read ({error})")
            return None
        if options != self.options:
            raise HearsayError(
                f"{self.path} is of a training with {_differences(options, self.options)}; remove "
                "it to train anew with the config of now, or go back to the old one to go on"
            )
        if fingerprint != self.fingerprint:
            self._set_aside("is of other inputs, versions or another kind of device")
            return None
        loaded: State = state
        return loaded

    def _set_aside(self, why: str) -> None:
        """Keep a file that cannot be gone on from, under another name."""
        kept = self.path.with_name(f"{self.path.stem}.old{self.path.suffix}")
        if self.path.is_file():  # of several processes another may have been first
            self.path.replace(kept)
        logger.warning("%s %s: starting anew; it is kept as %s", self.path, why, kept.name)

    def remove(self) -> None:
        """Remove the file, and what killed processes left of it."""
        self.path.unlink(missing_ok=True)
        for left in self.path.parent.glob(f".{self.path.stem}.*.partial{self.path.suffix}"):
            left.unlink(missing_ok=True)


def _differences(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Name the options that differ, e.g. "epochs 30 instead of 20"."""
    flat_old, flat_new = (json_normalize(options).to_dict("records")[0] for options in (old, new))
    return ", ".join(
        f"{key} {flat_old.get(key, 'absent')} instead of {flat_new.get(key, 'absent')}"
        for key in sorted(set(flat_old) | set(flat_new))
        if flat_old.get(key, "absent") != flat_new.get(key, "absent")
    )


def fingerprint(values: dict[str, Any], inputs: Iterable[Path]) -> str:
    """Hash values and input files; a file counts by name, size and time of change.

    Contents are not read: the feature arrays of AudioSet are 428 GB.
    """
    files = []
    for path in sorted(set(inputs)):
        status = Path(path).stat()
        files.append([str(path), status.st_size, status.st_mtime_ns])
    text = json.dumps([values, files], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
