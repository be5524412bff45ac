"""What every request meets before the app, and what every answer bears."""

import ipaddress
import logging
import socket
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("hearsay")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
}


class Guard:
    """Refuse requests that are malformed or come by way of a foreign page; add HEADERS to answers.

    A page anywhere can have its reader's browser call a server on the reader's own machine. It
    cannot read the answer, since no CORS header allows it, unless its own name leads here (DNS
    rebinding): so the Host header must be a number, or a name of this machine. And it can send
    forms, so what is sent by POST must come from here or bear no Origin.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str] = ()) -> None:
        self._app = app
        self._names = {"localhost", socket.gethostname().lower(), *map(str.lower, names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                added = [(name.lower().encode(), text.encode()) for name, text in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        refused = self._refuse(scope)
        try:
            if refused is not None:
                await refused(scope, receive, send_with_headers)
                return
            if scope["method"] == "HEAD":  # the server leaves the body of its answer away
                scope = {**scope, "method": "GET"}
            await self._app(scope, receive, send_with_headers)
        except Exception:
            log.exception("an unexpected error at %s %s", scope["method"], scope["path"])
            if not has_begun:
                error = "an error of the server; its log says which"
                await _answer(500, error)(scope, receive, send_with_headers)

    def _refuse(self, scope: Scope) -> JSONResponse | None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "").lower()
        if scope["http_version"] not in ("1.0", "1.1"):
            return _answer(400, "this server speaks HTTP/1.1")
        if not self._is_ours(host):
            return _answer(421, "this server is not called so; use its address, or localhost")
        origin = headers.get(b"origin")
        # Behind a proxy the scheme that the browser saw is not known here.
        own = (f"http://{host}", f"https://{host}")
        is_sent = scope["method"] not in ("GET", "HEAD")
        if is_sent and origin is not None and origin.lower() not in own:
            return _answer(403, "a page of another server may not send anything here")
        try:
            path = unquote_to_bytes(scope["raw_path"]).decode()
            query = unquote_to_bytes(scope["query_string"].replace(b"+", b" ")).decode()
        except UnicodeDecodeError:
            return _answer(400, "the address is not UTF-8")
        if any(ord(sign) < 32 or ord(sign) == 127 for sign in path + query):
            return _answer(400, "the address holds control characters")
        return None

    def _is_ours(self, host: str) -> bool:
        name = host if host.endswith("]") else host.rsplit(":", 1)[0] if ":" in host else host
        if name.removesuffix(".") in self._names:
            return True
        try:
            ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            return False
        return True


def _answer(status: int, error: str) -> JSONResponse:
    return JSONResponse({"error": error}, status)
