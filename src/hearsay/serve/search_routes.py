"""Addresses that search: by a text, a sound or a picture."""

from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse

from hearsay.errors import HearsayError
from hearsay.serve.answers import FRESH
from hearsay.serve.decoder import Decoder
from hearsay.serve.limits import Limits
from hearsay.serve.refusal import Refusal
from hearsay.serve.uploads import Uploads
from hearsay.serve.workers import Workers

if TYPE_CHECKING:
    from hearsay.search.engine import Engine, Hit

DEFAULT_HITS = 10


def search_routes(
    engine: "Engine", decoder: Decoder, searching: Workers, decoding: Workers, limits: Limits
) -> APIRouter:
    """Make the routes /api/about and /api/search."""
    routes = APIRouter(prefix="/api")
    uploads = Uploads(limits)
    Text = Annotated[str, Query(min_length=1, max_length=limits.query_chars, description="a text")]
    Hits = Annotated[int, Query(ge=1, le=limits.num_hits, description="how many hits")]
    Find = Annotated[Literal["clips", "captions", "labels"], Query(description="what to find")]

    @routes.get("/about", summary="What this server holds, finds and allows")
    async def about() -> JSONResponse:
        allowed = {
            "query_chars": limits.query_chars,
            "num_hits": limits.num_hits,
            "upload_bytes": limits.upload_bytes,
            "sound_s": limits.sound_s,
            "picture_px": limits.picture_px,
        }
        about = {**asdict(engine.description), "version": version("hearsay"), "limits": allowed}
        return JSONResponse(about, headers=FRESH)

    @routes.get("/search", summary="Find clips by a text")
    async def by_text(q: Text, k: Hits = DEFAULT_HITS) -> JSONResponse:
        def search() -> dict[str, Any]:
            hits = engine.by_text(q, k)
            return {"q": q, "unknown_words": engine.unknown_words(q), **_as_json(hits)}

        return await _answer(searching, search)

    @routes.post("/search/sound", summary="Find clips, captions or labels by a sound")
    async def by_sound(
        request: Request, find: Find = "clips", k: Hits = DEFAULT_HITS
    ) -> JSONResponse:
        _require(engine, f"sound_to_{find}")
        async with uploads.receive(request) as upload:
            sound = await decoding.run(decoder.decode_sound, upload)

        def search() -> dict[str, Any]:
            hits = engine.by_sound(sound.samples, sound.sample_rate_hz, k, find)
            length_s = round(len(sound.samples) / sound.sample_rate_hz, 3)
            return {"find": find, "used_s": length_s, "is_cut": sound.is_cut, **_as_json(hits)}

        return await _answer(searching, search)

    @routes.post("/search/picture", summary="Find clips by a picture")
    async def by_picture(request: Request, k: Hits = DEFAULT_HITS) -> JSONResponse:
        _require(engine, "picture_to_clips")
        async with uploads.receive(request) as upload:
            picture = await decoding.run(decoder.decode_picture, upload)
        return await _answer(searching, lambda: _as_json(engine.by_picture(picture, k)))

    return routes


def _require(engine: "Engine", way: str) -> None:
    """Refuse what the index cannot find before anything is uploaded for it."""
    finds = engine.description.finds
    if way not in finds:
        able = ", ".join(name.replace("_", " ") for name in finds)
        raise Refusal(422, f"this index does not find {way.replace('_', ' ')}; it finds {able}")


async def _answer(searching: Workers, search: Any) -> JSONResponse:
    try:
        return JSONResponse(await searching.run(search), headers=FRESH)
    except HearsayError as error:  # the question is well formed, and has no answer here
        raise Refusal(422, str(error)) from error


def _as_json(hits: "list[Hit]") -> dict[str, Any]:
    return {"hits": [asdict(hit) for hit in hits]}
