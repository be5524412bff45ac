"""What the profile of a cluster says of the rules, and that nothing else knows of clusters."""

import re
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import ROOT

PROFILE = yaml.safe_load((ROOT / "workflow/profiles/slurm/profile.yaml").read_text())
RULES = {
    part.split(":", 1)[0]: part
    for path in sorted((ROOT / "workflow/rules").glob("*.smk"))
    for part in re.split(r"^rule (?=\w+:$)", path.read_text(), flags=re.M)[1:]
}
# What follows from a config: the rate of its downloads, the cards of its trainings.
BY_CONFIG = {("fetch_clips", "runtime"), ("train_run", "mem_mb")}


def test_every_rule_has_its_memory_and_minutes_in_the_profile() -> None:
    assert len(RULES) > 50
    assert set(PROFILE["set-resources"]) == set(RULES)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_the_first_attempt_gets_what_the_rule_states_and_the_next_ones_more(rule: str) -> None:
    """The rules' own values serve other executors, and the sweep, whose rules have other names."""
    for resource in ("mem_mb", "runtime"):
        if (rule, resource) in BY_CONFIG:
            assert resource not in PROFILE["set-resources"][rule]
            continue
        stated = re.search(rf"^        {resource}=(\d+),$", RULES[rule], re.M)
        assert stated is not None, resource
        assert PROFILE["set-resources"][rule][resource] == f"{stated[1]} * attempt"


def test_only_the_profile_knows_what_slurm_is() -> None:
    places = [ROOT / "Snakefile", ROOT / "config.yaml"]
    for folder in ("src", "workflow", "envs"):
        places += [path for path in sorted((ROOT / folder).rglob("*")) if path.is_file()]
    knowing = [
        path.relative_to(ROOT)
        for path in places
        if path.suffix not in (".pyc", ".sif")
        and re.search(r"slurm|sbatch|srun|scontrol", path.read_text(), re.I)
    ]
    own = Path("workflow/profiles/slurm")
    assert knowing and all(path.is_relative_to(own) for path in knowing), knowing
