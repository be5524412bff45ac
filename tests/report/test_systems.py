"""One table of every system on every task: hand-worked means, reasons, clips; and no other table
shows what was asked beside a system's own task."""

import subprocess
import sys

import pandas as pd
import pytest
from test_tables import check_latex, outputs

from hearsay.errors import HearsayError
from hearsay.files import write_json
from hearsay.report.markup import to_markdown
from hearsay.report.plot_systems import plot_systems
from hearsay.report.scores import collect_scores, read_all_scores, read_score_table
from hearsay.report.systems import read_systems
from hearsay.report.table_systems import make_table_systems, means_table
from hearsay.report.tables import write_retrieval_table
from hearsay.scoring.other_tasks import Reason
from hearsay.scoring.records import ScoreIdentity, make_record, read_scores

TEXT, IMAGE = "audio_text_retrieval", "audio_image_retrieval"
CLIPS, FEWER = "aaaaaaaaaaaa", "bbbbbbbbbbbb"
WHY = "trained without pictures: it has no space in common with them"


def number(
    method, task, direction, metric, value, *, stage="audio_text", seed=0, half=0.1, chance=0.1,
    protocol="full_gallery", split="test", subset="all", weights="w", clips=CLIPS, queries=20,
):  # fmt: skip
    identity = ScoreIdentity("toy", split, subset, method, stage, weights, seed, clips)
    return make_record(
        identity, task, protocol, direction, metric, value, chance,
        (max(value - half, 0), min(value + half, 1)), queries, 50,
    )  # fmt: skip


RECORDS = [
    # Two trainings: mean 0.5, sample deviation sqrt(0.02), ends 0.4 and 0.6 on average.
    number("tower", TEXT, "audio_to_text", "R@10", 0.4, seed=0),
    number("tower", TEXT, "audio_to_text", "R@10", 0.6, seed=1),
    number("tower", TEXT, "text_to_audio", "R@10", 0.15),  # its interval reaches chance
    # None of these is a headline: zero-shot captions, pictures after captions, the other epoch.
    number("tower", TEXT, "audio_to_text", "R@10", 0.9, stage="audio_image"),
    number("tower", IMAGE, "audio_to_image", "R@10", 0.9),
    number("tower", IMAGE, "audio_to_image", "R@10", 0.3, stage="audio_image",
           protocol="second_image"),
    number("tower", IMAGE, "audio_to_image", "R@10", 0.9, stage="audio_image",
           protocol="second_image_best_val"),
    number("tower", "label_knn", "audio_to_audio", "MAP@3", 0.7, protocol="k7_audio", clips=FEWER),
    number("tower", "label_knn", "audio_to_text", "MAP@3", 0.9, protocol="k7_text", clips=FEWER),
    number("tower", "phrase_grounding", "", "F1", 0.35, protocol="threshold_val", chance=0.22),
    number("tower", "phrase_grounding", "", "F1", 0.9, protocol="threshold_val", subset="heard"),
    number("shuffled_phrase.tower", "phrase_grounding", "", "F1", 0.31, protocol="threshold_val"),
    number("shuffled_phrase.joint", "phrase_grounding", "", "F1", 0.32, protocol="threshold_val"),
    number("energy", "phrase_grounding", "", "F1", 0.3, protocol="threshold_val"),
    number("joint", "phrase_grounding", "", "F1", 0.25, protocol="threshold_val", chance=0.24),
    number("joint", TEXT, "audio_to_text", "R@10", 0.2, stage="audio_label", half=0.01,
           clips=FEWER, queries=19),
    number("joint", "label_knn", "audio_to_audio", "MAP@3", 0.8, protocol="k7_audio",
           stage="audio_label", clips=FEWER),
    number("joint", "label_knn", "audio_to_audio", "MAP@3", 0.1, protocol="k7_audio",
           stage="audio_label", clips=FEWER, split="val"),
    number("oracle", TEXT, "audio_to_text", "R@10", 0.95, half=0.02),
    number("oracle", TEXT, "audio_to_text", "R@10", 0.95, half=0.02, stage="audio_image"),
    number("ridge.mfcc", "label_knn", "audio_to_audio", "MAP@3", 0.6, protocol="k7_audio",
           stage="audio_label", clips=FEWER),
]  # fmt: skip
REASONS = {
    "tower": [{"task": "label_retrieval", "direction": "audio_to_audio", "reason": "no vector"}],
    "joint": [{"task": IMAGE, "direction": "", "reason": WHY}],
}
NOT_ASKED = {"label_retrieval": "labels are of another data set"}


def write(folder):
    """Write the table into a folder and return its CSV, Markdown and LaTeX."""
    write_json(RECORDS, folder / "scores.json")
    collect_scores([folder / "scores.json"], folder / "scores.csv")
    paths = []
    for method, reasons in REASONS.items():
        paths.append(folder / f"{method}.json")
        write_json({"method": method, "reasons": reasons}, paths[-1])
    files = outputs(folder)
    plots = folder / "a.svg", folder / "a.png"
    make_table_systems(folder / "scores.csv", paths, NOT_ASKED, ["joint", "tower"], *files, *plots)
    return files


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write(tmp_path_factory.mktemp("systems"))


def lay_out(records, folder, methods=("joint", "tower")):
    """Return the first table as Markdown, without a file or a plot."""
    write_json(records, folder / "scores.json")
    collect_scores([folder / "scores.json"], folder / "scores.csv")
    reasons = {name: [Reason(**own) for own in given] for name, given in REASONS.items()}
    systems = read_systems(folder / "scores.csv", reasons, NOT_ASKED, methods)
    return to_markdown([means_table(systems)])


def columns(markdown):
    """Return system → column → cell of the first table, in order."""
    lines = [line for line in markdown.split("### ")[1].splitlines() if line.startswith("| ")]
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: dict(zip(head, row, strict=True)) for row in rows}


def test_a_cell_is_the_mean_over_seeds_with_the_mean_of_their_intervals(written):
    rows = columns(written[1].read_text())
    assert list(rows) == [
        "joint", "tower", "*controls*", "oracle", "energy", "shuffled_phrase, highest of 2",
        "ridge.mfcc", "chance",
    ]  # fmt: skip
    assert rows["tower"]["captions A→T R@10"] == "50.0 [40.0, 60.0]"
    assert rows["tower"]["captions T→A R@10"] == "15.0 [5.0, 25.0] †"
    assert rows["tower"]["pictures A→I R@10"] == "30.0 [20.0, 40.0]"
    assert rows["tower"]["labels k-NN MAP@3"] == "70.0 [60.0, 80.0]"
    # Above chance, 22, and yet no better than energy and than itself asked for another phrase.
    assert rows["tower"]["phrases over time F1"] == "35.0 [25.0, 45.0] †"
    assert rows["shuffled_phrase, highest of 2"]["phrases over time F1"] == "32.0 [22.0, 42.0]"
    assert rows["oracle"]["captions A→T R@10"] == "95.0 [93.0, 97.0]"
    assert rows["chance"]["captions A→T R@10"] == "10.0"
    assert rows["chance"]["phrases over time F1"] == "22.0–24.0"  # of the methods alone
    assert rows["chance"]["labels T→A mAP"] == "–"
    spread = written[1].read_text().split("### ")[2]
    assert "| 50.0 ± 14.1 |" in " ".join(spread.split())
    assert "oracle" not in spread
    check_latex(written[2].read_text())


def test_numbers_are_told_apart_from_their_spread_in_the_csv(written):
    table = pd.read_csv(written[0], keep_default_na=False)
    row = table[(table["system"] == "tower") & (table["direction"] == "audio_to_text")]
    row = row[row["metric"] == "R@10"].iloc[0]
    assert (row["value"], row["ci_low"], row["ci_high"], row["chance"]) == (
        "0.5",
        "0.4",
        "0.6",
        "0.1",
    )
    assert float(row["std_over_seeds"]) == pytest.approx(0.02**0.5, abs=1e-6)
    assert (row["num_seeds"], row["num_queries"], row["num_candidates"]) == ("2", "20", "50")
    assert (row["availability"], row["weights"], row["reason"]) == (CLIPS, "w", "")
    marked = table[table["not_above"] != ""].set_index(["system", "task"])["not_above"]
    assert marked[("tower", "phrase_grounding")] == "energy shuffled_phrase.tower"
    assert marked[("joint", "phrase_grounding")] == "chance energy shuffled_phrase.joint"
    assert marked[("tower", TEXT)] == "chance"
    assert len(marked) == 3, "controls are held against chance alone"
    assert set(table["system"]) >= {"shuffled_phrase.tower", "shuffled_phrase.joint"}
    empty = table[table["value"] == ""]
    assert len(empty) and (empty["reason"] != "").all()
    assert (table.loc[table["value"] != "", "reason"] == "").all()


def test_an_empty_cell_says_why_by_what_the_run_told_and_the_config_asks(written):
    table = pd.read_csv(written[0], keep_default_na=False)

    def why(system, task, direction):
        own = table[(table["system"] == system) & (table["task"] == task)]
        return own.loc[own["direction"] == direction, "reason"].iloc[0]

    assert why("joint", IMAGE, "audio_to_image") == why("joint", IMAGE, "image_to_audio") == WHY
    assert why("tower", "label_retrieval", "audio_to_audio") == "no vector"
    assert why("tower", "label_retrieval", "text_to_audio") == NOT_ASKED["label_retrieval"]
    assert why("tower", IMAGE, "image_to_audio") == "not scored"
    assert why("oracle", "label_knn", "audio_to_audio") == "a control of audio-text retrieval"
    drawn = table[(table["system"] == "tower") & (table["protocol"] == "candidates_30")]
    assert drawn["reason"].str.startswith("too few clips").all()
    text = written[1].read_text()
    signs = {cell for row in columns(text).values() for cell in row.values() if len(cell) == 2}
    lines = [line for line in text.split("### ")[1].splitlines() if line[:1] == "–"]
    assert signs == {line[:2] for line in lines}
    assert f"{columns(text)['joint']['pictures A→I R@10']}: {WHY}." in lines


def test_clips_that_are_all_alone_with_their_label_are_told_from_what_a_family_cannot_do(tmp_path):
    found = [
        number(name, "label_retrieval", "text_to_audio", "mAP", 0.5)
        for name in ("tower", "joint", "ridge.mfcc")
    ]
    text = lay_out([*RECORDS, *found], tmp_path)
    rows = columns(text)
    said = {line[:2]: line[4:] for line in text.splitlines() if line[:1] == "–"}
    assert said[rows["tower"]["labels A→A mAP"]] == "no vector."  # as its reasons.json says
    for name in ("joint", "ridge.mfcc"):
        assert said[rows[name]["labels A→A mAP"]] == "no two clips that ask share a label."


def test_the_clips_of_a_column_are_named_and_others_are_marked(written):
    text = written[1].read_text()
    # Two systems of three were asked of the clips aaa: joint was asked of others.
    assert columns(text)["joint"]["captions A→T R@10"] == "20.0 [19.0, 21.0] §"
    assert "Clips differ by task" in text and CLIPS in text and FEWER in text
    assert "labels k-NN MAP@3, 20 queries, 50 candidates" in text


def test_fewer_captions_of_the_same_clips_are_marked(tmp_path):
    """One method knows no word of a caption of these clips: what it is asked is less."""
    of_tower = [row for row in RECORDS if row["method"] == "tower"]
    fewer = number("joint", TEXT, "audio_to_text", "R@10", 0.2, stage="audio_label", half=0.01)
    oracle = number("oracle", TEXT, "audio_to_text", "R@10", 0.95, half=0.02)
    text = lay_out([*of_tower, oracle, {**fewer, "num_candidates": 49}], tmp_path)
    assert columns(text)["joint"]["captions A→T R@10"] == "20.0 [19.0, 21.0] §"
    assert columns(text)["tower"]["captions A→T R@10"] == "50.0 [40.0, 60.0]"
    assert "captions A→T R@10, 20 queries, 50 candidates" in text
    same = lay_out([*of_tower, oracle, fewer], tmp_path)
    assert columns(same)["joint"]["captions A→T R@10"] == "20.0 [19.0, 21.0]"


def test_phrases_in_more_frames_are_the_same_question(tmp_path):
    row = next(row for row in RECORDS if row["method"] == "joint" and row["metric"] == "F1")
    text = lay_out([*RECORDS, {**row, "method": "fine", "num_candidates": 500}], tmp_path,
                   ("joint", "tower", "fine"))  # fmt: skip
    assert columns(text)["fine"]["phrases over time F1"] == "25.0 [15.0, 35.0] †"


def test_the_table_is_made_without_torch():
    """Of a job of seconds its import would be most."""
    code = (
        "import sys, hearsay.report.table_systems, hearsay.report.page\n"
        "print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


def test_where_all_tasks_have_the_same_clips_that_is_said(tmp_path):
    records = [row for row in RECORDS if row["availability"] == CLIPS and row["seed"] == 0]
    text = lay_out(records, tmp_path)
    assert "All tasks are asked of the same clips" in text and "§" not in text
    assert list(columns(text))[:2] == ["joint", "tower"]
    assert "labels k-NN MAP@3" in columns(text)["tower"]


def test_a_subset_of_clips_is_told_from_a_part_of_the_phrases(tmp_path):
    records = [
        {**row, "subset": {"all": "lab", "heard": "lab.heard"}[row["subset"]]} for row in RECORDS
    ]
    text = lay_out(records, tmp_path)
    assert columns(text)["tower"]["phrases over time F1"] == "35.0 [25.0, 45.0] †"
    assert "toy, subset lab, fingerprint" in text


def test_two_numbers_for_one_cell_are_refused_and_so_is_nothing(tmp_path):
    twice = number("tower", TEXT, "audio_to_text", "R@10", 0.5, weights="other")
    with pytest.raises(HearsayError, match="2 numbers of tower, audio_text_retrieval R@10"):
        lay_out([*RECORDS, twice], tmp_path)
    with pytest.raises(HearsayError, match="no score of nobody"):
        lay_out(RECORDS, tmp_path, methods=["nobody"])


def test_the_plot_is_the_same_from_run_to_run(written, tmp_path, check_pair):
    folder = written[0].parent
    reasons = [folder / f"{method}.json" for method in REASONS]

    def draw(svg, png):
        files = outputs(tmp_path)
        scores = folder / "scores.csv"
        make_table_systems(scores, reasons, NOT_ASKED, ["tower", "joint"], *files, svg, png)

    check_pair(draw, tmp_path)
    drawn = (tmp_path / "1.svg").read_text()
    assert "<!-- captions: A→T R@10, % -->" in drawn and "shuffled, highest" in drawn


def test_a_control_whose_interval_the_panel_would_cut_is_told_in_words(tmp_path):
    options = {"protocol": "k7_audio", "stage": "audio_label"}
    key = ("label_knn", "audio_to_audio", "MAP@3")
    records = [
        number("joint", *key, 0.4, half=0.1, **options),  # to 50: the panel ends behind 80
        number("ridge.near", *key, 0.7, half=0.1, **options),  # near: to 80, which stretches it
        number("ridge.far", *key, 0.82, half=0.1, **options),  # inside by its mean, to 92
    ]
    write_json(records, tmp_path / "scores.json")
    collect_scores([tmp_path / "scores.json"], tmp_path / "scores.csv")
    systems = read_systems(tmp_path / "scores.csv", {}, {}, ["joint"])
    plot_systems(systems, tmp_path / "a.svg", tmp_path / "a.png")
    drawn = (tmp_path / "a.svg").read_text()
    assert "<!-- ridge.near -->" in drawn and "<!-- ridge.far 82 → -->" in drawn
    # Panels of dashes alone have no numbers on their axes.
    assert "<!-- 0.2 -->" not in drawn


def with_others(scores, others, folder):
    """Join a scores.csv with what was asked beside the tasks of its stages."""
    folder.mkdir()
    write_json(others, folder / "other.json")
    write_json(read_all_scores(scores).to_dict("records"), folder / "own.json")
    for name in ("own", "other"):
        assert read_scores(folder / f"{name}.json")
    collect_scores([folder / "own.json"], folder / "without.csv")
    collect_scores([folder / "own.json", folder / "other.json"], folder / "with.csv")
    assert len(read_all_scores(folder / "with.csv")) == len(read_score_table(scores)) + len(others)
    return folder / "without.csv", folder / "with.csv"


def written_alike(make, without, with_other, folder):
    """Make a table of both score tables and say whether it is the same, byte for byte."""
    made = []
    for scores in (without, with_other):
        files = outputs(folder / scores.stem)
        make(scores, files)
        made.append([path.read_bytes() for path in files])
    return made[0] == made[1]


def test_tables_of_retrieval_show_no_method_of_labels(scores, tmp_path):
    asked = [
        number("joint", TEXT, way, metric, 0.5, stage="audio_label", protocol=protocol)
        for way in ("audio_to_text", "text_to_audio")
        for metric in ("R@1", "R@5", "R@10")
        for protocol in ("full_gallery", "candidates_30")
    ]
    pair = with_others(scores, asked, tmp_path / "scores")
    for task in (TEXT, IMAGE):

        def table(path, files, task=task):
            write_retrieval_table(path, None, ["vip_ant"], task, *files)

        assert written_alike(table, *pair, tmp_path)
