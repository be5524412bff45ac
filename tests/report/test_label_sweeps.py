"""Tables of losses, noise and pairs hold what methods that differ in that alone reach."""

import pandas as pd
import pytest
from labelled_runs import OPTIONS, make_label_results
from test_table_labels import files_of, naive_values, percent
from test_tables import cells, check_latex, outputs

from hearsay.errors import HearsayError
from hearsay.files import read_json, write_json
from hearsay.report.plot_label_sweep import plot_label_sweep
from hearsay.report.table_label_sweep import make_table_label_sweep
from hearsay.report.table_pair_losses import make_table_pair_losses


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return make_label_results(tmp_path_factory.mktemp("labels"))


@pytest.fixture(scope="module")
def losses(results, tmp_path_factory):
    files = outputs(tmp_path_factory.mktemp("losses"))
    make_table_pair_losses(*files_of(results), *files)
    return files


def rows_of(markdown, section=0):
    """Return the rows of one table, headings too."""
    lines = markdown.split("### ")[1 + section].splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("| ")
    ]


def test_each_loss_has_its_measures_in_its_row(losses, results):
    rows = rows_of(losses[1].read_text())
    assert rows[0][1:] == [
        f"measure of a pair {name}" for name in ("L1", "L2", "exp(−L1)", "exp(−L2)")
    ]
    start = next(n for n, row in enumerate(rows) if row[0] == "*audio → audio MAP@3*")
    contrastive, bce = rows[start + 1 : start + 3]
    sound = ("test", "k5_audio", "audio_to_audio")
    values = naive_values(results, "joint_contrastive_l1", *sound)
    assert contrastive == ["contrastive, margin 0.5", percent(values), "–", "–", "–"]
    assert bce == ["bce", "–", "–", "–", percent(naive_values(results, "joint_best", *sound))]
    start = next(n for n, row in enumerate(rows) if row[0] == "*text → audio mAP*")
    values = naive_values(results, "joint_best", "test", "full_gallery", "text_to_audio")
    assert rows[start + 2][4] == percent(values)


def test_the_published_losses_and_the_controls_stand_below(losses, results):
    text = losses[1].read_text()
    rows = rows_of(text)
    assert rows[-2] == ["contrastive", "32.0", "15.4", "12.9", "14.6"]
    assert rows[-1] == ["bce", "40.3", "44.7", "34.0", "61.2"]
    assert "features wal_net, 500 pairs an epoch, pairs fixed" in text
    assert "ridge.wal_net: audio → audio MAP@3" in text and "ridge.mfcc" not in text


def test_the_csv_names_loss_and_measure_of_each_number(losses):
    table = pd.read_csv(losses[0])
    own = table[table["method"] == "joint_contrastive_l1"]
    assert len(own) == 2 * 4 and set(own["loss"]) == {"contrastive"}
    assert set(own["margin"]) == {0.5}
    published = table[table["dataset"] == "fsdkaggle2018"].set_index(["loss", "measure"])["mean"]
    assert len(published) == 8 and published[("bce", "exp_l2")] == pytest.approx(0.612)
    check_latex(losses[2].read_text())


def test_noise_is_swept_by_its_size_with_figure_4_beside(results, tmp_path):
    files = outputs(tmp_path)
    make_table_label_sweep(*files_of(results), "text_noise", *files)
    text = files[1].read_text()
    own = [row[:2] for row in rows_of(text) if row[0].startswith("joint_")]
    assert own == [["joint_best", "0.0"], ["joint_noise_1", "1.0"], ["joint_noise_2", "2.0"]]
    values = naive_values(results, "joint_noise_2", "test", "k5_audio", "audio_to_audio")
    assert cells(text, "joint_noise_2")[0][2] == percent(values)
    published = cells(text, "WAL-Net, joint")
    assert published[2][1:] == ["2.0", "64.0", "64.3", "63.3", "44.7"]
    assert len(pd.read_csv(files[0])) == 2 * 3 * 4 + 12
    check_latex(files[2].read_text())


def test_pairs_are_swept_in_retrieval_and_have_nothing_published(results, tmp_path):
    files = outputs(tmp_path)
    make_table_label_sweep(*files_of(results), "num_pairs", *files)
    text = files[1].read_text()
    own = [row[:2] for row in rows_of(text) if row[0].startswith("joint_")]
    assert own == [["joint_best", "500"], ["joint_pairs_2000", "2,000"]]
    values = naive_values(results, "joint_best", "test", "full_gallery", "text_to_audio")
    assert cells(text, "joint_best")[0][4] == percent(values)
    assert "published" not in text and len(pd.read_csv(files[0])) == 2 * 2 * 4


@pytest.mark.parametrize("option", ["text_noise", "num_pairs"])
def test_a_sweep_is_drawn_alike_each_time(results, tmp_path, check_pair, option):
    check_pair(lambda svg, png: plot_label_sweep(*files_of(results), option, svg, png), tmp_path)


def test_without_variants_there_is_no_such_table(results, tmp_path):
    scores, cell_files, runs = files_of(results)
    for number, run in enumerate(runs):
        record = read_json(run)
        write_json({**record, "options": OPTIONS}, tmp_path / f"{number}.json")
    alike = sorted(tmp_path.glob("*.json"))
    files = outputs(tmp_path)
    with pytest.raises(HearsayError, match="differ in loss, measure and margin alone"):
        make_table_pair_losses(scores, cell_files, alike, *files)
    with pytest.raises(HearsayError, match="no two methods .* differ in num_pairs alone"):
        make_table_label_sweep(scores, cell_files, alike, "num_pairs", *files)
    with pytest.raises(HearsayError, match="'dropout' is not swept"):
        make_table_label_sweep(scores, cell_files, alike, "dropout", *files)
