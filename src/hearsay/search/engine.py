"""Search over a trained run: by a text, a sound or a picture."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from hearsay.clips.audio import Waveform, decode_flac
from hearsay.device import resolve_device
from hearsay.encoders.frozen import read_frozen
from hearsay.errors import HearsayError
from hearsay.families import FORMS
from hearsay.layout import DatasetFiles
from hearsay.methods.family import EmbedsAudio, GroundsPhrases
from hearsay.search.clip_files import ClipFiles, ClipNotes
from hearsay.search.entries import CAPTIONS_SCHEMA, CLIPS_SCHEMA, LABELS_SCHEMA, Entries
from hearsay.search.finders import Finder, TowerFinder
from hearsay.search.hear import Spectrogram, fit_sound, make_listener
from hearsay.search.links import link_at
from hearsay.search.record import Description, IndexRecord, read_record
from hearsay.search.vectors import Found
from hearsay.search.word_finder import WordFinder
from hearsay.training.load import TrainedRun, load_run, read_needs

FOUND_KINDS = {"clips": "clip", "captions": "caption", "labels": "label"}
SCHEMAS = {"clips": CLIPS_SCHEMA, "captions": CAPTIONS_SCHEMA, "labels": LABELS_SCHEMA}
MOST_HITS = 1000
LONGEST_TEXT = 1000  # characters
WAYS = {
    "text_to_clips": "clips by a text",
    "sound_to_clips": "clips by a sound",
    "sound_to_captions": "captions by a sound",
    "sound_to_labels": "labels by a sound",
    "picture_to_clips": "clips by a picture",
}

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Hit:
    """One answer.

    Attributes:
        rank: from 1.
        score: higher is better; comparable inside one search.
        kind: clip, caption or label.
        clip_id: of the clip, or of the caption's clip; None of a label.
        split: train (the run has learnt from it), val or test; None of a label.
        start_s: of the clip in its source.
        end_s: as start_s; None: to the end.
        text: caption or label; None of a clip.
        link: address that plays the clip's source at its second; None where there is none.
    """

    rank: int
    score: float
    kind: str
    clip_id: str | None
    split: str | None
    start_s: float | None
    end_s: float | None
    text: str | None
    link: str | None


@dataclass(frozen=True)
class Activity:
    """When in a clip a phrase is heard.

    Attributes:
        times_s: [T], of the frames, from the clip's start.
        scores: [T], 0 to 1.
    """

    times_s: NDArray[np.float32]
    scores: NDArray[np.float32]


class Engine:
    """An index, opened; may be asked by several threads at once.

    Networks compute in one thread of the engine's own, one question after another; vectors are
    compared in the thread that asks, and in `threads` where there are many.

    Attributes:
        description: what it holds and can find.
        files: sound, pictures and captions of single clips.
        clip_duration_s: that the clips were cut at, and a sound that is asked with; None: whole.
    """

    def __init__(
        self, folder: Path, record: IndexRecord, run: TrainedRun, finder: Finder, threads: int
    ) -> None:
        self.description: Description = record.description
        self.clip_duration_s: float | None = record.sound["clip_duration_s"]
        self._record = record
        self._run = run
        self._finder = finder
        self._entries = {
            find: Entries(folder / f"{find}.parquet", schema)
            for find, schema in SCHEMAS.items()
            if getattr(self.description, f"num_{find}")
        }
        self.files = ClipFiles(DatasetFiles.open(record.data), self._entries["clips"])
        self._listener = make_listener(run, record.sound, record.features, record.wal_net, folder)
        self._worker = ThreadPoolExecutor(1, initializer=_start_computing, initargs=(threads,))

    @classmethod
    def open(cls, folder: Path, device: str = "cpu", threads: int = 1) -> "Engine":
        """Open the index of a folder.

        Args:
            folder: of `build_search_index`, such as results/search/vip_ant/seed0.
            device: auto, cpu or cuda; of the networks.
            threads: of the networks, and of an exact search over many vectors.

        Raises:
            HearsayError: the index is absent, damaged or of files that are gone.
        """
        folder = Path(folder)
        record = read_record(folder)
        torch_device = resolve_device(device)
        needs = read_needs(record.model)
        data = DatasetFiles.open(record.data)
        frozen = read_frozen(needs, data, record.towers)
        run = load_run(record.model, frozen, torch_device, needs.headline)
        finder = make_finder(run, record, folder, threads)
        return cls(folder, record, run, finder, threads)

    def close(self) -> None:
        """Let the engine's thread end."""
        self._worker.shutdown()

    def by_text(self, text: str, k: int) -> list[Hit]:
        """Find the k clips that fit a text best.

        Raises:
            HearsayError: the text is empty or very long, or the run knows none of its words.
        """
        self._require("text_to_clips")
        asked = _check_text(text)
        return self._hits("clips", self._compute(self._finder.text_to_clips, asked, _check_k(k)))

    def by_sound(self, samples: Waveform, sample_rate_hz: int, k: int, find: str) -> list[Hit]:
        """Find the k clips, captions or labels that fit a sound best.

        Args:
            samples: float32 [n], one channel; what is longer than a clip of the data set is not
                heard.
            sample_rate_hz: of the samples.
            k: hits; fewer where there are fewer.
            find: clips, captions or labels.

        Raises:
            HearsayError: the sound is too short, silent or broken, or the index has no such way.
        """
        if find not in FOUND_KINDS:
            raise HearsayError(f"find {find!r} must be one of {', '.join(FOUND_KINDS)}")
        self._require(f"sound_to_{find}")
        k = _check_k(k)

        def ask() -> Found:
            waveform = fit_sound(samples, sample_rate_hz, self._record.sound)
            batch = self._listener.batch(torch.from_numpy(waveform))
            return self._finder.sound_to(find, batch, k)

        return self._hits(find, self._compute(ask))

    def by_picture(self, image: Image.Image, k: int) -> list[Hit]:
        """Find the k clips that fit a picture best; its centre square counts.

        Raises:
            HearsayError: the picture cannot be decoded, or the run knows no pictures.
        """
        self._require("picture_to_clips")
        return self._hits("clips", self._compute(self._finder.picture_to_clips, image, _check_k(k)))

    def unknown_words(self, text: str) -> list[str]:
        """Name the words of a text that the run does not know and a search by it leaves out."""
        return self._finder.unknown_words(_check_text(text))

    def activity(self, clip_id: str, phrase: str) -> Activity | None:
        """Say when in a clip a phrase is heard.

        Returns:
            None where the run cannot ground phrases, or knows no word of this one.

        Raises:
            HearsayError: the clip is unknown, or the phrase empty or very long.
        """
        phrase, flac = _check_text(phrase), self.files.audio(clip_id)
        family = self._run.family
        if not isinstance(family, GroundsPhrases):
            return None
        return self._compute(self._ground, family, flac, phrase)

    def _ground(self, family: GroundsPhrases, flac: bytes, phrase: str) -> Activity | None:
        vectors = self._finder.phrase(phrase)
        if vectors is None:
            return None
        run, waveform = self._run, torch.from_numpy(decode_flac(flac))
        heard = self._listener.spectrogram(waveform)
        batch = {k: v.to(run.device) for k, v in self._listener.batch(waveform).items()}
        with torch.inference_mode():
            frames = family.embed_frames(run.network, batch)[0]  # [T', W]
            found = family.score_phrase(frames, torch.from_numpy(vectors).to(run.device))
        scores = next(iter(found.values())).float().cpu().numpy()[: len(heard.levels)]
        times_s = heard.first_s + heard.frame_shift_s * np.arange(len(scores))
        return Activity(times_s.astype(np.float32), scores)

    def clip_audio(self, clip_id: str) -> bytes:
        """Return the sound of a clip: mono FLAC."""
        return self.files.audio(clip_id)

    def clip_image(self, clip_id: str, number: int) -> bytes:
        """Return the picture of a clip with that number, counted from 0: a JPEG."""
        return self.files.image(clip_id, number)

    def segments(self, clip_id: str) -> ClipNotes:
        """Return labels, captions and labelled phrases of a clip."""
        return self.files.notes(clip_id)

    def spectrogram(self, clip_id: str) -> Spectrogram:
        """Return what the run hears of a clip over time."""
        waveform = torch.from_numpy(decode_flac(self.files.audio(clip_id)))
        return self._compute(self._listener.spectrogram, waveform)

    def _compute(self, ask: Callable[..., Answer], *arguments: Any) -> Answer:
        return self._worker.submit(ask, *arguments).result()

    def _require(self, way: str) -> None:
        if way not in self.description.finds:
            able = ", ".join(WAYS[name] for name in self.description.finds)
            raise HearsayError(
                f"this index of {self.description.method} does not find {WAYS[way]}; it finds "
                f"{able}"
            )

    def _hits(self, find: str, found: Found) -> list[Hit]:
        scores, rows = found
        entries = self._entries[find].take(rows.tolist())
        clips = self._clips_of(find, entries)
        return [
            _hit(rank, float(score), FOUND_KINDS[find], clip, entry.get("text"))
            for rank, (score, entry, clip) in enumerate(
                zip(scores, entries, clips, strict=True), start=1
            )
        ]

    def _clips_of(self, find: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if find == "captions":
            return self._entries["clips"].take([entry["clip_row"] for entry in entries])
        return entries


def make_finder(run: TrainedRun, record: IndexRecord, folder: Path, threads: int) -> Finder:
    """Make what answers questions for the family of a run."""
    if run.needs.needs_towers and isinstance(run.family, EmbedsAudio):
        return TowerFinder(run, record, folder, threads)
    if run.needs.features == FORMS:
        from hearsay.search.label_finder import LabelFinder

        return LabelFinder(run, record, folder, threads)
    return WordFinder(run, record, folder)


def _hit(rank: int, score: float, kind: str, clip: dict[str, Any], text: str | None) -> Hit:
    source, locator = clip.get("source"), clip.get("locator")
    times = (clip.get("start_s"), clip.get("end_s"))
    link = link_at(source, locator, *times) if source and locator else None
    return Hit(rank, score, kind, clip.get("clip_id"), clip.get("split"), *times, text, link)


def _check_text(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        raise HearsayError("the text is empty; say what to search for")
    if len(text) > LONGEST_TEXT:
        raise HearsayError(f"the text has {len(text)} characters; at most {LONGEST_TEXT}")
    return text


def _check_k(k: int) -> int:
    if not 1 <= k <= MOST_HITS:
        raise HearsayError(f"the number of hits must be from 1 to {MOST_HITS}, not {k}")
    return k


def _start_computing(threads: int) -> None:
    """Set up the thread that computes; see `hearsay.device.reproducible`."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
