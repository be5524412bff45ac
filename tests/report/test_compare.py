"""Comparisons with the reference: right numbers, right marks, and clear refusals."""

import math
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hearsay.errors import HearsayError
from hearsay.files import read_json, write_json
from hearsay.report.compare import compare_methods
from hearsay.report.scores import collect_scores, read_score_table
from hearsay.report.significance import read_comparisons
from hearsay.report.tables import write_retrieval_table

SEEDS = (0, 1, 2)
NUM_RESAMPLES = 1000  # mark in families of up to 25
METHODS = ["vip_ant", "twin", "blurred"]
SETTING = ["task", "protocol", "stage", "direction", "metric"]


def copy_run(scores, method):
    """Let another method have given the very same answers."""
    seed, stage = scores.parts[-3], scores.parts[-2]
    target = scores.parents[3] / method / seed / stage
    target.mkdir(parents=True)
    shutil.copy(scores.with_name("ranks.parquet"), target)
    write_json([{**record, "method": method} for record in read_json(scores)], target / scores.name)
    return target / scores.name


def compare(files, folder, reference="vip_ant", num_resamples=NUM_RESAMPLES):
    outputs = [folder / f"comparisons.{suffix}" for suffix in ("csv", "md", "tex")]
    compare_methods(files, reference, METHODS, num_resamples, *outputs)
    return outputs


def rows_of(text, name):
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith(f"| {name} ")
    ]


@pytest.fixture(scope="module")
def files(tmp_path_factory, write_run):
    """Three methods: the reference, its twin, and one with much more noise."""
    folder = tmp_path_factory.mktemp("compared")
    found = []
    for stage in ("audio_image", "audio_text"):
        for seed in SEEDS:
            found.append(write_run(folder, "vip_ant", stage, seed, noise=1.0))
            found.append(copy_run(found[-1], "twin"))
            found.append(write_run(folder, "blurred", stage, seed, noise=4.0))
    return found


@pytest.fixture(scope="module")
def outputs(files, tmp_path_factory):
    return compare(files, tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="module")
def table(outputs):
    return pd.read_csv(outputs[0])


def test_there_is_one_row_a_setting_method_and_metric(table):
    assert len(table) == 2 * (4 * 2 * 5 + 2 * 5)  # methods; protocols, directions, metrics
    assert not table.duplicated([*SETTING, "method"]).any()
    assert set(table["reference"]) == {"vip_ant"}
    assert table["num_seeds"].eq(3).all() and table["degrees_of_freedom"].eq(2).all()


def test_an_identical_method_differs_by_nothing(table):
    twin = table[table["method"] == "twin"]
    assert (twin[["difference", "ci_low", "ci_high"]] == 0).all().all()
    assert (twin[["p_queries", "p_seeds"]] == 1).all().all()


def test_a_planted_difference_is_found(table):
    blurred = table[(table["method"] == "blurred") & (table["metric"] == "R@10")]
    assert (blurred["difference"] < -0.1).all()
    assert (blurred["ci_high"] < 0).all()
    assert (blurred["p_queries"] < 0.05).all()


def test_differences_are_those_of_the_printed_means_and_seeds(files, table, tmp_path):
    collect_scores(files, tmp_path / "scores.csv")
    values = read_score_table(tmp_path / "scores.csv").pivot_table(
        index=SETTING, columns=["method", "seed"], values="value"
    )
    for _, row in table[table["method"] == "blurred"].iterrows():
        own = values.loc[tuple(row[SETTING])]
        differences = (own["blurred"] - own["vip_ant"]).to_numpy()
        assert row["difference"] == pytest.approx(differences.mean(), rel=1e-5, abs=2e-6)
        listed = [float(text) for text in row["seed_differences"].split()]
        assert listed == pytest.approx(differences.tolist(), rel=1e-5, abs=2e-6)
        if np.ptp(differences) > 1e-9:
            expected = stats.ttest_rel(own["blurred"], own["vip_ant"]).pvalue
            assert row["p_seeds"] == pytest.approx(expected, rel=1e-3, abs=1e-6)
        else:
            assert math.isnan(row["p_seeds"])


def test_the_bootstrap_equals_a_naive_loop_over_clips_and_their_captions(files, table):
    hits = {}  # method, seed -> clip -> one hit or miss a caption
    for path in files:
        if path.parts[-2] == "audio_text":
            ranks = pd.read_parquet(path.with_name("ranks.parquet"))
            ranks = ranks[ranks["direction"] == "text_to_audio"]
            of_clip = (ranks["rank"] <= 5).groupby(ranks["clip_id"]).apply(list)
            hits[path.parts[-4], path.parts[-3]] = of_clip.to_dict()
    clips = sorted(hits["vip_ant", "seed0"])
    generator = np.random.default_rng(0)
    drawn = []
    for _ in range(NUM_RESAMPLES):
        names = [clips[k] for k in generator.integers(0, len(clips), size=len(clips))]
        means = {
            run: np.mean([hit for name in names for hit in own[name]]) for run, own in hits.items()
        }
        seeds = [f"seed{seed}" for seed in SEEDS]
        drawn.append(np.mean([means["blurred", s] - means["vip_ant", s] for s in seeds]))
    row = table[
        (table["method"] == "blurred")
        & (table["direction"] == "text_to_audio")
        & (table["metric"] == "R@5")
    ].iloc[0]
    assert (row["num_queries"], row["num_clips"]) == (150, 30)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(
        tuple(np.percentile(drawn, [2.5, 97.5])), abs=2e-6
    )


def test_the_order_of_files_and_of_queries_changes_nothing(files, outputs, tmp_path):
    shuffled = []
    for number, path in enumerate(files):
        target = tmp_path / str(number)
        target.mkdir()
        shutil.copy(path, target)
        ranks = pd.read_parquet(path.with_name("ranks.parquet"))
        ranks.sample(frac=1, random_state=number).to_parquet(target / "ranks.parquet")
        shuffled.append(target / path.name)
    again = compare(shuffled[::-1], tmp_path)
    first, second = pd.read_csv(outputs[0]), pd.read_csv(again[0])
    pd.testing.assert_frame_equal(first, second, rtol=1e-9)


def test_the_short_table_says_the_verdict_in_words(outputs):
    text = outputs[1].read_text()
    sections = text.split("### ")[1:]
    assert [part.split(":")[0] for part in sections] == [
        "Comparisons for Table III",
        "Comparisons for Table IV",
    ]
    lines = [line for line in sections[1].splitlines() if line.startswith("| ")]
    assert [line.split("|")[1].strip() for line in lines[2:5]] == ["*T→A R@1*", "twin", "blurred"]
    assert re.search(r"\| twin +\| +0\.00 \| +0\.00 to 0\.00 (\| +1\.000 ){4}\| not sig", text)
    assert re.search(r"\| blurred +\| +−\d.*\| worse, over queries", text)
    assert (
        "after Holm's correction, each test by itself, for the 12 comparisons of Table IV, "
        "full_gallery; 8 comparisons stand here."
    ) in text
    assert "30 clips, fingerprint abcdefabcdef" in text
    assert outputs[2].read_text().isascii()


def test_tables_mark_every_number_and_say_what_the_marks_mean(files, outputs, tmp_path):
    collect_scores(files, tmp_path / "scores.csv")
    names = [tmp_path / f"table.{suffix}" for suffix in ("csv", "md", "tex")]
    write_retrieval_table(
        tmp_path / "scores.csv", outputs[0], METHODS, "audio_text_retrieval", *names
    )
    text = names[1].read_text().split("### ")[1]
    assert all(cell.endswith(" ns") for cell in rows_of(text, "twin")[0][2:])
    assert all(re.search(r" ↓q?s?", cell) for cell in rows_of(text, "blurred")[0][2:])
    assert not any(re.search("ns|[↑↓]", cell) for cell in rows_of(text, "vip_ant")[0])
    assert [line.split()[1] for line in text.splitlines() if re.match(r"\| [a-z]", line)][:4] == [
        "method",
        *METHODS,
    ]
    for part in (
        "worse than the reference vip_ant",
        "ns not significantly different",
        "30 clips, 1,000 resamples",
        "paired t-test on 3 differences, 2 degrees of freedom",
        "after Holm's correction, each test by itself, for the 12 comparisons of this table. If no "
        "method differed, a test would mark anything at all in at most 5 of 100 such tables.",
        "With 3 seeds s can hardly be marked: the first one takes a mean difference of 15 standard "
        "errors.",
        "The seeds change the order of clips, the choice of images and the masks alone",
    ):
        assert part in text
    assert names[2].read_text().isascii()


def test_a_lower_median_rank_is_better(outputs):
    found = read_comparisons(outputs[0])
    marks = {key[-3:]: comparison.mark for key, comparison in found.items()}
    assert marks["text_to_audio", "blurred", "median_rank"].startswith("↓")


def test_a_continued_table_has_each_seed_and_the_standard_error(files, tmp_path):
    collect_scores(files, tmp_path / "scores.csv")
    names = [tmp_path / f"table.{suffix}" for suffix in ("csv", "md", "tex")]
    write_retrieval_table(tmp_path / "scores.csv", None, METHODS, "audio_image_retrieval", *names)
    text = next(part for part in names[1].read_text().split("### ") if "each seed" in part)
    row = rows_of(text, "blurred")[0]
    values = read_score_table(tmp_path / "scores.csv").query(
        "method == 'blurred' and protocol == 'second_image' and metric == 'R@5'"
        " and direction == 'audio_to_image'"
    )["value"]
    printed = " ".join(f"{100 * value:.1f}" for value in values)
    assert row[1] == "0 1 2"
    assert row[3] == f"{printed} ({100 * values.std(ddof=1) / math.sqrt(3):.2f})"


def test_with_one_seed_nothing_is_said_over_seeds(files, tmp_path):
    first = [path for path in files if path.parts[-3] == "seed0"]
    csv, *_ = compare(first, tmp_path)
    table = pd.read_csv(csv)
    assert table["p_seeds"].isna().all() and table["degrees_of_freedom"].eq(0).all()
    collect_scores(first, tmp_path / "scores.csv")
    names = [tmp_path / f"table.{suffix}" for suffix in ("csv", "md", "tex")]
    write_retrieval_table(tmp_path / "scores.csv", csv, METHODS, "audio_text_retrieval", *names)
    text = names[1].read_text()
    assert "s, over the seeds, cannot be tested with one seed" in text
    assert rows_of(text, "blurred")[0][2].split()[1] == "↓q"


def check_refused(message, files, folder, **options):
    with pytest.raises(HearsayError, match=message) as error:
        compare(files, folder, **options)
    assert "\n" not in str(error.value)
    assert not (folder / "comparisons.csv").exists()


def test_absent_ranks_are_named(write_run, tmp_path):
    path = write_run(tmp_path, "vip_ant", "audio_text", 0, 1.0)
    path.with_name("ranks.parquet").unlink()
    check_refused("vip_ant/seed0/audio_text/ranks.parquet does not exist", [path], tmp_path)


def test_ranks_of_another_scoring_are_refused(write_run, tmp_path):
    path = write_run(tmp_path, "vip_ant", "audio_text", 0, 1.0)
    other = write_run(tmp_path, "blurred", "audio_text", 0, 9.0)
    shutil.copy(other.with_name("ranks.parquet"), path.parent)
    check_refused("ranks.parquet does not belong to .*scores.json", [path, other], tmp_path)


def test_ranks_that_lack_queries_are_refused(write_run, tmp_path):
    path = write_run(tmp_path, "vip_ant", "audio_text", 0, 1.0).with_name("ranks.parquet")
    pd.read_parquet(path).iloc[:-1].to_parquet(path)
    message = "149 queries instead of 150"
    check_refused(message, [path.with_name("scores.json")], tmp_path)


def test_other_queries_under_the_same_fingerprint_are_refused(write_run, tmp_path):
    files = [write_run(tmp_path, name, "audio_text", 0, 1.0) for name in ("vip_ant", "blurred")]
    path = files[1].with_name("ranks.parquet")
    ranks = pd.read_parquet(path)
    ranks["query_id"] = ranks["query_id"] + "x"
    ranks.to_parquet(path)
    check_refused("rank different queries of audio_text_retrieval", files, tmp_path)


def test_different_seeds_are_refused(write_run, tmp_path):
    files = [write_run(tmp_path, "vip_ant", "audio_text", seed, 1.0) for seed in (0, 1)]
    files.append(write_run(tmp_path, "blurred", "audio_text", 0, 1.0))
    message = "blurred has the seeds 0 and the reference vip_ant 0 1"
    check_refused(message, files, tmp_path)


def test_a_reference_without_scores_is_refused(write_run, tmp_path):
    files = [write_run(tmp_path, "vip_ant", "audio_text", 0, 1.0)]
    check_refused("with the reference nobody", files, tmp_path, reference="nobody")
    check_refused("no method can be compared", files, tmp_path)


def test_a_wrong_table_of_comparisons_is_refused(outputs, tmp_path):
    with pytest.raises(HearsayError, match="does not exist; compare the methods"):
        read_comparisons(tmp_path / "none.csv")
    table = pd.read_csv(outputs[0], dtype=str, keep_default_na=False)
    table.drop(columns="p_seeds").to_csv(tmp_path / "short.csv", index=False)
    with pytest.raises(HearsayError, match="lacks the columns p_seeds"):
        read_comparisons(tmp_path / "short.csv")
    table.assign(p_queries="few").to_csv(tmp_path / "odd.csv", index=False)
    with pytest.raises(HearsayError, match="odd.csv: .*'few'"):
        read_comparisons(tmp_path / "odd.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(HearsayError, match="is empty"):
        read_comparisons(tmp_path / "empty.csv")
