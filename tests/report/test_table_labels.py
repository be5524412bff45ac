"""Table 2 of Elizalde et al. 2019 sets joint spaces beside their controls, and says who wins."""

import re

import pandas as pd
import pytest
from labelled_runs import ORDER, make_label_results
from test_systems import number, with_others, written_alike
from test_tables import cells, check_latex, outputs

from hearsay.errors import HearsayError
from hearsay.report.label_scores import DEGENERATE, read_label_scores
from hearsay.report.table_labels import make_table_labels


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return make_label_results(tmp_path_factory.mktemp("labels"))


def files_of(folder):
    """Return scores.csv, all cells.parquet and all run.json."""
    cell_files = sorted(folder.glob("runs/**/cells.parquet"))
    return folder / "tables" / "scores.csv", cell_files, sorted(folder.glob("runs/**/run.json"))


@pytest.fixture(scope="module")
def written(results, tmp_path_factory):
    files = outputs(tmp_path_factory.mktemp("table"))
    make_table_labels(*files_of(results), ORDER, *files)
    return files


def naive_values(results, method, split, protocol, direction):
    """Return a measure by seed, from what single queries reached."""
    values = []
    for seed in (0, 1):
        path = results / f"runs/{method}/seed{seed}/audio_label/queries.parquet"
        table = pd.read_parquet(path)
        own = table[
            (table["split"] == split)
            & (table["protocol"] == protocol)
            & (table["direction"] == direction)
        ]
        assert len(own)
        values.append(own["average_precision"].mean())
    return pd.Series(values)


def percent(values):
    return f"{100 * values.mean():.1f} ± {100 * values.std(ddof=1):.1f}"


def text_row(markdown, name, section):
    """Return the row below that of a system: its queries of text."""
    lines = markdown.split("### ")[1 + section].splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith(f"| {name} "))
    return [cell.strip() for cell in lines[place + 1].strip("|").split("|")]


@pytest.mark.parametrize(("section", "split"), [(0, "test"), (2, "val")])
def test_rows_are_queries_and_columns_databases(written, results, section, split):
    text = written[1].read_text()
    sound = cells(text, "joint_noise_1", section)[0]
    words = text_row(text, "joint_noise_1", section)
    assert sound[1:3] == ["2", "audio"] and words[:3] == ["", "", "text"]
    for row, first, protocol, direction in (
        (sound, 3, "k5_audio", "audio_to_audio"),
        (sound, 6, "k5_text", "audio_to_text"),
        (sound, 9, "k5_distinct_text", "audio_to_text"),
        (words, 3, "k5_audio", "text_to_audio"),
        (words, 6, "k5_text", "text_to_text"),
    ):
        values = naive_values(results, "joint_noise_1", split, protocol, direction)
        assert re.sub(r" (\[.\]|†)", "", row[first]) == percent(values)
    assert words[9:] == ["", "", ""]


def test_chance_stands_beside_each_number(written, results):
    row = cells(written[1].read_text(), "joint_noise_1")[0]
    levels = []
    for seed in (0, 1):
        path = results / f"runs/joint_noise_1/seed{seed}/audio_label/cells.parquet"
        own = pd.read_parquet(path).set_index(["split", "protocol", "direction"])
        levels.append(own.loc[("test", "k5_distinct_text", "audio_to_text")])
    assert row[10] == f"{100 * levels[0]['chance']:.1f}" == "30.6"  # (1 + 1/2 + 1/3) / 6
    assert row[11] == f"{50 * (levels[0]['classes_95'] + levels[1]['classes_95']):.1f}"


def test_degenerate_cells_are_marked_and_explained(written):
    text = written[1].read_text()
    sound, words = cells(text, "joint_best")[0], text_row(text, "joint_best", 0)
    marks = [row[n][-3:] for row in (sound, words) for n in (3, 6)]
    assert marks[1:] == ["[b]", "[c]", "[a]"] and "[" not in sound[3] + sound[9]
    for mark, reason in DEGENERATE.values():
        assert f"{mark} degenerate: {reason}." in text


def test_a_system_stands_under_the_features_that_it_hears(written):
    lines = written[1].read_text().split("### ")[1].splitlines()
    names = [line.split("|")[1].strip() for line in lines if line.startswith("|")]
    names = [name for name in names if name]
    start = names.index("*features wal_net*")
    assert names[start + 1 : start + 4] == ["features_only.wal_net", "ridge.wal_net", "joint_best"]
    start = names.index("*features mfcc*")
    assert names[start + 1 : start + 3] == ["ridge.mfcc", "joint_deaf"]


def test_the_published_rows_are_those_of_the_paper(written):
    text = written[1].read_text()
    assert "*published, not on toy ‡*" in text and "not comparable" in text
    joint, words = cells(text, "WAL-Net, joint")[0], text_row(text, "WAL-Net, joint", 0)
    assert (joint[3], joint[6]) == ("74.9", "71.3 [b]")
    assert (words[3], words[6]) == ("100.0 [c]", "100.0 [a]")
    base, words = cells(text, "MFCC, features alone")[0], text_row(text, "MFCC, features alone", 0)
    assert (base[3], base[6], words[3]) == ("56.0", "2.4 [b]", "2.4 [c]")


def test_on_the_papers_data_the_published_rows_are_comparable(results, tmp_path):
    scores, *rest = files_of(results)
    table = pd.read_csv(scores, keep_default_na=False).assign(dataset="fsdkaggle2018")
    table.to_csv(tmp_path / "scores.csv", index=False)
    files = outputs(tmp_path)
    make_table_labels(tmp_path / "scores.csv", *rest, ORDER, *files)
    assert "*published ‡*" in files[1].read_text()
    assert "not comparable" not in files[1].read_text()


def test_a_joint_space_below_a_control_is_said_in_words_with_both_numbers(written, results):
    text = written[1].read_text()
    section = text.split("### ")[1]
    own = naive_values(results, "joint_noise_2", "test", "k5_audio", "audio_to_audio")
    base = cells(text, "features_only.wal_net")[0][3]
    assert (
        "In the mean joint_noise_2 is below its own features without any joint space: audio → "
        f"audio MAP@3 {percent(own)} against {base}." in section
    )
    assert "In the mean joint_deaf is below plain ridge regression on the same features" in section
    assert "In the mean joint_best" not in section
    retrieval = text.split("### ")[2]
    assert re.search(r"joint_noise_2 is below plain ridge .*text → audio mAP [\d.]+ ±", retrieval)


def test_where_the_joint_space_wins_throughout_that_is_said(results, tmp_path):
    scores, cell_files, runs = files_of(results)
    table = pd.read_csv(scores, keep_default_na=False)
    kept = {"joint_best", "features_only.wal_net", "ridge.wal_net"}
    table[table["method"].isin(kept)].to_csv(tmp_path / "scores.csv", index=False)
    files = outputs(tmp_path)
    make_table_labels(tmp_path / "scores.csv", cell_files, runs, ORDER, *files)
    text = files[1].read_text()
    assert "In the mean" not in text
    assert text.count("No joint space is below its own features or below ridge") == 4


def test_one_seed_at_chance_is_enough_for_the_mark(results, tmp_path):
    scores, cell_files, runs = files_of(results)
    text = outputs(tmp_path)
    make_table_labels(scores, cell_files, runs, ORDER, *text)
    assert "†" not in cells(text[1].read_text(), "joint_best")[0][9]
    assert "†" in cells(text[1].read_text(), "joint_deaf")[0][9]
    own = next(path for path in cell_files if "joint_best/seed1" in str(path))
    changed = pd.read_parquet(own)
    changed["classes_95"] = changed["value"]  # reached, but not exceeded
    changed.to_parquet(tmp_path / "cells.parquet")
    others = [path for path in cell_files if path != own]
    make_table_labels(scores, [*others, tmp_path / "cells.parquet"], runs, ORDER, *text)
    assert "†" in cells(text[1].read_text(), "joint_best")[0][9]


def test_one_seed_that_is_degenerate_is_enough_for_its_mark(results, tmp_path):
    scores, cell_files, runs = files_of(results)
    own = next(path for path in cell_files if "joint_best/seed1" in str(path))
    changed = pd.read_parquet(own)
    assert changed.loc[changed["protocol"] == "k5_audio", "degenerate"].iloc[0] == ""
    changed.loc[changed["protocol"] == "k5_audio", "degenerate"] = "one_text_a_class"
    changed.to_parquet(tmp_path / "cells.parquet")
    others = [path for path in cell_files if path != own]
    files = outputs(tmp_path)
    make_table_labels(scores, [*others, tmp_path / "cells.parquet"], runs, ORDER, *files)
    assert cells(files[1].read_text(), "joint_best")[0][3].endswith("[b]")


def test_retrieval_has_its_measures_and_exact_chance(written, results):
    text = written[1].read_text()
    row = cells(text, "joint_noise_1", 1)[0]
    values = naive_values(results, "joint_noise_1", "test", "full_gallery", "text_to_audio")
    assert row[2] == percent(values)
    values = naive_values(results, "joint_noise_1", "test", "full_gallery", "audio_to_audio")
    assert row[9] == percent(values)
    chance = cells(text, "chance", 1)[0]
    assert chance[6] == "16.7"  # R@1: 4 of 24 clips bear a label
    assert chance[10] == f"{100 * 3 / 23:.1f}"  # P@10: 3 of the 23 others do


def test_val_says_what_flatters_ridge_there(written):
    parts = written[1].read_text().split("### ")
    assert [("which flatters it here" in part) for part in parts[1:]] == [False, False, True, True]


def test_the_csv_holds_every_number_and_the_published_ones(written, results):
    table = pd.read_csv(written[0])
    scores = pd.read_csv(results / "tables/scores.csv")
    numbers = scores.drop_duplicates(["split", "task", "protocol", "method", "direction", "metric"])
    assert len(table) == len(numbers) + 16
    own = table[(table["method"] == "joint_best") & (table["protocol"] == "k5_text")]
    row = own[(own["split"] == "test") & (own["direction"] == "audio_to_text")].iloc[0]
    values = naive_values(results, "joint_best", "test", "k5_text", "audio_to_text")
    assert row["mean"] == pytest.approx(values.mean(), abs=1e-5)
    assert (row["degenerate"], row["form"]) == ("one_text_a_class", "wal_net")
    last = table.iloc[-16:]
    assert last["dataset"].eq("fsdkaggle2018").all()
    assert last["mean"].sum() == pytest.approx(
        (56 + 72 + 61.2 + 54.7 + 74.9 + 71.3 + 4 * 2.4 + 6 * 100) / 100
    )
    check_latex(written[2].read_text())


def test_a_method_without_its_run_is_refused(results):
    scores, cell_files, _ = files_of(results)
    with pytest.raises(HearsayError, match=r"no run\.json of joint_"):
        read_label_scores(scores, cell_files, {})


def test_scores_without_labels_are_refused(results, scores):
    _, cell_files, _ = files_of(results)
    with pytest.raises(HearsayError, match="has no score of labels"):
        read_label_scores(scores, cell_files, {})


def test_labels_asked_of_methods_of_captions_are_not_shown(results, tmp_path):
    scores, cell_files, runs = files_of(results)
    asked = [
        number("vip_ant", "label_knn", "audio_to_audio", "MAP@3", 0.5, protocol="k5_audio"),
        number("vip_ant", "label_retrieval", "text_to_audio", "mAP", 0.5),
    ]
    pair = with_others(scores, asked, tmp_path / "scores")

    def table(path, files):
        make_table_labels(path, cell_files, runs, ORDER, *files)

    assert written_alike(table, *pair, tmp_path)
