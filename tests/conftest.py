"""Which of the long tests may run side by side."""

from pathlib import Path

import pytest

SLURM = Path(__file__).parent / "slurm"


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of SLURM, which mostly wait, run beside the other long ones.

    Those stay together (`make e2e`), since they share a finished run and fill the cores.
    """
    for item in items:
        if item.get_closest_marker("slow"):
            group = "slurm" if item.path.is_relative_to(SLURM) else "machine"
            item.add_marker(pytest.mark.xdist_group(group))
