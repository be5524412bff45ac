"""What one program takes: wall time, processor time, peak memory."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """What a program took.

    Attributes:
        wall_s: from its start to its end.
        processor_s: of the program and the children that it has waited for, all cores added up.
        peak_mb: the largest resident memory of one process of these.
    """

    wall_s: float
    processor_s: float
    peak_mb: float

    def rounded(self) -> dict[str, float]:
        """Return the numbers for a report."""
        return {name: round(value, 2) for name, value in asdict(self).items()}


def run_measured(
    command: Sequence[str],
    output: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Usage:
    """Run a program, its output in a file, and return what it took.

    Linux counts the memory of whoever starts a program as the program's own until it begins, so
    the caller has to be small: it imports no numpy, pandas or torch.

    Raises:
        SystemExit: the program failed; with the end of its output.
    """
    with output.open("wb") as file:
        started = time.perf_counter()
        child = subprocess.Popen(
            command,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **(environment or {})},
        )
        _, status, used = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{output.read_text()[-3000:]}")
    return Usage(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
