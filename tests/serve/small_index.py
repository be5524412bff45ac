"""A search index of a small trained run, made by the workflow's own steps in some seconds."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from PIL import Image

from hearsay.annotations.tables import Index, write_index
from hearsay.clips.audio import encode_flac
from hearsay.clips.decode import AUDIO_SCHEMA, IMAGES_SCHEMA
from hearsay.encoders.embed import TextFiles, embed_captions, embed_images
from hearsay.features.extract import extract_features
from hearsay.features.fbank import Fbank, FbankOptions
from hearsay.features.statistics import measure_features
from hearsay.files import write_json, write_parquet
from hearsay.layout import DatasetFiles
from hearsay.options import take_options
from hearsay.search.build import build_search_index
from hearsay.search.vectors import IndexOptions
from hearsay.training.options import Machine
from hearsay.training.run import train_run
from tests.training.conftest import OPTIONS, make_weights

NUM_CLIPS, LENGTH_S, RATE_HZ, NUM_IMAGES = 24, 2.0, 16000, 2
SOUNDS = (("dog", 300.0, "red"), ("bell", 900.0, "green"), ("car", 150.0, "blue"))
FBANK = {
    "num_mel_bins": 16,
    "frame_length_ms": 60.0,
    "frame_shift_ms": 60.0,
    "low_freq_hz": 20.0,
    "num_frames": 32,
    "pad": "before",
}
SOUND = {"sample_rate_hz": RATE_HZ, "clip_duration_s": LENGTH_S, "min_peak_dbfs": -60.0}


def clip_sound(number: int) -> np.ndarray:
    """Return a tone of the clip's class from 0.5 to 1.5 s, in some noise: float32 [n]."""
    generator = np.random.default_rng(number)
    times_s = np.arange(round(LENGTH_S * RATE_HZ)) / RATE_HZ
    pitch_hz = SOUNDS[number % 3][1] * (1 + number / 100)
    tone = np.sin(2 * np.pi * pitch_hz * times_s) * ((times_s > 0.5) & (times_s < 1.5))
    return (0.4 * tone + 0.02 * generator.normal(size=len(times_s))).astype(np.float32)


def make_small_index(root: Path) -> Path:
    """Make data, a run and its index below a folder; return the folder of the index."""
    data = DatasetFiles(root / "data" / "small", 1)
    weights = make_weights(_folder(root / "encoders") / "clip.pt")
    _write_tables(data.root)
    _write_media(data.root)
    _prepare(data, weights)
    run = root / "runs/vip_ant/seed0/audio_image"
    train_run(
        method="vip_ant",
        stage="audio_image",
        seed=0,
        options={**OPTIONS, "fbank": FBANK, "epochs": 2},
        data=data,
        weights=weights,
        init=None,
        subset=None,
        folder=run,
        machine=Machine("cpu", threads=1, readers=1, checkpoint_minutes=60, compile=False),
    )
    index = root / "search/vip_ant/seed0"
    options = IndexOptions("exact", approximate_from=1000, cells=1, probed=1)
    build_search_index(
        "vip_ant", 0, data, run / "model.pt", weights, None, index, options, SOUND, {}, None,
        "cpu", 1,
    )  # fmt: skip
    return index


def _write_tables(root: Path) -> None:
    clip_ids = [f"clip{number:02d}" for number in range(NUM_CLIPS)]
    names = [SOUNDS[number % 3][0] for number in range(NUM_CLIPS)]
    clips = pd.DataFrame(
        {
            "clip_id": clip_ids,
            "source": "youtube",
            "locator": [f"video{number:06d}" for number in range(NUM_CLIPS)],
            "start_s": [float(number) for number in range(NUM_CLIPS)],
            "end_s": [number + LENGTH_S for number in range(NUM_CLIPS)],
            "split": ["val" if number % 4 == 3 else "train" for number in range(NUM_CLIPS)],
            "labels": [[name] for name in names],
        }
    )
    captions = pd.DataFrame(
        {
            "caption_id": [f"{clip_id}-0" for clip_id in clip_ids],
            "clip_id": clip_ids,
            "text": [f"a {name} sounds <b>once</b>" for name in names],
        }
    )
    phrases = captions[["caption_id", "clip_id"]].assign(
        phrase=[f"a {name}" for name in names], first_word=0, onsets_s=[[0.5]] * NUM_CLIPS,
        offsets_s=[[1.5]] * NUM_CLIPS,
    )  # fmt: skip
    paths = (
        _folder(root / "index") / f"{name}.parquet" for name in ("clips", "captions", "phrases")
    )
    write_index(Index(clips, captions, phrases), *paths)
    write_json({"num_shards": 1, "fingerprint": "0123456789ab"}, root / "availability.json")


def _write_media(root: Path) -> None:
    sounds, images = [], []
    for number in range(NUM_CLIPS):
        clip_id, samples = f"clip{number:02d}", clip_sound(number)
        sounds.append((clip_id, encode_flac(samples, RATE_HZ), RATE_HZ, len(samples)))
        for place in range(NUM_IMAGES):
            picture = Image.new("RGB", (32, 32), SOUNDS[number % 3][2])
            file = io.BytesIO()
            picture.save(file, "JPEG")
            images.append((clip_id, place, float(place), file.getvalue()))
    for name, rows, schema in (("audio", sounds, AUDIO_SCHEMA), ("images", images, IMAGES_SCHEMA)):
        columns = [pa.array(column) for column in zip(*rows, strict=True)]
        table = pa.Table.from_arrays(columns, names=schema.names).cast(schema)
        write_parquet(table, _folder(root / name) / "00000.parquet", 4)


def _prepare(data: DatasetFiles, weights: Path) -> None:
    root = data.root
    options = take_options(FbankOptions, {**FBANK, "sample_rate_hz": RATE_HZ}, "fbank")
    fbank = _folder(root / "fbank")
    extract_features(
        root / "audio/00000.parquet", fbank / "00000.npy", fbank / "00000.parquet",
        Fbank(options), RATE_HZ, options.num_frames, options.num_mel_bins,
    )  # fmt: skip
    measure_features(data.clips, [fbank / "00000.parquet"], data.statistics, FBANK, None)
    images = _folder(root / "image_embeddings")
    embed_images(
        weights,
        root / "images/00000.parquet",
        images / "00000.npy",
        images / "00000.parquet",
        "cpu",
    )
    arrays = [data.caption_embeddings, data.phrase_embeddings, root / "label_texts.npy"]
    files = TextFiles(
        *(path for array in arrays for path in (array, array.with_suffix(".parquet")))
    )
    embed_captions(weights, data.clips, data.captions, data.phrases, files, "cpu")


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
