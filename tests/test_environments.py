"""The conda file and the container's definition, held to the lock file and to each other."""

import re
import shlex
import subprocess
import tomllib
from collections import defaultdict
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from hearsay.environments import IMAGE, find_image
from hearsay.errors import HearsayError

ROOT = Path(__file__).parents[1]
ENVS = ROOT / "envs"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PYTHONS = SpecifierSet(PROJECT["project"]["requires-python"])
MINORS = [minor for minor in range(100) if PYTHONS.contains(f"3.{minor}.0")]
DEBIAN_PYTHON = {"12": "3.11", "13": "3.13"}
INSTALL_LOCK = ["--require-hashes", "--requirement", "requirements.lock"]
INSTALL_PACKAGE = ["--no-deps", "--no-build-isolation", "--editable", "."]
QUIET = {"--quiet", "--no-cache-dir"}


def read_lock() -> dict[str, list[Requirement]]:
    """Read the pins, by name; a pin without a hash is left out, so that it counts as absent."""
    pins = defaultdict(list)
    for entry in re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text()):
        pin = Requirement(entry.partition(" \\\n")[0])
        if "--hash=sha256:" in entry:
            pins[canonicalize_name(pin.name)].append(pin)
    return pins


LOCK = read_lock()


def pinned(name: str, **environment: str) -> str | None:
    """Return the version that is installed in an environment, None where none or several are."""
    pins = LOCK[canonicalize_name(name)]
    fitting = [pin for pin in pins if not pin.marker or pin.marker.evaluate(environment)]
    return str(fitting[0].specifier).removeprefix("==") if len(fitting) == 1 else None


def sections(definition: str) -> dict[str, str]:
    header, *parts = re.split(r"^%", definition, flags=re.M)
    named = {part.split()[0]: part.partition("\n")[2] for part in parts}
    return {"header": header, **named}


CONTAINER = sections((ENVS / "hearsay.def").read_text())
CONDA = yaml.safe_load((ENVS / "hearsay.yaml").read_text())
CONDA_PINS = dict(re.split(r" *=+ *", pin) for pin in CONDA["dependencies"])
POST_DEPLOY = (ENVS / "hearsay.post-deploy.sh").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def installs(script: str) -> list[list[str]]:
    """Read what a script lets pip install, in order."""
    calls = re.findall(r"^[^#\n]*pip install (.*)$", script, re.M)
    return [[word for word in shlex.split(call) if word not in QUIET] for call in calls]


@pytest.mark.parametrize("minor", MINORS)
def test_the_lock_has_what_pyproject_asks_for_on_every_python(minor):
    version = {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.0"}
    project = PROJECT["project"]
    wanted = [
        *project["dependencies"],
        *project["optional-dependencies"]["dev"],
        *PROJECT["build-system"]["requires"],  # built without isolation, so it must be there
    ]
    for requirement in map(Requirement, wanted):
        found = pinned(requirement.name, **version)
        assert found and requirement.specifier.contains(found), f"make lock: {requirement}, {found}"


def test_the_lock_has_what_its_packages_ask_for():
    """Those of this machine and Python: the files of the others' packages are not here."""
    project = PROJECT["project"]
    waiting = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    seen = set()
    while waiting:
        requirement = Requirement(waiting.pop())
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        found = pinned(requirement.name, **default_environment())
        assert found and requirement.specifier.contains(found, prereleases=True), (
            f"make lock: {requirement}, {found}"
        )
        for text in metadata.requires(requirement.name) or []:
            marker = Requirement(text).marker
            asked = requirement.extras or {""}
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in asked):
                waiting.append(text)
    assert len({Requirement(text).name for text in seen}) > 100


def test_every_way_to_install_takes_a_python_that_the_lock_is_for():
    base = re.search(r"^From: debian:(\d+)\.\d+-slim$", CONTAINER["header"], re.M)
    (check,) = re.findall(r"sys\.exit\(not (.*?)\)'", MAKEFILE)
    assert base, "the container's base has no pinned version"
    assert DEBIAN_PYTHON[base[1]].removeprefix("3.") in map(str, MINORS)
    assert CONDA_PINS["python"].removeprefix("3.") in map(str, MINORS)
    for minor in range(8, 20):
        accepted = eval(check.replace("sys.version_info", f"(3, {minor}, 1)"))
        assert accepted == (minor in MINORS), f"Makefile: Python 3.{minor}"
    assert f"--python-version 3.{MINORS[0]} " in MAKEFILE.partition("\nlock:")[2]


def test_conda_gives_only_what_the_lock_cannot():
    assert set(CONDA_PINS) == {"python", "pip", "ffmpeg"}
    assert not set(CONDA_PINS) & {name for name, pins in LOCK.items() if pins}


@pytest.mark.parametrize("script", [POST_DEPLOY, CONTAINER["post"]], ids=["conda", "container"])
def test_the_locked_versions_are_installed_with_hashes_and_nothing_else(script):
    assert installs(script) == [INSTALL_LOCK, INSTALL_PACKAGE]
    assert (
        "--require-hashes" in re.search(r"uv pip sync (.*) requirements.lock$", MAKEFILE, re.M)[1]
    )
    assert re.search(r"\bset -eu", script)
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_the_container_is_given_all_that_building_the_package_reads():
    project = PROJECT["project"]
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    read = {"requirements.lock", "pyproject.toml", project["readme"], *project["license-files"]}
    copied = dict(line.split() for line in CONTAINER["files"].splitlines() if line.strip())
    assert set(copied) == read | {package.split("/")[0] for package in packages}
    for source, target in copied.items():
        assert (ROOT / source).exists() and target == f"/opt/hearsay/{source}"


def test_every_rule_with_a_command_names_the_conda_file():
    """The linter is content with the container alone."""
    rules = {}
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for rule in re.split(r"^ *rule (?=\w+:$)", path.read_text(), flags=re.M)[1:]:
            name, _, body = rule.partition(":")
            if re.search(r"^ *(shell|script|run|notebook|wrapper):", body, re.M):
                named = re.search(r'^ *conda:\n *"(.*)"$', body, re.M)
                rules[name] = named and (path.parent / named[1]).resolve()
    assert len(rules) > 50
    assert {name: env for name, env in rules.items() if env != ENVS / "hearsay.yaml"} == {}


def test_the_image_is_asked_for_only_where_jobs_run_in_it(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path / "run")
    assert find_image(str(tmp_path), {"conda"}) == f"../{IMAGE}"
    with pytest.raises(HearsayError, match=r"hearsay.sif is missing; build it .*hearsay.def"):
        find_image(str(tmp_path), {"apptainer"})
    (tmp_path / IMAGE).parent.mkdir()
    (tmp_path / IMAGE).touch()
    assert find_image(str(tmp_path), {"apptainer"}) == f"../{IMAGE}"
    with pytest.raises(HearsayError, match="no conda in it"):
        find_image(str(tmp_path), {"apptainer", "conda"})
