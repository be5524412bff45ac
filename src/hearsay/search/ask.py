"""Ask an index from the command line: one question in, one text out."""

import json
import logging
from dataclasses import asdict
from pathlib import Path

from hearsay.errors import HearsayError
from hearsay.search.engine import FOUND_KINDS, Engine, Hit
from hearsay.search.picture_file import read_picture
from hearsay.search.record import read_record
from hearsay.search.show import format_hits

logger = logging.getLogger(__name__)

LONGEST_S = 60.0  # read of a sound file; of most data sets a clip is shorter, and heard alone
DECODE_TIMEOUT_S = 30.0
MOST_THREADS = 1024


def ask_index(
    index: Path,
    text: str | None,
    sound: Path | None,
    picture: Path | None,
    find: str,
    number: int,
    as_json: bool,
    device: str,
    threads: int,
) -> str:
    """Return the answer to one question: a table, or JSON.

    Args:
        index: folder of an index, or its index.json.
        text: to search by; or
        sound: a file; or
        picture: a file.
        find: clips, captions or labels.
        number: of hits.
        as_json: else a table.
        device: auto, cpu or cuda.
        threads: of the processor.

    Raises:
        HearsayError: the index is absent, a file is no sound or picture, a number is out of its
            range, or the index has no such way to search.
    """
    if not 1 <= threads <= MOST_THREADS:
        raise HearsayError(f"--threads {threads}: give a number from 1 to {MOST_THREADS}")
    folder = index.parent if index.name == "index.json" else index
    record = read_record(folder)
    if find not in FOUND_KINDS:
        raise HearsayError(f"--find {find!r} must be one of {', '.join(FOUND_KINDS)}")
    if sound is None and find != "clips":
        raise HearsayError(f"--find {find} is for a sound; a text or a picture finds clips")
    image = read_picture(picture) if picture is not None else None
    heard = None
    if sound is not None:
        from hearsay.search.sound_file import read_sound

        longest_s = record.sound["clip_duration_s"] or LONGEST_S
        heard = read_sound(sound, longest_s, DECODE_TIMEOUT_S)
    engine = Engine.open(folder, device, threads)
    unknown: list[str] = []
    if image is not None:
        hits = engine.by_picture(image, number)
    elif heard is not None:
        hits = engine.by_sound(*heard, number, find)
    else:
        unknown = engine.unknown_words(text or "")
        hits = engine.by_text(text or "", number)
    engine.close()
    if unknown:
        logger.warning("the run does not know %s: left out", ", ".join(unknown))
    if as_json:
        return _as_json(engine, hits, unknown)
    clips = [hit.clip_id for hit in hits if hit.kind == "clip" and hit.clip_id]
    return format_hits(hits, engine.files.summaries(clips))


def _as_json(engine: Engine, hits: list[Hit], unknown: list[str]) -> str:
    answer = {
        "index": asdict(engine.description),
        "unknown_words": unknown,
        "hits": [asdict(hit) for hit in hits],
    }
    return json.dumps(answer, indent=1, ensure_ascii=False) + "\n"
