"""The app of `hearsay serve`: its parts put together, and the files of its page."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp

from hearsay.pages.assets import read_asset
from hearsay.serve.answers import answer_gone, answer_http, answer_invalid, answer_refusal
from hearsay.serve.clip_routes import clip_routes
from hearsay.serve.decoder import Decoder
from hearsay.serve.guard import Guard
from hearsay.serve.limits import Limits
from hearsay.serve.refusal import Refusal
from hearsay.serve.search_routes import search_routes
from hearsay.serve.workers import Workers

if TYPE_CHECKING:
    from hearsay.search.engine import Engine

TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
SHARED = ("style.css", "clip_view.js")  # of hearsay.pages
OWN = ("search.html", "search.css", "search.js", "hit_view.js", "recorder.js", "icon.svg")
REVALIDATED = {"Cache-Control": "no-cache"}


def make_app(engine: "Engine", limits: Limits | None = None, names: Iterable[str] = ()) -> ASGIApp:
    """Make the app that answers for an opened index; docs/serve.md describes what it answers.

    Args:
        engine: the opened index.
        limits: of requests; of a sound no more is taken than a clip of the index is long.
        names: hosts that the server is called by, besides localhost and numbers; see `Guard`.
    """
    limits = limits or Limits()
    if engine.clip_duration_s is not None:
        limits = replace(limits, sound_s=min(limits.sound_s, engine.clip_duration_s))
    searching = Workers(limits.searches_at_once, limits.num_waiting, "search")
    decoding = Workers(limits.decodes_at_once, limits.num_waiting, "decode")

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        searching.close()
        decoding.close()

    app = FastAPI(
        title="hearsay serve",
        version=version("hearsay"),
        lifespan=lifespan,
        docs_url=None,  # they would load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
        exception_handlers={
            Refusal: answer_refusal,
            RequestValidationError: answer_invalid,
            HTTPException: answer_http,
            ClientDisconnect: answer_gone,
        },
    )
    app.include_router(search_routes(engine, Decoder(limits), searching, decoding, limits))
    app.include_router(clip_routes(engine, searching, limits))
    _add_page(app)
    return Guard(app, names)


def _add_page(app: FastAPI) -> None:
    """Serve the page's files from memory, so that no address leads to a path."""
    own = files("hearsay.serve").joinpath("page")
    texts = {name: read_asset(name) for name in SHARED}
    texts |= {name: own.joinpath(name).read_text(encoding="utf-8") for name in OWN}
    contents = {name: text.encode() for name, text in texts.items()}

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return Response(contents["search.html"], 200, REVALIDATED, TYPES["html"])

    @app.get("/static/{name}", include_in_schema=False)
    async def static(name: str) -> Response:
        if name not in contents:
            raise HTTPException(404)
        return Response(contents[name], 200, REVALIDATED, TYPES[name.rsplit(".", 1)[1]])
