"""Bring files from http(s) addresses: resumed, tried again, verified."""

import hashlib
import logging
import random
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from hearsay.errors import HearsayError
from hearsay.files import cannot_write
from hearsay.progress import progress

BLOCK_BYTES = 1 << 20
PASSING_CODES = frozenset({408, 416, 425, 429})  # and those from 500 on
LONGEST_WAIT_S = 3600.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RemoteFile:
    """A file that a server holds, and what is known of it before it comes."""

    name: str
    address: str
    size: int | None  # bytes; None: not known
    checksum: str | None  # md5 or sha256, a colon, lower-case hex digits; None: not known


class _PassingError(Exception):
    """A failure that may be gone with the next try."""

    def __init__(self, text: str, code: int = 0, retry_after_s: float = 0.0) -> None:
        self.code = code
        self.retry_after_s = retry_after_s
        super().__init__(text)


class _Tries:
    """Count the failures in a row and wait between two tries."""

    def __init__(self, address: str, options: dict[str, Any]) -> None:
        self._address = address
        self._options = options
        self._failures = 0
        self._furthest = 0

    def failed(self, failure: _PassingError, num_bytes: int = 0) -> None:
        """Wait until the next try; it is a first one again if a block more has come.

        Raises:
            HearsayError: there have been too many.
        """
        advanced = num_bytes >= self._furthest + BLOCK_BYTES
        self._furthest = max(self._furthest, num_bytes)
        self._failures = 1 if advanced else self._failures + 1
        if self._failures >= self._options["max_attempts"]:
            raise HearsayError(
                f"{self._address} cannot be fetched ({failure}) in {self._failures} tries; check "
                "network and fetch.proxy and start again"
            )
        logger.info("%s: %s; trying again", self._address, failure)
        wait_s = self._options["backoff_s"] * 2.0 ** (self._failures - 1)
        time.sleep(max(wait_s * random.uniform(0.5, 1.5), failure.retry_after_s))


def fetch_file(remote: RemoteFile, path: Path, max_bytes: int, options: dict[str, Any]) -> None:
    """Bring a file to `path`, a name that it takes only once its size and checksum are right.

    A file of that name and content is left alone. What has come of a file stays in a hidden one
    beside it, where the next try and the next start go on, if the checksum is known: else
    nobody could tell whether the parts fit together. A failure counts as one of `max_attempts`
    in a row unless a block of 1 MiB has come since the one before.

    Args:
        max_bytes: a file that is announced to be longer, or turns out to be, is refused.
        options: max_attempts, backoff_s, timeout_s and proxy, as in the section `fetch`.

    Raises:
        HearsayError: the file is too long, the server refuses for good or too often, sends
            another file than it announced or a longer one, or the disk is full; address or path
            are named.
    """
    if remote.checksum is not None and path.is_file() and find_fault(path, remote) is None:
        return
    if remote.size is not None and remote.size > max_bytes:
        raise HearsayError(
            f"{remote.address} is announced with {remote.size} bytes, but max_bytes is "
            f"{max_bytes}; nothing is fetched: raise it in config if the source can be trusted"
        )
    partial = path.with_name(f".{path.name}.partial")
    tries = _Tries(remote.address, options)
    while True:
        resumed = False
        try:
            resumed = _fetch_rest(remote, partial, max_bytes, options)
        except _PassingError as failure:
            tries.failed(failure, _size(partial))
            continue
        fault = find_fault(partial, remote)
        if fault is None:
            break
        partial.unlink()
        if not resumed:
            raise HearsayError(
                f"{remote.address}: {fault}; the source holds another file than is expected: "
                "try again later, or mend the address or the checksum in config"
            )
        tries.failed(_PassingError(f"a part of an earlier try did not fit: {fault}"))
    try:
        partial.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error


def read_address(address: str, max_bytes: int, options: dict[str, Any]) -> bytes:
    """Return what an http(s) address answers, tried again as `fetch_file` does.

    Raises:
        HearsayError: the server refuses for good or too often, or the answer is too long.
    """
    tries = _Tries(address, options)
    while True:
        try:
            with _open(address, {}, options) as response:
                announced, body = _announced(response), b""
                for block in _blocks(response):
                    body += block
                    if len(body) > max_bytes:
                        raise _too_long(address, max_bytes)
            _require_all(len(body), announced)
            return body
        except _PassingError as failure:
            tries.failed(failure)


def find_fault(path: Path, remote: RemoteFile) -> str | None:
    """Say where a file here differs from what is known of it; None: nowhere."""
    if remote.size is not None and _size(path) != remote.size:
        return f"{_size(path)} bytes instead of {remote.size}"
    if remote.checksum is None:
        return None
    algorithm, _, wanted = remote.checksum.partition(":")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    return None if found == wanted else f"{algorithm} {found} instead of {wanted}"


def _fetch_rest(remote: RemoteFile, partial: Path, max_bytes: int, options: dict[str, Any]) -> bool:
    """Append to `partial` what is missing; return whether it holds a part of an earlier try.

    A server that knows no ranges sends the whole file, which then replaces the part.
    """
    limit = max_bytes if remote.size is None else remote.size
    first = _size(partial) if remote.checksum is not None else 0
    if first and first == remote.size:
        return True
    if first > limit:
        first = 0
    with _ask(remote.address, first, partial, options) as response:
        if response.status != 206:
            first = 0
        announced = _announced(response)
        num_bytes = first
        try:
            partial.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("ab" if first else "wb") as output:
                if announced is not None and first + announced > limit:
                    raise _too_long(remote.address, limit)
                num_blocks = None if announced is None else -(-announced // BLOCK_BYTES)
                for block in progress(_blocks(response), num_blocks, "MiB"):
                    num_bytes += len(block)
                    if num_bytes > limit:
                        raise _too_long(remote.address, limit)
                    output.write(block)
        except HearsayError:
            partial.unlink()
            raise
        except OSError as error:  # of the disk: `_blocks` knows those of the network
            raise cannot_write(partial, error) from error
    _require_all(num_bytes, first + announced if announced is not None else None)
    _require_all(num_bytes, remote.size)
    return first > 0


def _ask(address: str, first: int, partial: Path, options: dict[str, Any]) -> HTTPResponse:
    """Ask for a file from byte `first` on; where the answer does not fit, drop the part."""
    try:
        response = _open(address, {"Range": f"bytes={first}-"} if first else {}, options)
        sent = response.headers.get("Content-Range", "")
        if response.status == 206 and not sent.startswith(f"bytes {first}-"):
            response.close()
            raise _PassingError(f"asked for bytes {first}-, got {sent!r}", code=416)
    except _PassingError as failure:
        if failure.code == 416:
            partial.unlink(missing_ok=True)
        raise
    return response


def _open(address: str, headers: dict[str, str], options: dict[str, Any]) -> HTTPResponse:
    """Ask for an address; what may pass is a `_PassingError`."""
    proxy = options["proxy"]
    handlers = [urllib.request.ProxyHandler({"http": proxy, "https": proxy})] if proxy else []
    request = urllib.request.Request(address, headers=headers)
    try:
        response: HTTPResponse = urllib.request.build_opener(*handlers).open(
            request, timeout=options["timeout_s"]
        )
        return response
    except urllib.error.HTTPError as error:
        error.close()
        if error.code not in PASSING_CODES and error.code < 500:
            raise HearsayError(
                f"{address}: HTTP {error.code} {error.reason}; mend the address in config"
            ) from error
        text = error.headers.get("Retry-After") or ""
        after_s = min(float(text), LONGEST_WAIT_S) if text.isdecimal() else 0.0
        raise _PassingError(f"HTTP {error.code}", error.code, after_s) from error
    except (OSError, HTTPException) as error:
        raise _PassingError(str(error) or type(error).__name__) from error


def _blocks(response: HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            block = response.read(BLOCK_BYTES)
        except (OSError, HTTPException) as error:
            raise _PassingError(str(error) or type(error).__name__) from error
        if not block:
            return
        yield block


def _announced(response: HTTPResponse) -> int | None:
    """Return how long the body should be; None: the server does not say."""
    text = response.headers.get("Content-Length") or ""
    return int(text) if text.isdecimal() else None


def _require_all(num_bytes: int, wanted: int | None) -> None:
    if wanted is not None and num_bytes < wanted:
        raise _PassingError(f"{num_bytes} of {wanted} bytes came")


def _too_long(address: str, limit: int) -> HearsayError:
    return HearsayError(
        f"{address} sends more than the {limit} bytes that it should have; nothing of it is kept: "
        "mend the address or the limit in config"
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
