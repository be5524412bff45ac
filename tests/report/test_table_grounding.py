"""The table of grounding: every control beside every method, and a mark where none is beaten."""

import pandas as pd
import pytest
from test_tables import cells, check_latex, outputs

from hearsay.errors import HearsayError
from hearsay.report.grounding_scores import PART_WORDS, order_systems, split_subset
from hearsay.report.scores import read_score_table
from hearsay.report.table_grounding import make_table_grounding

METHODS = ["word_align", "word_align_paper", "vip_ant"]
PARTS = ["all", "heard", "non_trivial", "several_events"]
COLUMNS = {"precision": 3, "recall": 4, "F1": 5, "event_F1": 6}
COLUMNS |= {"AUROC": 7, "average_precision": 8, "PSDS": 9}


def queries_of(folder):
    return sorted(folder.glob("runs/*/seed*/audio_text/grounding/queries.parquet"))


@pytest.fixture(scope="module")
def written(grounded, tmp_path_factory):
    files = outputs(tmp_path_factory.mktemp("table"))
    scores = grounded / "tables" / "scores.csv"
    make_table_grounding(scores, queries_of(grounded), METHODS, *files)
    return files


@pytest.fixture(scope="module")
def numbers(grounded):
    table = read_score_table(grounded / "tables" / "scores.csv")
    return table[table["task"] == "phrase_grounding"]


def find(numbers, method, part, metric, protocol=None):
    default = "all_thresholds" if COLUMNS[metric] > 6 else "threshold_val"
    chosen = (numbers["method"] == method) & (numbers["subset"] == part)
    return numbers[
        chosen & (numbers["metric"] == metric) & (numbers["protocol"] == (protocol or default))
    ]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("method", ["word_align", "shuffled_phrase.vip_ant", "energy"])
def test_every_part_shows_the_scores_of_methods_and_controls(written, numbers, part, method):
    row = cells(written[1].read_text(), method, section=PARTS.index(part))[0]
    for metric, place in COLUMNS.items():
        values = find(numbers, method, part, metric)["value"]
        expected = f"{values.mean():.3f}"
        if len(values) > 1:
            expected += f" ± {values.std(ddof=1):.3f}"
        assert row[place].removesuffix(" †") == expected


def test_methods_come_first_then_their_other_phrases_then_what_does_not_listen():
    names = ["random", "shuffled_phrase.b", "a", "energy", "b", "shuffled_phrase.a", "all_active"]
    assert order_systems(names, ["b", "a"]) == [
        "b", "a", "shuffled_phrase.b", "shuffled_phrase.a", "random", "all_active", "energy",
    ]  # fmt: skip


def test_constant_rows_and_labels_are_counted_from_the_queries(written, grounded):
    text = written[1].read_text()
    run = grounded / "runs/word_align/seed0/audio_text"
    table = pd.read_parquet(run / "grounding/queries.parquet")
    own = table[table["protocol"] == "all_thresholds"]
    own = own[~own["method"].str.startswith("shuffled")]
    assert own["is_constant"].sum() == 1
    row = cells(text, "word_align")[0]
    assert row[10:] == [
        f"{100 / len(own):.1f}",
        str(len(own)),
        f"{100 * own['num_labelled'].sum() / own['num_frames'].sum():.1f}",
    ]
    heard = cells(text, "word_align", section=1)[0]
    assert heard[11] == str(own["heard"].sum())
    assert cells(text, "all_active")[0][10] == "100.0"


def test_the_threshold_is_the_mean_of_those_that_val_chose(written, grounded):
    chosen = []
    for seed in (0, 1):
        path = grounded / f"runs/vip_ant/seed{seed}/audio_text/grounding/queries.parquet"
        table = pd.read_parquet(path)
        chosen.append(table[table["method"] == "vip_ant"]["threshold_val"].iloc[0])
    assert cells(written[1].read_text(), "vip_ant")[0][2] == f"{sum(chosen) / 2:.2f}"


def test_a_number_is_marked_unless_its_interval_lies_above_every_control(written, numbers):
    text = written[1].read_text()
    seen = set()
    for method in METHODS:
        row = cells(text, method)[0]
        for metric in ("F1", "event_F1", "AUROC", "average_precision", "PSDS"):
            low = find(numbers, method, "all", metric)["ci_low"].mean()
            controls = {
                name: find(numbers, name, "all", metric)["value"].mean()
                for name in ("random", "all_active", "energy", f"shuffled_phrase.{method}")
            }
            beaten = all(low > value for value in controls.values())
            assert row[COLUMNS[metric]].endswith("†") is not beaten, (method, metric)
            seen.add(beaten)
    assert seen == {True, False}
    section = text.split("### ")[1]
    assert "† word_align_paper: F1" in section and "all_active, energy" in section
    assert "† word_align:" not in section


def test_precision_recall_and_controls_are_never_marked(written):
    text = written[1].read_text()
    for method in METHODS:
        assert not any("†" in cell for cell in cells(text, method)[0][3:5])
    for control in ("random", "all_active", "energy", "shuffled_phrase.vip_ant"):
        assert not any("†" in cell for cell in cells(text, control)[0])


def test_random_stands_drawn_and_computed(written, numbers):
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in written[1].read_text().split("### ")[1].splitlines()
        if line.startswith("| random")
    ]
    assert [row[0] for row in rows] == ["random", "random, analytic"]
    computed = rows[1]
    value = find(numbers, "random", "all", "F1", "analytic_0.50")["value"].iloc[0]
    assert computed[5] == f"{value:.3f}" and computed[7] == "–" and computed[2] == "0.50"


def test_the_published_cells_stay_empty_and_the_table_says_so(written):
    text = written[1].read_text()
    assert all(cell == "" for cell in cells(text, "Xie et al. 2022")[0][1:])
    assert "not available to us: the cells stay empty" in text


def test_variants_have_a_table_of_their_own(written, numbers):
    text = written[1].read_text()
    titles = [line for line in text.splitlines() if line.startswith("###")]
    expected = [*PARTS, "variants, all", "variants, several_events"]
    assert titles == [
        "### Phrase grounding"
        + (", continued: variants, " if "variants" in name else ": ")
        + f"{PART_WORDS[name.removeprefix('variants, ')]}, demo (test)"
        for name in expected
    ]
    rows = cells(text, "word_align", section=4)
    assert [(row[1], row[2].split(",")[0]) for row in rows] == [
        (f"{words} over words, {kind}", threshold)
        for words in ("mean", "max")
        for kind in ("min-max", "raw")
        for threshold in ("val", "0.50")
    ]
    raw = find(numbers, "word_align", "all", "F1", "threshold_0.50_raw")["value"]
    assert rows[3][5].startswith(f"{raw.mean():.3f}")
    assert len(cells(text, "vip_ant", section=4)) == 4  # has one score a phrase


def test_the_csv_has_every_record_once(written, numbers):
    table = pd.read_csv(written[0])
    keys = ["clips", "part", "method", "protocol", "metric"]
    assert not table.duplicated(keys).any()
    assert len(table) == len(numbers.drop_duplicates(["subset", "method", "protocol", "metric"]))
    energy = table[(table["method"] == "word_align_paper") & (table["metric"] == "F1")]
    assert energy["not_above"].str.contains("energy").any()
    check_latex(written[2].read_text())


def test_parts_of_a_subset_of_clips_are_told_apart():
    names = ("all", "heard", "mine", "mine.heard", "v2.1", "v2.1.several_events")
    assert [split_subset(name) for name in names] == [
        ("all", "all"),
        ("all", "heard"),
        ("mine", "all"),
        ("mine", "heard"),
        ("v2.1", "all"),
        ("v2.1", "several_events"),
    ]


def test_scores_without_grounding_and_absent_queries_are_errors(scores, grounded, tmp_path):
    with pytest.raises(HearsayError, match="no score of the task phrase_grounding"):
        make_table_grounding(scores, queries_of(grounded), METHODS, *outputs(tmp_path))
    own = grounded / "tables" / "scores.csv"
    with pytest.raises(HearsayError, match="does not exist"):
        make_table_grounding(own, [tmp_path / "queries.parquet"], METHODS, *outputs(tmp_path))
