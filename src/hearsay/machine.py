"""What this machine has, told without importing torch."""

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path


def count_gpus() -> int:
    """Count the NVIDIA cards that jobs on this machine would see, by CUDA's own rule.

    CUDA_VISIBLE_DEVICES lists them where it is set (ids up to the first negative one); else
    every device node counts.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return len([node for node in Path("/dev").glob("nvidia*") if node.name[6:].isdigit()])
    count = 0
    for identifier in filter(None, (part.strip() for part in visible.split(","))):
        if identifier.startswith("-"):
            break
        count += 1
    return count


def allow_many_files() -> None:
    """Raise the limit of open files to the hardest one: a mapped shard holds one each."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with suppress(ValueError, OSError):  # macOS names a limit that it does not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def put_commands_on_path() -> None:
    """Let `hearsay` be found beside the running Python.

    So `.venv/bin/snakemake` works without an activated environment: its jobs inherit the path.
    """
    folder = str(Path(sys.executable).parent)
    if folder not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = folder + os.pathsep + os.environ.get("PATH", os.defpath)
