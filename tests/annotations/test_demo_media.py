"""The demo's files: real media, tables, sound banks."""

import contextlib
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml

from hearsay.annotations.demo.generate import make_demo, make_medium
from hearsay.annotations.demo.lexicon import PROCEDURAL
from hearsay.annotations.demo.media import write_medium
from hearsay.annotations.demo.mixing import RATE_HZ, ProceduralSounds
from hearsay.annotations.demo.pictures import draw_pictures
from hearsay.annotations.demo.scenes import Event, Source, make_scenes
from hearsay.annotations.demo.sound_bank import class_name, open_sound_bank, source_of
from hearsay.annotations.index import read_demo
from hearsay.errors import HearsayError
from hearsay.files import read_json

ROOT = Path(__file__).parents[2]
ESC10 = ROOT.parent / "shared" / "data" / "esc10"
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
OPTIONS = {
    **CONFIG["datasets"]["demo"]["demo"],
    "num_val": 3,
    "num_test": 4,
    "broken": dict.fromkeys(("dead_link", "silent", "truncated", "corrupt"), 0.06),
}
NUM_CLIPS = 16


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    make_demo(OPTIONS, NUM_CLIPS, 10.0, folder, 2)
    return folder


def test_media_are_mp4_with_h264_and_aac(demo):
    scenes = make_scenes(OPTIONS, NUM_CLIPS, 10.0, PROCEDURAL)
    whole = [scene for scene in scenes if scene.breakage in (None, "silent")]
    assert len(whole) == NUM_CLIPS - 3
    for scene in whole:
        with av.open(str(demo / "media" / scene.media_name)) as container:
            assert container.streams.video[0].codec_context.name == "h264"
            assert container.streams.audio[0].codec_context.name == "aac"
            assert container.streams.video[0].height >= 224
            assert container.duration / av.time_base >= scene.start_s + 10


def test_a_medium_is_the_same_whatever_process_makes_it(demo, tmp_path):
    scene = next(
        scene for scene in make_scenes(OPTIONS, NUM_CLIPS, 10.0, PROCEDURAL) if not scene.breakage
    )
    background_db = tuple(OPTIONS["background_db"])
    make_medium(scene, ProceduralSounds(), background_db, OPTIONS["seed"], tmp_path)
    again, first = (folder / scene.media_name for folder in (tmp_path, demo / "media"))
    assert again.read_bytes() == first.read_bytes()


def test_breakages_are_what_they_say(demo):
    by_breakage = {
        scene.breakage: scene for scene in make_scenes(OPTIONS, NUM_CLIPS, 10.0, PROCEDURAL)
    }
    media = demo / "media"
    assert not (media / by_breakage["dead_link"].media_name).exists()
    faults = read_json(media / "faults.json")
    assert list(faults) == [by_breakage["dead_link"].media_name]
    with av.open(str(media / by_breakage["truncated"].media_name)) as container:
        assert container.duration / av.time_base < 3
    with av.open(str(media / by_breakage["silent"].media_name)) as container:
        assert max(np.abs(frame.to_ndarray()).max() for frame in container.decode(audio=0)) == 0
    num_frames = 0
    with (
        contextlib.suppress(av.error.FFmpegError),
        av.open(str(media / by_breakage["corrupt"].media_name)) as container,
    ):
        for _ in container.decode(video=0):
            num_frames += 1
    assert num_frames < 80  # of about 100 in a whole medium


def test_the_tables_are_a_valid_index_with_facts_of_everything(demo):
    index = read_demo(demo)
    assert index.clips["split"].value_counts().to_dict() == {"train": 9, "test": 4, "val": 3}
    facts = pd.read_parquet(demo / "facts.parquet")
    assert set(facts.loc[facts["kind"] == "clip", "id"]) == set(index.clips["clip_id"])
    assert set(facts.loc[facts["kind"] == "caption", "id"]) == set(index.captions["caption_id"])
    assert (facts["kind"] == "image").sum() == 4 * NUM_CLIPS


@pytest.fixture
def bank_folder(tmp_path):
    generator = np.random.default_rng(0)
    for number, name in enumerate(("dog bark", "rain", "Gong_big", "owl", "001 - Sea waves")):
        folder = tmp_path / name
        folder.mkdir()
        for take in range(5):
            wave = generator.uniform(-0.5, 0.5, (3000 + 500 * number, 1 + take % 2))
            soundfile.write(folder / f"1-10{take // 2}-{'AB'[take % 2]}.wav", wave, 8000)
    return tmp_path


def test_a_sound_bank_keeps_takes_of_one_source_in_one_split(bank_folder):
    bank = open_sound_bank(bank_folder, 0)
    assert set(bank.recordings) == {"dog bark", "rain", "gong big", "owl", "sea waves"}
    for splits in bank.recordings.values():
        sources = {split: {source_of(path) for path in paths} for split, paths in splits.items()}
        assert set(sources) == {"train", "val", "test"}
        assert sum(len(found) for found in sources.values()) == len(set.union(*sources.values()))
        assert sum(len(paths) for paths in splits.values()) == 5


def test_an_event_of_a_bank_has_its_length_and_its_splits_recordings(bank_folder):
    bank = open_sound_bank(bank_folder, 0)
    event = Event(Source("owl", "low", None, "near"), 0.0, 2.0, mentioned=True)
    sound = bank.sound(event, "train", 2 * RATE_HZ, np.random.default_rng(0))
    assert sound.shape == (2 * RATE_HZ,)
    assert np.square(sound).mean() > 0.1
    assert bank.vocabulary.has_tempo is False


def test_a_poor_sound_bank_is_refused_with_its_reason(bank_folder, tmp_path):
    with pytest.raises(HearsayError, match="is no folder"):
        open_sound_bank(tmp_path / "none", 0)
    for file in (bank_folder / "owl").glob("*10[12]*"):
        file.unlink()
    with pytest.raises(HearsayError, match="owl holds 1 recordings of different sources"):
        open_sound_bank(bank_folder, 0)


def test_two_folders_of_one_class_are_refused(bank_folder):
    (bank_folder / "rain").rename(bank_folder / "002 - Dog bark")
    with pytest.raises(HearsayError, match="two folders of the class 'dog bark'"):
        open_sound_bank(bank_folder, 0)


def test_another_recording_changes_the_fingerprint_of_a_bank(bank_folder):
    before = open_sound_bank(bank_folder, 0).fingerprint
    assert open_sound_bank(bank_folder, 0).fingerprint == before
    soundfile.write(bank_folder / "owl" / "1-999-A.wav", np.full(3000, 0.1), 8000)
    assert open_sound_bank(bank_folder, 0).fingerprint != before


def test_a_full_disk_is_told_in_one_line(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(soundfile, "write", fail)
    scene = make_scenes(OPTIONS, NUM_CLIPS, 10.0, PROCEDURAL)[1]
    with pytest.raises(HearsayError, match="cannot write .*No space left"):
        write_medium(scene, draw_pictures(scene, 0), np.zeros((RATE_HZ, 1), np.float32), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_ffmpeg_says_is_told_in_one_line(tmp_path, monkeypatch):
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho 'no encoder\nhere' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr("hearsay.annotations.demo.media.find_ffmpeg", lambda: str(program))
    scene, media = make_scenes(OPTIONS, NUM_CLIPS, 10.0, PROCEDURAL)[1], tmp_path / "media"
    media.mkdir()
    with pytest.raises(HearsayError, match="ffmpeg could not write .*: no encoder here$"):
        write_medium(scene, draw_pictures(scene, 0), np.zeros((RATE_HZ, 1), np.float32), media)
    assert list(media.iterdir()) == []


def test_class_names_lose_their_number():
    assert class_name(Path("010 - Fire crackling")) == "fire crackling"


@pytest.mark.skipif(not ESC10.is_dir(), reason="real recordings (../shared/data/esc10) not here")
def test_scenes_are_composed_of_real_recordings(tmp_path):
    options = {**OPTIONS, "sound_bank": str(ESC10), "num_val": 2, "num_test": 2}
    make_demo(options, 6, 10.0, tmp_path, 1)
    index = read_demo(tmp_path)
    assert len(index.clips) == 6
    bank = open_sound_bank(ESC10, 0)
    assert (
        sum(len(paths) for splits in bank.recordings.values() for paths in splits.values()) == 240
    )
