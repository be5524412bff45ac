import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hearsay import cli, commands
from hearsay.errors import HearsayError
from hearsay.files import atomic_path, read_json, write_json
from hearsay.machine import count_gpus

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _fresh_log():
    yield
    for handler in list(cli.log.handlers):
        handler.close()
        cli.log.removeHandler(handler)
    cli.log.setLevel(logging.NOTSET)


def test_every_rule_has_its_subcommand_and_every_other_subcommand_is_for_use_by_hand():
    rules = {
        line.split()[1].rstrip(":")
        for file in (ROOT / "workflow" / "rules").glob("*.smk")
        for line in file.read_text().splitlines()
        if line.startswith("rule ")
    }
    by_hand = {command.__name__ for command in commands.BY_HAND}
    assert rules | by_hand == {command.__name__ for command in commands.COMMANDS}
    assert not rules & by_hand


@pytest.mark.parametrize("before", [[], ["--log", "{}/log"], ["--log={}/log"]])
@pytest.mark.parametrize("name", ["fetch_annotations", "fetch-annotations", "export_subset"])
def test_a_subcommand_may_be_written_with_hyphens_or_underscores(before, name, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([*(text.format(tmp_path) for text in before), name, "--help"])
    assert stop.value.code == 0
    assert "usage: hearsay" in capsys.readouterr().out


def test_commands_for_people_come_first_and_explain_their_options(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    shown = capsys.readouterr().out
    listed = re.findall(r"^    ([a-z][\w-]+)", shown, re.M)
    assert listed[:3] == ["estimate", "retry-clips", "export-subset"]
    assert len(listed) == len(commands.COMMANDS)
    actions = next(iter(cli.make_parser()._subparsers._group_actions)).choices
    for name in listed[:3]:
        options = [action for action in actions[name]._actions if action.dest != "help"]
        assert options and all(action.help for action in options)


def test_an_expected_error_is_one_line_and_exit_code_1(tmp_path, capfd):
    options = json.dumps({"address": str(tmp_path / "none.csv"), "sha256": None})
    arguments = ["fetch_annotations", "--options", options, "--access", "{}"]
    code = cli.main(["--log", str(tmp_path / "log"), *arguments, "--file", str(tmp_path / "x")])
    error = capfd.readouterr().err
    assert code == 1
    assert error.startswith("hearsay: error: annotation file")
    assert error.count("\n") == 1
    assert "does not exist" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    ("command", "options", "rest"),
    [
        ("fetch_annotations", {"sha256": None}, ["--file", "x.csv"]),
        (
            "fetch_archive",
            {"md5": None, "max_bytes": 1},
            ["--archives", "a", "--folder", "f", "--summary", "s.json"],
        ),
    ],
)
def test_a_list_and_an_archive_have_addresses_of_their_own(command, options, rest, tmp_path, capfd):
    own = str(tmp_path / "none.zip")
    access = {"address": "http://127.0.0.1:9/{video_id}.mp4", "max_attempts": 1, "backoff_s": 0,
              "timeout_s": 1, "proxy": None}  # fmt: skip
    given = ["--options", json.dumps({"address": own, **options}), "--access", json.dumps(access)]
    assert cli.main([command, *given, *rest]) == 1
    assert own in capfd.readouterr().err


def test_wrong_usage_is_exit_code_2(capfd):
    with pytest.raises(SystemExit) as stop:
        cli.main(["fetch_annotations", "--option", "{}"])
    assert stop.value.code == 2
    with pytest.raises(SystemExit) as stop:
        cli.main(
            ["extract_fbank", "--audio", "a", "--array", "b", "--index", "c", "--options", "{"]
        )
    assert stop.value.code == 2
    assert "not JSON" in capfd.readouterr().err


def test_an_unexpected_error_leaves_its_trace_in_the_log(tmp_path, capfd, monkeypatch):
    from hearsay.annotations import download

    def broken(options, file):
        raise ZeroDivisionError("by hand")

    monkeypatch.setattr(download, "fetch_annotations", broken)
    arguments = ["fetch_annotations", "--options", "{}", "--access", "{}", "--file", "b"]
    assert cli.main(["--log", str(tmp_path / "log"), *arguments]) == 1
    assert "Traceback" in (tmp_path / "log").read_text()
    assert capfd.readouterr().err.count("\n") == 1


def test_a_failed_write_leaves_nothing_and_an_old_file_untouched(tmp_path):
    path = tmp_path / "table.json"
    write_json({"old": 1}, path)
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("killed")
    assert read_json(path) == {"old": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["table.json"]


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux")
def test_a_full_disk_is_one_clear_line(tmp_path):
    with (
        pytest.raises(HearsayError, match="cannot write .*No space left"),
        atomic_path(tmp_path / "x.bin") as temporary,
    ):
        temporary.symlink_to("/dev/full")
        temporary.write_bytes(b"x" * 100_000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "write",
    [
        "files.write_parquet(pd.DataFrame({'x': np.random.rand(10000)}), target)",
        "files.write_torch({'x': torch.zeros(10000)}, target)",
    ],
)
def test_a_real_file_size_limit_stops_a_file_with_one_line(tmp_path, write):
    """RLIMIT_FSIZE makes the kernel refuse the write, as a full disk does."""
    script = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "import numpy as np, pandas as pd, torch\n"
        "from hearsay import files\n"
        "from hearsay.errors import HearsayError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "target = Path(sys.argv[1])\n"
        "try:\n"
        f"    {write}\n"
        "except HearsayError as error:\n"
        "    print(error)\n"
    )
    target = tmp_path / "out" / "file"
    result = subprocess.run(
        [sys.executable, "-c", script, str(target)], capture_output=True, text=True, check=True
    )
    assert result.stdout.startswith(f"cannot write {target}")
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("visible", "count"), [("", 0), ("-1", 0), ("0", 1), ("0,1", 2), ("0,-1,1", 1), ("GPU-a,b", 2)]
)
def test_gpus_are_counted_by_cudas_rule(monkeypatch, visible, count):
    monkeypatch.setitem(os.environ, "CUDA_VISIBLE_DEVICES", visible)
    assert count_gpus() == count
