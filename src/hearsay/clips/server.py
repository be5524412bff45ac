"""Serve a folder on loopback, with faults on purpose, so that the demo is fetched like any site."""

import logging
import mimetypes
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from hearsay.errors import HearsayError
from hearsay.files import read_json

PREFIX = "/media/"
FAULTS_FILE = "faults.json"
FAULT_KEYS = frozenset({"status", "times", "retry_after_s", "truncate_bytes", "reset", "delay_s"})
BLOCK_BYTES = 1 << 16
IDLE_TIMEOUT_S = 60.0  # a kept-alive connection without a request is closed

logger = logging.getLogger(__name__)


@contextmanager
def serve_media(folder: Path, port: int = 0) -> Iterator[str]:
    """Serve the files of `folder` under /media/ on a port of 127.0.0.1 for the block's time.

    Yields the address, "http://127.0.0.1:PORT/"; port 0 is any that is free. Range requests,
    HEAD and kept-alive connections are understood. The file `faults.json` in the folder, where
    there is one, maps file names to faults: {"status": HTTP status or null, "times": only the
    first n requests fail (null: all), "retry_after_s": header of the answer or null,
    "truncate_bytes": the file breaks off at this byte though its whole length was announced,
    "reset": the connection is reset instead of closed, "delay_s": wait before the answer}; absent
    keys do nothing.

    Raises:
        HearsayError: the folder is absent or its `faults.json` has an unknown key.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise HearsayError(f"{folder} does not exist; the step that makes the media has not run")
    server = _Server(folder, port, _read_faults(folder))
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _read_faults(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / FAULTS_FILE
    if not path.exists():
        return {}
    faults: dict[str, dict[str, Any]] = read_json(path)
    for name, fault in faults.items():
        unknown = set(fault) - FAULT_KEYS
        if unknown:
            raise HearsayError(
                f"{path}: {name} has the unknown key {sorted(unknown)[0]!r}; "
                f"known are {', '.join(sorted(FAULT_KEYS))}"
            )
    return faults


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a client that keeps a connection open must not hold up the end
    request_queue_size = 128

    def __init__(self, folder: Path, port: int, faults: dict[str, dict[str, Any]]) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.folder = folder
        self.closing = threading.Event()
        self._faults = faults
        self._requests: Counter[str] = Counter()
        self._lock = threading.Lock()

    def next_fault(self, name: str) -> dict[str, Any]:
        """Count a request for `name` and return the fault it meets; empty: none."""
        fault = self._faults.get(name)
        if fault is None:
            return {}
        with self._lock:
            self._requests[name] += 1
            times = fault.get("times")
            return fault if times is None or self._requests[name] <= times else {}

    def shutdown_request(self, request: Any) -> None:
        linger, _ = struct.unpack("ii", request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))
        if linger:  # to be reset: an orderly shutdown would send FIN first
            request.close()
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        logger.debug("client %s went away", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_TIMEOUT_S
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, format: str, *args: Any) -> None:
        logger.debug(format, *args)

    def _answer(self, with_body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        name = path.removeprefix(PREFIX)
        fault = self.server.next_fault(name)
        if fault.get("delay_s"):
            self.server.closing.wait(fault["delay_s"])
        if fault.get("status"):
            self._refuse(fault["status"], fault.get("retry_after_s"))
            return
        if fault.get("reset") and fault.get("truncate_bytes") is None:
            self._reset()
            return
        file = self.server.folder / name
        inside = file.resolve().is_relative_to(self.server.folder.resolve())
        if not path.startswith(PREFIX) or not inside or not file.is_file():
            self._refuse(HTTPStatus.NOT_FOUND, None)
            return
        self._send_file(file, fault, with_body)

    def _refuse(self, status: int, retry_after_s: float | None) -> None:
        body = f"{status} {HTTPStatus(status).phrase}\n".encode()
        self.send_response(status)
        if retry_after_s is not None:
            self.send_header("Retry-After", str(retry_after_s))
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_file(self, file: Path, fault: dict[str, Any], with_body: bool) -> None:
        size = file.stat().st_size
        wanted = _parse_range(self.headers.get("Range"), size)
        if wanted is None:
            self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            self.send_header("Content-Range", f"bytes */{size}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        first, last = wanted
        partial = "Range" in self.headers
        self.send_response(HTTPStatus.PARTIAL_CONTENT if partial else HTTPStatus.OK)
        if partial:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header(
            "Content-Type", mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        )
        self.send_header("Content-Length", str(last + 1 - first))
        self.end_headers()
        if not with_body:
            return
        end = last + 1
        if fault.get("truncate_bytes") is not None:
            end = min(end, fault["truncate_bytes"])
        with file.open("rb") as stream:
            stream.seek(first)
            left = end - first
            while left > 0 and (block := stream.read(min(BLOCK_BYTES, left))):
                self.wfile.write(block)
                left -= len(block)
        if end <= last:
            if fault.get("reset"):
                self._reset()
            self.close_connection = True

    def _reset(self) -> None:
        # Linger of 0 s: close() sends RST instead of FIN.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


def _parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the first and the last byte asked for; None: not satisfiable."""
    if header is None:
        return 0, size - 1
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header.strip())
    if match is None or match.group(1) == match.group(2) == "":
        return None
    if match.group(1) == "":
        return max(0, size - int(match.group(2))), size - 1
    first = int(match.group(1))
    last = min(int(match.group(2)), size - 1) if match.group(2) else size - 1
    return (first, last) if first <= last else None
