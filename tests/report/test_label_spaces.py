"""What a run embedded is mapped and listed, before and after."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from labelled_runs import make_label_results
from sklearn.decomposition import PCA
from test_tables import check_latex, outputs

from hearsay.errors import HearsayError
from hearsay.report.label_embeddings import nearest_rows, read_embeddings
from hearsay.report.plot_label_map import plot_label_map, principal_places
from hearsay.report.table_nearest import find_nearest, make_table_nearest


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = make_label_results(tmp_path_factory.mktemp("labels"))
    return folder / "runs/joint_best/seed0/audio_label"


def at(degrees):
    return [np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]


def a_row(kind, name, label, base, joint, is_scored=True):
    return {
        "kind": kind,
        "name": name,
        "label": label,
        "split": "test" if kind == "clip" else None,
        "is_scored": is_scored,
        "base": at(base),
        "joint": at(joint),
    }


def test_places_and_shares_are_those_of_scikit_learn():
    rows = np.random.default_rng(0).normal(size=(30, 7)) * np.arange(1, 8)
    places, shares = principal_places(rows, 4)
    reference = PCA(4).fit(rows)
    np.testing.assert_allclose(np.abs(places), np.abs(reference.transform(rows)), atol=1e-9)
    np.testing.assert_allclose(shares, reference.explained_variance_ratio_)


def test_a_map_does_not_flip_with_the_sign_of_its_components():
    rows = np.random.default_rng(0).normal(size=(30, 7)) * np.arange(1, 8)
    places, _ = principal_places(rows, 2)
    np.testing.assert_allclose(principal_places(rows[::-1], 2)[0][::-1], places, atol=1e-9)


def test_rows_that_are_all_one_have_a_place_and_no_variance():
    places, shares = principal_places(np.ones((5, 3)), 4)
    assert not places.any() and not shares.any() and places.shape == (5, 4)


def test_the_map_is_drawn_alike_each_time(run, tmp_path, check_pair):
    check_pair(
        lambda svg, png: plot_label_map(run / "embeddings.parquet", run / "run.json", svg, png),
        tmp_path,
    )


def test_equally_near_ones_come_in_their_own_order():
    candidates = np.array([at(10), at(-10), at(90), at(0)])
    assert nearest_rows(np.array(at(0)), candidates, 3) == [3, 0, 1]


def test_lists_are_those_worked_by_hand():
    table = pd.DataFrame(
        [
            *(a_row("clip", f"d{n}", "dog", 5 + n, 40 + n) for n in range(7)),
            *(a_row("clip", f"r{n}", "rain", 80 + n, 90 + n) for n in range(7)),
            a_row("clip", "z", "siren", 86, 47, is_scored=False),
            a_row("clip", "a", "siren", 4, 96, is_scored=False),
            a_row("label", "dog", "dog", 0, 42),
            a_row("label", "rain", "rain", 90, 93),
            a_row("label", "siren", "siren", 20, 20),
            a_row("query", "puppy", None, 10, 95),
        ]
    )
    found = find_nearest(table).set_index(["kind", "query"])
    # Label dog stands among its 7 clips; then come the nearest 3 of rain. No clip of split test
    # that is scored bears siren, so it is no answer and no query among the labels.
    assert found.loc[("label", "dog")].tolist() == ["dog, rain", "dog ×7, rain ×3"]
    assert found.loc[("query", "puppy")].tolist() == ["dog, rain", "rain ×7, dog ×3"]
    # Of the strange sound the first clip by id asks; strangers are no answers.
    assert found.loc[("clip", "siren")].tolist() == ["dog ×7, rain ×3", "rain ×7, dog ×3"]
    assert len(found) == 4


def test_the_lists_name_their_run_and_the_papers(run, tmp_path):
    files = outputs(tmp_path)
    make_table_nearest(run / "embeddings.parquet", run / "run.json", *files)
    text = files[1].read_text()
    assert "joint_best, seed 0" in text
    assert "| fireworks, gunshot, microwave oven, knock" in text
    assert "There are no" not in text
    table = pd.read_csv(files[0]).set_index(["kind", "query"])
    assert table.loc[("label", "class_0"), "joint"].startswith("class_0 ×4")
    assert set(table.index.get_level_values("kind")) == {"label", "query", "clip"}
    check_latex(files[2].read_text())


@pytest.mark.parametrize(
    ("command", "outputs"),
    [("plot_label_map", ("svg", "png")), ("make_table_nearest", ("csv", "markdown", "latex"))],
)
def test_the_subcommands_take_what_their_rules_give(run, tmp_path, command, outputs):
    arguments = ["--embeddings", str(run / "embeddings.parquet"), "--record", f"{run}/run.json"]
    for name in outputs:
        arguments += [f"--{name}", str(tmp_path / name)]
    hearsay = [sys.executable, "-m", "hearsay.cli", "--log", str(tmp_path / "log"), command]
    done = subprocess.run([*hearsay, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert all((tmp_path / name).stat().st_size for name in outputs)


def test_what_the_data_lack_is_said(run, tmp_path):
    table = pd.read_parquet(run / "embeddings.parquet")
    table[table["is_scored"] & (table["kind"] != "query")].to_parquet(tmp_path / "e.parquet")
    files = outputs(tmp_path)
    make_table_nearest(tmp_path / "e.parquet", run / "run.json", *files)
    text = files[1].read_text()
    assert "There are no other texts in this data." in text
    assert "There are no sounds of labels unknown to training in this data." in text


def test_embeddings_that_are_absent_or_wrong_name_their_file(tmp_path):
    with pytest.raises(HearsayError, match=r"e\.parquet does not exist"):
        read_embeddings(tmp_path / "e.parquet")
    pd.DataFrame({"kind": ["clip"]}).to_parquet(tmp_path / "e.parquet")
    with pytest.raises(HearsayError, match=r"e\.parquet has not the columns kind, name"):
        read_embeddings(tmp_path / "e.parquet")
