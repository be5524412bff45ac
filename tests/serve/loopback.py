"""A server of an app on loopback, in a thread, and requests to it byte by byte."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from hearsay.serve.app import make_app
from hearsay.serve.limits import Limits
from hearsay.serve.server import bind, make_server

TIMEOUT_S = 20.0  # a server that answers nothing for so long hangs


@dataclass
class Answer:
    """Status, headers with names in lower case, body; status 0: the connection was closed."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Loopback:
    """A server that listens on loopback."""

    port: int

    def ask(
        self,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        method: str | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        try:
            verb = method or ("GET" if body is None else "POST")
            connection.request(verb, path, body, headers or {})
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read())
        finally:
            connection.close()

    def search(self, text: str, k: int = 10) -> Any:
        return self.ask(f"/api/search?q={quote(text)}&k={k}").json()

    def send(self, request: bytes, half_close: bool = True) -> Answer:
        """Send bytes as they are and read the answer until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_S) as connection:
            try:
                connection.sendall(request)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # refused while we were still sending
            return read_answer(connection)


def read_answer(connection: socket.socket) -> Answer:
    got = b""
    try:
        while block := connection.recv(65536):
            got += block
            head, parted, body = got.partition(b"\r\n\r\n")
            length = _content_length(head)
            if parted and length is not None and len(body) >= length:
                break
    except ConnectionError:
        pass
    if not got:
        return Answer(0)
    head, _, body = got.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Answer(int(status.split()[1]), {k.lower(): v for k, v in headers.items()}, body)


def _content_length(head: bytes) -> int | None:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return None


@contextmanager
def serving(engine: Any, limits: Limits | None = None) -> Iterator[Loopback]:
    """Serve an opened index in a thread of this process, at a free port."""
    limits = limits or Limits()
    with bind("127.0.0.1", 0) as listener:
        server = make_server(make_app(engine, limits), limits, "loopback")
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.01)
            yield Loopback(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(TIMEOUT_S)
    assert not thread.is_alive()


def multipart(
    content: bytes, field: str = "file", name: str = "sound.wav", kind: str = "audio/wav"
) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of a form with one file."""
    head = (
        f'--B\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        f"Content-Type: {kind}\r\n\r\n"
    )
    body = head.encode() + content + b"\r\n--B--\r\n"
    return body, {"Content-Type": "multipart/form-data; boundary=B"}
