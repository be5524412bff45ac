"""The shares of right choices, their table and their plot."""

import math
import re

import pandas as pd
import pytest

from hearsay.errors import HearsayError
from hearsay.report.choices import read_counts, share_choices
from hearsay.report.plot_choices import plot_choices
from hearsay.scoring.choices import COUNT_COLUMNS

METHODS = ["vip_ant", "nearest", "all_at_once"]


def write_counts(folder, right):
    """Write counts of 10 clips, 8 with a right picture and 5 telling.

    Args:
        folder: where to.
        right: method -> seed -> (all, telling) right ones of each epoch.
    """
    rows = [
        ("demo", "demo-clip", method, seed, epoch, 10, every, 4.0, 8, 5, telling, 1.5)
        for method, seeds in right.items()
        for seed, epochs in enumerate(seeds)
        for epoch, (every, telling) in enumerate(epochs)
    ]
    path = folder / "counts.csv"
    pd.DataFrame(rows, columns=list(COUNT_COLUMNS)).to_csv(path, index=False)
    return path


@pytest.fixture
def counts(tmp_path):
    right = {"nearest": [[(4, 2), (8, 5)], [(5, 2), (6, 4)]], "vip_ant": [[(4, 1), (4, 2)]] * 2}
    return write_counts(tmp_path, right)


def make(counts, folder, svg="a.svg", png="a.png"):
    names = [folder / name for name in (svg, png, "choices.csv", "choices.md", "choices.tex")]
    plot_choices(counts, METHODS, *names)
    return names


def test_shares_are_means_over_seeds_beside_chance_and_ceiling(counts):
    shares = share_choices(read_counts(counts), METHODS)
    assert list(dict.fromkeys(shares["method"])) == ["vip_ant", "nearest"]
    rows = shares.set_index(["method", "part", "epoch"])
    every, telling = rows.loc[("nearest", "all", 1)], rows.loc[("nearest", "telling", 1)]
    assert every["per_seed"] == [0.8, 0.6]
    assert every["share"] == pytest.approx(0.7)
    assert every["std"] == pytest.approx(math.sqrt(0.02))
    assert every["standard_error"] == pytest.approx(0.1)
    assert (every["chance"], every["ceiling"], every["clips"]) == (0.4, 0.8, 10)
    assert telling["share"] == pytest.approx(0.9)
    assert (telling["chance"], telling["ceiling"], telling["share_of_clips"]) == (0.3, 1.0, 0.5)


def test_the_table_shows_first_and_last_epoch_and_names_methods_without_choices(counts, tmp_path):
    *_, csv, markdown, latex = make(counts, tmp_path)
    text = markdown.read_text()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    rows = {row[0]: row[1:] for row in rows if row}
    assert rows["nearest"] == ["2", "45.0 ± 7.1", "70.0 ± 14.1", "40.0 ± 0.0", "90.0 ± 14.1"]
    assert rows["all_at_once"] == ["–"] * 5
    assert rows["chance"] == ["", "40.0", "40.0", "30.0", "30.0"]
    assert rows["ceiling"] == ["", "80.0", "80.0", "100.0", "100.0"]
    assert "10 clips an epoch, of which 5 (50 %) are telling. Weights: demo-clip" in text
    assert latex.read_text().isascii()
    table = pd.read_csv(csv)
    assert len(table) == 2 * 2 * 2  # methods, parts, epochs
    assert table["per_seed"].iloc[0] == "0.4 0.4"


def test_the_plot_is_deterministic(counts, check_pair, tmp_path):
    check_pair(lambda svg, png: make(counts, tmp_path, svg, png), tmp_path)


def test_a_run_in_which_no_method_chooses_says_so(tmp_path):
    svg, _, csv, markdown, _ = make(write_counts(tmp_path, {}), tmp_path)
    assert len(pd.read_csv(csv)) == 0
    assert "No method of this run chooses a single picture." in markdown.read_text()
    assert re.search("No method of this run", svg.read_text())


def test_one_seed_and_no_telling_clip_are_possible(tmp_path):
    path = write_counts(tmp_path, {"nearest": [[(4, 0)]]})
    table = pd.read_csv(path).assign(telling_clips=0, telling_expected=0.0)
    table.to_csv(path, index=False)
    text = make(path, tmp_path)[3].read_text()
    assert re.search(r"\| nearest +\| +1 \| +40\.0 \| +40\.0 \| +– \| +– \|", text)
    assert "nan" not in text


def test_wrong_counts_are_refused(tmp_path):
    with pytest.raises(HearsayError, match="does not exist; count the choices first"):
        read_counts(tmp_path / "none.csv")
    (tmp_path / "odd.csv").write_text("method,seed\n")
    with pytest.raises(HearsayError, match="exactly the columns dataset, weights"):
        read_counts(tmp_path / "odd.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(HearsayError, match="is empty"):
        read_counts(tmp_path / "empty.csv")
