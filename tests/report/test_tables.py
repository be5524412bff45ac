"""Tables say what they show, what chance is, and whose the published numbers are."""

import json
import re
from copy import deepcopy

import pandas as pd
import pytest

from hearsay.errors import HearsayError
from hearsay.files import read_json, write_json
from hearsay.report.markup import Block, Column, TextTable, escape_latex, to_latex, to_markdown
from hearsay.report.published import PUBLISHED
from hearsay.report.scores import collect_scores, read_score_table
from hearsay.report.table_clips import make_table_clips
from hearsay.report.tables import write_retrieval_table

METHODS = ["vip_ant", "deaf_one"]
AUDIO_IMAGE, AUDIO_TEXT = "audio_image_retrieval", "audio_text_retrieval"


def outputs(folder):
    return folder / "table.csv", folder / "table.md", folder / "table.tex"


def cells(markdown, name, section=0):
    """Return the cells of the rows that begin with `name` in one section of Markdown."""
    part = markdown.split("### ")[1 + section]
    rows = [line for line in part.splitlines() if line.startswith(f"| {name} ")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def check_latex(text):
    """Check that environments, braces and the number of cells fit, since LaTeX may be absent."""
    assert re.findall(r"\\begin\{(\w+)\}", text) == ["table", "tabular"] * text.count(
        r"\begin{table}"
    )
    assert text.count(r"\begin{") == text.count(r"\end{")
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert not re.search(r"(?<!\\)[_#]", re.sub(r"\\label\{.*\}", "", text))
    assert text.isascii()
    for body, alignment in re.findall(
        r"tabular\}(\{@\{\}([lr]+)@\{\}\}.*?)\\end\{tabular", text, re.DOTALL
    ):
        for line in body.splitlines():
            if line.endswith(r"\\") and "multicolumn" not in line:
                assert len(re.split(r"(?<!\\)&", line)) == len(alignment)


def test_table_iv_shows_mean_and_deviation_in_percent(scores, tmp_path):
    csv, markdown, latex = outputs(tmp_path)
    write_retrieval_table(scores, None, METHODS, AUDIO_TEXT, csv, markdown, latex)
    text = markdown.read_text()
    table = read_score_table(scores)
    wanted = table[
        (table["method"] == "vip_ant")
        & (table["direction"] == "text_to_audio")
        & (table["metric"] == "R@1")
    ]["value"]
    expected = f"{100 * wanted.mean():.1f} ± {100 * wanted.std(ddof=1):.1f}"
    row = cells(text, "vip_ant")[0]
    assert row[1:3] == ["3", expected]
    assert cells(text, "chance")[0][2] == "3.3"  # 1 of 30 clips
    assert cells(text, "vip_ant")[1][2] == "26.17 ± 0.10"
    assert len(cells(text, "oracle")) == 1
    assert "median rank" in text.split("### ")[2]


def test_table_iii_has_one_table_a_protocol_with_the_headline_first(scores, tmp_path):
    csv, markdown, latex = outputs(tmp_path)
    write_retrieval_table(scores, None, METHODS, AUDIO_IMAGE, csv, markdown, latex)
    titles = [line for line in markdown.read_text().splitlines() if line.startswith("###")]
    protocols = ["second_image", "mean_image", "max_image", "flat_images"]
    assert [re.search(r"\w+_images?", title)[0] for title in titles] == protocols * 2
    assert ["each seed" in title for title in titles] == [False] * 4 + [True] * 4
    assert "(headline)" in titles[0]


def test_the_title_tells_that_published_numbers_are_of_other_data(scores, tmp_path):
    csv, markdown, latex = outputs(tmp_path)
    write_retrieval_table(scores, None, METHODS, AUDIO_IMAGE, csv, markdown, latex)
    text = markdown.read_text()
    title = text.splitlines()[0]
    assert "on demo (test)" in title
    assert "published rows: AudioSet eval, N = 16,000" in title
    assert "published, not on demo" in text
    assert "not comparable with the rows above" in text
    assert "10.94" not in text.split("### ")[2]  # another protocol: nothing to compare


def test_the_line_above_names_data_sizes_weights_seeds_and_fingerprint(scores, tmp_path):
    csv, markdown, latex = outputs(tmp_path)
    write_retrieval_table(scores, None, METHODS, AUDIO_TEXT, csv, markdown, latex)
    line = markdown.read_text().splitlines()[2]
    for part in (
        "demo, split test, subset all",
        "fingerprint abcdefabcdef",
        "T→A 150 queries, 30 candidates",
        "A→T 30 queries, 150 candidates",
        "Weights: demo-clip.",
        "Seeds: 0 1 2.",
    ):
        assert part in line


def test_a_method_at_chance_is_marked(scores, tmp_path):
    csv, markdown, latex = outputs(tmp_path)
    write_retrieval_table(scores, None, METHODS, AUDIO_TEXT, csv, markdown, latex)
    text = markdown.read_text()
    assert all("†" in cell for cell in cells(text, "deaf_one")[0][2:])
    assert not any("†" in cell for cell in cells(text, "vip_ant")[0][2:])
    assert "† not above chance" in text


def test_the_csv_holds_every_number_with_the_published_one_beside_it(scores, tmp_path):
    csv, markdown, latex = outputs(tmp_path)
    write_retrieval_table(scores, None, METHODS, AUDIO_IMAGE, csv, markdown, latex)
    table = pd.read_csv(csv).set_index(["protocol", "method", "direction", "metric"])
    row = table.loc[("second_image", "vip_ant", "audio_to_image", "R@1")]
    assert (row["published"], row["published_on"]) == (10.94, "AudioSet eval, N = 16,000")
    assert len(row["per_seed"].split()) == row["num_seeds"] == 3
    assert table.loc[("max_image", "vip_ant", "audio_to_image", "R@1")].isna()["published"]
    assert len(table) == 4 * 2 * 5 * 3


def test_latex_is_well_formed_and_outputs_are_the_same_again(scores, tmp_path):
    for task in (AUDIO_IMAGE, AUDIO_TEXT):
        first, second = outputs(tmp_path / "a"), outputs(tmp_path / "b")
        write_retrieval_table(scores, None, METHODS, task, *first)
        write_retrieval_table(scores, None, METHODS, task, *second)
        check_latex(first[2].read_text())
        assert [a.read_bytes() for a in first] == [b.read_bytes() for b in second]


def test_weights_are_told_apart(tmp_path, write_run):
    files = [
        write_run(tmp_path, "vip_ant", "audio_text", 0, 1.0, dataset="audiocaps"),
        write_run(tmp_path / "b", "vip_ant", "audio_text", 0, 1.0, "audiocaps", weights="openai"),
    ]
    collect_scores(files, tmp_path / "scores.csv")
    csv, markdown, latex = outputs(tmp_path)
    write_retrieval_table(tmp_path / "scores.csv", None, METHODS, AUDIO_TEXT, csv, markdown, latex)
    text = markdown.read_text()
    assert cells(text, "vip_ant (openai)")[0] == [
        "vip_ant (openai)",
        *cells(text, "vip_ant (demo-clip)")[0][1:],
    ]
    assert "Weights: demo-clip, openai." in text
    assert "not comparable" not in text  # the paper's own data set
    assert "differ from the paper's" in text


def test_other_stages_and_checkpoints_follow_under_headings_of_their_own(tmp_path, write_run):
    files = [write_run(tmp_path, "vip_ant", "audio_text", 0, 1.0)]
    changes = [{"stage": "audio_image"}, {"protocol": "full_gallery_best_val"}]
    for number, change in enumerate(changes):
        records = read_json(files[0])
        for record in records:
            perfect = {"value": 1.0, "ci_low": 1.0, "ci_high": 1.0}
            record.update(perfect | change)
        files.append(tmp_path / str(number) / "scores.json")
        write_json(records, files[-1])
    collect_scores(files, tmp_path / "scores.csv")
    csv, markdown, latex = outputs(tmp_path)
    write_retrieval_table(tmp_path / "scores.csv", None, METHODS, AUDIO_TEXT, csv, markdown, latex)
    text = markdown.read_text()
    headings = re.findall(r"\*(after .*?)\*", text.split("### ")[1])
    assert headings == [
        "after stage audio_text, headline weights",
        "after stage audio_image, headline weights",
        "after stage audio_text, best epoch on validation",
    ]
    assert [row[2] == "100.0" for row in cells(text, "vip_ant")] == [False, True, True, False]
    check_latex(latex.read_text())


def test_a_task_without_scores_is_an_error(tmp_path, write_run):
    collect_scores([write_run(tmp_path, "vip_ant", "audio_text", 0, 1.0)], tmp_path / "scores.csv")
    with pytest.raises(HearsayError, match="no score of the task audio_image_retrieval"):
        write_retrieval_table(
            tmp_path / "scores.csv", None, METHODS, AUDIO_IMAGE, *outputs(tmp_path)
        )


def availability(folder, dataset):
    path = folder / dataset / "availability.json"
    train = {"silent": 2, "not_found": 4, "excluded": 10, "corrupt": 0}
    splits = {
        "test": {"listed": 20, "excluded": 0, "fetched": 20, "available": 19, "fingerprint": "b"},
        "train": {"listed": 110, "excluded": 10, "fetched": 96, "available": 94},
    }
    splits["train"] |= {"fingerprint": "a" * 12, "reasons": train}
    splits["test"]["reasons"] = {"silent": 1}
    write_json({"dataset": dataset, "splits": splits}, path)
    return path


def test_table_ii_counts_clips_and_reasons_by_split(tmp_path):
    csv, markdown, latex = outputs(tmp_path)
    files = [availability(tmp_path, "demo"), availability(tmp_path, "audioset_2026")]
    make_table_clips(files, csv, markdown, latex)
    text = markdown.read_text()
    assert cells(text, "demo")[:2] == [
        ["demo", "train", "110", "10", "96", "94", "94.0", "a" * 12],
        ["demo", "test", "20", "0", "20", "19", "95.0", "b"],
    ]
    assert [row[1:] for row in cells(text, "demo", section=1)] == [
        ["excluded", "10", "0", "10"],
        ["not_found", "4", "0", "4"],
        ["silent", "2", "1", "3"],
    ]
    assert "1,673,501" in text
    assert cells(text, "AudioGrounding v1")[0][1:] == [
        "train",
        "4,489",
        "",
        "",
        "4,253",
        "94.7",
        "",
    ]
    assert "34 of 260 clips" in text
    check_latex(latex.read_text())
    table = pd.read_csv(csv)
    row = table[(table["dataset"] == "audioset_2026") & (table["split"] == "test")].iloc[0]
    assert (row["found"], row["left_out_silent"], row["left_out_excluded"]) == (19, 1, 0)
    assert row["published_found"] == 16_000
    assert table["published_found"].notna().sum() == 6 + 3


def test_counts_that_do_not_add_up_are_refused(tmp_path):
    path = availability(tmp_path, "demo")
    summary = json.loads(path.read_text())
    for key, value in (("available", 95), ("fetched", 93), ("excluded", 20)):
        wrong = deepcopy(summary)
        wrong["splits"]["train"][key] = value
        write_json(wrong, path)
        with pytest.raises(HearsayError, match="the counts of split train do not add up"):
            make_table_clips([path], *outputs(tmp_path))


def test_two_summaries_of_one_data_set_are_refused(tmp_path):
    files = [availability(tmp_path / "a", "demo"), availability(tmp_path / "b", "demo")]
    with pytest.raises(HearsayError, match="both describe the data set demo"):
        make_table_clips(files, *outputs(tmp_path))
    write_json([1], tmp_path / "wrong.json")
    with pytest.raises(HearsayError, match="no availability summary"):
        make_table_clips([tmp_path / "wrong.json"], *outputs(tmp_path))
    with pytest.raises(HearsayError, match="name at least one data set"):
        make_table_clips([], *outputs(tmp_path))


def test_published_rows_have_a_number_a_column():
    for paper in PUBLISHED.values():
        assert {len(row) for row in paper.rows.values()} == {len(paper.cells)}
    image, text = PUBLISHED["audio_image_retrieval"], PUBLISHED["audio_text_retrieval"]
    assert image.value("multiframe_match", "image_to_audio", "R@5") == (36.27, 0.19)
    assert text.value("vip_ant", "audio_to_text", "R@10") == (77.36, 1.26)
    assert text.value("vip_ant", "audio_to_text", "R@5") is None
    assert image.value("nearest_match_third", "audio_to_image", "R@1") == (10.88, 0.18)


def test_a_published_row_says_the_papers_own_epoch():
    image = PUBLISHED["audio_image_retrieval"]
    assert image.label("nearest_match_sixth") == "nearest_match_sixth (n = 5 of 30)"
    assert image.label("nearest_match_0") == "nearest_match_0 (n = 0 of 30)"
    assert image.label("vip_ant") == "vip_ant"


def test_methods_stand_in_the_order_asked_for_and_others_follow(tmp_path, write_run):
    names = ["zebra", "vip_ant", "nearest_match_half", "apple"]
    files = [write_run(tmp_path, name, "audio_text", 0, 1.0) for name in names]
    collect_scores(files, tmp_path / "scores.csv")
    csv, markdown, latex = outputs(tmp_path)
    write_retrieval_table(
        tmp_path / "scores.csv", None, names[:2], AUDIO_TEXT, csv, markdown, latex
    )
    asked = ["zebra", "vip_ant", "apple", "nearest_match_half"]
    text = markdown.read_text().split("### ")[1]
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    published = ["vip_ant", "nearest_match_half (n = 15 of 30)"]
    assert [name for name in rows if "_" in name or name in names] == asked + published
    assert list(dict.fromkeys(pd.read_csv(csv)["method"])) == asked


def test_markup_escapes_what_would_break_it():
    assert escape_latex("a_b & 5 % \\ {x} ± †") == (
        r"a\_b \& 5 \% \textbackslash{} \{x\} $\pm$ \textsuperscript{\dag}"
    )
    table = TextTable("Table I", "odd", "tab:x", [Column("a|b", "", False)], [Block([["1|2*"]])])
    assert r"| a\|b " in to_markdown([table])
    assert r"1\|2\*" in to_markdown([table])
    check_latex(to_latex([table]))
    with pytest.raises(HearsayError, match="2 cells for 1 columns"):
        TextTable("Table I", "odd", "tab:x", [Column("a")], [Block([["1", "2"]])])
