"""The table of unknown words says what each mode can use, and names what it cannot."""

import pandas as pd
import pytest

from hearsay.errors import HearsayError
from hearsay.files import write_json
from hearsay.report.table_words import make_table_words

SUMMARY = {
    "dataset": "streets",
    "vectors": "glove-small",
    "trained_on": None,
    "num_rows": 41,
    "dimensions": 100,
    "mean_cosine": 0.1449,
    "splits": {
        "train": {
            "tokens": 2000,
            "unknown_tokens": 250,
            "words": 60,
            "unknown_words": 20,
            "captions": {"listed": 300, "without_words": 1, "only_unknown": 4},
            "phrases": {"listed": 500, "without_words": 0, "only_unknown": 9},
        },
        "test": {
            "tokens": 0,
            "unknown_tokens": 0,
            "words": 0,
            "unknown_words": 0,
            "captions": {"listed": 2, "without_words": 2, "only_unknown": 0},
            "phrases": {"listed": 0, "without_words": 0, "only_unknown": 0},
        },
    },
    "unknown": [{"word": "a", "count": 1200}, {"word": "b_c", "count": 3}],
    "without_known_words": [{"caption_id": "x_1", "split": "train", "text": "a | a"}],
}


def make(folder, *summaries):
    paths = []
    for number, summary in enumerate(summaries):
        paths.append(folder / f"{number}.json")
        write_json(summary, paths[-1])
    outputs = folder / "words.csv", folder / "words.md", folder / "words.tex"
    make_table_words(paths, *outputs)
    return pd.read_csv(outputs[0], keep_default_na=False), *(p.read_text() for p in outputs[1:])


def test_each_split_shows_unknown_words_and_what_each_mode_can_use(tmp_path):
    table, markdown, latex = make(tmp_path, SUMMARY)
    train = table[table["split"] == "train"].iloc[0]
    assert (train["captions"], train["captions_paper"], train["captions_skip"]) == (300, 299, 295)
    assert (train["phrases"], train["phrases_paper"], train["phrases_skip"]) == (500, 500, 491)
    assert (train["tokens"], train["unknown_tokens"]) == (2000, 250)
    assert set(table["vectors"]) == {"glove-small"}
    row = next(line for line in markdown.splitlines() if line.startswith("| streets  | train"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[2:] == (
        ["glove-small", "2,000", "12.5", "60", "20", "300", "299", "295", "500", "500", "491"]
    )
    assert "mean cosine between distinct words of streets 0.14" in markdown
    assert "Mode skip: unknown words leave the mean" in markdown
    assert r"\begin{tabular}" in latex and "b\\_c" in latex


def test_unknown_words_and_captions_without_a_known_one_are_named(tmp_path):
    _, markdown, _ = make(tmp_path, SUMMARY)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in markdown.splitlines()]
    assert ["streets", "a", "1,200"] in lines and ["streets", "b_c", "3"] in lines
    assert "x_1" in markdown and "a \\| a" in markdown


def test_without_unknown_words_nothing_is_named(tmp_path):
    clean = {**SUMMARY, "unknown": [], "without_known_words": [], "trained_on": "streets"}
    _, markdown, _ = make(tmp_path, clean)
    assert "frequent unknown words" not in markdown
    assert "captions without a known word" not in markdown
    assert "trained on the train captions of streets" in markdown


def test_wrong_summaries_are_refused(tmp_path):
    with pytest.raises(HearsayError, match="no word_embeddings.json given"):
        make(tmp_path)
    with pytest.raises(HearsayError, match=r"1\.json describes streets, as another file does"):
        make(tmp_path, SUMMARY, SUMMARY)
    with pytest.raises(HearsayError, match=r"0\.json is no summary of word vectors .*run embed_wo"):
        make(tmp_path, {"dataset": "streets"})
