import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hearsay.files import atomic_path, write_text


def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    program = (
        "import sys, time; from pathlib import Path; from hearsay.files import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])) as path:\n"
        "    path.write_text('half'); print('written', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["half"]
    write_text("whole", target)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"table.csv": "whole"}


def test_unfinished_files_of_other_names_are_left_alone(tmp_path: Path) -> None:
    others = [".table.status.12.partial.csv", ".tables.12.partial.csv", ".table.12.partial.txt"]
    for name in others:
        (tmp_path / name).touch()
    write_text("whole", tmp_path / "table.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*others, "table.csv"])


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    write_text("old", target)
    with pytest.raises(ValueError), atomic_path(target) as path:
        path.write_text("half")
        raise ValueError
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"table.csv": "old"}
