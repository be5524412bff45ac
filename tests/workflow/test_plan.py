"""What Snakemake would do, without doing it."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT, Workflow, never_asked_for

NO_PICTURES = {"demo": {"num_images": 0}}


def test_the_default_run_has_one_job_per_shard_stage_and_seed(workflow: Workflow) -> None:
    planned = workflow.planned()
    # 800 clips of 200; methods times seeds times stages, and methods of one stage
    shards, runs, labelled = 2, 6 * 3 * 2 + 2 * 3, 3 * 3
    per_shard = ("fetch_clips", "decode_clips", "extract_fbank", "extract_logmel", "embed_images")
    assert {rule: planned[rule] for rule in per_shard} == dict.fromkeys(per_shard, shards)
    assert planned["train_run"] == runs + labelled
    assert planned["score_run"] == runs and planned["score_labels"] == labelled
    assert planned["ground_run"] == 8 * 3  # methods times seeds, after the last stage
    assert planned["ground_controls"] == planned["embed_words"] == 1
    assert planned["score_oracle"] == 2
    assert planned["compare_methods"] == planned["make_table_systems"] == 1
    assert planned["make_demo"] == planned["build_index"] == planned["prepare_clip"] == 1
    assert planned["build_search_index"] == 1
    assert planned.total() <= 300


@pytest.mark.parametrize("target", ["data", "features", "runs", "all"])
def test_target_rules_ask_for_a_file_of_every_job(workflow: Workflow, target: str) -> None:
    (workflow.folder / "lab.txt").write_text("scene_00000\n")
    workflow.configure({"benchmark": {"subset": "lab.txt"}})
    result = workflow.run(target, "--dry-run", "--quiet", "host")
    assert result.returncode == 0, result.stdout
    assert never_asked_for(result.stdout) == []


def test_any_run_is_indexed_where_its_index_is_asked_for(workflow: Workflow) -> None:
    asked = [f"results/search/{name}/seed1/index.json" for name in ("word_align", "joint_mfcc")]
    planned = workflow.planned(*asked)
    assert planned["build_search_index"] == 2 and planned["train_run"] == 2
    assert not {"score_run", "prepare_wal_net", "prepare_clip", "make_table_words"} & set(planned)


def test_the_target_data_needs_no_training(workflow: Workflow) -> None:
    planned = workflow.planned("data")
    assert set(planned) == {
        "make_demo",
        "build_index",
        "fetch_clips",
        "decode_clips",
        "collect_availability",
        "check_missing",
    }


def test_a_data_set_without_pictures_leaves_the_method_out_with_a_line(
    workflow: Workflow,
) -> None:
    workflow.configure({"datasets": {"demo": {"num_images": 0}}})
    result = workflow.run("--dry-run", "features")
    assert result.returncode == 0, result.stdout
    assert "left out: vip_ant, nearest_match_0" in result.stdout
    assert "embed_images" not in result.stdout
    assert "extract_logmel" in result.stdout, "methods without pictures stay"


def test_a_method_of_words_needs_neither_towers_nor_pictures(workflow: Workflow) -> None:
    workflow.configure({"benchmark": {"methods": ["word_align"]}, "datasets": NO_PICTURES})
    planned = workflow.planned()
    assert planned["train_run"] == planned["score_run"] == planned["ground_run"] == 3
    unneeded = {"prepare_clip", "draw_corpus", "embed_images", "extract_fbank", "plot_choices"}
    assert not unneeded & set(planned)


def test_phrases_are_grounded_only_where_that_is_asked_for(workflow: Workflow) -> None:
    workflow.configure({"benchmark": {"phrase_grounding": False}})
    planned = workflow.planned()
    assert not {"ground_run", "ground_controls"} & set(planned)


def test_words_need_the_index_alone(workflow: Workflow) -> None:
    planned = workflow.planned("results/tables/table_words.csv")
    assert planned == Counter(["make_demo", "build_index", "embed_words", "make_table_words"])


def test_vectors_of_a_file_need_that_file(workflow: Workflow) -> None:
    workflow.configure({"words": {"vectors": "glove", "file": "glove.txt"}})
    result = workflow.run("results/tables/table_words.csv", "--dry-run")
    assert result.returncode == 1
    assert "glove.txt" in result.stdout


def test_data_do_without_an_absent_file_of_vectors_which_is_told(workflow: Workflow) -> None:
    workflow.configure({"words": {"file": "none.txt"}})
    result = workflow.run("data", "--dry-run", "--quiet", "host")
    assert result.returncode == 0, result.stdout
    assert result.stdout.count("config: words.file: there is no file none.txt, which these") == 1


def test_log_mel_spectrograms_are_made_of_the_sound_where_they_are_asked_for(
    workflow: Workflow,
) -> None:
    planned = workflow.planned("results/data/demo/logmel/00001.npy")
    assert planned["extract_logmel"] == planned["decode_clips"] == 1
    assert "extract_fbank" not in planned


def test_one_method_alone_needs_no_reference(workflow: Workflow) -> None:
    workflow.configure({"benchmark": {"methods": ["multiframe_match"]}})
    planned = workflow.planned("tables")
    assert planned["train_run"] == 3 * 2  # seeds times stages
    assert planned["make_table_audio_image"] == planned["make_table_audio_text"] == 1
    assert "compare_methods" not in planned


def test_the_lists_of_audiogrounding_are_fetched_as_json(workflow: Workflow) -> None:
    address = "http://127.0.0.1:9/a.json"
    pinned = {"address": address, "sha256": "0" * 64}
    lists = {"train": address, "val": pinned, "test": {**pinned, "sha256": None}}
    own = {"reader": "audiogrounding", "audiogrounding": lists}
    workflow.configure({"datasets": {"demo": own}})
    planned = workflow.planned("results/data/demo/index/phrases.parquet")
    assert planned == {"fetch_annotations": 3, "build_index": 1}


@pytest.mark.parametrize("reader", ["audiogrounding_v2", "clotho"])
def test_lists_beside_archives_come_with_them(workflow: Workflow, reader: str) -> None:
    record = "https://zenodo.org/api/records/1"
    own = {"record": record, "files": ["train.json", "audio.zip"], "max_bytes": 1}
    workflow.configure({"datasets": {"demo": {"reader": reader, reader: own}}})
    planned = workflow.planned("results/data/demo/clips/00000.status.parquet")
    assert planned == {"fetch_archive": 1, "build_index": 1, "fetch_clips": 1}


@pytest.mark.parametrize("place", ["own.csv", {"address": "own.csv", "sha256": None}])
def test_a_list_that_lies_here_is_an_input(workflow: Workflow, place: object) -> None:
    lists = dict.fromkeys(("train", "val", "test"), place)
    workflow.configure({"datasets": {"demo": {"reader": "audioset", "audioset": lists}}})
    result = workflow.run("results/data/demo/index/clips.parquet", "--dry-run")
    assert result.returncode == 1
    assert "Missing input files for rule fetch_annotations" in result.stdout
    (workflow.folder / "own.csv").write_text("")
    planned = workflow.planned("results/data/demo/index/clips.parquet")
    assert planned == {"fetch_annotations": 3, "build_index": 1}


def test_runs_take_the_subset_that_was_found_to_be_available(workflow: Workflow) -> None:
    (workflow.folder / "lists").mkdir()
    (workflow.folder / "lists" / "lab.txt").write_text("scene_00000\n")
    workflow.configure({"benchmark": {"subset": "lists/lab.txt"}})
    result = workflow.run("runs", "--dry-run", "--printshellcmds", "--quiet", "host")
    assert result.returncode == 0, result.stdout
    taken = re.findall(r"hearsay --log \S+ (\w+) .*--subset (\S+)", result.stdout)
    assert taken.count(("check_subset", "lists/lab.txt")) == 1
    users = {rule for rule, file in taken if file == "results/subset/lab.txt"}
    assert users == {
        *("measure_fbank", "form_vectors", "train_run", "score_run", "score_oracle", "ground_run"),
        *("ground_controls", "score_labels", "score_label_controls"),
    }
    assert len({file for _, file in taken}) == 2


def test_an_index_that_excludes_videos_waits_for_those_of_the_others(workflow: Workflow) -> None:
    config = str(ROOT / "workflow" / "configs" / "tsubaki2024.yaml")
    index = "results/tsubaki2024/data/audioset/index/clips.parquet"
    arguments = (index, "--configfile", config, "--dry-run", "--printshellcmds", "--quiet", "host")
    result = workflow.run(*arguments)
    assert result.returncode == 0, result.stdout
    command = next(line for line in result.stdout.splitlines() if "--reader audioset" in line)
    excluded = """--excluded-splits '{"audiocaps": ["val", "test"]}'"""
    assert excluded in command
    assert "--excluded-clips results/tsubaki2024/data/audiocaps/index/clips.parquet" in command
    assert sum("hearsay --log" in line for line in result.stdout.splitlines()) == 6 + 2
    assert result.stdout.count("--excluded-splits") == 1  # audiocaps itself uses all its videos


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ({"datasets": {"demo": {"exclude": {"demo": ["test"]}}}}, "demo excludes videos of demo"),
        ({"benchmark": {"sedes": [1]}}, "config: benchmark: unknown key 'sedes'"),
        ({"benchmark": {"subset": "my clips.txt"}}, "benchmark.subset 'my clips.txt': the file's"),
        ({"clip": {"pretrained": "openai"}}, "clip.pretrained needs the name of an open_clip"),
        ({"datasets": {"demo": {"clip_duration_s": None}}}, "clip_duration_s null: the demo's"),
        ({"features": {"fbank": {"low_freq_hz": 8000}}}, "low_freq_hz 8000 is not below half"),
        ({"datasets": {"demo": {"num_images": 8}}}, "datasets.demo.num_images 8: the demo shows"),
        (
            {"datasets": {"demo": {"fetch": {"address": "http://mirror/{id}.mp4"}}}},
            "fetch.address 'http://mirror/{id}.mp4': give an http(s) address that holds {video_id}",
        ),
        (
            {"datasets": {"demo": {"fetch": {"js_runtimes": {"dino": {}}}}}},
            "datasets.demo.fetch.js_runtimes: 'dino' is not one of ['deno', 'node', ",
        ),
        (
            {"datasets": {"demo": {"fetch": {"cookies": "none.txt"}}}},
            "datasets.demo.fetch.cookies: there is no file none.txt",
        ),
        ({"benchmark": {"methods": ["vip_aunt"]}}, "'vip_aunt' is not defined under methods"),
        (
            {"benchmark": {"methods": ["nearest_match_0", "multiframe_match"]}},
            "benchmark.reference 'vip_ant' is not one of benchmark.methods (nearest_match_0, ",
        ),
    ],
)
def test_a_wrong_config_stops_before_any_job(
    workflow: Workflow, override: dict[str, object], line: str
) -> None:
    workflow.configure(override)
    result = workflow.run()
    assert result.returncode == 1
    assert line in result.stdout
    assert not (workflow.folder / "results").exists()


def test_help_answers_at_once() -> None:
    """Measured as processor time, which other programs on the machine change little."""
    before = os.times()
    subprocess.run(["hearsay", "--help"], check=True, capture_output=True, env=_path())
    after = os.times()
    spent = after.children_user + after.children_system
    assert spent - before.children_user - before.children_system < 0.3


def _path() -> dict[str, str]:
    from hearsay.machine import put_commands_on_path

    put_commands_on_path()
    return dict(os.environ)


def test_more_cards_than_there_are_is_refused(workflow: Workflow) -> None:
    workflow.configure({"training": {"gpus": 2}})
    result = workflow.run("--dry-run", environment={"CUDA_VISIBLE_DEVICES": "0"})
    assert result.returncode == 1
    assert "training.gpus 2 is more than the 1 that this run may use" in result.stdout
    for limit in ("gpu=4", "gpu=0"):  # with none all compute on cores
        given = workflow.run("--dry-run", "--resources", limit, "--quiet", "host")
        assert given.returncode == 0, given.stdout


def test_the_workstation_profile_says_which_rule_is_done_and_how_many(tmp_path: Path) -> None:
    rules = "rule a:\n    output: 'a.txt'\n    shell: 'echo > {output}'\n"
    (tmp_path / "Snakefile").write_text(rules)
    profile = str(ROOT / "workflow" / "profiles" / "workstation")
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--profile", profile]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "(Rule: a)\n1 of 1 steps (100%) done\n" in result.stderr
    assert "output: a.txt" not in result.stderr  # the block of a job
