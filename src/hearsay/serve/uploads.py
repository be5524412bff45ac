"""Receive an upload: counted while it comes, into a file without a name."""

import asyncio
import errno
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import BinaryIO

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from hearsay.serve.limits import Limits
from hearsay.serve.refusal import Refusal, busy

RAW_TYPES = ("audio/", "video/", "image/", "application/octet-stream", "application/ogg")
FIELD = "file"
HOW = f"send the file as the body, or as the field {FIELD!r} of a form (multipart/form-data)"
# What a client is still sending when it is refused is read for so long, so that it can read why.
DRAINED_S = 2.0
MEMORY_BYTES = 2**20  # of an upload; what is longer lies on the disk
FULL = (errno.ENOSPC, errno.EDQUOT)


class Uploads:
    """Uploads under way, few at once, so that together they cannot fill the disk."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._num_open = 0  # counted in the event loop alone

    @asynccontextmanager
    async def receive(self, request: Request) -> AsyncGenerator[BinaryIO, None]:
        """Yield the uploaded file, open at its beginning; it is gone at the end.

        The file has no name in the file system, and the name that the client gives is not read.

        Raises:
            Refusal: 400 malformed or empty, 408 too slow, 413 too large, 415 of a type not taken,
                503 too many at once, 507 the disk is full.
        """
        if self._num_open >= self._limits.uploads_at_once:
            await _drain(request)
            raise busy("uploads are under way", closes=True)
        self._num_open += 1
        try:
            with await _receive_on_disk(request, self._limits) as file:
                yield file
        finally:
            self._num_open -= 1


async def _receive_on_disk(request: Request, limits: Limits) -> BinaryIO:
    try:
        return await _receive_upload(request, limits)
    except OSError as error:
        if error.errno not in FULL:
            raise
        await _drain(request)
        message = "the disk of the server is full; whoever runs it must make room"
        raise Refusal(507, message, closes=True) from error


async def _receive_upload(request: Request, limits: Limits) -> BinaryIO:
    content_type = request.headers.get("content-type", "application/octet-stream").lower()
    is_form = content_type.startswith("multipart/form-data")
    if not is_form and not content_type.startswith(RAW_TYPES):
        await _drain(request)
        kind = content_type.split(";")[0][:80]
        raise Refusal(415, f"the content type {kind!r} is not taken; {HOW}", closes=True)
    stated = request.headers.get("content-length", "0")
    if stated.isdigit() and int(stated) > limits.upload_bytes + (MEMORY_BYTES if is_form else 0):
        await _drain(request)
        raise _too_large(limits)
    blocks = _receive(request, limits)
    file = await (_receive_form(request, blocks) if is_form else _receive_body(blocks))
    try:
        size = file.seek(0, 2)
        if size > limits.upload_bytes:
            raise _too_large(limits)
        if not size:
            raise Refusal(400, f"the upload is empty; {HOW}")
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


async def _receive_body(blocks: AsyncGenerator[bytes, None]) -> BinaryIO:
    file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 the caller closes it
    try:
        async for block in blocks:
            file.write(block)
        file.flush()
    except BaseException:
        with suppress(OSError):  # of a full disk, once more
            file.close()
        raise
    return file


async def _receive_form(request: Request, blocks: AsyncGenerator[bytes, None]) -> BinaryIO:
    parser = MultiPartParser(
        request.headers, blocks, max_files=1, max_fields=4, max_part_size=MEMORY_BYTES
    )
    try:
        items = (await parser.parse()).multi_items()
    except (MultiPartException, ValueError, KeyError) as error:
        raise Refusal(400, f"the form is malformed: {error}; {HOW}", closes=True) from error
    files = [value.file for name, value in items if isinstance(value, UploadFile) and name == FIELD]
    if len(files) != 1 or len(items) != 1:
        for _, value in items:
            if isinstance(value, UploadFile):
                value.file.close()
        raise Refusal(400, f"the form does not hold one file; {HOW}")
    try:
        files[0].fileno()  # has a small one written to the disk, where another process can open it
        files[0].flush()
    except BaseException:
        with suppress(OSError):
            files[0].close()
        raise
    return files[0]


async def _receive(request: Request, limits: Limits) -> AsyncGenerator[bytes, None]:
    """Yield the blocks of the body, whatever its stated length, up to the limits."""
    allowed = limits.upload_bytes + MEMORY_BYTES  # beside the file a form has some lines
    now = asyncio.get_running_loop().time
    last_s = now() + limits.receive_s
    stream = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(min(limits.idle_s, max(last_s - now(), 0))):
                block = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            message = "the rest of the upload did not come in time; send it again"
            raise Refusal(408, message, closes=True) from None
        allowed -= len(block)
        if allowed < 0:
            await _drain(request)
            raise _too_large(limits)
        yield block


async def _drain(request: Request) -> None:
    """Read and drop what a client is still sending, for a moment.

    A connection that is closed while bytes come in is reset, and the reason of the refusal lost.
    """
    try:
        async with asyncio.timeout(DRAINED_S):
            while True:
                message = await request.receive()
                if message["type"] != "http.request" or not message.get("more_body"):
                    return
    except TimeoutError:
        pass


def _too_large(limits: Limits) -> Refusal:
    limit = f"{limits.upload_bytes / 2**20:g} MiB"
    return Refusal(413, f"the upload is larger than {limit}; send a shorter piece", closes=True)
