"""Have uploads decoded by children, few at once, each for a limited time."""

import json
import multiprocessing
import threading
from dataclasses import dataclass
from multiprocessing.reduction import DupFd
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from hearsay.serve.decode_upload import decode_upload
from hearsay.serve.limits import Limits
from hearsay.serve.refusal import Refusal


@dataclass(frozen=True)
class UploadedSound:
    """Mono sound of an upload; `is_cut`: it is longer, and only its first seconds are here."""

    samples: npt.NDArray[np.float32]  # [samples]
    sample_rate_hz: int
    is_cut: bool


class Decoder:
    """Start a child for each upload and kill it when its time is over.

    Children are forked from a small process that has imported the decoders and nothing else (a
    forkserver), which takes some milliseconds; forking the server, with its threads, is not safe.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["__main__", "hearsay.serve.decode_upload"])
        self._lock = threading.Lock()  # multiprocessing's list of children is not made for threads

    def decode_sound(self, upload: BinaryIO) -> UploadedSound:
        """Decode the sound of an open file.

        Raises:
            Refusal: 415 where it is no sound, 422 where it is broken or takes too long.
        """
        header, content = self._decode("sound", upload)
        samples = np.frombuffer(content, np.float32).copy()
        return UploadedSound(samples, int(header["sample_rate_hz"]), bool(header["is_cut"]))

    def decode_picture(self, upload: BinaryIO) -> Image.Image:
        """Decode the picture in an open file; see `decode_sound`."""
        header, content = self._decode("picture", upload)
        return Image.frombytes("RGB", (header["width"], header["height"]), content)

    def _decode(self, kind: str, upload: BinaryIO) -> tuple[dict[str, Any], bytes]:
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=decode_upload,
            args=(kind, _Descriptor(upload.fileno()), sender, self._limits),
            daemon=True,
        )
        with receiver:
            with sender, self._lock:
                process.start()
            try:
                if not receiver.poll(self._limits.decode_s):
                    limit = f"{self._limits.decode_s:g} s"
                    raise Refusal(422, f"decoding the {kind} takes longer than {limit}")
                header = json.loads(receiver.recv_bytes())
                content = receiver.recv_bytes()
            except (EOFError, OSError):  # it died: of a fault in a decoder, or of its limits
                raise Refusal(422, f"the {kind} is broken: its decoder gave up") from None
            finally:
                with self._lock:
                    process.kill()
                    process.join()
                    process.close()
        if "error" in header:
            raise Refusal(header["status"], header["error"])
        return header, content


class _Descriptor:
    """The number of an open file, which goes to the child beside its arguments."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __reduce__(self) -> tuple[Any, ...]:
        return _take_descriptor, (DupFd(self._descriptor),)


def _take_descriptor(passed: Any) -> int:
    """Return, in the child, the number that the open file has there."""
    descriptor: int = passed.detach()
    return descriptor
