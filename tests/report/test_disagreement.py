"""The sweep's table and plot, on scores written by hand."""

import math
from itertools import product

import pytest

from hearsay.errors import HearsayError
from hearsay.files import write_json
from hearsay.report.compare import compare_methods
from hearsay.report.disagreement import join_sweep, read_sweep, summarise_sweep, to_csv
from hearsay.report.plot_disagreement import plot_disagreement
from hearsay.report.scores import collect_scores
from hearsay.report.table_disagreement import make_table_disagreement
from hearsay.scoring.records import ScoreIdentity, make_record

METHODS = ["vip_ant", "nearest_match_half"]
# R@1 of seeds 0 and 1; R@10 is twice that.
VALUES = {"vip_ant": (0.10, 0.20), "nearest_match_half": (0.15, 0.18)}
ORACLE = 0.5
TASKS = {
    "audio_image": ("second_image", ("audio_to_image", "image_to_audio")),
    "audio_text": ("full_gallery", ("audio_to_text", "text_to_audio")),
}


def write_scores_csv(folder, gain=0.0, clips="abcdefabcdef", values=VALUES, oracle=ORACLE):
    """Write scores.csv: nearest_match_half has `gain` more than above; all tasks are alike."""
    files = []
    runs = [(method, seed, v) for method, seeds in values.items() for seed, v in enumerate(seeds)]
    for (method, seed, value), stage in product([*runs, ("oracle", 0, oracle)], TASKS):
        value += gain if method == "nearest_match_half" else 0
        weights = "none" if method == "oracle" else "demo-clip"
        identity = ScoreIdentity("demo", "test", "all", method, stage, weights, seed, clips)
        records = [
            make_record(
                identity, f"{task}_retrieval", protocol, way, metric, v, 0.02, (v / 2, v), 50, 50
            )
            for task, (headline, ways) in TASKS.items()
            for protocol in (headline, f"{headline}_best_val")
            for way in ways
            for metric, v in (("R@1", value), ("R@5", value), ("R@10", 2 * value))
        ]
        files.append(folder / f"{method}-{seed}-{stage}.json")
        write_json(records, files[-1])
    collect_scores(files, folder / "scores.csv")
    return folder / "scores.csv"


@pytest.fixture
def sweep(tmp_path):
    """The disagreements 0 and 0.5, the second named first."""
    return [0.5, 0], [
        write_scores_csv(tmp_path / "half", gain=0.04),
        write_scores_csv(tmp_path / "none"),
    ]


def make_files(folder, disagreements, scores, comparisons=(), reference="vip_ant"):
    files = [folder / f"disagreement.{suffix}" for suffix in ("csv", "md", "tex")]
    make_table_disagreement(disagreements, scores, comparisons, reference, METHODS, *files)
    return files


def cells_of(markdown, heading, name):
    """Return the cells of one row of a table."""
    part = next(part for part in markdown.split("### ")[1:] if part.startswith(heading))
    lines = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines if line[0].strip() == name]


def test_differences_are_paired_by_seed(sweep):
    table = join_sweep(*sweep, "vip_ant")
    rows = table[
        (table["method"] == "nearest_match_half")
        & (table["direction"] == "audio_to_text")
        & (table["protocol"] == "full_gallery")
        & (table["metric"] == "R@1")
    ]
    assert rows["disagreement"].tolist() == [0, 0, 0.5, 0.5]
    assert rows["seed"].tolist() == [0, 1, 0, 1]
    assert rows["difference"].tolist() == pytest.approx([0.05, -0.02, 0.09, 0.02])


def test_only_recalls_of_the_tasks_own_stage_are_kept_in_all_protocols(sweep):
    table = join_sweep(*sweep, "vip_ant")
    assert set(table["metric"]) == {"R@1", "R@10"}
    assert set(zip(table["task"], table["stage"], strict=True)) == {
        ("audio_image_retrieval", "audio_image"),
        ("audio_text_retrieval", "audio_text"),
    }
    protocols = {"second_image", "full_gallery"}
    assert set(table["protocol"]) == protocols | {f"{name}_best_val" for name in protocols}


def test_the_reference_and_the_oracle_differ_from_nothing(sweep):
    table = join_sweep(*sweep, "vip_ant")
    alone = table[table["method"].isin(["vip_ant", "oracle"])]
    assert alone["difference"].isna().all()
    assert set(alone["reference"]) == {""}
    assert join_sweep(*sweep, None)["difference"].isna().all()


def test_the_spread_of_the_differences_is_their_sample_deviation(sweep):
    summary = summarise_sweep(join_sweep(*sweep, "vip_ant"))
    row = summary[
        (summary["method"] == "nearest_match_half")
        & (summary["protocol"] == "full_gallery")
        & (summary["metric"] == "R@1")
        & (summary["direction"] == "audio_to_text")
        & (summary["disagreement"] == 0)
    ].iloc[0]
    assert row["mean"] == pytest.approx(0.165)
    assert row["difference"] == pytest.approx((0.05 - 0.02) / 2)
    assert row["difference_std"] == pytest.approx(0.07 / math.sqrt(2))


def test_the_csv_reads_back_as_it_was_written(sweep, tmp_path):
    table = join_sweep(*sweep, "vip_ant")
    (tmp_path / "a.csv").write_text(to_csv(table))
    assert to_csv(read_sweep(tmp_path / "a.csv")) == to_csv(table)


def test_a_seed_without_its_partner_is_an_error(tmp_path):
    values = {"vip_ant": (0.10,), "nearest_match_half": (0.15, 0.18)}
    scores = write_scores_csv(tmp_path, values=values)
    with pytest.raises(HearsayError, match="nearest_match_half has seed 1 and the reference vip_a"):
        join_sweep([0], [scores], "vip_ant")


def test_each_disagreement_needs_its_files(sweep, tmp_path):
    with pytest.raises(HearsayError, match="1 disagreements for 2 files of scores"):
        join_sweep([0], sweep[1], "vip_ant")
    with pytest.raises(HearsayError, match="2 disagreements for 1 files of comparisons"):
        make_files(tmp_path, *sweep, comparisons=[tmp_path / "comparisons.csv"])


def test_the_table_shows_each_disagreement_in_percent_with_oracle_and_chance(sweep, tmp_path):
    text = make_files(tmp_path, *sweep)[1].read_text()
    heading = "Sweep: audio-text retrieval against disagreement on demo (test), full_gallery"
    assert text.index("*disagreement 0*") < text.index("*disagreement 0.5*")
    recalls = cells_of(text, heading, "nearest_match_half")
    # 15 and 18 at disagreement 0, 19 and 22 at 0.5; the mean of the intervals reaches no chance
    assert [row[1] for row in recalls] == ["16.5 ± 2.1", "20.5 ± 2.1"]
    assert [row[2] for row in recalls] == ["33.0 ± 4.2", "41.0 ± 4.2"]
    assert [row[1] for row in cells_of(text, heading, "oracle")] == ["50.0", "50.0"]
    assert [row[1] for row in cells_of(text, heading, "chance")] == ["2", "2"]


def test_the_table_shows_differences_to_the_reference_in_points(sweep, tmp_path):
    text = make_files(tmp_path, *sweep)[1].read_text()
    heading = "Sweep, continued: audio-text"
    assert [row[1] for row in cells_of(text, heading, "nearest_match_half")] == [
        "+1.50 ± 4.95",
        "+5.50 ± 4.95",
    ]
    assert cells_of(text, heading, "vip_ant") == cells_of(text, heading, "oracle") == []
    alone = make_files(tmp_path, *sweep, reference=None)[1].read_text()
    assert "continued" not in alone


def test_the_table_names_data_sizes_towers_and_seeds(sweep, tmp_path):
    for path in make_files(tmp_path, *sweep)[1:]:
        text = path.read_text().replace("\\_", "_")
        assert "demo, split test, subset all." in text
        assert "50 queries, 50 candidates; clips abcdefabcdef. Weights: demo-clip." in text
        assert "Seeds: 0 1." in text


def test_clips_that_differ_between_disagreements_are_named_at_each(tmp_path):
    scores = [
        write_scores_csv(tmp_path / "none"),
        write_scores_csv(tmp_path / "half", clips="123412341234"),
    ]
    text = make_files(tmp_path, [0, 0.5], scores)[1].read_text()
    sizes = "T→A 50 queries, 50 candidates; A→T 50 queries, 50 candidates"
    assert f"*disagreement 0: {sizes}; clips abcdefabcdef*" in text
    assert f"*disagreement 0.5: {sizes}; clips 123412341234*" in text


def test_differences_bear_the_marks_of_the_comparisons(write_run, tmp_path):
    def write_value(name, noise):
        folder = tmp_path / name
        files = [
            write_run(folder, method, stage, seed, noise=noise[method])
            for method, stage, seed in product(METHODS, TASKS, (0, 1))
        ]
        collect_scores(files, folder / "scores.csv")
        tables = [folder / f"comparisons.{suffix}" for suffix in ("csv", "md", "tex")]
        compare_methods(files, "vip_ant", METHODS, 500, *tables)
        return folder / "scores.csv", tables[0]

    clear = write_value("clear", {"vip_ant": 1e6, "nearest_match_half": 0.1})
    same = write_value("same", {"vip_ant": 0.1, "nearest_match_half": 0.1})
    scores, comparisons = zip(clear, same, strict=True)
    text = make_files(tmp_path, [0, 0.5], scores, comparisons)[1].read_text()
    marks = [row[1].split()[-1] for row in cells_of(text, "Sweep, cont", "nearest_match_half")]
    assert marks[0].startswith("↑q")
    assert marks[1] == "ns"
    assert (
        "for the 6 comparisons of Table IV, full_gallery, at each value, not for all values "
        "together; 8 comparisons stand here."
    ) in text


def test_the_plot_is_deterministic_and_tells_an_oracle_beyond_its_axis(sweep, tmp_path):
    table = make_files(tmp_path, *sweep)[0]
    written = []
    for name in ("first", "second"):
        files = [tmp_path / f"{name}.{suffix}" for suffix in ("svg", "png")]
        plot_disagreement(table, METHODS, *files)
        written.append([file.read_bytes() for file in files])
    assert written[0] == written[1]
    assert "<!-- ↑ 50 -->" in written[0][0].decode()  # the seeds end at 22 %


def test_an_oracle_within_the_axis_is_a_line_alone(tmp_path):
    scores = write_scores_csv(tmp_path, oracle=0.21)
    table = make_files(tmp_path, [0.25], [scores])[0]
    plot_disagreement(table, METHODS, tmp_path / "a.svg", tmp_path / "a.png")
    assert "↑ 2" not in (tmp_path / "a.svg").read_text()


def test_a_plot_of_no_table_or_of_another_is_an_error(tmp_path):
    files = tmp_path / "a.svg", tmp_path / "a.png"
    with pytest.raises(HearsayError, match="does not exist; make the table of the sweep first"):
        plot_disagreement(tmp_path / "none.csv", METHODS, *files)
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(HearsayError, match="must have exactly the columns disagreement, dataset"):
        plot_disagreement(tmp_path / "a.csv", METHODS, *files)
