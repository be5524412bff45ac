"""The state of an unfinished training, from which the same command goes on."""

import hashlib
import json
import logging
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from hearsay.files import write_torch

logger = logging.getLogger(__name__)

State = dict[str, Any]


class Checkpoint:
    """One file that is replaced after each epoch and removed at the end.

    It is no declared output of the workflow, so Snakemake leaves it where it is when a job dies.

    Args:
        path: the file.
        fingerprint: of everything that changes the result; a file with another one is ignored.
    """

    def __init__(self, path: Path, fingerprint: str) -> None:
        self.path = path
        self.fingerprint = fingerprint

    def save(self, state: State) -> None:
        """Replace the file, atomically."""
        write_torch({"fingerprint": self.fingerprint, "state": state}, self.path)

    def load(self) -> State | None:
        """Return the state to go on from; None where there is none of these options and inputs."""
        if not self.path.is_file():
            return None
        try:
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
            fingerprint, state = saved["fingerprint"], saved["state"]
        except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError) as error:
            logger.warning("%s cannot be read (%s): starting anew", self.path, error)
            return None
        if fingerprint != self.fingerprint:
            logger.info("%s is of other options or inputs: starting anew", self.path)
            return None
        loaded: State = state
        return loaded

    def remove(self) -> None:
        """Remove the file, and what killed processes left of it."""
        self.path.unlink(missing_ok=True)
        for left in self.path.parent.glob(f".{self.path.stem}.*.partial{self.path.suffix}"):
            left.unlink(missing_ok=True)


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
