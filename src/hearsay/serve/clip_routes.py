"""Addresses of single clips: what is known of them, their sound, pictures and spectrogram.

A clip id is only ever looked up among those of the index.
"""

import io
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import soundfile
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import JSONResponse, Response

from hearsay.errors import HearsayError
from hearsay.pages.media import spectrogram_png
from hearsay.search.links import link_at
from hearsay.serve.answers import FRESH, KEPT, answer_media
from hearsay.serve.limits import Limits
from hearsay.serve.refusal import Refusal
from hearsay.serve.workers import Workers

if TYPE_CHECKING:
    from hearsay.search.engine import Engine

T = TypeVar("T")
ClipId = Annotated[str, Path(pattern="^[A-Za-z0-9_-]+$", max_length=200)]
ImageNumber = Annotated[int, Path(ge=0, le=10_000, description="from 0")]


def clip_routes(engine: "Engine", workers: Workers, limits: Limits) -> APIRouter:
    """Make the routes below /api/clips."""
    routes = APIRouter(prefix="/api/clips/{clip_id}")
    Phrase = Annotated[str, Query(min_length=1, max_length=limits.query_chars)]

    async def run(call: Callable[..., T], *args: Any) -> T:
        try:
            return await workers.run(call, *args)
        except HearsayError as error:
            raise Refusal(404, str(error)) from error

    @routes.get("", summary="Captions, labelled segments, length and source of a clip")
    async def describe(clip_id: ClipId) -> JSONResponse:
        return JSONResponse(await run(_describe, engine, clip_id), headers=FRESH)

    @routes.get("/audio", summary="The sound of a clip: FLAC; takes Range")
    async def audio(request: Request, clip_id: ClipId) -> Response:
        return answer_media(request, await run(engine.clip_audio, clip_id), "audio/flac")

    @routes.get("/images/{number}", summary="A picture of a clip: JPEG")
    async def image(clip_id: ClipId, number: ImageNumber) -> Response:
        return Response(await run(engine.clip_image, clip_id, number), 200, KEPT, "image/jpeg")

    @routes.get("/spectrogram", summary="What the run hears of a clip: a grey PNG")
    async def spectrogram(clip_id: ClipId) -> Response:
        def draw() -> bytes:
            return spectrogram_png(engine.spectrogram(clip_id).levels)

        return Response(await run(draw), 200, FRESH, "image/png")

    @routes.get("/activity", summary="When in a clip a phrase is heard")
    async def activity(clip_id: ClipId, phrase: Phrase) -> JSONResponse:
        if not engine.description.can_ground:
            raise Refusal(422, "this run does not say when in a clip a phrase is heard")
        found = await run(engine.activity, clip_id, phrase)
        answer: dict[str, Any] = {"phrase": phrase, "times_s": [], "scores": []}
        if found is not None:  # else the run knows no word of it
            answer["times_s"] = [round(float(time_s), 4) for time_s in found.times_s]
            answer["scores"] = [round(float(score), 4) for score in found.scores]
        return JSONResponse(answer, headers=FRESH)

    return routes


def _describe(engine: "Engine", clip_id: str) -> dict[str, Any]:
    entry = engine.files.entries.find(clip_id)
    notes = engine.segments(clip_id)
    sound = soundfile.info(io.BytesIO(engine.clip_audio(clip_id)))
    times = entry["start_s"], entry["end_s"]
    return {
        "clip_id": clip_id,
        "split": entry["split"],
        "start_s": entry["start_s"],
        "end_s": entry["end_s"],
        "duration_s": round(sound.frames / sound.samplerate, 4),
        "link": link_at(entry["source"], entry["locator"], *times),
        "num_images": engine.files.num_images,
        "labels": notes.labels,
        "captions": notes.captions,
        "segments": [asdict(segment) for segment in notes.segments],
    }
