"""From archives on loopback to an index and clips: by the functions, and by Snakemake's rules."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from archive_server import FETCH, Site, make_sound, serve_record, serve_site

from hearsay.annotations.index import build_index
from hearsay.clips.fetch import fetch_clips
from hearsay.errors import HearsayError

ROOT = Path(__file__).parents[2]
NAME = "FSDKaggle2018"
CLIPS = {"00044347": ("train", 1.0), "001ca53d": ("train", 0.5), "002d256b": ("test", 2.0)}


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def serve_small_set(site: Site) -> None:
    """Serve a record in the form of FSDKaggle2018's, with three clips."""
    train = "fname,label,manually_verified,freesound_id,license\n"
    train += "00044347.wav,Bark,0,28739,Attribution\n001ca53d.wav,Gong,1,358827,Attribution\n"
    test = "fname,label,usage,freesound_id,license\n002d256b.wav,Bark,Public,7,Attribution\n"
    zips = {
        f"{NAME}.meta.zip": {
            f"{NAME}.meta/train_post_competition.csv": train.encode(),
            f"{NAME}.meta/test_post_competition_scoring_clips.csv": test.encode(),
        },
        **{
            f"{NAME}.audio_{split}.zip": {
                f"{NAME}.audio_{split}/{clip_id}.wav": make_sound(duration_s)
                for clip_id, (own, duration_s) in CLIPS.items()
                if own == split
            }
            for split in ("train", "test")
        },
    }
    serve_record(site, {name: zipped(files) for name, files in zips.items()})


def dataset(site: Site) -> dict[str, Any]:
    return {
        "reader": "fsdkaggle2018",
        "num_clips": 3,
        "shard_size": 2,
        "clip_duration_s": None,
        "num_images": 0,
        "min_duration_s": 0.3,
        "fetch": {"backoff_s": 0.01},
        "fsdkaggle2018": {
            "record": f"{site.address}/record",
            "files": [f"{NAME}.meta.zip", f"{NAME}.audio_train.zip", f"{NAME}.audio_test.zip"],
            "max_bytes": 1_000_000,
            "val_share": 0,
            "val_seed": 0,
        },
    }


def write_index(tmp_path: Path, archive: Path) -> Path:
    """Write lists and sounds as if they were unpacked, and the index of them."""
    meta = archive / f"{NAME}.meta"
    meta.mkdir(parents=True)
    rows = [f"{clip_id}.wav,Bark,0,1,Attribution" for clip_id in CLIPS]
    (meta / "train_post_competition.csv").write_text(
        "\n".join(["fname,label,manually_verified,freesound_id,license", *rows])
    )
    (meta / "test_post_competition_scoring_clips.csv").write_text(
        "fname,label,usage,freesound_id,license\n"
    )
    audio = archive / f"{NAME}.audio_train"
    audio.mkdir()
    for clip_id, (_, duration_s) in CLIPS.items():
        (audio / f"{clip_id}.wav").write_bytes(make_sound(duration_s))
    tables = [tmp_path / f"{table}.parquet" for table in ("clips", "captions", "phrases")]
    options = {"val_share": 0, "val_seed": 0}
    build_index("fsd", "fsdkaggle2018", archive, 3, 0, *tables, options=options)
    return tables[0]


def fetch(clips: Path, archive: Path | None) -> pd.DataFrame:
    folder = clips.parent
    status = folder / "status.parquet"
    fetch_clips(
        clips, 0, 3, folder / "media", status, FETCH, folder / "run", None, 1, archive
    )  # fmt: skip
    return pd.read_parquet(status).set_index("clip_id")


def test_clips_of_an_archive_are_verified_where_they_lie(tmp_path):
    archive = tmp_path / "archive"
    clips = write_index(tmp_path, archive)
    audio = archive / f"{NAME}.audio_train"
    whole = (audio / "001ca53d.wav").read_bytes()
    (audio / "001ca53d.wav").write_bytes(b"RIFF no sound")
    (audio / "002d256b.wav").unlink()
    table = fetch(clips, archive)
    assert table["status"].to_dict() == {
        "00044347": "ok",
        "001ca53d": "corrupt",
        "002d256b": "not_found",
    }
    assert table.loc["00044347", "path"] == str(audio / "00044347.wav")
    assert table.loc["00044347", "duration_s"] == pytest.approx(1.0, abs=1e-6)
    assert set(table["tool"]) == {"archive"}
    (audio / "001ca53d.wav").write_bytes(whole)  # mended: looked at again, as a file is
    moved = archive.rename(tmp_path / "moved")
    table = fetch(clips, moved)
    assert table["status"].to_dict() == {
        "00044347": "ok",
        "001ca53d": "ok",
        "002d256b": "not_found",
    }
    assert table.loc["00044347", "path"] == str(moved / f"{NAME}.audio_train" / "00044347.wav")
    assert table.loc["001ca53d", "duration_s"] == pytest.approx(0.5, abs=1e-6)


def test_without_an_archive_that_is_said_at_once(tmp_path):
    clips = write_index(tmp_path, tmp_path / "archive")
    with pytest.raises(HearsayError, match="has source archive, and its reader has no archive"):
        fetch(clips, None)


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--cores", "2", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=400, env=os.environ)


def test_a_zip_that_lies_here_is_an_input_of_the_rule_and_an_address_is_none(tmp_path):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    section = {"md5": None, "max_bytes": 1000, "val_folds": [4], "test_folds": [5], "esc10": True}
    esc = {**config["datasets"]["demo"], "reader": "esc50", "num_images": 0, "esc50": section}
    del esc["demo"]
    config["datasets"]["esc"] = esc
    found = {}
    for address in ("own.zip", "http://127.0.0.1:9/a.zip"):
        section["address"] = address
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
        found[address] = snakemake(tmp_path, "results/data/esc/archive.json", "--dry-run")
    assert found["own.zip"].returncode != 0
    missing = found["own.zip"].stdout + found["own.zip"].stderr
    assert "Missing input files for rule fetch_archive" in missing and "own.zip" in missing
    assert "rule fetch_archive:" in found["http://127.0.0.1:9/a.zip"].stdout


@pytest.mark.slow
def test_the_rules_bring_an_archive_to_decoded_clips_and_a_killed_fetch_goes_on(tmp_path):
    with serve_site() as site:
        serve_small_set(site)
        config = yaml.safe_load((ROOT / "config.yaml").read_text())
        own = dataset(site)
        config["datasets"]["fsd"] = {**config["datasets"]["demo"], **own}
        del config["datasets"]["fsd"]["demo"]
        config["datasets"]["fsd"]["fetch"] = {**config["datasets"]["demo"]["fetch"], **own["fetch"]}
        config["datasets"]["fsd"]["fetch"]["max_attempts"] = 1
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
        target = "results/data/fsd/availability.json"
        test_zip = site.bodies[f"/{NAME}.audio_test.zip"]
        test_zip.cuts = [100]
        first = snakemake(tmp_path, target)
        assert first.returncode != 0
        assert "100 of " in first.stdout + first.stderr
        data = tmp_path / "results" / "data" / "fsd"
        assert not (data / "archive").exists() and not (data / "archive.json").exists()
        again = snakemake(tmp_path, target)
        assert again.returncode == 0, again.stdout[-3000:] + again.stderr[-3000:]
        assert site.ranges(f"/{NAME}.audio_test.zip") == [None, "bytes=100-"]
        assert site.ranges(f"/{NAME}.audio_train.zip") == [None]
        assert site.ranges(f"/{NAME}.meta.zip") == [None]
        clips = pd.read_parquet(data / "index" / "clips.parquet").set_index("clip_id")
        assert clips["split"].to_dict() == {name: split for name, (split, _) in CLIPS.items()}
        assert clips["freesound_id"].to_dict() == {
            "00044347": "28739",
            "001ca53d": "358827",
            "002d256b": "7",
        }
        available = pd.read_parquet(data / "availability.parquet").set_index("clip_id")
        assert len(available) == 3
        decoded = [pd.read_parquet(path) for path in sorted(data.glob("decode/*.parquet"))]
        table = pd.concat(decoded).set_index("clip_id")
        assert set(table["status"]) == {"ok"}
        for clip_id, (_, duration_s) in CLIPS.items():
            assert table.loc[clip_id, "duration_s"] == pytest.approx(duration_s, abs=0.01)
        config["datasets"]["fsd"]["fsdkaggle2018"]["val_share"] = 0.5  # splits alone change
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
        plan = snakemake(tmp_path, target, "--dry-run")
        assert "rule build_index:" in plan.stdout and "rule fetch_archive:" not in plan.stdout
