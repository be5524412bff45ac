"""Plots are written in both formats, the same every time, and show the numbers."""

import io
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hearsay.errors import HearsayError
from hearsay.report.plot_clips import plot_clips, read_views
from hearsay.report.plot_recall import plot_recall
from hearsay.report.plot_training import curve_of, plot_training, read_history
from hearsay.report.style import MARKERS, PALETTE, colour_of


@pytest.mark.parametrize("task", ["audio_image_retrieval", "audio_text_retrieval"])
def test_recall_plot_is_deterministic(scores, task, check_pair, tmp_path):
    check_pair(lambda svg, png: plot_recall(scores, task, [], svg, png), tmp_path)


def words(svg):
    return re.findall(r"<!-- (.*?) -->", svg.read_text())


def test_an_oracle_far_above_is_told_in_words_and_a_near_one_drawn(scores, tmp_path):
    svg = tmp_path / "a.svg"
    plot_recall(scores, "audio_text_retrieval", ["vip_ant"], svg, tmp_path / "a.png")
    assert "R@1" in words(svg) and not any("↑" in text for text in words(svg))
    table = pd.read_csv(scores, keep_default_na=False)
    low = table["method"] != "oracle"
    table.loc[low, ["value", "ci_low", "ci_high"]] = 0.1
    table.loc[table["metric"] == "median_rank", ["value", "ci_low", "ci_high"]] = 5
    table.to_csv(tmp_path / "scores.csv", index=False)
    plot_recall(tmp_path / "scores.csv", "audio_text_retrieval", [], svg, tmp_path / "a.png")
    assert sum(text.startswith("oracle ") and "↑" in text for text in words(svg)) == 6


def test_recall_plot_of_an_absent_protocol_is_an_error(scores, tmp_path):
    with pytest.raises(HearsayError, match="protocol candidates_30"):
        files = tmp_path / "a.svg", tmp_path / "a.png"
        plot_recall(scores, "audio_text_retrieval", [], *files, "candidates_30")


def write_history(folder, method, seed, stage, epochs=4):
    path = folder / method / f"seed{seed}" / stage / "history.parquet"
    path.parent.mkdir(parents=True)
    epoch = np.arange(epochs)
    names = ("loss", "val_loss", "learning_rate", "logit_scale")
    pd.DataFrame({"epoch": epoch} | dict.fromkeys(names, 5.0 / (epoch + 1))).to_parquet(path)
    return path


def test_training_plot_is_deterministic_and_free_of_order(check_pair, tmp_path):
    files = [
        write_history(tmp_path, "vip_ant", 0, "audio_image"),
        write_history(tmp_path, "vip_ant", 1, "audio_image", epochs=1),
        write_history(tmp_path, "other", 0, "audio_text"),
    ]
    orders = iter([files, files[::-1]])
    check_pair(lambda svg, png: plot_training(next(orders), [], svg, png), tmp_path)


def test_a_curve_is_the_mean_of_the_seeds_between_the_lowest_and_the_highest():
    tables = [
        pd.DataFrame({"epoch": [0, 1], "loss": [4.0, 2.0]}),
        pd.DataFrame({"epoch": [0, 1], "loss": [6.0, np.nan]}),
    ]
    curve = curve_of(tables, "loss")
    assert curve["mean"].tolist() == [5, 2]
    assert (curve["min"].tolist(), curve["max"].tolist()) == ([4, 2], [6, 2])


def test_one_line_stands_for_methods_that_agree(tmp_path):
    svg = tmp_path / "a.svg"
    files = [write_history(tmp_path, method, 0, "audio_image") for method in ("one", "two")]
    plot_training(files, [], svg, tmp_path / "a.png")
    assert words(svg).count("all methods") == 4
    pd.read_parquet(files[0]).assign(loss=1.0).to_parquet(files[0])
    plot_training(files, [], svg, tmp_path / "a.png")
    assert words(svg).count("all methods") == 3


def test_a_history_knows_its_run_by_its_path(tmp_path):
    run = read_history(write_history(tmp_path, "vip_ant", 12, "audio_text"))
    assert (run.method, run.seed, run.stage) == ("vip_ant", 12, "audio_text")
    with pytest.raises(HearsayError, match="not of the form"):
        read_history(tmp_path / "history.parquet")
    with pytest.raises(HearsayError, match="does not exist"):
        read_history(tmp_path / "vip_ant" / "seed3" / "audio_text" / "history.parquet")
    with pytest.raises(HearsayError, match="train at least one"):
        plot_training([], [], tmp_path / "a.svg", tmp_path / "a.png")


@pytest.fixture
def shard(tmp_path):
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), (200, 30, 30)).save(buffer, "JPEG")
    clips = ["quiet", "dog"]
    times = [0.0, 3.3, 6.6, 9.9]
    images = [
        {"clip_id": c, "image_index": i, "timestamp_s": t, "jpeg": buffer.getvalue()}
        for c in clips
        for i, t in enumerate(times)
    ]
    phrases = [
        ("dog-1", "a dog barks", 0, [1.0, 4.0], [2.0, 5.0]),
        ("dog-2", "barking", 3, [1.0, 4.0], [2.0, 5.0]),
        ("dog-2", "a bell", 0, [0.5], [9.0]),
        ("dog-2", "rain", 6, [], []),
    ]
    files = {
        "images": pd.DataFrame(images),
        "fbank_index": pd.DataFrame({"clip_id": clips, "row": [0, 1], "num_frames": [80, 60]}),
        "captions": pd.DataFrame(
            {
                "caption_id": ["dog-1", "dog-2"],
                "clip_id": ["dog", "dog"],
                "text": ["A dog barks at $5 and $6", "A bell tolls, barking, rain " * 9],
            }
        ),
        "phrases": pd.DataFrame(
            [("dog", *phrase) for phrase in phrases],
            columns=["clip_id", "caption_id", "phrase", "first_word", "onsets_s", "offsets_s"],
        ),
    }
    paths = {}
    for name, frame in files.items():
        paths[name] = tmp_path / f"{name}.parquet"
        frame.to_parquet(paths[name])
    paths["fbank"] = tmp_path / "fbank.npy"
    np.save(paths["fbank"], np.random.default_rng(0).normal(size=(2, 100, 16)).astype(np.float16))
    return paths


def test_clips_with_phrases_come_first_and_frames_of_padding_are_left_out(shard):
    views = read_views(**shard, number=5)
    assert [view.clip_id for view in views] == ["dog", "quiet"]
    assert views[0].fbank.shape == (60, 16)
    assert [time for time, _ in views[0].images] == [0.0, 3.3, 6.6, 9.9]


def test_phrases_with_the_same_times_are_one_event(shard):
    assert read_views(**shard, number=1)[0].events == [
        ("a bell", [(0.5, 9.0)]),
        ("a dog barks", [(1.0, 2.0), (4.0, 5.0)]),
    ]


def test_clips_plot_is_deterministic(shard, check_pair, tmp_path):
    check_pair(
        lambda svg, png: plot_clips(**shard, number=2, frame_shift_ms=10.0, svg=svg, png=png),
        tmp_path,
    )


def test_clips_plot_needs_clips(shard, tmp_path):
    with pytest.raises(HearsayError, match="cannot show 0"):
        read_views(**shard, number=0)
    with pytest.raises(HearsayError, match="does not exist"):
        read_views(**(shard | {"images": tmp_path / "none.parquet"}), number=1)


def test_the_first_seven_methods_differ_in_colour_and_marker_and_keep_them():
    looks = colour_of(list("abcdefg"))
    assert len({colour for colour, _ in looks.values()}) == 7
    assert len({marker for _, marker in looks.values()}) == 7
    assert colour_of(list("abc")) == {name: looks[name] for name in "abc"}


def test_many_methods_still_look_different():
    looks = colour_of([str(number) for number in range(len(PALETTE) * len(MARKERS))])
    assert len(set(looks.values())) == len(looks)
