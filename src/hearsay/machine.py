"""What this machine has, told without importing torch."""

import fcntl
import os
import resource
import sys
import tempfile
from contextlib import suppress
from pathlib import Path


def count_gpus() -> int:
    """Count the NVIDIA cards that jobs on this machine would see."""
    return len(list_cards())


def list_cards() -> list[str]:
    """Name the NVIDIA cards that jobs on this machine would see, by CUDA's own rule.

    CUDA_VISIBLE_DEVICES lists them where it is set (ids up to the first negative one); else
    every device node counts.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        nodes = [node.name[6:] for node in Path("/dev").glob("nvidia*")]
        return sorted((name for name in nodes if name.isdigit()), key=int)
    cards = []
    for identifier in filter(None, (part.strip() for part in visible.split(","))):
        if identifier.startswith("-"):
            break
        cards.append(identifier)
    return cards


def claim_cards(number: int) -> list[str]:
    """Take cards that no other job of this user has, for as long as this process lives.

    Jobs that run side by side on one machine would all compute on its first card. A lock file a
    card tells which are taken; what this process and its children see is then narrowed by
    CUDA_VISIBLE_DEVICES. Where there are no more cards than asked for, or too few are free, all
    stay visible.

    Returns:
        the cards taken; empty where nothing was narrowed.
    """
    cards = list_cards()
    if len(cards) <= number:
        return []
    taken: dict[str, int] = {}
    for card in cards:
        path = Path(tempfile.gettempdir()) / f"hearsay-{os.getuid()}-card-{card}.lock"
        lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        taken[card] = lock
        if len(taken) == number:
            break
    if len(taken) < number:
        for lock in taken.values():
            os.close(lock)
        return []
    for lock in taken.values():
        os.set_inheritable(lock, True)  # torchrun takes this process's place
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(taken)
    return list(taken)


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
