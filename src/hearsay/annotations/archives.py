"""Bring the archives of a data set and unpack them."""

from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hearsay.annotations.remote_file import RemoteFile, fetch_file, find_fault
from hearsay.annotations.unpack import extract_archives
from hearsay.annotations.zenodo import read_record
from hearsay.errors import HearsayError
from hearsay.files import write_json


def fetch_archive(options: dict[str, Any], archives: Path, folder: Path, summary: Path) -> None:
    """Fetch the archives of a data set into `archives`, verified, and unpack them into `folder`.

    What lies in `archives` already, brought by hand or by an earlier start, is used if its size
    and md5 are right; after this step they are needed no more.

    Args:
        options: either `record` (a record of Zenodo's API, which says size and md5) and `files`
            (names in it), or `address` (of one archive, or its path) and `md5` (null: not known;
            then what it says of itself is all that is verified); `max_bytes`, to which they may
            unpack; max_attempts, backoff_s, timeout_s and proxy of `fetch`.
        summary: takes what was fetched and the number of files, as JSON.

    Raises:
        HearsayError: see `fetch_file`, `read_record` and `extract_archives`.
    """
    if "record" in options:
        remotes = read_record(options["record"], options["files"], options)
    else:
        remotes = [_single(options)]
    paths = [_bring(remote, archives, options) for remote in remotes]
    num_files = extract_archives(paths, folder, options["max_bytes"])
    write_json(
        {"num_files": num_files, "archives": [asdict(remote) for remote in remotes]}, summary
    )


def _single(options: dict[str, Any]) -> RemoteFile:
    address, md5 = options["address"], options["md5"]
    name = Path(urlsplit(address).path).name or "archive.zip"
    return RemoteFile(name, address, None, md5 and f"md5:{md5}")


def _bring(remote: RemoteFile, archives: Path, options: dict[str, Any]) -> Path:
    """Return where the file lies: in `archives`, or where the config says."""
    if remote.address.startswith(("http://", "https://")):
        path = archives / remote.name
        fetch_file(remote, path, options["max_bytes"], options)
        return path
    path = Path(remote.address)
    fault = find_fault(path, remote) if path.is_file() else "does not exist"
    if fault is not None:
        raise HearsayError(f"{path}: {fault}; mend the path or the checksum in config")
    return path
