"""A family is what one table prints, and a number bears one mark wherever it is printed."""

import logging

import pandas as pd
import pytest

from hearsay.metrics.holm import holm
from hearsay.report.compare import compare_methods
from hearsay.report.families import add_corrections, name_family
from hearsay.report.retrieval_view import RetrievalView
from hearsay.report.scores import collect_scores, read_score_table, summarise_seeds
from hearsay.report.significance import (
    LEVEL,
    corrected_smallest_p,
    explain_correction,
    index_comparisons,
    read_comparisons,
    resamples_needed,
)
from hearsay.report.tables import build_tables
from hearsay.report.tasks import TASKS

METHODS = ["vip_ant", "clearer", "blurred"]


@pytest.fixture(scope="module")
def compared(tmp_path_factory, write_run):
    """The scores of three methods after both stages, and the files of their comparisons."""
    folder = tmp_path_factory.mktemp("families")
    noise = {"vip_ant": 2.0, "clearer": 0.5, "blurred": 2.2}
    files = [
        write_run(folder, method, stage, seed, noise[method])
        for method in METHODS
        for stage in ("audio_image", "audio_text")
        for seed in (0, 1, 2)
    ]
    collect_scores(files, folder / "scores.csv")
    outputs = [folder / f"comparisons.{suffix}" for suffix in ("csv", "md", "tex")]
    compare_methods(files, "vip_ant", METHODS, 2000, *outputs)
    return folder / "scores.csv", outputs


def views(scores, comparisons):
    """Every table that is printed of these scores."""
    for task, layout in TASKS.items():
        table = read_score_table(scores)
        summary = summarise_seeds(table[table["task"] == task])
        key = tuple(summary.iloc[0][["dataset", "split", "subset", "availability"]])
        for protocol in layout.protocols:
            for part in range(len(layout.metrics)):
                rows = summary[summary["protocol"] == protocol]
                yield RetrievalView(rows, task, key, protocol, part, METHODS, comparisons)


def test_each_table_prints_one_family_and_all_of_it(compared):
    scores, outputs = compared
    comparisons = read_comparisons(outputs[0])
    families = pd.read_csv(outputs[0]).groupby("family").size()
    printed = [view.compared() for view in views(scores, comparisons)]
    assert [len(shown) for shown in printed] == [12, 12, 12, 12, 12, 8]
    for shown in printed:
        assert {comparison.num_in_family for comparison in shown} == {len(shown)}
    # What no table prints is a family beside each of the four protocols of Table III.
    assert sorted(families) == sorted([12] * 5 + [8] * 5)


def test_the_corrections_are_holms_of_each_family(compared):
    table = pd.read_csv(compared[1][0])
    for _, own in table.groupby("family"):
        for test in ("p_queries", "p_seeds"):
            assert own[f"{test}_holm"].to_numpy() == pytest.approx(
                holm(own[test]), rel=1e-4, nan_ok=True
            )
    assert (table["p_queries_holm"] < LEVEL).any()
    assert ((table["p_queries"] < LEVEL) & (table["p_queries_holm"] >= LEVEL)).any()


def test_a_number_bears_the_same_mark_in_both_tables(compared):
    scores, outputs = compared
    comparisons = read_comparisons(outputs[0])
    summary = summarise_seeds(read_score_table(scores).query("task == 'audio_text_retrieval'"))
    table = build_tables(summary, "audio_text_retrieval", METHODS, comparisons)[0]
    column = [f"{c.group} {c.name}" for c in table.columns].index("T→A R@10")
    marks = {row[0]: row[column].split()[-1] for row in table.blocks[0].rows}
    short = outputs[1].read_text().split("### ")[2].split("T→A R@10*")[1].split("A→T")[0]
    verdicts = {
        cells[1].strip(): cells[-2].strip()
        for line in short.splitlines()
        if len(cells := line.split("|")) > 3
    }
    words = {"ns": "not significant", "↑q": "better, over queries alone"}
    words |= {"↓q": "worse, over queries alone", "↑qs": "better, over queries and seeds"}
    assert [verdicts[name] for name in METHODS[1:]] == [words[marks[name]] for name in METHODS[1:]]
    assert marks["clearer"].startswith("↑q")


def row(metric="R@5", protocol="full_gallery", task="audio_text_retrieval", **others):
    data = {"dataset": "demo", "split": "test", "subset": "all", "availability": "0123"}
    return data | {"task": task, "metric": metric, "protocol": protocol} | others


def test_a_family_is_named_after_the_table_that_prints_it():
    assert name_family(row()) == "IV demo test all 0123 full_gallery R@1 R@5 R@10"
    assert name_family(row("mAP@10")) == "IV demo test all 0123 full_gallery median_rank mAP@10"
    assert name_family(row(protocol="full_gallery_best_val")) == name_family(row("R@1"))
    images = {"task": "audio_image_retrieval", "protocol": "max_image"}
    assert name_family(row("mAP@10", **images)) == (
        "III demo test all 0123 max_image median_rank mAP@10"
    )
    assert name_family(row(subset="few")) != name_family(row())


def test_both_checkpoints_and_stages_are_of_one_table():
    rows = [
        row(protocol=protocol, stage=stage, p_queries=p, p_seeds=p / 2)
        for p, (protocol, stage) in zip(
            (0.01, 0.02, 0.03, 0.04),
            [(p, s) for p in ("full_gallery", "full_gallery_best_val") for s in ("a", "b")],
            strict=True,
        )
    ]
    table = add_corrections(pd.DataFrame([*rows, row("mAP@10", p_queries=0.04, p_seeds=0.03)]))
    assert table["num_in_family"].tolist() == [4, 4, 4, 4, 1]
    assert table["p_queries_holm"].tolist() == pytest.approx([0.04, 0.06, 0.06, 0.06, 0.04])
    assert table["p_seeds_holm"].tolist() == pytest.approx([0.02, 0.03, 0.03, 0.03, 0.03])


@pytest.mark.parametrize("number", [1, 12, 120, 333])
def test_the_resamples_that_are_asked_for_are_the_fewest_that_can_mark(number):
    needed = resamples_needed(number)
    assert corrected_smallest_p(needed, number) < LEVEL
    assert corrected_smallest_p(needed - 1, number) >= LEVEL * (1 - 1e-12)


def test_too_few_resamples_are_warned_of_and_stand_below_the_table(write_run, tmp_path, caplog):
    files = [
        write_run(tmp_path, method, "audio_text", seed, noise)
        for method, noise in (("vip_ant", 1.0), ("blurred", 1e6))
        for seed in (0, 1)
    ]
    outputs = [tmp_path / f"comparisons.{suffix}" for suffix in ("csv", "md", "tex")]
    caplog.set_level(logging.WARNING)
    compare_methods(files, "vip_ant", METHODS, 200, *outputs)
    advice = "set benchmark.comparison_resamples to 240 or more"
    assert [advice in message for message in caplog.messages] == [True]
    assert "q cannot be marked at all: that takes 240 resamples" in outputs[1].read_text()
    caplog.clear()
    compare_methods(files, "vip_ant", METHODS, 240, *outputs)
    assert not caplog.messages
    assert "cannot be marked at all" not in outputs[1].read_text()


def test_the_note_counts_marks_before_and_after(compared):
    table = pd.read_csv(compared[1][0])
    shown = list(index_comparisons(table[table["protocol"] == "full_gallery"], "x").values())
    before = [(table[table["protocol"] == "full_gallery"][name] < LEVEL).sum() for name in (
        "p_queries", "p_seeds", "p_queries_holm", "p_seeds_holm")]  # fmt: skip
    note = explain_correction(shown)[0]
    assert f"q would stand at {before[0]} numbers and s at {before[1]}" in note
    assert f"after it at {before[2]} and {before[3]}." in note
