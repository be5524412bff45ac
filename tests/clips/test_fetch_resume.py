import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fetch_media import MP4, OPTIONS, make_media, write_clips

from hearsay.clips.fetch import fetch_clips
from hearsay.clips.journal import Journal
from hearsay.errors import HearsayError

NUM_CLIPS = 6
NAMES = [f"clip{number}" for number in range(NUM_CLIPS)]

FETCH = """
import json, sys
from pathlib import Path
from hearsay.clips.fetch import fetch_clips
from hearsay.errors import HearsayError
folder = Path(sys.argv[1])
try:
    fetch_clips(folder / "clips.parquet", 0, 99, Path(sys.argv[3]), folder / "status.parquet",
                json.loads(sys.argv[2]), folder / "run", folder / "source", 1)
except HearsayError as error:
    print(error)
    sys.exit(1)
"""


@pytest.fixture(scope="module")
def clip_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("resume") / "clip.mp4"
    make_media(path, 2.0, MP4)
    return path


@pytest.fixture
def folder(tmp_path: Path, clip_file: Path) -> Path:
    """A folder with `clips.parquet` and `source/`; the last clip is a dead link."""
    (tmp_path / "source").mkdir()
    for name in NAMES[:-1]:
        (tmp_path / "source" / f"{name}.mp4").hardlink_to(clip_file)
    rows = [{"clip_id": n, "locator": f"http://localhost/media/{n}.mp4"} for n in NAMES]
    write_clips(tmp_path / "clips.parquet", rows)
    return tmp_path


def set_faults(folder: Path, fault: dict[str, Any]) -> None:
    faults = {f"{name}.mp4": fault for name in NAMES}
    (folder / "source" / "faults.json").write_text(json.dumps(faults))


def fetch(folder: Path, **options: Any) -> pd.DataFrame:
    fetch_clips(
        folder / "clips.parquet", 0, 99, folder / "media", folder / "status.parquet",
        {**OPTIONS, **options}, folder / "run", folder / "source", 2,
    )  # fmt: skip
    return pd.read_parquet(folder / "status.parquet").set_index("clip_id")


def identities(folder: Path) -> dict[str, tuple[int, int]]:
    """Return inode and time of each stored clip; a clip fetched again has others."""
    found = (folder / "media").glob("[!.]*.mp4")
    return {path.stem: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def lines(folder: Path) -> int:
    journal = folder / "media" / "journal.jsonl"
    return journal.read_text().count("\n") if journal.exists() else 0


def start(folder: Path, media: Path, **popen: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", FETCH, str(folder), json.dumps(OPTIONS), str(media)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **popen)


def test_after_a_kill_only_what_is_missing_is_fetched(folder: Path) -> None:
    set_faults(folder, {"delay_s": 0.2})
    job = start(folder, folder / "media")
    deadline = time.monotonic() + 20
    while lines(folder) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    job.send_signal(signal.SIGKILL)
    job.wait(timeout=10)
    journal = (folder / "media" / "journal.jsonl").read_text()
    settled = [json.loads(line)["clip_id"] for line in journal.splitlines()]
    assert 2 <= len(settled) < NUM_CLIPS - 1
    before = identities(folder)
    assert not (folder / "status.parquet").exists()

    (folder / "source" / "faults.json").unlink()
    (folder / "media" / f".{NAMES[4]}.123.partial.mp4").write_bytes(b"half")
    with (folder / "media" / "journal.jsonl").open("a") as stream:
        stream.write('{"clip_id": "clip4", "status": "o')  # torn by a power cut
    table = fetch(folder)
    assert list(table["status"]) == ["ok"] * (NUM_CLIPS - 1) + ["not_found"]
    after = identities(folder)
    kept = before.keys() & set(settled)  # the kill may fall between the journal's line and the name
    assert len(kept) >= len(settled) - 2
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert not list((folder / "media").glob(".*"))


# Kills itself just before the first clip gets its final name, or at the next step after that.
KILLED = f"""
import os, signal, sys
moment, renamed = sys.argv[4], []
def watch(event, arguments):
    if event == "os.rename" and str(arguments[1]).endswith("clip0.mp4"):
        renamed.append(True)
    if renamed and event == {{"before": "os.rename", "after": "os.remove"}}[moment]:
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
{FETCH}
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_about_the_final_name_leaves_no_file_without_its_entry(
    folder: Path, moment: str
) -> None:
    media = folder / "media"
    options = json.dumps(OPTIONS)
    command = [sys.executable, "-c", KILLED, str(folder), options, str(media), moment]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert lines(folder) == 1
    assert set(identities(folder)) == ({"clip0"} if moment == "after" else set())
    before = identities(folder)
    if moment == "after":
        set_faults(folder, {"status": 404})  # whatever is asked for now fails for good
        table = fetch(folder)
        assert list(table["status"]) == ["ok"] + ["not_found"] * (NUM_CLIPS - 1)
        assert identities(folder) == before
    else:
        assert list(media.glob(".clip0.*.partial.mp4"))
        assert list(fetch(folder)["status"][:-1]) == ["ok"] * (NUM_CLIPS - 1)
    assert not list(media.glob(".*"))


def test_settled_clips_are_never_asked_for_again(folder: Path) -> None:
    first = fetch(folder)
    before = identities(folder)
    set_faults(folder, {"status": 500})  # whatever is asked for now fails
    (folder / "status.parquet").unlink()
    second = fetch(folder)
    pd.testing.assert_frame_equal(first, second)
    assert identities(folder) == before
    # Other options: what is there stays; a permanent failure is looked at anew.
    changed = fetch(folder, format="b")
    assert identities(folder) == before
    assert changed.loc[NAMES[-1], "status"] == "network"


def test_a_stored_file_that_is_lost_or_cut_is_fetched_again(folder: Path) -> None:
    fetch(folder)
    before = identities(folder)
    (folder / "media" / "clip0.mp4").unlink()
    with (folder / "media" / "clip1.mp4").open("r+b") as stream:
        stream.truncate(1000)
    table = fetch(folder)
    assert list(table["status"][:-1]) == ["ok"] * (NUM_CLIPS - 1)
    assert (folder / "media" / "clip1.mp4").stat().st_size == table.loc["clip1", "bytes"]
    changed = {name for name, identity in identities(folder).items() if identity != before[name]}
    assert changed == {"clip0", "clip1"}


def test_a_clip_with_another_section_is_fetched_again(folder: Path) -> None:
    fetch(folder)
    rows = [
        {"clip_id": n, "locator": f"http://localhost/media/{n}.mp4", "end_s": 1.5} for n in NAMES
    ]
    write_clips(folder / "clips.parquet", rows)
    table = fetch(folder)
    assert (table["duration_s"][:-1] == 1.5).all()


def test_passing_failures_are_tried_at_the_next_start(folder: Path) -> None:
    faults = {"clip2.mp4": {"status": 503}}
    (folder / "source" / "faults.json").write_text(json.dumps(faults))
    assert fetch(folder).loc["clip2", "status"] == "network"
    (folder / "source" / "faults.json").unlink()
    assert fetch(folder).loc["clip2", "status"] == "ok"


def test_the_last_entry_counts_and_torn_lines_are_passed_over(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append({"clip_id": "a", "status": "network"})
    journal.append({"clip_id": "a", "status": "ok"})
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes() + b'{"clip_id": "b", "sta\xff')
    again = Journal(tmp_path)
    assert again["a"] == {"clip_id": "a", "status": "ok"}
    assert again["b"] is None
    again.append({"clip_id": "c", "status": "ok"})
    third = Journal(tmp_path)
    assert third["c"] == {"clip_id": "c", "status": "ok"}
    assert third["b"] is None


def limit_file_size() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk needs root and the right to mount")
    yield path
    subprocess.run(["umount", str(path)], check=True)


def check_disk_full(job: subprocess.Popen[str], folder: Path, media: Path, size: int) -> None:
    output, _ = job.communicate(timeout=30)
    assert job.returncode == 1
    assert re.fullmatch(r"cannot write .*(disk full|File too large|No space).*\n", output)
    assert not (folder / "status.parquet").exists()
    for path in media.glob("*.mp4"):
        assert path.stat().st_size == size
    assert not list(media.glob(".*"))


def test_a_limit_of_the_file_size_ends_the_job_in_one_line(folder: Path) -> None:
    job = start(folder, folder / "media", preexec_fn=limit_file_size)
    check_disk_full(job, folder, folder / "media", -1)


def test_a_full_disk_ends_the_job_and_leaves_whole_files(
    folder: Path, clip_file: Path, small_disk: Path
) -> None:
    fetched = fetch(folder)
    job = start(folder, small_disk)
    check_disk_full(job, folder_without_status(folder), small_disk, fetched["bytes"].iloc[0])
    assert list(small_disk.glob("*.mp4"))  # the first fitted


def folder_without_status(folder: Path) -> Path:
    (folder / "status.parquet").unlink()
    return folder


def test_a_shard_beyond_the_index_is_an_error(folder: Path) -> None:
    with pytest.raises(HearsayError, match="shard 7 of 99 clips begins at row 693"):
        fetch_clips(
            folder / "clips.parquet", 7, 99, folder / "media", folder / "status.parquet", OPTIONS,
            folder / "run", None, 1,
        )  # fmt: skip
