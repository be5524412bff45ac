"""Phrases grounded from files to files: a trained run, its controls, and what is left out."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from hearsay.clips.availability import fingerprint
from hearsay.errors import HearsayError
from hearsay.files import write_parquet
from hearsay.layout import DatasetFiles
from hearsay.scoring.ground_controls import ground_controls
from hearsay.scoring.ground_run import ground_run
from hearsay.scoring.grounding_grid import Grid
from hearsay.scoring.records import read_scores
from hearsay.training.options import Machine
from hearsay.training.run import train_run

SHIFT_MS = 40.0


@pytest.fixture(scope="module")
def grounded(worded: DatasetFiles) -> DatasetFiles:
    """Every clip's captions say its class's word while it is heard: its first eight frames.

    The last nine clips are test, of which clip42 is not available.
    """
    root = worded.root
    captions = pd.read_parquet(root / "caption_words.parquet")
    phrases = pd.DataFrame(
        {
            "caption_id": captions["caption_id"],
            "clip_id": captions["clip_id"],
            "phrase": [" ".join(words[:1]) for words in captions["words"]],
            "first_word": 0,
            "onsets_s": [[0.0]] * len(captions),
            "offsets_s": [[0.3]] * len(captions),
        }
    )
    write_parquet(pa.Table.from_pandas(phrases, preserve_index=False), worded.phrases)
    clips = pd.read_parquet(worded.clips)
    split = clips["split"].where(clips.index < 34, "test")
    available = clips["clip_id"] != "clip42"
    table = pd.DataFrame({"clip_id": clips["clip_id"], "split": split, "available": available})
    table.to_parquet(worded.availability_table)
    return worded


@pytest.fixture(scope="module")
def run(grounded: DatasetFiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.training.conftest import WORD_OPTIONS

    folder = tmp_path_factory.mktemp("run")
    machine = Machine("cpu", threads=1, readers=1, checkpoint_minutes=60, compile=False)
    options = {**WORD_OPTIONS, "epochs": 2}
    train_run("words", "audio_text", 0, options, grounded, None, None, None, folder, machine)
    return folder


def ground(data: DatasetFiles, run: Path, folder: Path, **changes: Any) -> None:
    arguments: dict[str, Any] = {
        "method": "words",
        "stage": "audio_text",
        "seed": 0,
        "data": data,
        "weights": None,
        "model": run / "model.pt",
        "subset": None,
        "folder": folder,
        "frame_shift_ms": SHIFT_MS,
        "num_resamples": 100,
        "device": "cpu",
        "threads": 1,
    }
    ground_run(**{**arguments, **changes})


def test_a_run_grounds_every_phrase_of_the_available_test_clips(
    grounded: DatasetFiles, run: Path, tmp_path: Path
) -> None:
    ground(grounded, run, tmp_path / "alone")
    alone = pd.DataFrame(read_scores(tmp_path / "alone" / "scores.json"))
    assert set(alone["method"]) == {"words"}, "no clip has two different phrases"
    two = pd.read_parquet(grounded.phrases)
    two["phrase"] = two["phrase"] + two["caption_id"]  # so that one can be asked for the other
    write_parquet(pa.Table.from_pandas(two, preserve_index=False), grounded.phrases)
    ground(grounded, run, tmp_path)
    records = pd.DataFrame(read_scores(tmp_path / "scores.json"))
    assert set(records["method"]) == {"words", "shuffled_phrase.words"}
    assert set(records["weights"]) == {"toy"} and set(records["task"]) == {"phrase_grounding"}
    frames = pd.read_parquet(tmp_path / "frames.parquet")
    assert sorted(set(frames["clip_id"])) == [f"clip{clip}" for clip in range(34, 42)]
    assert len(frames) == 16  # two captions a clip
    lengths = {f"clip{clip}": 12 + clip % 9 for clip in range(43)}
    for row in frames.itertuples():
        assert len(row.scores_mean) == lengths[row.clip_id]
        assert row.clip_end_s == pytest.approx((lengths[row.clip_id] - 1) * 0.04)
    queries = pd.read_parquet(tmp_path / "queries.parquet")
    own = queries[(queries["method"] == "words") & (queries["protocol"] == "all_thresholds")]
    assert (own["num_labelled"] == 8).all()  # 0.3 s of 40 ms


def test_grounding_of_a_subset_is_signed_by_the_clips_whose_phrases_were_asked_for(
    grounded: DatasetFiles, run: Path, tmp_path: Path
) -> None:
    table = pd.read_parquet(grounded.availability_table)
    val = table.loc[table["split"] == "val", "clip_id"]  # it chooses the threshold
    named = [*val, "clip00", "clip36", "clip40", "clip42"]  # of train, of test, not available
    (tmp_path / "lab.txt").write_text("\n".join(named))
    ground(grounded, run, tmp_path, subset=tmp_path / "lab.txt")
    ground_controls(
        "audio_text", grounded, tmp_path / "lab.txt", tmp_path / "controls", SHIFT_MS, 100
    )
    for folder in (tmp_path, tmp_path / "controls"):
        records = pd.DataFrame(read_scores(folder / "scores.json"))
        assert set(records["availability"]) == {fingerprint(["clip36", "clip40"])}
        assert {name.split(".")[0] for name in records["subset"]} == {"lab"}


def test_the_controls_need_no_run(grounded: DatasetFiles, tmp_path: Path) -> None:
    ground_controls("audio_text", grounded, None, tmp_path, SHIFT_MS, 100)
    records = pd.DataFrame(read_scores(tmp_path / "scores.json"))
    assert set(records["method"]) == {"random", "all_active", "energy"}
    everywhere = records[(records["subset"] == "all") & (records["metric"] == "recall")]
    all_active = everywhere[everywhere["method"] == "all_active"]
    assert (all_active["value"] == 1).all()
    analytic = records[records["protocol"] == "analytic_0.50"].set_index(["subset", "metric"])
    lengths = np.array([12 + clip % 9 for clip in range(34, 42)])
    assert analytic.loc[("all", "precision"), "value"] == pytest.approx(64 / lengths.sum())
    curves = pd.read_parquet(tmp_path / "curves.parquet")
    assert {"analytic", "all_thresholds"} <= set(curves["protocol"])


def test_a_split_without_phrases_says_what_to_do(grounded: DatasetFiles) -> None:
    grid = Grid.of(grounded, SHIFT_MS)
    with pytest.raises(HearsayError, match="of split nowhere has a phrase.*phrase_grounding"):
        grid.queries(grounded, "nowhere", None)


def test_frames_of_another_rate_stand_at_the_nearest_time() -> None:
    grid = Grid({"a": 6}, 0.04)
    assert grid.place("a", 0.04, 6).tolist() == [0, 1, 2, 3, 4, 5]
    assert grid.place("a", 0.02, 500).tolist() == [0, 2, 4, 6, 8, 10]
    assert grid.place("a", 0.1, 3).tolist() == [0, 0, 1, 1, 2, 2]
    assert grid.place("a", 0.02, 8).tolist() == [0, 2, 4, 6, 7, 7]  # shorter: its last frame
