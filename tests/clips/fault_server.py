"""A loopback site whose every address fails in its own way, at one stage or at both."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PAGE, MEDIA = "page", "media"  # yt-dlp asks first, ffmpeg second, with a Range
HTML = b"<!doctype html><html><head><title>Sign on</title></head><body>Welcome</body></html>"

Answer = Callable[["Handler"], None]


class Site(ThreadingHTTPServer):
    """`answers` by name and stage; what has none is served as it should be."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.answers: dict[tuple[str, str], Answer] = {}
        self.requests: list[tuple[str, str]] = []  # (name, stage) in the order of arrival
        self.closing = threading.Event()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}.mp4"

    def asked(self, name: str) -> int:
        return sum(seen == name for seen, _ in self.requests)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients go away in the middle: that is what is tested


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def do_GET(self) -> None:
        name, stage = Path(self.path).stem, MEDIA if "Range" in self.headers else PAGE
        self.server.requests.append((name, stage))
        self.server.answers.get((name, stage), good)(self)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def head(self, length: int | None, kind: str = "video/mp4", **headers: str) -> None:
        """Begin an answer of the whole body."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()

    def drop(self, reset: bool) -> None:
        """End the connection, in order or with a reset."""
        self.close_connection = True
        if reset:  # linger of 0 s: close() sends RST instead of FIN
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()


def good(request: Handler) -> None:
    request.head(len(request.server.content))
    request.wfile.write(request.server.content)


def refuse(code: int, **headers: str) -> Answer:
    def answer(request: Handler) -> None:
        request.send_response(code)
        for key, value in headers.items():
            request.send_header(key.replace("_", "-"), value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def redirect(name: str) -> Answer:
    def answer(request: Handler) -> None:
        refuse(302, Location=request.server.url(name))(request)

    return answer


def page(kind: str) -> Answer:
    """HTML where media should be, called what `kind` says."""

    def answer(request: Handler) -> None:
        request.head(len(HTML), kind)
        request.wfile.write(HTML)

    return answer


def hang(after_bytes: int | None) -> Answer:
    """Say nothing more after so many bytes of the body; None: not even a status line."""

    def answer(request: Handler) -> None:
        if after_bytes is not None:
            request.head(len(request.server.content))
            request.wfile.write(request.server.content[:after_bytes])
        request.server.closing.wait(30)
        request.drop(reset=False)

    return answer


def cut(at_bytes: int, reset: bool) -> Answer:
    """Announce the whole and end the connection in the middle, or before the answer (0)."""

    def answer(request: Handler) -> None:
        if at_bytes:
            request.head(len(request.server.content))
            request.wfile.write(request.server.content[:at_bytes])
        request.drop(reset)

    return answer


def unannounced_cut(at_bytes: int) -> Answer:
    """End in the middle without ever having said how long the body is."""

    def answer(request: Handler) -> None:
        request.head(None, Connection="close")
        request.wfile.write(request.server.content[:at_bytes])
        request.drop(reset=False)

    return answer


def chunked(at_bytes: int | None) -> Answer:
    """Send chunks, and stop without the last one at so many bytes; None: send all."""

    def answer(request: Handler) -> None:
        request.head(None, Transfer_Encoding="chunked")
        content = request.server.content[:at_bytes]
        for first in range(0, len(content), 8192):
            piece = content[first : first + 8192]
            request.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if at_bytes is None:
            request.wfile.write(b"0\r\n\r\n")
        else:
            request.drop(reset=False)

    return answer


def misstate(announced_bytes: int) -> Answer:
    """Announce so many bytes more (or less: negative) than the body has."""

    def answer(request: Handler) -> None:
        request.head(len(request.server.content) + announced_bytes)
        request.wfile.write(request.server.content)
        request.drop(reset=False)

    return answer


def trickle(
    num_pieces: int, pause_s: float, body: bytes | None = None, kind: str = "video/mp4"
) -> Answer:
    """Send the body in pieces with a pause between each two."""

    def answer(request: Handler) -> None:
        content = request.server.content if body is None else body
        request.head(len(content), kind)
        size = -(-len(content) // num_pieces)
        for first in range(0, len(content), size):
            request.wfile.write(content[first : first + size])
            request.wfile.flush()
            if request.server.closing.wait(pause_s):
                return

    return answer


def at_first(times: int, fault: Answer) -> Answer:
    """Fail so many times, then serve what should be served."""
    lock, met = threading.Lock(), [0]

    def answer(request: Handler) -> None:
        with lock:
            met[0] += 1
            fails = met[0] <= times
        (fault if fails else good)(request)

    return answer


@contextmanager
def serve_faults(content: bytes) -> Iterator[Site]:
    site = Site(content)
    threading.Thread(target=site.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield site
    finally:
        site.closing.set()
        site.shutdown()
        site.server_close()
