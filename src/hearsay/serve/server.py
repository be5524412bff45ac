"""Serve an app until Ctrl-C or SIGTERM."""

import asyncio
import errno
import ipaddress
import logging
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from hearsay.errors import HearsayError
from hearsay.serve.app import make_app
from hearsay.serve.limits import Limits

if TYPE_CHECKING:
    from hearsay.search.engine import Engine

log = logging.getLogger("hearsay")

BACKLOG = 1024  # connections that wait to be taken
STOPPING_S = 5  # for answers under way when the server is told to stop
NO_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
    b'{"error": "this is no HTTP request"}'
)


def serve(index: Path, host: str, port: int, device: str) -> None:
    """Open an index and serve it until Ctrl-C or SIGTERM.

    Args:
        index: folder of `build_search_index`.
        host: address or name to listen at; other than loopback, a warning says who can ask.
        port: 0: any that is free; the log says which.
        device: of the networks; auto, cpu or cuda.

    Raises:
        HearsayError: the index is absent or damaged, or the address cannot be taken.
    """
    with bind(host, port) as listener:  # first, since opening an index may take seconds
        from hearsay.search.engine import Engine

        engine = Engine.open(index, device)
        _warm(engine)
        run_app(make_app(engine, names=[host]), listener, Limits(), describe(listener, host))
        engine.close()
    log.info("stopped")


def _warm(engine: "Engine") -> None:
    """Ask once, so that the first one who asks need not wait for what loads when it is needed."""
    with suppress(HearsayError):  # of unknown words, or no search by words
        engine.by_text("sound", 1)


def bind(host: str, port: int) -> socket.socket:
    """Take an address, so that nobody else can.

    Raises:
        HearsayError: it is in use, not of this machine, or not allowed.
    """
    if not 0 <= port <= 65535:
        raise HearsayError(f"--port {port}: give a number from 0 (any free port) to 65535")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)  # of two that have bound the port, here the second fails
        except BaseException:
            listener.close()
            raise
    except UnicodeError as error:  # an empty label, or one of more than 63 letters
        raise HearsayError(
            f"--host {host}: this is no address and no name; give one such as 127.0.0.1"
        ) from error
    except OSError as error:
        what = "is in use; stop what uses it or give another --port (0: any free one)"
        if error.errno != errno.EADDRINUSE:
            what = f"cannot be taken ({error.strerror or error}); give another --host or --port"
        raise HearsayError(f"{host} port {port} {what}") from error
    return listener


def describe(listener: socket.socket, host: str) -> str:
    """Return the address to open in a browser; warn where others can open it too."""
    bound, port = listener.getsockname()[:2]
    if not ipaddress.ip_address(bound.split("%")[0]).is_loopback:
        log.warning(
            "anyone who reaches %s port %d can search, hear and see these clips: there is no "
            "password and no encryption",
            host,
            port,
        )
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def run_app(app: ASGIApp, listener: socket.socket, limits: Limits, address: str) -> None:
    """Answer requests at a socket until Ctrl-C or SIGTERM, then finish those under way."""
    server = make_server(app, limits, address)
    # uvicorn raises the signal that stopped it once more, for the handlers that stood before.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listener])


def make_server(app: ASGIApp, limits: Limits, address: str) -> uvicorn.Server:
    """Make the server of an app; `address` is what it says once it has begun."""

    class Protocol(PatientProtocol):
        idle_s = limits.idle_s

    for library in ("uvicorn", "python_multipart"):  # malformed requests are no news
        logging.getLogger(library).setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=max(1, round(limits.idle_s)),
        timeout_graceful_shutdown=STOPPING_S,
    )
    return _Server(config, address)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, address: str) -> None:
        super().__init__(config)
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say where."""
        await super().startup(sockets)
        log.info("serving at %s (Ctrl-C stops)", self._address)


class PatientProtocol(H11Protocol):
    """Connections that are closed where the head of a request does not come in time.

    uvicorn itself waits for it without end, so that idle connections could use up all there are;
    and it drops the answer to a client that has closed its half of the connection.
    """

    idle_s = 15.0
    _waiting: asyncio.TimerHandle | None = None
    _is_last = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take bytes; they may be a part of a head."""
        super().data_received(data)
        self._watch()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Go on where a client has sent all of a request and then closed its half."""
        under_way = self.cycle is not None and not self.cycle.response_complete
        self._is_last = under_way and not self.cycle.more_body
        return self._is_last  # False: the transport closes

    def on_response_complete(self) -> None:
        """Close behind the last answer."""
        super().on_response_complete()
        if self._is_last:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()  # the app's to wait for
        elif self._waiting is None:
            self._waiting = self.loop.call_later(self.idle_s, self._give_up)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        under_way = self.cycle is not None and not self.cycle.response_complete
        if not under_way and not self.transport.is_closing():
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request in the form of all errors, and close."""
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(NO_REQUEST)
        self.transport.close()
