"""The sweep: which jobs it has, and a tiny one run for real."""

import shutil
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from tests.workflow.conftest import TINY, Workflow

TABLES = ("make_table_disagreement", "plot_disagreement")
PER_VALUE = {  # 800 clips, 400 a shard; 3 methods, 3 seeds, 2 stages
    "make_demo": 1,
    "build_index": 1,
    "fetch_clips": 2,
    "decode_clips": 2,
    "collect_availability": 1,
    "extract_fbank": 2,
    "measure_fbank": 1,
    "check_shards": 2,  # of filter banks and of embedded pictures
    "embed_images": 2,
    "embed_captions": 1,
    "train_run": 18,
    "score_run": 18,
    "score_oracle": 2,
    "collect_scores": 1,
    "compare_methods": 1,
}


def sweep(*values: float, **options: object) -> dict[str, dict[str, object]]:
    return {"sweep": {"disagreement": list(values), **options}}


def at_value(label: str) -> Counter[str]:
    return Counter({f"disagreement_{label}_{rule}": count for rule, count in PER_VALUE.items()})


def test_the_sweep_makes_the_towers_once_and_one_data_set_a_value(workflow: Workflow) -> None:
    expected = Counter({"draw_corpus": 1, "prepare_clip": 1, **dict.fromkeys(TABLES, 1)})
    for label in ("0", "0_25", "0_5", "0_75"):
        expected += at_value(label)
    assert workflow.planned("disagreement") == expected


def test_one_more_value_adds_its_own_jobs_alone(workflow: Workflow) -> None:
    workflow.configure(sweep(0.5))
    fewer = workflow.planned("disagreement")
    workflow.configure(sweep(0.5, 0.1))
    assert workflow.planned("disagreement") - fewer == at_value("0_1")


def test_the_default_run_and_the_sweep_share_the_towers_alone(workflow: Workflow) -> None:
    default, swept = workflow.planned(), workflow.planned("disagreement")
    assert set(default) & set(swept) == {"draw_corpus", "prepare_clip"}
    assert not [rule for rule in default if "disagreement" in rule]


def test_all_of_the_sweep_lies_below_the_results_of_its_run(workflow: Workflow) -> None:
    workflow.configure({"pathvars": {"results": "elsewhere"}})
    result = workflow.run("disagreement", "--dry-run")
    assert result.returncode == 0, result.stdout
    files = {word.strip(",") for word in result.stdout.split() if "/data/demo/source/" in word}
    folders = {file.split("/data/")[0] for file in files if file.endswith("facts.parquet")}
    assert folders == {f"elsewhere/disagreement/{value}" for value in ("0", "0.25", "0.5", "0.75")}
    assert " results/" not in result.stdout


def test_a_method_alone_is_swept_without_comparisons(workflow: Workflow) -> None:
    workflow.configure(sweep(0.5, methods=["vip_ant"]))
    planned = workflow.planned("disagreement")
    assert planned["disagreement_0_5_train_run"] == 6
    assert "disagreement_0_5_compare_methods" not in planned


@pytest.mark.parametrize(
    ("override", "line"),
    [
        (sweep(), "config: sweep.disagreement is empty"),
        ({"datasets": {"demo": {"num_images": 0}}}, "config: the sweep needs pictures"),
        (
            {
                "benchmark": {"methods": ["vip_ant"]},
                "families": {"frame_match": {"audio_image": {"epochs": 6}}},
                "methods": {"nearest_match_half": {"nearest_from_epoch": 6}},
            },
            "nearest_match_half.nearest_from_epoch 6 is not below epochs 6",
        ),
    ],
)
def test_what_cannot_be_swept_says_so_when_asked_and_hinders_nothing_else(
    workflow: Workflow, override: dict[str, object], line: str
) -> None:
    workflow.configure(override)
    assert workflow.planned("features")
    result = workflow.run("disagreement", "--dry-run")
    assert result.returncode == 1
    assert line in result.stdout


@pytest.fixture(scope="module")
def swept(finished: Workflow, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """The tiny workflow after its default run and a sweep of one value, two methods."""
    swept = Workflow(tmp_path_factory.mktemp("swept") / "run")
    shutil.copytree(finished.folder, swept.folder)
    swept.configure(TINY, sweep(0.5, methods=["vip_ant", "nearest_match_half"]))
    assert not {"draw_corpus", "prepare_clip"} & set(swept.planned("disagreement"))
    result = swept.run("disagreement")
    assert result.returncode == 0, result.stdout[-5000:]
    return swept


@pytest.mark.slow
def test_a_sweep_ends_in_a_table_and_a_plot(swept: Workflow) -> None:
    results = swept.folder / "results"
    table = pd.read_csv(results / "tables" / "disagreement.csv", keep_default_na=False)
    assert set(table["disagreement"]) == {0.5}
    assert set(table["method"]) == {"vip_ant", "nearest_match_half", "oracle"}
    assert set(table.loc[table["difference"] != "", "method"]) == {"nearest_match_half"}
    for suffix in ("md", "tex"):
        assert "0.5" in (results / "tables" / f"disagreement.{suffix}").read_text()
    for suffix in ("svg", "png"):
        assert (results / "plots" / f"disagreement.{suffix}").stat().st_size > 1000


@pytest.mark.slow
def test_pictures_alone_change_with_the_disagreement(swept: Workflow) -> None:
    def read(folder: Path, name: str) -> bytes:
        return (folder / "data" / "demo" / name).read_bytes()

    results = swept.folder / "results"
    at_half = results / "disagreement" / "0.5"
    for name in ("audio/00000.parquet", "index/captions.parquet", "fbank/statistics.json"):
        assert read(at_half, name) == read(results, name), name
    assert read(at_half, "images/00000.parquet") != read(results, "images/00000.parquet")
    assert not (at_half / "encoders").exists()


@pytest.mark.slow
def test_only_what_changes_is_swept_again(swept: Workflow) -> None:
    methods = ["vip_ant", "nearest_match_half"]
    assert swept.planned("disagreement") == Counter()
    try:
        swept.configure(TINY, sweep(0.5, 0.75, methods=methods))
        added = swept.planned("disagreement")
        swept.configure(
            TINY,
            sweep(0.5, methods=methods),
            {"datasets": {"demo": {"demo": {"disagreement": 0.3}}}},
        )
        other_default = swept.planned("disagreement")
    finally:
        swept.configure(TINY, sweep(0.5, methods=methods))
    own = {rule for rule in added if rule.startswith("disagreement_0_75_")}
    assert set(added) == own | set(TABLES)
    assert other_default == Counter()  # neither the towers nor the sweep know the default's knob
