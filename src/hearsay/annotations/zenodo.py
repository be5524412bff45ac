"""The files of a Zenodo record, with their sizes and md5 sums."""

import json
import re
from pathlib import Path
from typing import Any

from hearsay.annotations.remote_file import RemoteFile, read_address
from hearsay.errors import HearsayError

MAX_RECORD_BYTES = 10_000_000
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.() +-]*")  # no folder, nothing hidden
MD5 = re.compile(r"md5:[0-9a-f]{32}")


def read_record(address: str, names: list[str], options: dict[str, Any]) -> list[RemoteFile]:
    """Find files of a record, in the order of `names`.

    Args:
        address: of the record in Zenodo's API (https://zenodo.org/api/records/NUMBER), or the
            path of a copy of its answer.
        options: see `fetch_file`.

    Raises:
        HearsayError: the record cannot be fetched or is no record, lacks one of the files, or
            says of one no usable name, size, md5 or address.
    """
    text = _read(address, options)
    try:
        record = json.loads(text)
        entries = {str(entry["key"]): entry for entry in record["files"]}
    except (ValueError, LookupError, TypeError) as error:
        raise HearsayError(
            f"{address} is no record of Zenodo's API (a JSON object with a list of files); "
            "such an address looks like https://zenodo.org/api/records/2552860"
        ) from error
    missing = [name for name in names if name not in entries]
    if missing:
        raise HearsayError(
            f"{address}: the record has no file {missing[0]}; it has {', '.join(sorted(entries))}"
        )
    return [_remote_file(name, entries[name], f"{address}, file {name}") for name in names]


def _read(address: str, options: dict[str, Any]) -> bytes:
    if address.startswith(("http://", "https://")):
        return read_address(address, MAX_RECORD_BYTES, options)
    try:
        return Path(address).read_bytes()
    except OSError as error:
        raise HearsayError(
            f"cannot read the record {address}: {error.strerror}; mend its path in config"
        ) from error


def _remote_file(name: str, entry: dict[str, Any], where: str) -> RemoteFile:
    size, checksum, links = entry.get("size"), entry.get("checksum"), entry.get("links")
    address = links.get("self") if isinstance(links, dict) else None
    match = MD5.fullmatch(checksum) if isinstance(checksum, str) else None
    if not NAME.fullmatch(name):
        raise HearsayError(f"{where}: the name cannot be that of a file here; leave it out")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise HearsayError(f"{where}, size: {size!r} is no number of bytes")
    if match is None:
        raise HearsayError(f"{where}, checksum: {checksum!r} is not of the form md5:32 hex digits")
    if not isinstance(address, str) or not address.startswith(("http://", "https://")):
        raise HearsayError(f"{where}, links.self: {address!r} is no http(s) address")
    return RemoteFile(name, address, size, match[0])
