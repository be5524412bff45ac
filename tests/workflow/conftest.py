"""A tiny workflow: the default config at sizes that train in seconds, in a folder of its own."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from hearsay.config import merge

ROOT = Path(__file__).parents[2]
TINY = {
    "benchmark": {
        "methods": ["vip_ant", "nearest_match_half", "multiframe_match", "word_align"],
        "seeds": [0],
        "device": "cpu",
        "bootstrap_resamples": 100,
        "comparison_resamples": 200,
    },
    "datasets": {
        "demo": {
            "num_clips": 36,
            "shard_size": 20,
            "demo": {
                "num_val": 6,
                "num_test": 10,
                "broken": {"dead_link": 0.03, "silent": 0.03, "truncated": 0.03, "corrupt": 0.03},
            },
        }
    },
    "clip": {
        "model": {
            "embed_dim": 16,
            "vision_cfg": {"image_size": 64, "width": 32, "layers": 1, "head_width": 16},
            "text_cfg": {"width": 16, "heads": 2, "layers": 1},
        },
        "training": {"num_pictures": 64, "epochs": 1, "batch_size": 8},
    },
    "families": {
        "frame_match": {
            "audio_image": {"epochs": 2, "warmup_epochs": 1, "batch_size": 8},
            "audio_text": {"epochs": 2, "warmup_epochs": 1, "batch_size": 8},
        },
        "word_align": {
            "crnn": {"channels": [2, 4, 4, 4, 4]},
            "audio_text": {"epochs": 2, "batch_size": 8},
        },
    },
    "methods": {"nearest_match_half": {"nearest_from_epoch": 1}},
}


@dataclass(frozen=True)
class Workflow:
    """A folder with a config in which the repository's Snakefile runs."""

    folder: Path

    def configure(self, *overrides: dict[str, Any]) -> None:
        config = yaml.safe_load((ROOT / "config.yaml").read_text())
        for override in overrides:
            config = merge(config, override)
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config))

    def command(self, *arguments: str) -> list[str]:
        snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        return [*snakemake, "--directory", str(self.folder), "--cores", "2", *arguments]

    def run(
        self, *arguments: str, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
        )

    def planned(self, *arguments: str) -> Counter[str]:
        """Count the jobs of a dry run by rule; target rules are left out."""
        result = self.run(*arguments, "--dry-run", "--quiet", "host")
        assert result.returncode == 0, result.stdout
        return count_planned(result.stdout)

    def jobs(self) -> list[dict[str, Any]]:
        """Read what Snakemake recorded of each output: rule, starttime, endtime."""
        records = (self.folder / ".snakemake" / "metadata").rglob("*")
        return [json.loads(path.read_text()) for path in records if path.is_file()]

    def tables(self) -> dict[str, bytes]:
        return {
            path.name: path.read_bytes()
            for path in sorted((self.folder / "results" / "tables").iterdir())
        }


def count_planned(printed: str) -> Counter[str]:
    """Read the table of jobs that a dry run begins with; target rules are left out."""
    table = re.search(r"^job +count\n[- ]+\n(.*?)^total ", printed, re.M | re.S)
    if table is None:
        assert "Nothing to be done" in printed, printed
        return Counter()
    counts = dict(line.split() for line in table[1].strip().splitlines())
    targets = {"all", "data", "features", "runs", "tables", "disagreement"}
    return Counter({rule: int(n) for rule, n in counts.items() if rule not in targets})


def never_asked_for(printed: str) -> list[tuple[str, str]]:
    """Read a dry run of a target rule: rule and first output of the jobs of which it asks nothing.

    Where such a job fails when it is run again, its outputs are gone and nobody makes them anew.
    """
    asked: set[str] = set()
    jobs: list[tuple[str, list[str]]] = []
    for part in re.split(r"^(?:local)?rule (?=\w+:$)", printed, flags=re.M)[1:]:
        listed = dict(re.findall(r"^    (input|output): (.*)$", part, re.M))
        if "output" in listed:
            jobs.append((part[: part.index(":")], listed["output"].split(", ")))
        else:
            asked.update(listed["input"].split(", "))
    assert asked and jobs, printed
    return [(rule, outputs[0]) for rule, outputs in jobs if asked.isdisjoint(outputs)]


@pytest.fixture
def workflow(tmp_path: Path) -> Workflow:
    workflow = Workflow(tmp_path)
    workflow.configure()
    return workflow


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """The tiny workflow after an undisturbed run, on a machine that seems to have one card."""
    workflow = Workflow(tmp_path_factory.mktemp("finished"))
    workflow.configure(TINY)
    result = workflow.run(environment={"CUDA_VISIBLE_DEVICES": "0"})
    assert result.returncode == 0, result.stdout[-5000:]
    return workflow
