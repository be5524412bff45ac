"""Generate the demo: media in parallel, then the tables that say what truly happens."""

import hashlib
import json
import logging
import multiprocessing
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from hearsay.annotations.demo.captions import Caption, make_captions
from hearsay.annotations.demo.check import check_options
from hearsay.annotations.demo.lexicon import PROCEDURAL, Vocabulary
from hearsay.annotations.demo.media import write_medium
from hearsay.annotations.demo.mixing import EventSounds, ProceduralSounds, mix_scene
from hearsay.annotations.demo.pictures import draw_pictures
from hearsay.annotations.demo.scenes import DEAD_LINK_STATUSES, Scene, make_scenes
from hearsay.annotations.demo.sound_bank import open_sound_bank
from hearsay.annotations.tables import Index, check_index, write_index
from hearsay.clips.ffmpeg import find_ffmpeg
from hearsay.files import write_json, write_parquet
from hearsay.layout import SERVED_HERE
from hearsay.progress import progress

logger = logging.getLogger(__name__)

FACTS_SCHEMA = pa.schema(
    [
        ("kind", pa.string()),  # clip, caption or image
        ("id", pa.string()),  # clip_id, caption_id, or clip_id#image_index
        ("clip_id", pa.string()),
        ("facts", pa.list_(pa.string())),  # what sounds, is said, is shown
    ]
)
MEDIA_ADDRESS = f"{SERVED_HERE}media/"  # the fetch step serves the media folder there


def make_demo(
    options: dict[str, Any], num_clips: int, clip_duration_s: float, folder: Path, num_workers: int
) -> None:
    """Generate a demo data set, deterministic by its seed.

    Writes media and `faults.json` below `folder/media`, then clips, captions, phrases and facts
    as Parquet into `folder`. Media of an earlier start are kept where options, number of clips,
    recordings and this package's code are the same; else all are made anew.

    Args:
        options: the section `datasets.*.demo` of config.
        num_clips: of all splits together.
        clip_duration_s: of each clip; its medium is 1 to 3 s longer.
        folder: where the tables go.
        num_workers: processes; the result does not depend on it.

    Raises:
        HearsayError: the options contradict each other, the sound bank does not serve, ffmpeg
            is absent or failed, or the disk is full.
    """
    check_options(options, num_clips)
    find_ffmpeg()  # before any work
    sounds, vocabulary = open_sounds(options)
    scenes = make_scenes(options, num_clips, clip_duration_s, vocabulary)
    media = folder / "media"
    made_from = _prepare_media_folder(
        media,
        {
            **options,
            "clip_duration_s": clip_duration_s,
            "num_clips": num_clips,  # which clips are broken hangs on it
            "recordings": sounds.fingerprint,
            "program": _program_fingerprint(),
        },
    )
    _write_media(scenes, sounds, options, media, num_workers)
    write_json(
        {
            scene.media_name: {"status": DEAD_LINK_STATUSES[scene.clip % len(DEAD_LINK_STATUSES)]}
            for scene in scenes
            if scene.breakage == "dead_link"
        },
        media / "faults.json",
    )
    captions = {scene: make_captions(scene, vocabulary, options["seed"]) for scene in scenes}
    _write_tables(captions, made_from, folder)


def open_sounds(options: dict[str, Any]) -> tuple[EventSounds, Vocabulary]:
    """Open what the options name: the sounds of events, and the words for them."""
    if options["sound_bank"] is None:
        return ProceduralSounds(), PROCEDURAL
    bank = open_sound_bank(Path(options["sound_bank"]), options["seed"])
    return bank, bank.vocabulary


def _program_fingerprint() -> str:
    """Hash this package's code, so that no medium outlives the code that made it."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _prepare_media_folder(media: Path, made_from: dict[str, Any]) -> str:
    """Keep media that were made from the same, start anew otherwise; return its fingerprint."""
    stamp = media / "options.json"
    text = json.dumps(made_from, sort_keys=True)
    if media.exists() and (not stamp.is_file() or stamp.read_text() != text):
        shutil.rmtree(media)
    media.mkdir(parents=True, exist_ok=True)
    stamp.write_text(text)
    for scratch in media.glob(".partial-*"):  # of a killed start
        shutil.rmtree(scratch, ignore_errors=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _write_media(
    scenes: list[Scene],
    sounds: EventSounds,
    options: dict[str, Any],
    media: Path,
    num_workers: int,
) -> None:
    linked = [scene for scene in scenes if scene.breakage != "dead_link"]
    missing = [scene for scene in linked if not (media / scene.media_name).is_file()]
    logger.info(
        "%d media to make, %d kept, %d links dead",
        len(missing),
        len(linked) - len(missing),
        len(scenes) - len(linked),
    )
    make = partial(
        make_medium,
        sounds=sounds,
        background_db=tuple(options["background_db"]),
        seed=options["seed"],
        folder=media,
    )
    if num_workers == 1:
        for _ in progress(map(make, missing), total=len(missing), unit="clip"):
            pass
        return
    # Spawned, since a fork of a process with threads may hang.
    with ProcessPoolExecutor(num_workers, multiprocessing.get_context("spawn")) as pool:
        done = pool.map(make, missing, chunksize=8)
        for _ in progress(done, total=len(missing), unit="clip"):
            pass


def make_medium(
    scene: Scene, sounds: EventSounds, background_db: tuple[float, float], seed: int, folder: Path
) -> None:
    """Make one medium; a function of its own, so that a worker process can be given it."""
    write_medium(
        scene, draw_pictures(scene, seed), mix_scene(scene, sounds, background_db, seed), folder
    )


def _write_tables(captions: dict[Scene, list[Caption]], made_from: str, folder: Path) -> None:
    """Write the index tables and the facts.

    An address ends in what its medium was made from, so that a changed demo is fetched anew.
    """
    facts = pd.DataFrame(_fact_rows(captions), columns=FACTS_SCHEMA.names)
    write_parquet(
        pa.Table.from_pandas(facts, schema=FACTS_SCHEMA, preserve_index=False),
        folder / "facts.parquet",
    )
    clips = pd.DataFrame(
        {
            "clip_id": scene.clip_id,
            "source": "http",
            "locator": f"{MEDIA_ADDRESS}{scene.media_name}?made_from={made_from}",
            "start_s": scene.start_s,
            "end_s": scene.start_s + scene.duration_s,
            "split": scene.split,
            "labels": _labels(scene),
        }
        for scene in captions
    )
    rows = [
        (caption_id(scene, number), scene.clip_id, caption)
        for scene, written in captions.items()
        for number, caption in enumerate(written, start=1)
    ]
    texts = pd.DataFrame(
        [(name, clip_id, caption.text) for name, clip_id, caption in rows],
        columns=["caption_id", "clip_id", "text"],
    )
    phrases = pd.DataFrame(
        {
            "caption_id": name,
            "clip_id": clip_id,
            "phrase": phrase.text,
            "first_word": phrase.first_word,
            "onsets_s": [phrase.event.onset_s],
            "offsets_s": [phrase.event.offset_s],
        }
        for name, clip_id, caption in rows
        for phrase in caption.phrases
    )
    index = Index(clips, texts, phrases)
    check_index(index)
    write_index(index, *(folder / f"{name}.parquet" for name in ("clips", "captions", "phrases")))


def caption_id(scene: Scene, number: int) -> str:
    """Name a caption by its clip and its number, from 1."""
    return f"{scene.clip_id}-{number}"


def _labels(scene: Scene) -> list[str]:
    """The classes that sound, the mentioned ones first."""
    events = sorted(scene.events, key=lambda event: not event.mentioned)
    return [event.source.name for event in events]


def _fact_rows(
    captions: dict[Scene, list[Caption]],
) -> Iterator[tuple[str, str, str, list[str]]]:
    for scene, written in captions.items():
        heard = [fact for event in scene.events for fact in event.source.facts]
        yield "clip", scene.clip_id, scene.clip_id, heard
        for number, caption in enumerate(written, start=1):
            yield "caption", caption_id(scene, number), scene.clip_id, list(caption.facts)
        for image, source in enumerate(scene.shown):
            shown = source.facts if source else []
            yield "image", f"{scene.clip_id}#{image}", scene.clip_id, shown
