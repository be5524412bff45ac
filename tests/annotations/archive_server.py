"""A loopback server of bodies in memory that fails on demand, and zips of any kind."""

import hashlib
import io
import json
import socket
import struct
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

OPTIONS: dict[str, Any] = {"max_attempts": 3, "backoff_s": 0.01, "timeout_s": 5, "proxy": None}
FETCH: dict[str, Any] = {  # of clips in an archive
    **OPTIONS,
    "clips_per_hour": None,
    "address": "https://www.youtube.com/watch?v={video_id}",
    "format": "b",
    "cookies": None,
    "extractor_args": {},
    "js_runtimes": {},
    "min_duration_s": 0.1,
    "require_video": False,
}


@dataclass
class Body:
    """What a path answers; `cuts` and `codes` are used up, one a request."""

    content: bytes
    cuts: list[int | None] = field(default_factory=list)  # break off after so many bytes
    codes: list[int] = field(default_factory=list)
    knows_ranges: bool = True
    says_length: bool = True
    wrong_range: bool = False  # the whole, called a range
    resets: bool = False  # a cut is a reset and no orderly end
    headers: dict[str, str] = field(default_factory=dict)


class Site:
    """The bodies by path, and the Range header of each request that came."""

    def __init__(self) -> None:
        self.bodies: dict[str, Body] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.address = ""

    def ranges(self, path: str) -> list[str | None]:
        return [wanted for name, wanted in self.requests if name == path]


@contextmanager
def serve_site() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            site.requests.append((self.path, wanted))
            body = site.bodies.get(self.path)
            code = 404 if body is None else body.codes.pop(0) if body.codes else 200
            if body is None or code != 200:
                self.send_response(code)
                for name, value in (body.headers if body else {}).items():
                    self.send_header(name, value)
                self.end_headers()
                return
            first = int(wanted[6:-1]) if wanted and body.knows_ranges else 0
            if first >= len(body.content) > 0:
                self.send_response(416)
                self.end_headers()
                return
            self.send_response(206 if wanted and body.knows_ranges else 200)
            if wanted and body.knows_ranges:
                first = 0 if body.wrong_range else first
                size = len(body.content)
                self.send_header("Content-Range", f"bytes {first}-{size - 1}/{size}")
            rest = body.content[first:]
            if body.says_length:
                self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            cut = body.cuts.pop(0) if body.cuts else None
            self.wfile.write(rest if cut is None else rest[:cut])
            if cut is not None and body.resets:
                self.wfile.flush()
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
    server.shutdown_request = lambda request: request.close()  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    site.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def serve_record(site: Site, files: dict[str, bytes]) -> dict[str, Any]:
    """Serve files and what Zenodo's API says of them; return `record` and `files` of a config."""
    entries: list[dict[str, Any]] = []
    for name, content in files.items():
        site.bodies[f"/{name}"] = Body(content)
        checksum = f"md5:{hashlib.md5(content).hexdigest()}"
        links = {"self": f"{site.address}/{name}"}
        entries.append({"key": name, "size": len(content), "checksum": checksum, "links": links})
    site.bodies["/record"] = Body(json.dumps({"files": entries}).encode())
    return {"record": f"{site.address}/record", "files": list(files), "max_bytes": 10_000_000}


def make_sound(duration_s: float) -> bytes:
    """Return noise as a WAV of 16 bits at 44.1 kHz."""
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, int(44100 * duration_s))
    soundfile.write(buffer, noise, 44100, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def write_zip(path: Path, files: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path
