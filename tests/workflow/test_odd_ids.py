"""Ids that begin with hyphens, hold underscores or end in hyphens, through every stage.

Each clip's sound is a tone of its own, so that no two can be taken for each other.
"""

import hashlib
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml

from hearsay.annotations.audiogrounding import read_audiogrounding
from hearsay.annotations.index import build_index
from hearsay.annotations.tables import (
    CAPTIONS_SCHEMA,
    PHRASES_SCHEMA,
    Index,
    check_index,
    write_index,
)
from hearsay.clips.availability import collect_availability
from hearsay.clips.decode import decode_clips
from hearsay.clips.fetch import fetch_clips
from hearsay.clips.ffmpeg import find_ffmpeg
from hearsay.clips.server import serve_media
from hearsay.features.fbank import extract_fbank
from tests.workflow.conftest import ROOT, Workflow

VIDEOS = ["-0abcdefghi", "--abcdefghi", "abcdefghij-", "abcdefghij_", "__0_1-2--_-", "abcdefghij0"]
FILES = ["-", "--", "_", "--help", "-c", "--clips", "a--", "-0abcdefghi_1000-", "0", "00000-_"]


DECODING = {
    "clip_duration_s": 2.0,
    "sample_rate_hz": 16000,
    "num_images": 1,
    "image_size_px": 64,
    "min_duration_s": 1.0,
    "min_peak_dbfs": None,
}


def tone_hz(number: int) -> float:
    return 400.0 + 200.0 * number


def write_clip(path: Path, number: int) -> None:
    """Write 3 s of a tone and a picture."""
    sound = ["-f", "lavfi", "-i", f"sine=f={tone_hz(number)}:d=3:r=16000"]
    pictures = ["-f", "lavfi", "-i", "testsrc=d=3:s=64x64:r=5", "-pix_fmt", "yuv420p", "-g", "5"]
    command = [find_ffmpeg(), "-v", "error", *sound, *pictures, "-movflags", "+faststart"]
    subprocess.run([*command, f"file:{path}"], check=True)


def heard_hz(flac: bytes) -> float:
    """Return the frequency of the loudest tone, to 5 Hz."""
    samples, rate_hz = soundfile.read(io.BytesIO(flac))
    piece = samples[rate_hz // 2 : rate_hz // 2 + rate_hz // 5]
    return float(np.abs(np.fft.rfft(piece)).argmax() * 5)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    for number, name in enumerate([*VIDEOS, *FILES]):
        write_clip(folder / f"{name}.mp4", number)
    return folder


def demo() -> dict[str, Any]:
    section: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text())["datasets"]["demo"]
    return section


def demo_features(name: str) -> dict[str, Any]:
    section: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text())["features"][name]
    return section


def write_clips(media: Path, folder: Path) -> dict[str, float]:
    """Write the index and return each clip's tone; every video stands for two clips."""
    rows: list[dict[str, Any]] = []
    tones = {}
    for number, video in enumerate(VIDEOS):
        for start_s in (0.0, 1.0):
            clip_id = f"{video}_{round(start_s * 1000)}"
            rows.append({"clip_id": clip_id, "source": "youtube", "locator": video,
                         "start_s": start_s, "end_s": start_s + 2.0})  # fmt: skip
            tones[clip_id] = tone_hz(number)
    for number, name in enumerate(FILES, start=len(VIDEOS)):
        rows.append({"clip_id": name, "source": "file", "locator": str(media / f"{name}.mp4"),
                     "start_s": 0.0, "end_s": None})  # fmt: skip
        tones[name] = tone_hz(number)
    clips = pd.DataFrame(rows).assign(split="train", labels=[[] for _ in rows])
    no_captions = pd.DataFrame(columns=CAPTIONS_SCHEMA.names)
    no_phrases = pd.DataFrame(columns=PHRASES_SCHEMA.names)
    paths = [folder / f"{table}.parquet" for table in ("clips", "captions", "phrases")]
    index = Index(clips, no_captions, no_phrases)
    check_index(index)
    write_index(index, *paths)
    return tones


def test_clips_of_odd_ids_keep_their_sound_from_fetching_to_features(
    media: Path, tmp_path: Path
) -> None:
    tones = write_clips(media, tmp_path)
    clips, size = tmp_path / "clips.parquet", len(tones)
    names = ("fetch.status", "audio", "images", "decode.status", "fbank", "availability")
    fetched, audio, images, decoded, index, table = (tmp_path / f"{n}.parquet" for n in names)
    own = {"require_video": True, "min_duration_s": 1.0}
    with serve_media(media) as address:
        access = {**demo()["fetch"], "address": f"{address}media/{{video_id}}.mp4"}
        fetch_clips(
            clips, 0, size, tmp_path / "media", fetched, {**access, **own}, tmp_path, None, 2
        )  # fmt: skip
    status = pd.read_parquet(fetched)
    assert status.set_index("clip_id")["status"].to_dict() == dict.fromkeys(tones, "ok")
    decode_clips(
        clips, 0, size, fetched, audio, images, decoded,
        DECODING, 2,
    )  # fmt: skip
    sounds = pd.read_parquet(audio)
    found = {row.clip_id: heard_hz(row.flac) for row in sounds.itertuples()}
    assert found == pytest.approx(tones, abs=5)
    assert set(pd.read_parquet(images)["clip_id"]) == set(tones)
    options = demo_features("fbank") | {"sample_rate_hz": 16000, "num_frames": 99}
    extract_fbank(audio, tmp_path / "fbank.npy", index, options)
    assert pd.read_parquet(index)["clip_id"].tolist() == list(tones)
    loudest = np.load(tmp_path / "fbank.npy").astype(np.float64).mean(axis=1).argmax(axis=1)
    assert (np.diff(loudest[np.argsort(list(tones.values()), kind="stable")]) >= 0).all()
    missing = dict.fromkeys(("train", "val", "test"), 0.0)
    collect_availability(
        "odd", clips, [fetched], [decoded], missing, table, tmp_path / "availability.json"
    )
    assert pd.read_parquet(table)["clip_id"].tolist() == list(tones)
    assert json.loads((tmp_path / "availability.json").read_text())["dataset"] == "odd"


def test_own_files_of_odd_names_are_files_wherever_the_list_lies(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = [
        "-",
        "-i.mp4",
        "take:1.mp4",
        "http:x.mp4",
        "%d.mp4",
        "a b, c.mp4",
        "x?y#z.mp4",
        "é.mp4",
    ]
    for name, source in zip(names, [*VIDEOS, *FILES], strict=False):
        Path(name).hardlink_to(media / f"{source}.mp4")
    rows = "".join(f'"{name}",test,c{number}\n' for number, name in enumerate(names))
    Path("own.csv").write_text(f"path,split,clip_id\n{rows}")
    clips, status = Path("clips.parquet"), Path("status.parquet")
    tables = [clips, Path("captions.parquet"), Path("phrases.parquet")]
    build_index("own", "folder", Path("own.csv"), len(names), 0, *tables)
    own = {**demo()["fetch"], "require_video": True, "min_duration_s": 1.0}
    fetch_clips(clips, 0, len(names), Path("media"), status, own, Path("run"), None, 1)
    assert set(pd.read_parquet(status)["status"]) == {"ok"}
    audio = Path("audio.parquet")
    decode_clips(
        clips, 0, len(names), status, audio, Path("images.parquet"), Path("decode.parquet"),
        {**DECODING, "clip_duration_s": None}, 1,
    )  # fmt: skip
    found = {row.clip_id: heard_hz(row.flac) for row in pd.read_parquet(audio).itertuples()}
    expected = {f"c{number}": tone_hz(number) for number in range(len(names))}
    assert found == pytest.approx(expected, abs=5)


def audiocaps(number: int, video: str, num_captions: int) -> str:
    rows = [f"{number}{k},{video},1,A tone number {k}\n" for k in range(num_captions)]
    return "".join(rows)


@pytest.mark.slow
def test_the_rules_bring_videos_of_odd_ids_from_pinned_lists_to_features(
    workflow: Workflow, media: Path
) -> None:
    lists = {}
    splits = {"train": VIDEOS[:4], "val": VIDEOS[4:5], "test": VIDEOS[5:]}
    served = workflow.folder / "served"
    served.mkdir()
    for video in VIDEOS:
        (served / f"{video}.mp4").hardlink_to(media / f"{video}.mp4")
    with serve_media(served) as address:
        for split, videos in splits.items():
            rows = "".join(audiocaps(VIDEOS.index(video), video, 2) for video in videos)
            text = f"audiocap_id,youtube_id,start_time,caption\n{rows}"
            (served / f"{split}.csv").write_text(text)
            sha256 = hashlib.sha256(text.encode()).hexdigest()
            lists[split] = {"address": f"{address}media/{split}.csv", "sha256": sha256}
        own = {
            "reader": "audiocaps",
            "num_clips": len(VIDEOS),
            "shard_size": 4,
            "clip_duration_s": 2.0,
            "num_images": 1,
            "min_duration_s": 1.0,
            "fetch": {**demo()["fetch"], "address": f"{address}media/{{video_id}}.mp4"},
            "audiocaps": lists,
        }
        section = {key: value for key, value in demo().items() if key != "demo"}
        workflow.configure({"datasets": {"odd": {**section, **own}}})
        shards = [f"results/data/odd/fbank/0000{k}.npy" for k in range(2)]
        result = workflow.run("results/data/odd/availability.json", *shards)
        assert result.returncode == 0, result.stdout[-5000:]
    data = workflow.folder / "results" / "data" / "odd"
    sounds = pd.concat([pd.read_parquet(path) for path in sorted(data.glob("audio/*.parquet"))])
    found = {row.clip_id: heard_hz(row.flac) for row in sounds.itertuples()}
    tones = {f"{video}_1000": tone_hz(number) for number, video in enumerate(VIDEOS)}
    assert found == pytest.approx(tones, abs=5)
    captions = pd.read_parquet(data / "index" / "captions.parquet")
    assert captions["clip_id"].value_counts().to_dict() == dict.fromkeys(tones, 2)


def test_file_names_of_audiogrounding_are_split_from_the_right(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        videos = VIDEOS if split == "train" else []
        cells = {
            "audiocap_id": range(len(videos)),
            "filename": [f"{video}_30.000_39.500.wav" for video in videos],
            "caption": ["A dog barks"] * len(videos),
            "tokens": [["A", "dog", "barks"]] * len(videos),
            "soundtag": ["A dog"] * len(videos),
            "start_word": [0] * len(videos),
            "timestamps": [[[0.5, 1.0]]] * len(videos),
        }
        columns = {name: dict(enumerate(column)) for name, column in cells.items()}
        (tmp_path / f"{split}.json").write_text(json.dumps(columns))
    clips = read_audiogrounding(tmp_path).clips
    assert clips["locator"].tolist() == VIDEOS
    assert clips["clip_id"].tolist() == [f"{video}_30000" for video in VIDEOS]
    assert set(zip(clips["start_s"], clips["end_s"], strict=True)) == {(30.0, 39.5)}
