"""Figures 3 and 4 and the page of all clips show the runs' own numbers, the same every time."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from test_plots import words

from hearsay.errors import HearsayError
from hearsay.features.mel import slaney_filters
from hearsay.metrics.grounding import min_max
from hearsay.report.alignment import (
    AlignedClip,
    AlignedPhrase,
    AlignedRun,
    choose_clips,
    main_caption,
    read_alignment,
)
from hearsay.report.page_grounding import line_points, make_page_grounding
from hearsay.report.plot_alignment import _centres_hz, plot_alignment
from hearsay.report.plot_grounding import curve_of, plot_grounding, val_thresholds
from hearsay.report.plot_losses import plot_losses

METHODS = ["word_align", "word_align_paper", "vip_ant"]


def curves_of(folder):
    return sorted(folder.glob("runs/*/seed*/audio_text/grounding/curves.parquet"))


def files_of(folder, method="word_align", seed=0):
    run = folder / f"runs/{method}/seed{seed}/audio_text/grounding"
    captions = folder / "data/demo/index/captions.parquet"
    return run / "frames.parquet", run / "queries.parquet", captions


@pytest.fixture(scope="module")
def run(grounded):
    return read_alignment(*files_of(grounded))


@pytest.mark.parametrize("part", ["all", "several_events"])
def test_the_curves_are_deterministic_and_free_of_order(grounded, part, check_pair, tmp_path):
    orders = iter([curves_of(grounded), curves_of(grounded)[::-1]])
    check_pair(lambda svg, png: plot_grounding(next(orders), part, METHODS, svg, png), tmp_path)


def test_every_control_is_named_on_its_line(grounded, tmp_path):
    svg = tmp_path / "a.svg"
    plot_grounding(curves_of(grounded), "all", METHODS, svg, tmp_path / "a.png")
    shown = ", ".join(text for text in words(svg) if text != "random, analytic").split(", ")
    for control in ("random", "all_active", "energy", "another phrase"):
        assert shown.count(control) == 9  # three methods, three panels
    assert {"word_align", "word_align_paper", "vip_ant", "precision", "recall", "F1"} <= set(shown)


def test_a_curve_is_the_mean_of_the_seeds_between_the_lowest_and_the_highest():
    rows = [
        ("own", seed, "all_thresholds", t, value)
        for seed, values in enumerate(([0.2, 0.4], [0.4, 0.0]))
        for t, value in zip((0.1, 0.2), values, strict=True)
    ]
    rows += [("own", 0, "all_thresholds_raw", 0.1, 9.0), ("other", 0, "all_thresholds", 0.1, 9.0)]
    table = pd.DataFrame(rows, columns=["method", "seed", "protocol", "threshold", "F1"])
    curve = curve_of(table, "own", "F1")
    assert curve["mean"].tolist() == pytest.approx([0.3, 0.2])
    assert (curve["min"].tolist(), curve["max"].tolist()) == ([0.2, 0.0], [0.4, 0.4])


def test_the_marked_thresholds_are_those_of_val(grounded):
    table = pd.concat([pd.read_parquet(path) for path in curves_of(grounded)])
    table = table[table["part"] == "all"]
    queries = [
        pd.read_parquet(files_of(grounded, "vip_ant", seed)[1]).query("method == 'vip_ant'")
        for seed in (0, 1)
    ]
    expected = [own["threshold_val"].iloc[0] for own in queries]
    assert val_thresholds(table, "vip_ant") == pytest.approx(expected)


def test_an_unknown_part_and_curves_of_controls_alone_are_errors(grounded, tmp_path):
    files = tmp_path / "a.svg", tmp_path / "a.png"
    with pytest.raises(HearsayError, match="part 'some'"):
        plot_grounding(curves_of(grounded), "some", METHODS, *files)
    controls = [path for path in curves_of(grounded) if "controls" in str(path)]
    with pytest.raises(HearsayError, match="no curve of a method"):
        plot_grounding(controls, "all", METHODS, *files)


def test_the_plot_of_losses_is_deterministic_and_names_them(grounded, check_pair, tmp_path):
    scores = grounded / "tables" / "scores.csv"
    runs = sorted(grounded.glob("runs/*/seed*/audio_text/run.json"))
    check_pair(lambda svg, png: plot_losses(scores, runs, METHODS, svg, png), tmp_path)
    shown = words(tmp_path / "1.svg")
    assert any(text.startswith("InfoNCE") for text in shown)
    assert "word_align_paper" in shown and "vip_ant" not in shown
    with pytest.raises(HearsayError, match="no method of frame-word alignment"):
        plot_losses(scores, [], METHODS, tmp_path / "a.svg", tmp_path / "a.png")


def test_f1_of_clips_and_phrases_follow_from_the_frames_themselves(grounded, run):
    """Counted again from frames.parquet, without queries.parquet."""
    frames = pd.read_parquet(files_of(grounded)[0])
    for clip in (run.clips[0], run.clips[7]):
        right = active = labelled = 0
        own = frames[frames["clip_id"] == clip.clip_id]
        phrases = [phrase for _, phrases in clip.captions for phrase in phrases]
        for row, phrase in zip(own.to_dict("records"), phrases, strict=True):
            times = np.arange(len(row["scores_mean"])) * row["frame_shift_s"]
            heard = np.zeros(len(times), bool)
            for onset, offset in zip(row["onsets_s"], row["offsets_s"], strict=True):
                heard |= (times >= onset - 1e-9) & (times < offset - 1e-9)
                heard |= (offset >= row["clip_end_s"]) & (times >= onset - 1e-9)
            scores = min_max(row["scores_mean"].astype(np.float64))
            np.testing.assert_allclose(phrase.scores, scores)
            found = scores >= run.threshold
            counts = (found & heard).sum(), found.sum(), heard.sum()
            assert phrase.f1 == pytest.approx(2 * counts[0] / max(counts[1] + counts[2], 1))
            right, active, labelled = right + counts[0], active + counts[1], labelled + counts[2]
        assert clip.f1 == pytest.approx(2 * right / (active + labelled))


def test_the_run_knows_what_it_is_and_which_rows_are_constant(run, grounded):
    scores = pd.read_csv(grounded / "tables" / "scores.csv", keep_default_na=False)
    chosen = (scores["method"] == "word_align") & (scores["metric"] == "F1")
    chosen &= (scores["subset"] == "all") & (scores["protocol"] == "threshold_val")
    value = scores[chosen & (scores["seed"] == 0)]["value"].iloc[0]
    assert (run.method, run.seed) == ("word_align", 0)
    assert run.f1 == pytest.approx(value, abs=1e-6)
    constant = [p for clip in run.clips for _, ps in clip.captions for p in ps if p.is_constant]
    assert len(constant) == 1 and not constant[0].scores.any()


def some_clip(clip_id, f1, several_events=True):
    return AlignedClip(clip_id, 10.0, f1, several_events, [])


def some_run(clips):
    return AlignedRun("word_align", 0, 0.5, 0.02, 0.5, clips)


def test_clips_are_chosen_by_rank_among_those_with_several_events():
    clips = [
        some_clip(name, f1) for name, f1 in zip("abcde", (0.3, 0.9, 0.1, 0.5, 0.5), strict=True)
    ]
    clips.append(some_clip("f", 1.0, several_events=False))
    chosen = {name: clip.clip_id for name, clip in choose_clips(some_run(clips))}
    assert chosen == {"best": "b", "median": "e", "worst": "c"}  # b d e a c
    assert [name for name, _ in choose_clips(some_run(clips[:2]))] == ["best", "median"]
    assert [clip.clip_id for _, clip in choose_clips(some_run(clips[-1:]))] == ["f"]


def test_the_caption_shown_has_the_most_phrases_at_different_times():
    def phrase(*segments):
        return AlignedPhrase("p", list(segments), np.zeros(3), False, 0.0)

    captions = [
        ("same times", [phrase((0.0, 1.0)), phrase((0.0, 1.0)), phrase()]),
        ("two times", [phrase((0.0, 1.0)), phrase((2.0, 3.0))]),
        ("two as well", [phrase((0.0, 1.0)), phrase((2.0, 4.0))]),
    ]
    assert main_caption(AlignedClip("a", 10.0, 0.5, True, captions))[0] == "two times"


def test_scores_and_counts_of_two_runs_are_refused(grounded, tmp_path):
    frames, queries, captions = files_of(grounded)
    pd.read_parquet(frames).iloc[1:].to_parquet(tmp_path / "frames.parquet")
    with pytest.raises(HearsayError, match="not of one run"):
        read_alignment(tmp_path / "frames.parquet", queries, captions)


def test_figure_4_is_deterministic_and_says_why_each_clip_is_shown(
    grounded, run, check_pair, tmp_path
):
    logmel = sorted((grounded / "data/demo/logmel").glob("*.npy"))
    files = files_of(grounded)
    check_pair(lambda svg, png: plot_alignment(*files, logmel, 50, 8000, svg, png), tmp_path)
    titles = [text for text in words(tmp_path / "1.svg") if "F1 of all its phrases" in text]
    chosen = choose_clips(run)
    assert [text.split(",")[0] for text in titles] == [f"{n}: {c.clip_id}" for n, c in chosen]
    assert len({name for name, _ in chosen}) == 3


def test_frequencies_stand_where_the_mel_filters_are_highest():
    centres = _centres_hz(64, 12.0, 8000.0)
    lines = np.linspace(0, 16000, 2**15 + 1)
    fine = lines[slaney_filters(32000, 2**16, 64, 12.0, 8000.0).argmax(axis=1)]
    np.testing.assert_allclose(centres, fine, atol=1.0)


class Page(HTMLParser):
    """Collects what a page is made of, and checks that tags close."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page(grounded, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "grounding.html"
    make_page_grounding(*files_of(grounded), "demo", path)
    return path


def test_the_page_has_every_clip_and_every_phrase_with_its_labels(page, grounded, run):
    parsed = Page(page.read_text())
    frames = pd.read_parquet(files_of(grounded)[0])
    assert [section["id"] for section in parsed.all("section")] == sorted(set(frames["clip_id"]))
    assert len(parsed.all("polyline")) == len(frames)
    assert len(parsed.all("rect")) == frames["onsets_s"].map(len).sum()
    first = parsed.all("rect")[0]
    onset, offset = frames["onsets_s"][0][0], frames["offsets_s"][0][0]
    assert float(first["x"]) == pytest.approx(10 * onset, rel=1e-3)  # percent of 10 s
    assert float(first["width"]) == pytest.approx(10 * (offset - onset), rel=1e-3)
    line = float(parsed.all("line")[0]["y1"])
    assert line == pytest.approx(100 * (1 - run.threshold), rel=1e-3)
    text = "".join(parsed.text)
    assert text.count("not heard") == (frames["onsets_s"].map(len) == 0).sum()
    assert text.count(", constant") == 1


def test_the_page_escapes_captions_and_needs_nothing_from_outside(page):
    text = page.read_text()
    assert "then a bell rings &lt;0&gt;" in text and "<0>" not in text
    assert not re.search(r"(src|href)\s*=|url\(|@import|https?:", text)


def test_the_page_is_the_same_every_time(page, grounded, tmp_path):
    make_page_grounding(*files_of(grounded), "demo", tmp_path / "again.html")
    assert page.read_bytes() == (tmp_path / "again.html").read_bytes()


def test_the_page_of_a_large_test_split_stays_below_5_mb(grounded, tmp_path):
    frames, queries, captions = files_of(grounded)
    tables = []
    for source in (frames, queries):
        table = pd.read_parquet(source)
        if "protocol" in table:
            table = table[
                (table["protocol"] == "all_thresholds") & (table["method"] == "word_align")
            ]
        copies = [
            table.assign(query_id=f"{n}" + table["query_id"], clip_id=f"{n}" + table["clip_id"])
            for n in range(46)
        ]
        tables.append(pd.concat(copies, ignore_index=True))
        tables[-1].to_parquet(tmp_path / source.name)
    assert len(tables[0]) > 4900  # as AudioGrounding v2's test split
    make_page_grounding(
        tmp_path / "frames.parquet", tmp_path / "queries.parquet", captions, "demo",
        tmp_path / "page.html",
    )  # fmt: skip
    assert (tmp_path / "page.html").stat().st_size < 5e6


def test_a_line_of_many_frames_is_averaged_in_blocks():
    assert line_points(np.array([0.0, 1.0]), 10) == "0,100 100,0"
    points = line_points(np.array([0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.5, 0.5, 0.0]), 3)
    # Blocks of three: means 2/3, 1/3, 1/3, at the first frame, the middle one and the last.
    assert points == "0,33 50,67 100,67"
