"""How many jobs a run has, asked of Snakemake itself."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from hearsay.config import Config
from hearsay.errors import HearsayError

PLACES = ("csv", "train", "val", "test", "record", "address")  # of a reader's own section
TARGETS = ("all", "data", "features", "runs", "tables", "disagreement")


def count_jobs(config: Config, snakefile: Path) -> dict[str, int]:
    """Count the jobs of a run from nothing, by rule, in Snakemake's order.

    A real dry run in an empty folder: what is done already counts too, and nothing of this run
    is touched. Files of the user's own need not be there yet; empty ones stand in for them.

    Raises:
        HearsayError: Snakemake does not take the config; its own words follow.
    """
    with tempfile.TemporaryDirectory(prefix="hearsay-estimate-") as name:
        folder = Path(name)
        planned = deepcopy(config)
        for section, key in _files(planned):
            stand_in = folder / "own" / Path(section[key]).name
            stand_in.parent.mkdir(exist_ok=True)
            stand_in.touch()
            section[key] = str(stand_in)
        (folder / "config.yaml").write_text(yaml.safe_dump(planned))
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile.resolve())]
        command += ["--directory", str(folder), "--cores", "1", "--dry-run", "--quiet", "host"]
        result = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder
        )
    if result.returncode != 0:
        lines = [line.strip() for line in result.stdout.splitlines() if line.strip()]
        raise HearsayError(f"snakemake cannot plan this config: {' '.join(lines[-8:])}")
    return parse_jobs(result.stdout)


def parse_jobs(printed: str) -> dict[str, int]:
    """Read the table of jobs that a dry run prints first; target rules are no work.

    Raises:
        HearsayError: there is no such table.
    """
    table = re.search(r"^job +count\n[- ]+\n(.*?)^total ", printed, re.M | re.S)
    if table is None:
        raise HearsayError("snakemake printed no table of jobs; is its version that of the lock?")
    rows = (line.split() for line in table[1].strip().splitlines())
    return {rule: int(count) for rule, count in rows if rule not in TARGETS}


def _files(config: Config) -> Iterator[tuple[dict[str, Any], str]]:
    """Find the places of a config that name files of the user's own: section and key."""
    candidates = [
        (config["words"], "file"),
        (config["wal_net"], "file"),
        (config["benchmark"], "subset"),
    ]
    for dataset in config["datasets"].values():
        candidates += [(dataset["fetch"], key) for key in ("cookies", "extractor_args")]
        own = dataset.get(dataset["reader"], {})
        for key in PLACES:
            pinned = isinstance(own.get(key), dict)  # an address with its checksum
            candidates.append((own[key], "address") if pinned else (own, key))
    for section, key in candidates:
        place = section.get(key)
        if isinstance(place, str) and not place.startswith(("http://", "https://")):
            yield section, key
