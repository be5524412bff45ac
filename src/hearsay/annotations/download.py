"""Bring one annotation file from its public address, or from a local path."""

import shutil
from pathlib import Path
from typing import Any

from hearsay.annotations.remote_file import RemoteFile, fetch_file, find_fault
from hearsay.errors import HearsayError
from hearsay.files import atomic_path

MAX_BYTES = 1_000_000_000  # of a list; the longest, AudioSet's unbalanced one, has a tenth of it


def fetch_annotations(options: dict[str, Any], file: Path) -> None:
    """Bring the list at an http(s) address or a local path to `file`, verified, or not at all.

    Args:
        options: `address` (or a path); `sha256` (null: not known, then only the length that the
            server announces is verified); max_attempts, backoff_s, timeout_s and proxy of `fetch`.

    Raises:
        HearsayError: the path is absent, or the file another than its checksum says, or see
            `fetch_file`.
    """
    address, sha256 = options["address"], options["sha256"]
    remote = RemoteFile(file.name, address, None, sha256 and f"sha256:{sha256}")
    if address.startswith(("http://", "https://")):
        fetch_file(remote, file, MAX_BYTES, options)
        return
    if not Path(address).is_file():
        raise HearsayError(f"annotation file {address} does not exist; mend its path in config")
    with atomic_path(file) as temporary:
        shutil.copyfile(address, temporary)
        fault = find_fault(temporary, remote)
        if fault is not None:
            raise HearsayError(f"{address}: {fault}; mend the path or the sha256 in config")
