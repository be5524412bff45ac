"""A small data set with real sound, pictures and texts, and runs of every family to search with.

The networks have their first weights: what search must get right does not hang on training.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from tests.training.conftest import OPTIONS, WORD_OPTIONS, make_weights

from hearsay.clips.audio import encode_flac
from hearsay.clips.decode import AUDIO_SCHEMA, IMAGES_SCHEMA, open_table
from hearsay.encoders.embed import TextFiles, embed_captions, embed_images
from hearsay.encoders.embed_labels import embed_labels
from hearsay.encoders.frozen import read_frozen
from hearsay.encoders.label_store import LabelFiles
from hearsay.encoders.word_store import WordFiles
from hearsay.encoders.words import embed_words
from hearsay.families import FAMILIES
from hearsay.features.fbank import extract_fbank
from hearsay.features.forms import form_vectors
from hearsay.features.logmel import extract_logmel
from hearsay.features.mfcc import extract_mfcc
from hearsay.files import write_json, write_torch
from hearsay.layout import DatasetFiles
from hearsay.methods import make_family
from hearsay.search.build import build_search_index
from hearsay.search.vectors import IndexOptions

RATE_HZ, LENGTH_S, NUM_CLIPS, SHARD_SIZE, NUM_IMAGES = 16_000, 0.8, 14, 8, 2
KINDS = ("dog", "rain", "bell")
SAYINGS = {"dog": "A dog barks loudly", "rain": "Heavy rain falls", "bell": "A bell rings twice"}
SOUND = {"sample_rate_hz": RATE_HZ, "clip_duration_s": LENGTH_S, "min_peak_dbfs": -60.0}
FBANK = {
    "num_mel_bins": 16,
    "frame_length_ms": 25.0,
    "frame_shift_ms": 25.0,
    "low_freq_hz": 20.0,
    "num_frames": 32,
    "pad": "before",
}
LOGMEL = {
    "num_mel_bins": 64,
    "frame_length_ms": 40.0,
    "frame_shift_ms": 40.0,
    "low_freq_hz": 12.0,
    "high_freq_hz": 8000.0,
    "num_frames": 21,
}
MFCC = {
    "num_coefficients": 100,
    "num_mel_bins": 128,
    "frame_length_ms": 25.0,
    "frame_shift_ms": 10.0,
    "range_db": 80.0,
    "delta_width": 9,
}
FORM = {"vectors": "mfcc", "transform": "standardise", "weights": None}
WORDS = {
    "vectors": "small-skipgram",
    "file": None,
    "unknown_seed": 0,
    "max_mean_cosine": 1.0,
    "skipgram": {
        "dataset": "small",
        "seed": 0,
        "dimensions": 8,
        "epochs": 20,
        "window": 5,
        "min_count": 1,
        "negative": 5,
        "sample": 0.01,
        "learning_rate": 0.05,
        "final_learning_rate": 0.0001,
    },
}
JOINT = {
    "family": "joint_embedding",
    "form": "standardised",
    "num_pairs": 20,
    "pairs": "fixed",
    "loss": "bce",
    "measure": "exp_l2",
    "margin": 1.0,
    "output": "linear",
    "dropout": 0.5,
    "fit": "zero_pad",
    "text_noise": 0.0,
}
METHODS = {
    "pictures": ("audio_text", {**OPTIONS, "segments": 2, "fbank": FBANK}),
    "words": ("audio_text", {**WORD_OPTIONS, "logmel": LOGMEL}),
    "labels": ("audio_label", JOINT),
}
INDEXING = IndexOptions(kind="auto", approximate_from=1_000_000, cells=4, probed=2)


@dataclass(frozen=True)
class Searched:
    """The data set and an index of each method, below one folder."""

    root: Path

    @property
    def data(self) -> DatasetFiles:
        return DatasetFiles.open(self.root / "data" / "small")

    @property
    def towers(self) -> Path:
        return self.root / "encoders" / "clip.pt"

    def index(self, method: str) -> Path:
        return self.root / "search" / method / "seed0"

    def model(self, method: str) -> Path:
        return self.root / "runs" / method / "seed0" / METHODS[method][0] / "model.pt"

    def build(self, method: str, **changes: Any) -> None:
        index = self.data.root / "index"
        arguments: dict[str, Any] = {
            "method": method,
            "seed": 0,
            "data": self.data,
            "model": self.model(method),
            "towers": self.towers if method == "pictures" else None,
            "wal_net": None,
            "folder": self.index(method),
            "options": INDEXING,
            "sound": SOUND,
            "features": {**FORM, "mfcc": MFCC} if method == "labels" else {},
            "words": (WORDS, index / "clips.parquet", index / "captions.parquet"),
            "subset": None,
            "device": "cpu",
            "threads": 1,
            **changes,
        }
        build_search_index(**arguments)


def make_searched(root: Path) -> Searched:
    searched = Searched(root)
    data = root / "data" / "small"
    shards = [(number, _rows(number)) for number in range(2)]
    (data / "index").mkdir(parents=True)
    searched.towers.parent.mkdir()
    make_weights(searched.towers)
    _write_index(data)
    write_json({"num_shards": 2, "fingerprint": "0123456789ab"}, data / "availability.json")
    write_json({"mean": -8.0, "std": 4.0}, data / "fbank/statistics.json")
    for number, rows in shards:
        _write_media(data, number, rows)
        _extract(data, number)
        images = searched.data.shards("image_embeddings", "")[number]
        images.parent.mkdir(exist_ok=True)
        pictures = searched.data.shards("images", ".parquet")[number]
        arrays = (images.with_suffix(".npy"), images.with_suffix(".parquet"))
        embed_images(searched.towers, pictures, *arrays, "cpu")
    _embed_texts(searched)
    for method in METHODS:
        _write_run(searched, method)
        searched.build(method)
    return searched


def clip_id(number: int) -> str:
    return f"clip{number:02d}"


def waveform(number: int) -> np.ndarray:
    """Sounds that differ from each other: a tone of its own height over noise, which swells."""
    generator = np.random.default_rng(number)
    times = np.arange(round(RATE_HZ * LENGTH_S)) / RATE_HZ
    tone = np.sin(2 * np.pi * (200 + 450 * number) * times) * times
    return (0.4 * tone + 0.05 * generator.standard_normal(len(times))).astype(np.float32)


def _rows(shard: int) -> list[int]:
    """Clip 9 has no sound: it was never fetched."""
    rows = range(shard * SHARD_SIZE, min((shard + 1) * SHARD_SIZE, NUM_CLIPS))
    return [row for row in rows if row != 9]


def _write_index(data: Path) -> None:
    numbers = range(NUM_CLIPS)
    starts_s = [10.0 * number + (0.7 if number > 3 else 0.0) for number in numbers]
    clips = pd.DataFrame(
        {
            "clip_id": [clip_id(number) for number in numbers],
            "source": ["youtube" if number % 2 else "file" for number in numbers],
            "locator": [f"video_id_{number:02d}" for number in numbers],
            "start_s": starts_s,
            "end_s": [start_s + LENGTH_S if start_s else None for start_s in starts_s],
            "split": [("train", "train", "val", "test")[number % 4] for number in numbers],
            "labels": [[KINDS[number % 3]] for number in numbers],
        }
    )
    clips.to_parquet(data / "index/clips.parquet")
    captions = pd.DataFrame({"clip_id": clips["clip_id"]})
    captions.insert(0, "caption_id", [f"c{number}" for number in numbers])
    captions["text"] = [f"{SAYINGS[KINDS[number % 3]]} nr{number}" for number in numbers]
    captions.to_parquet(data / "index/captions.parquet")
    phrases = captions[["caption_id", "clip_id"]].copy()
    phrases["phrase"] = [SAYINGS[KINDS[number % 3]] for number in numbers]
    phrases["first_word"] = 0
    phrases["onsets_s"] = [[0.1, 0.5]] * NUM_CLIPS
    phrases["offsets_s"] = [[0.2, 0.75]] * NUM_CLIPS
    phrases.to_parquet(data / "index/phrases.parquet")


def _write_media(data: Path, shard: int, rows: list[int]) -> None:
    with open_table(data / f"audio/{shard:05d}.parquet", AUDIO_SCHEMA) as audio:
        for row in rows:
            samples = waveform(row)
            audio.add(clip_id(row), encode_flac(samples, RATE_HZ), RATE_HZ, len(samples))
    with open_table(data / f"images/{shard:05d}.parquet", IMAGES_SCHEMA) as images:
        for row in rows:
            for number in range(NUM_IMAGES):
                images.add(clip_id(row), number, 0.3 * number, picture(row, number))


def picture(row: int, number: int) -> bytes:
    import io

    pixels = np.random.default_rng((row, number)).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize((48, 48)).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def _extract(data: Path, shard: int) -> None:
    audio = data / f"audio/{shard:05d}.parquet"
    for name, extract, options in (
        ("fbank", extract_fbank, FBANK),
        ("logmel", extract_logmel, LOGMEL),
        ("mfcc", extract_mfcc, MFCC),
    ):
        (data / name).mkdir(exist_ok=True)
        array = data / name / f"{shard:05d}.npy"
        rated = {**options, "sample_rate_hz": RATE_HZ}
        extract(audio, array, array.with_suffix(".parquet"), rated)


def _embed_texts(searched: Searched) -> None:
    data = searched.data
    clips, captions, phrases = (
        data.root / "index" / f"{name}.parquet" for name in ("clips", "captions", "phrases")
    )
    places = [
        path
        for array in (data.caption_embeddings, data.phrase_embeddings, data.label_tower_embeddings)
        for path in (array, array.with_suffix(".parquet"))
    ]
    embed_captions(searched.towers, clips, captions, phrases, TextFiles(*places), "cpu")
    embed_words("small", WORDS, clips, captions, phrases, clips, captions, WordFiles.of(data))
    labels = {**WORDS, "queries": []}
    embed_labels("small", labels, clips, captions, clips, captions, LabelFiles.of(data))
    array = data.form("standardised")
    array.parent.mkdir()
    vectors = data.shards("mfcc", ".npy")
    form_vectors(data.clips, vectors, FORM, array, array.with_suffix(".parquet"), None)


def _write_run(searched: Searched, method: str) -> None:
    stage, options = METHODS[method]
    torch.manual_seed(3)
    needs = FAMILIES[options["family"]]
    frozen = read_frozen(needs, searched.data, searched.towers)
    network = make_family(options, stage).build_network(frozen)
    state = network.state_dict()
    saved = {
        "last": state,
        "best": state,
        "stage": stage,
        "options": options,
        "statistics": {"mean": -8.0, "std": 4.0},
        "frozen": frozen.digest,
    }
    searched.model(method).parent.mkdir(parents=True)
    write_torch(saved, searched.model(method))
