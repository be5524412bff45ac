"""Table 2 names both its spreads, sets the paper and the full gallery beside, and the losses."""

import shutil

import numpy as np
import pandas as pd
import pytest
from test_tables import cells, check_latex, outputs

from hearsay.errors import HearsayError
from hearsay.files import read_json, write_json
from hearsay.report.losses import read_losses
from hearsay.report.scores import read_score_table
from hearsay.report.table_captions import make_table_captions, read_spreads

METHODS = ["word_align", "word_align_paper", "vip_ant"]


def runs_of(folder):
    return sorted(folder.glob("runs/*/seed*/audio_text/run.json"))


@pytest.fixture(scope="module")
def written(grounded, tmp_path_factory):
    files = outputs(tmp_path_factory.mktemp("table"))
    scores = grounded / "tables" / "scores.csv"
    make_table_captions(scores, runs_of(grounded), METHODS, *files)
    return files


def naive_recalls(grounded, method, direction, k):
    """Return R@k [seeds, draws], counted row by row."""
    recalls = []
    for seed in (0, 1):
        path = grounded / f"runs/{method}/seed{seed}/audio_text/ranks.parquet"
        hits = {}
        for row in pd.read_parquet(path).itertuples():
            if row.protocol == "candidates_30" and row.direction == direction:
                hits.setdefault(row.query_id.split("#")[1], []).append(row.rank <= k)
        assert len(hits) == 20
        recalls.append([np.mean(hits[draw]) for draw in sorted(hits)])
    return np.array(recalls)


@pytest.mark.parametrize(
    ("first", "direction", "k"),
    [
        (2, "audio_to_text", 1),
        (5, "audio_to_text", 5),
        (8, "text_to_audio", 1),
        (11, "text_to_audio", 5),
    ],
)
def test_each_number_has_its_spread_over_seeds_and_over_draws(
    written, grounded, first, direction, k
):
    recalls = naive_recalls(grounded, "vip_ant", direction, k)
    row = cells(written[1].read_text(), "vip_ant")[0]
    assert row[1] == "2"
    assert row[first].split()[0] == f"{recalls.mean():.3f}"
    assert row[first + 1] == f"{recalls.mean(axis=1).std(ddof=1):.3f}"
    assert row[first + 2] == f"{recalls.std(axis=1, ddof=0).mean():.3f}"


def test_the_columns_name_what_their_spread_is_over(written):
    header = written[1].read_text().split("### ")[1].splitlines()[4]
    names = [name.strip() for name in header.strip("|").split("|")]
    assert names[2:5] == ["A→T R@1 mean", "A→T R@1 ± seeds", "A→T R@1 ± draws"]
    assert names[11:] == ["T→A R@5 mean", "T→A R@5 ± seeds", "T→A R@5 ± draws"]


def test_chance_published_and_full_gallery_stand_in_blocks_of_their_own(written):
    text = written[1].read_text()
    drawn, gallery = cells(text, "chance")
    assert (drawn[2], drawn[5]) == ("0.033", "0.167")
    assert gallery[8] == "0.031"  # 1 of 32 clips
    published = cells(text, "Xie et al. 2022")[0]
    assert published[2::3] == ["0.21", "0.65", "0.23", "0.71"]
    assert published[4::3] == ["0.04", "0.05", "0.04", "0.04"]
    assert "*published, not on demo ‡*" in text and "not comparable" in text
    assert len(cells(text, "vip_ant")) == 2
    assert cells(text, "vip_ant")[1][4] == "–"  # nothing is drawn from the full gallery


def test_a_method_at_chance_is_marked_and_the_good_one_is_not(written):
    text = written[1].read_text()
    assert cells(text, "word_align_paper")[0][2].endswith("†")
    assert not any("†" in cell for cell in cells(text, "word_align")[0])


def test_on_audiogrounding_the_published_row_is_of_the_same_data(grounded, tmp_path):
    table = pd.read_csv(grounded / "tables" / "scores.csv", keep_default_na=False)
    table.assign(dataset="audiogrounding").to_csv(tmp_path / "scores.csv", index=False)
    files = outputs(tmp_path)
    make_table_captions(tmp_path / "scores.csv", runs_of(grounded), METHODS, *files)
    assert "*published ‡*" in files[1].read_text()


def test_too_few_clips_for_draws_are_said_and_leave_the_full_gallery(grounded, tmp_path):
    table = pd.read_csv(grounded / "tables" / "scores.csv", keep_default_na=False)
    table[table["protocol"] != "candidates_30"].to_csv(tmp_path / "scores.csv", index=False)
    files = outputs(tmp_path)
    make_table_captions(tmp_path / "scores.csv", runs_of(grounded), METHODS, *files)
    text = files[1].read_text()
    assert "No run was scored among 30 candidates" in text
    assert len(cells(text, "vip_ant")) == 1


def test_the_csv_holds_every_number_and_the_published_ones(written, grounded):
    table = pd.read_csv(written[0])
    assert len(table) == 3 * 2 * 4 + 4  # methods, protocols, numbers; published
    own = table[(table["method"] == "vip_ant") & (table["protocol"] == "candidates_30")]
    row = own[(own["direction"] == "text_to_audio") & (own["metric"] == "R@5")].iloc[0]
    recalls = naive_recalls(grounded, "vip_ant", "text_to_audio", 5)
    assert row["std_over_draws"] == pytest.approx(recalls.std(axis=1).mean(), abs=1e-6)
    assert row["num_queries"] == 640
    assert table["method"].tolist()[-1] == "Xie et al. 2022 (published)"
    check_latex(written[2].read_text())


def test_the_losses_stand_with_retrieval_and_grounding(written, grounded):
    text = written[1].read_text()
    scores = read_score_table(grounded / "tables" / "scores.csv")
    chosen = (scores["subset"] == "several_events") & (scores["protocol"] == "threshold_val")
    f1 = scores[chosen & (scores["metric"] == "F1")].set_index(["method", "seed"])["value"]
    row = cells(text, "word_align", section=1)[0]
    assert row[1:3] == ["InfoNCE", "max over frames, mean over words"]
    own = f1["word_align"]
    assert row[6] == f"{own.mean():.3f} ± {own.std(ddof=1):.3f}"
    difference = own - f1["shuffled_phrase.word_align"]
    assert row[7] == f"{difference.mean():.3f} ± {difference.std(ddof=1):.3f}"
    assert row[3] == cells(text, "word_align")[0][2] + " ± " + cells(text, "word_align")[0][3]
    paper = cells(text, "word_align_paper", section=1)[0]
    assert paper[1] == "hinge, random imposters, margin 1"
    assert cells(text, "vip_ant", section=1) == []
    assert cells(text, "all_active", section=1)[0][6] == f"{f1['all_active'][0]:.3f}"


def test_without_a_method_of_the_family_there_is_no_comparison_of_losses(grounded, tmp_path):
    files = outputs(tmp_path)
    runs = [path for path in runs_of(grounded) if "vip_ant" in str(path)]
    make_table_captions(grounded / "tables" / "scores.csv", runs, METHODS, *files)
    assert "Comparison of losses" not in files[1].read_text()


def test_seeds_trained_with_different_losses_are_refused(grounded, tmp_path):
    files = []
    for seed, loss in ((0, "info_nce"), (1, "semi_hard")):
        path = grounded / f"runs/word_align/seed{seed}/audio_text/run.json"
        record = read_json(path)
        files.append(tmp_path / f"{seed}.json")
        write_json({**record, "options": {**record["options"], "loss": loss}}, files[-1])
    with pytest.raises(HearsayError, match="another seed with.*InfoNCE"):
        read_losses(files)


def test_a_run_without_its_ranks_is_an_error(grounded, tmp_path):
    source = grounded / "runs/vip_ant/seed0/audio_text/run.json"
    shutil.copy(source, tmp_path / "run.json")
    with pytest.raises(HearsayError, match=r"ranks\.parquet is absent"):
        read_spreads([tmp_path / "run.json"])
