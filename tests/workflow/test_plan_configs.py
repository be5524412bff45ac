"""What Snakemake would do for each config of workflow/configs: jobs by rule, and its memory."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import ROOT, Workflow, count_planned, never_asked_for

CONFIGS = ROOT / "workflow" / "configs"
PER_SHARD = ("fetch_clips", "decode_clips")
EXPECTED = {  # of the rules that make most jobs
    "audiocaps": {  # 51,308 clips of 500; without a method `all` is what became of the clips
        **dict.fromkeys(PER_SHARD, 103),
        "fetch_annotations": 3,
        "train_run": 0,
    },
    "folder": {  # 240 clips of 200: two methods of captions, two of labels; nothing of the demo
        **dict.fromkeys((*PER_SHARD, "extract_logmel", "extract_mfcc", "embed_wal_net"), 2),
        "make_demo": 0,
        "draw_corpus": 0,
        "prepare_wal_net": 1,
        "build_index": 1,
        "train_run": 2 * 3 + 2 * 3,
        "score_run": 2 * 3,
        "score_labels": 2 * 3,
        "ground_run": 0,
    },
    "esc10_folder": {**dict.fromkeys(PER_SHARD, 2), "train_run": 0},
    "esc10_labels": {**dict.fromkeys(PER_SHARD, 2), "train_run": 4 * 3, "score_labels": 4 * 3},
    "esc10_unheard": {**dict.fromkeys(PER_SHARD, 2), "train_run": 2 * 3, "score_labels": 2 * 3},
    "esc10_scenes": {
        **dict.fromkeys((*PER_SHARD, "extract_fbank", "extract_logmel", "embed_images"), 4),
        "train_run": 6 * 3 * 2 + 2 * 3 + 3 * 3,
        "score_run": 6 * 3 * 2 + 2 * 3,
        "score_labels": 3 * 3,
        "ground_run": 8 * 3,
    },
    "clotho": {  # 5,929 clips of 500
        **dict.fromkeys((*PER_SHARD, "extract_logmel"), 12),
        "fetch_archive": 1,
        "fetch_annotations": 0,
        "embed_words": 1,
        "train_run": 2 * 3,
        "score_run": 2 * 3,
        "ground_run": 0,
    },
    "elizalde2019": {  # 11,073 clips of 500
        **dict.fromkeys((*PER_SHARD, "extract_mfcc", "extract_wal_logmel", "embed_wal_net"), 23),
        "fetch_archive": 1,
        "prepare_wal_net": 1,
        "form_vectors": 2,
        "train_run": 4 * 3,
        "score_labels": 4 * 3,
    },
    "elizalde2019_sweeps": {"train_run": 15 * 3, "score_labels": 15 * 3, "prepare_wal_net": 1},
    "losses": {"extract_logmel": 2, "train_run": 5 * 3, "score_run": 5 * 3, "ground_run": 5 * 3},
    "tsubaki2024": {  # 2,084,320 clips of AudioSet and 51,308 of AudioCaps, 1,500 each
        **dict.fromkeys((*PER_SHARD, "extract_fbank"), 1390 + 35),
        "embed_images": 1390,
        "fetch_annotations": 2 * 3,
        "build_index": 2,
        "prepare_clip": 1,
        "draw_corpus": 0,
        "check_shards": 3,
        "train_run": 6 * 3 * 2,
        "score_run": 6 * 3 * 2,
        "ground_run": 0,
    },
    "xie2022": {  # 4,590 clips of 500
        **dict.fromkeys((*PER_SHARD, "extract_logmel"), 10),
        "fetch_annotations": 3,
        "embed_words": 1,
        "train_run": 5 * 3,
        "score_run": 5 * 3,
        "ground_run": 5 * 3,
    },
}
MOST_JOBS = 10_000
MOST_MEMORY_MB = 350  # of planning; the goal is 500, 241 were measured
# A process begins with the peak of the one that starts it, which here has run other tests.
MEASURE = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
sys.stdout.buffer.write(done.stdout)
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, flush=True)
sys.exit(done.returncode)
"""


def lay_out_files(workflow: Workflow, config: Path) -> None:
    """Put the user's own files where a config asks for them: a plan needs them to be there."""
    asked = yaml.safe_load(config.read_text())
    files = [asked.get("words", {}).get("file")]
    for section in asked.get("datasets", {}).values():
        own = section.get(section["reader"], {})
        files += [own[key] for key in ("csv", "train", "val", "test") if key in own]
    for name in files:
        if isinstance(name, str) and not name.startswith("https://"):
            (workflow.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (workflow.folder / name).touch()


@pytest.mark.parametrize("config", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_config_has_the_jobs_that_its_sizes_ask_for(workflow: Workflow, config: Path) -> None:
    lay_out_files(workflow, config)
    options = ("all", "--configfile", str(config), "--dry-run", "--quiet", "host")
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *workflow.command(*options)], capture_output=True, text=True
    )
    printed, _, peak = done.stdout.rpartition("peak ")
    assert done.returncode == 0, printed[-5000:]
    planned = count_planned(printed)
    expected = EXPECTED[config.stem]
    assert {rule: planned[rule] for rule in expected} == expected
    assert planned["make_table_clips"] == 1
    assert planned.total() < MOST_JOBS
    assert never_asked_for(printed) == []
    assert int(peak) / 1024 < MOST_MEMORY_MB  # Linux counts in KiB


def test_audiocaps_alone_has_the_values_of_the_paper_that_uses_it() -> None:
    alone, paper = (
        yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())
        for name in ("audiocaps", "tsubaki2024")
    )
    ours, theirs = (each["datasets"]["audiocaps"] for each in (alone, paper))
    assert {key for key in ours if ours[key] != theirs[key]} == {"shard_size"}
    assert alone["features"]["fbank"] == paper["features"]["fbank"]
    assert alone["clip"] == paper["clip"]
