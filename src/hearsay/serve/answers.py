"""The forms of answers: errors of one line, media in parts."""

import re

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from hearsay.serve.refusal import Refusal

RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
KEPT = {"Cache-Control": "private, max-age=600"}  # what belongs to a clip and to no run
FRESH = {"Cache-Control": "no-store"}


def answer_error(status: int, error: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Answer with {"error": one line}."""
    return JSONResponse({"error": error}, status, {**FRESH, **(headers or {})})


async def answer_refusal(_: Request, refusal: Exception) -> Response:
    """Answer what the app refused."""
    assert isinstance(refusal, Refusal)
    return answer_error(refusal.status, refusal.message, refusal.headers)


async def answer_invalid(_: Request, invalid: Exception) -> Response:
    """Answer a parameter that is absent or out of bounds, by name."""
    assert isinstance(invalid, RequestValidationError)
    first = invalid.errors()[0]
    text = str(first["msg"])
    return answer_error(400, f"{first['loc'][-1]}: {text[:1].lower()}{text[1:]}")


async def answer_http(request: Request, error: Exception) -> Response:
    """Answer an address that does not exist, or not for this method."""
    assert isinstance(error, HTTPException)
    texts = {
        404: "there is no such address; GET /api/about says what this server finds",
        405: f"{request.method[:20]} is not for this address",
    }
    headers = dict(error.headers or {})
    return answer_error(error.status_code, texts.get(error.status_code, error.detail), headers)


async def answer_gone(_: Request, error: Exception) -> Response:
    """Answer a client that went away before it had sent all; nobody reads it."""
    assert isinstance(error, ClientDisconnect)
    return answer_error(400, "the request was not whole")


def answer_media(request: Request, content: bytes, media_type: str) -> Response:
    """Answer bytes, or the one part of them that the Range header asks for, for players to seek.

    A Range header that is malformed, or asks for several parts, is answered by the whole, as RFC
    9110 allows; one that lies behind the end by 416.
    """
    headers = {**KEPT, "Accept-Ranges": "bytes"}
    size = len(content)
    match = RANGE.fullmatch(request.headers.get("range", ""))
    if match is None or match.group(1) == match.group(2) == "":
        return Response(content, 200, headers, media_type)
    if match.group(1):
        first = int(match.group(1))
        last = min(int(match.group(2)), size - 1) if match.group(2) else size - 1
        if match.group(2) and int(match.group(2)) < first:
            return Response(content, 200, headers, media_type)
    else:
        first, last = max(size - int(match.group(2)), 0), size - 1
    if first > last:
        unmet = {"Content-Range": f"bytes */{size}"}
        return answer_error(416, "the sound has no such part", unmet)
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Response(content[first : last + 1], 206, headers, media_type)
