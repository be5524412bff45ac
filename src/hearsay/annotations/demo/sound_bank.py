"""A sound bank: a folder of recordings, one folder a class, from which scenes are composed."""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
import soxr

from hearsay.annotations.demo.lexicon import Vocabulary, words_for
from hearsay.annotations.demo.mixing import RATE_HZ
from hearsay.annotations.demo.scenes import Event
from hearsay.annotations.demo.sounds import Sound, finish
from hearsay.errors import HearsayError

SUFFIXES = {".wav", ".ogg", ".flac", ".mp3"}
SHARES = {"test": 0.25, "val": 0.1}  # of a class's sources, at least one each; the rest is train
MIN_CLASSES = 5  # of which scenes are composed
SPEEDS = {"low": 0.8, "high": 1.3}  # a recording played slower is lower
SOURCE_ID = re.compile(r"\d-(\d+)-[A-Z]")  # ESC-50's names: fold, source, take
TRIM_DB = -35.0  # silence around a recording, relative to its peak, is cut


@dataclass(frozen=True)
class SoundBank:
    """Recordings by class and split; no source is in two splits."""

    recordings: dict[str, dict[str, tuple[Path, ...]]]

    @property
    def fingerprint(self) -> str:
        """Hash the recordings' names, sizes and splits."""
        lines = [
            f"{name}/{split}/{path.name} {path.stat().st_size}"
            for name, splits in sorted(self.recordings.items())
            for split, paths in sorted(splits.items())
            for path in paths
        ]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]

    @property
    def vocabulary(self) -> Vocabulary:
        """The bank's classes; the tempo of a recording is not known, so it is not named."""
        return Vocabulary({name: words_for(name) for name in self.recordings}, has_tempo=False)

    def sound(
        self, event: Event, split: str, num_samples: int, generator: np.random.Generator
    ) -> Sound:
        """Cut an event out of a recording of its class and split; short ones are repeated."""
        paths = self.recordings[event.source.name][split]
        recording = read_recording(paths[int(generator.integers(len(paths)))], event.source.pitch)
        first = int(generator.integers(0, max(1, len(recording) - num_samples + 1)))
        return finish(np.resize(recording[first:], num_samples), RATE_HZ)


def open_sound_bank(folder: Path, seed: int) -> SoundBank:
    """List a sound bank and divide each class's sources between the splits, by seed.

    Raises:
        HearsayError: as `divide_recordings`, or there are too few classes for scenes.
    """
    recordings = divide_recordings(folder, seed, "sound_bank")
    if len(recordings) < MIN_CLASSES:
        raise HearsayError(
            f"sound_bank {folder} holds {len(recordings)} classes; scenes need at least "
            f"{MIN_CLASSES}"
        )
    return SoundBank(recordings)


def divide_recordings(
    folder: Path, seed: int, called: str
) -> dict[str, dict[str, tuple[Path, ...]]]:
    """Divide the recordings of a folder, one folder a class, between the splits, by seed.

    The class is the folder's name without a leading number ("001 - Dog bark" is "dog bark").
    Takes of one source (ESC-50's naming) stay together.

    Args:
        called: what errors call the folder.

    Returns:
        class → split → recordings.

    Raises:
        HearsayError: the folder is absent or holds no folder, two folders bear one class name,
            or a class has fewer than three sources, one for each split.
    """
    if not folder.is_dir():
        raise HearsayError(f"{called} {folder} is no folder; give one with a folder per class")
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    if not classes:
        raise HearsayError(f"{called} {folder} holds no folder; give one with a folder per class")
    recordings: dict[str, dict[str, tuple[Path, ...]]] = {}
    for number, path in enumerate(classes):
        name = class_name(path)
        if name in recordings:
            raise HearsayError(
                f"{called} {folder} has two folders of the class {name!r}; merge or rename one"
            )
        sources: dict[str, list[Path]] = {}
        for file in sorted(path.iterdir()):
            if file.suffix.lower() in SUFFIXES:
                sources.setdefault(source_of(file), []).append(file)
        if len(sources) < 3:
            raise HearsayError(
                f"{called} {path} holds {len(sources)} recordings of different sources "
                f"({', '.join(sorted(SUFFIXES))}); a class needs at least 3, one for each split"
            )
        recordings[name] = _divide(sources, np.random.default_rng([seed, number]))
    return recordings


def class_name(folder: Path) -> str:
    """Turn a folder's name into a class: "001 - Dog bark" is "dog bark"."""
    return re.sub(r"^\d+\s*-\s*", "", folder.name).strip().lower().replace("_", " ")


def source_of(file: Path) -> str:
    """Tell which source a recording was taken from, by ESC-50's names; else it is its own."""
    match = SOURCE_ID.fullmatch(file.stem)
    return match[1] if match else file.stem


@lru_cache(maxsize=64)  # a minute of sound is 6 MB, in each worker
def read_recording(path: Path, pitch: str) -> Sound:
    """Read a recording as mono at RATE_HZ, without silence at its ends, lower or higher.

    Raises:
        HearsayError: the file cannot be read, or is silent.
    """
    try:
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise HearsayError(f"recording {path} cannot be read ({error}); remove it") from error
    mono = soxr.resample(sound.mean(axis=1), rate * SPEEDS[pitch], RATE_HZ)
    loud = np.flatnonzero(np.abs(mono) > np.abs(mono).max(initial=0) * 10 ** (TRIM_DB / 20))
    if not len(loud):
        raise HearsayError(f"recording {path} is silent; remove it")
    return mono[loud[0] : loud[-1] + 1]


def _divide(
    sources: dict[str, list[Path]], generator: np.random.Generator
) -> dict[str, tuple[Path, ...]]:
    """Divide sources between test, val and train, each at least one."""
    order = [sorted(sources)[k] for k in generator.permutation(len(sources))]
    divided, first = {}, 0
    for split, share in SHARES.items():
        count = max(1, round(share * len(order)))
        divided[split] = order[first : first + count]
        first += count
    divided["train"] = order[first:]
    return {
        split: tuple(path for source in chosen for path in sources[source])
        for split, chosen in divided.items()
    }
