"""What a killed fetch had already settled, so that the next start does not ask again."""

import json
import os
import threading
from pathlib import Path
from typing import Any

from hearsay.files import cannot_write

JOURNAL_FILE = "journal.jsonl"


class Journal:
    """One JSON object a line, appended and synced as soon as a clip is settled.

    The last entry of a clip counts. A line that a kill or a power cut has torn is passed over.
    """

    def __init__(self, folder: Path) -> None:
        """Read the journal of a media folder, which must exist."""
        self._path = folder / JOURNAL_FILE
        self._lock = threading.Lock()
        self._entries: dict[str, dict[str, Any]] = {}
        self._torn = False
        if self._path.exists():
            text = self._path.read_text(errors="replace")
            self._torn = bool(text) and not text.endswith("\n")
            for line in text.splitlines():
                try:
                    entry = json.loads(line)
                    self._entries[entry["clip_id"]] = entry
                except (json.JSONDecodeError, TypeError, KeyError):
                    continue

    def __getitem__(self, clip_id: str) -> dict[str, Any] | None:
        """Return the last entry of a clip; None: there is none."""
        return self._entries.get(clip_id)

    def append(self, entry: dict[str, Any]) -> None:
        """Add an entry (with `clip_id`); it is on the disk when this returns.

        Raises:
            HearsayError: the disk is full or the folder cannot be written.
        """
        with self._lock:
            line = ("\n" if self._torn else "") + json.dumps(entry) + "\n"
            try:
                with self._path.open("a") as stream:
                    stream.write(line)
                    stream.flush()
                    os.fsync(stream.fileno())
            except OSError as error:
                raise cannot_write(self._path, error) from error
            self._torn = False
            self._entries[entry["clip_id"]] = entry
