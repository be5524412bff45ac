"""Jobs in a container or a conda environment: what Snakemake asks of the two programs.

Neither is installed with the project, so stand-ins write down how they are called and run the
job's command here. docs/environments.md says what was tried with the real ones.
"""

import os
import re
import shutil
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from hearsay.environments import IMAGE
from tests.workflow.conftest import ROOT, Workflow, count_planned

FILES = "data/demo/index/clips.parquet"
INDEX, SWEPT = f"results/{FILES}", f"results/disagreement/0.5/{FILES}"
pytestmark = pytest.mark.slow
SMALL = {
    "sweep": {"disagreement": [0.5]},
    "datasets": {"demo": {"num_clips": 6, "demo": {"num_val": 2, "num_test": 2}}},
}
APPTAINER = """#!/bin/bash
[ "$1" = --version ] && exec echo "apptainer version 1.4.5"
printf '%s\\n' "$*" >> "$CALLS"
exec "${@: -3}"  # bash -c COMMAND
"""
CONDA = """#!/bin/bash
case "$1 $2" in
    "info --json") echo '{"conda_prefix": "'"$BASE"'", "platform": "linux-64"}' ;;
    "--version ") echo "conda 25.1.1" ;;
    "config --get") echo '{"get": {"channel_priority": "strict"}}' ;;
    "env create")
        mkdir -p "${@: -1}/bin"  # --prefix FOLDER
        cp "$BASE/pip" "$BASE/hearsay" "${@: -1}/bin/" ;;
    "clean -y") ;;
    *) exit 1 ;;
esac
"""
ACTIVATE = 'PATH="$1/bin:$PATH"\n'
PIP = """#!/bin/bash
printf '%s: pip %s\\n' "$PWD" "$*" >> "$CALLS"
"""
HEARSAY = """#!/bin/bash
printf '%s: hearsay %s\\n' "$PWD" "$3" >> "$CALLS"
exec "$PYTHON" -m hearsay.cli "$@"
"""


@pytest.fixture
def programs(tmp_path: Path) -> dict[str, str]:
    """Lay the stand-ins on the path; return the environment that Snakemake is to run in."""
    base = tmp_path / "base"
    texts = {"bin/apptainer": APPTAINER, "bin/conda": CONDA, "bin/activate": ACTIVATE}
    for name, text in {**texts, "pip": PIP, "hearsay": HEARSAY}.items():
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text(text)
        (base / name).chmod(0o755)
    return {
        "PATH": f"{base / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "BASE": str(base),
        "CALLS": str(tmp_path / "calls.txt"),
        "PYTHON": sys.executable,
    }


@dataclass(frozen=True)
class Checkout:
    """A checkout with an image, and a working directory beside it."""

    folder: Path
    programs: dict[str, str]

    def run(self, *arguments: str) -> str:
        """Return what Snakemake prints."""
        workflow = Workflow(self.folder / "run")
        snakefile = str(self.folder / "checkout" / "Snakefile")
        result = workflow.run("--snakefile", snakefile, *arguments, environment=self.programs)
        assert result.returncode == 0, result.stdout[-5000:]
        return result.stdout

    def planned(self, *arguments: str) -> Counter[str]:
        return count_planned(self.run(*arguments, "--dry-run", "--quiet", "host"))

    def calls(self) -> list[str]:
        return Path(self.programs["CALLS"]).read_text().splitlines()


@pytest.fixture
def checkout(tmp_path: Path, programs: dict[str, str]) -> Checkout:
    folder = tmp_path / "first"
    for name in ("workflow", "envs"):
        shutil.copytree(ROOT / name, folder / "checkout" / name)
    shutil.copy(ROOT / "Snakefile", folder / "checkout")
    (folder / "checkout" / IMAGE).touch()
    (folder / "run").mkdir()
    Workflow(folder / "run").configure(SMALL)
    return Checkout(folder, programs)


def test_every_job_runs_in_the_container_those_of_the_sweep_too(checkout: Checkout) -> None:
    arguments = (INDEX, SWEPT, "--sdm", "apptainer", "--apptainer-args=--nv")
    checkout.run(*arguments)
    called = re.compile(rf"exec .* --nv .*\.\./checkout/{IMAGE} bash -c .*hearsay --log \S+ (\w+)")
    steps = [match and match[1] for match in map(called.match, checkout.calls())]
    assert sorted(steps) == ["build_index", "build_index", "make_demo", "make_demo"]

    moved = Checkout(checkout.folder.rename(checkout.folder.with_name("second")), checkout.programs)
    assert not moved.planned(*arguments)
    # Other software runs everything again, unless one asks for less.
    assert moved.planned(INDEX) == {"make_demo": 1, "build_index": 1}
    assert not moved.planned(INDEX, "--rerun-triggers", "mtime", "params", "input", "code")


def test_the_conda_environment_is_installed_from_the_checkout(checkout: Checkout) -> None:
    checkout.run(INDEX, "--sdm", "conda")
    source, run = checkout.folder / "checkout", checkout.folder / "run"
    assert checkout.calls() == [
        f"{source}: pip install --quiet --require-hashes --requirement requirements.lock",
        f"{source}: pip install --quiet --no-deps --no-build-isolation --editable .",
        f"{run}: hearsay make_demo",
        f"{run}: hearsay build_index",
    ]
