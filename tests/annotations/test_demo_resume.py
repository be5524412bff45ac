"""Which media of an earlier start make_demo keeps, and which options it refuses."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from hearsay.annotations.demo import generate
from hearsay.annotations.demo.generate import make_demo
from hearsay.annotations.demo.lexicon import PROCEDURAL
from hearsay.annotations.demo.scenes import BREAKAGES, make_scenes
from hearsay.errors import HearsayError

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())
OPTIONS = {**CONFIG["datasets"]["demo"]["demo"], "num_val": 1, "num_test": 1}
BROKEN = OPTIONS["broken"]


@pytest.fixture
def written(monkeypatch):
    """Names of the media made, in place of making them."""
    names = []

    def write(scene, pictures, sound, folder):
        names.append(scene.media_name)
        (folder / scene.media_name).write_bytes(b"medium")

    monkeypatch.setattr(generate, "write_medium", write)
    monkeypatch.setattr(generate, "draw_pictures", lambda scene, seed: [])
    monkeypatch.setattr(generate, "mix_scene", lambda scene, sounds, background_db, seed: None)
    return names


def test_a_second_start_makes_only_what_is_missing(tmp_path, written):
    make_demo(OPTIONS, 8, 10.0, tmp_path, 1)
    assert len(written) == 8
    (tmp_path / "media" / written[3]).unlink()
    lost = written[3]
    written.clear()
    make_demo(OPTIONS, 8, 10.0, tmp_path, 1)
    assert written == [lost]


def test_another_number_of_clips_starts_anew_since_other_clips_are_broken(tmp_path, written):
    options = {**OPTIONS, "broken": dict.fromkeys(BROKEN, 0.1)}
    broken = [
        {scene.clip: scene.breakage for scene in make_scenes(options, number, 10.0, PROCEDURAL)}
        for number in (10, 14)
    ]
    assert any(broken[0][clip] != broken[1][clip] for clip in range(10))
    make_demo(options, 10, 10.0, tmp_path, 1)
    written.clear()
    make_demo(options, 14, 10.0, tmp_path, 1)
    assert len(written) == sum(breakage != "dead_link" for breakage in broken[1].values())


def test_a_changed_option_changes_every_address_so_that_clips_are_fetched_anew(tmp_path, written):
    addresses = []
    for share in (0.1, 0.2, 0.2):
        make_demo({**OPTIONS, "disagreement": share}, 8, 10.0, tmp_path, 1)
        addresses.append(pd.read_parquet(tmp_path / "clips.parquet")["locator"].tolist())
    assert not set(addresses[0]) & set(addresses[1])
    assert addresses[1] == addresses[2]


def test_changed_code_starts_anew(tmp_path, written, monkeypatch):
    make_demo(OPTIONS, 8, 10.0, tmp_path, 1)
    written.clear()
    monkeypatch.setattr(generate, "_program_fingerprint", lambda: "another")
    make_demo(OPTIONS, 8, 10.0, tmp_path, 1)
    assert len(written) == 8


def test_from_a_hundred_clips_on_every_breakage_happens():
    options = {**OPTIONS, "broken": dict.fromkeys(BROKEN, 0.001)}
    found = {scene.breakage for scene in make_scenes(options, 100, 10.0, PROCEDURAL)}
    assert found == {None, *BREAKAGES}
    options["broken"]["silent"] = 0.0
    found = {scene.breakage for scene in make_scenes(options, 100, 10.0, PROCEDURAL)}
    assert "silent" not in found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"disagreement": 1.5}, "disagreement 1.5 is no share"),
        ({"unmentioned": -0.1}, "unmentioned -0.1 is no share"),
        ({"broken": {**BROKEN, "silent": 2}}, "broken.silent 2 is no share"),
        ({"broken": dict.fromkeys(BROKEN, 0.4)}, "add up to 1.6"),
        ({"background_db": [0, -10]}, "begins above its end"),
        ({"num_test": 8}, "leave no train clip of num_clips 8"),
        ({"sound_bank": "/no/such/folder"}, "is no folder"),
    ],
)
def test_options_that_make_no_demo_are_refused_before_any_work(change, said, tmp_path):
    with pytest.raises(HearsayError, match=said):
        make_demo({**OPTIONS, **change}, 8, 10.0, tmp_path, 1)
    assert list(tmp_path.iterdir()) == []
