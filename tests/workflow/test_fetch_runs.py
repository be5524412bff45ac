"""A small data set behind a mirror on loopback, fetched by the workflow."""

import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from hearsay.clips.ffmpeg import find_ffmpeg
from hearsay.config import FETCH_JOBS
from hearsay.layout import mark_path
from tests.workflow.conftest import ROOT, Workflow

pytestmark = pytest.mark.slow

TARGET = "results/data/mirror/availability.json"
VIDEOS = ["-aaaaaaaaa-", "b_bbbbbbbb_", "ccccccccccc", "ddddddddddd", "eeeeeeeeeee", "fffffffffff"]
DEAD = "fffffffffff"
SPLITS = ("train", "val", "test")


class Mirror:
    """Serves one media file under every name but DEAD's; counts what is asked for."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.codes: dict[str, int] = {DEAD: 404}  # HTTP status by video
        self.body = b""
        self.address = ""


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    mirror = Mirror()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            video = Path(self.path).stem
            mirror.requests[video] += 1
            if video in mirror.codes:
                self.send_error(mirror.codes[video])
                return
            self.send_response(200)
            self.send_header("Content-Type", "video/mp4")
            self.send_header("Content-Length", str(len(mirror.body)))
            self.end_headers()
            self.wfile.write(mirror.body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    file = tmp_path_factory.mktemp("media") / "clip.mp4"
    noise = ["-f", "lavfi", "-i", "anoisesrc=d=2:a=0.5", "-f", "lavfi", "-i", "testsrc=d=2:s=64x64"]
    command = [find_ffmpeg(), "-v", "error", *noise, "-pix_fmt", "yuv420p"]
    subprocess.run([*command, "-movflags", "+faststart", str(file)], check=True)
    mirror.body = file.read_bytes()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    mirror.address = f"http://127.0.0.1:{server.server_port}/media/{{video_id}}.mp4"
    yield mirror
    server.shutdown()
    server.server_close()


def dataset(mirror: Mirror) -> dict[str, Any]:
    demo = yaml.safe_load((ROOT / "config.yaml").read_text())["datasets"]["demo"]
    own = {
        "reader": "audioset",
        "num_clips": len(VIDEOS),
        "shard_size": 3,
        "clip_duration_s": 2.0,
        "num_images": 1,
        "min_duration_s": 1.0,
        "audioset": {split: f"{split}.txt" for split in SPLITS},
    }
    fetch = {**demo["fetch"], "address": mirror.address, "max_attempts": 1, "backoff_s": 0.01}
    return {**{key: demo[key] for key in demo if key != "demo"}, **own, "fetch": fetch}


def configure(workflow: Workflow, mirror: Mirror, max_missing: float = 1.0, **fetch: Any) -> None:
    """Make the mirror the one data set, with no method: the target `data` is all there is."""
    section = dataset(mirror)
    own = {
        "fetch": {**section["fetch"], **fetch},
        "max_missing": dict.fromkeys(SPLITS, max_missing),
    }
    stages = dict.fromkeys(("audio_image", "audio_text", "audio_label"), "mirror")
    workflow.configure(
        {"benchmark": {"methods": [], "reference": None, "stages": stages}},
        {"datasets": {"mirror": {**section, **own}}},
    )


@pytest.fixture(scope="module")
def fetched(mirror: Mirror, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    workflow = Workflow(tmp_path_factory.mktemp("fetched"))
    for split, videos in (("train", VIDEOS[:4]), ("val", VIDEOS[4:5]), ("test", VIDEOS[5:])):
        lines = [f'{video}, 0.000, 2.000, "/m/09x0r"\n' for video in videos]
        (workflow.folder / f"{split}.txt").write_text("".join(lines))
    configure(workflow, mirror)
    result = workflow.run(TARGET)
    assert result.returncode == 0, result.stdout[-5000:]
    return workflow


@pytest.fixture
def again(fetched: Workflow, tmp_path: Path) -> Workflow:
    """A copy of the fetched run, to go on with."""
    workflow = Workflow(tmp_path / "again")
    shutil.copytree(fetched.folder, workflow.folder)
    return workflow


def test_how_clips_are_asked_for_re_runs_nothing_and_what_is_fetched_does(
    fetched: Workflow, mirror: Mirror, tmp_path: Path
) -> None:
    changed = Workflow(tmp_path / "changed")
    shutil.copytree(fetched.folder, changed.folder)
    other = {
        "address": "http://elsewhere/{video_id}.mp4",
        "clips_per_hour": 17.5,
        "max_attempts": 9,
        "backoff_s": 7,
        "timeout_s": 99,
        "cookies": "it's mine.txt",
        "proxy": "http://127.0.0.1:3128",
        "extractor_args": {"youtube": {"po_token": ["web.gvs+{A\"B'C}"]}},
        "js_runtimes": {"node": {"path": "/opt/my node"}},
    }
    assert set(other) == set(dataset(mirror)["fetch"]) - {"format"}
    (changed.folder / "it's mine.txt").touch()
    configure(changed, mirror, **other)
    assert changed.planned(TARGET) == Counter()
    configure(changed, mirror, format="b")
    planned = changed.planned(TARGET)
    assert planned["fetch_clips"] == planned["decode_clips"] == 2


def test_a_mirror_is_fetched_by_the_rules(fetched: Workflow, mirror: Mirror) -> None:
    table = pd.read_parquet(fetched.folder / "results/data/mirror/availability.parquet")
    statuses = table.set_index("clip_id")["status"].to_dict()
    assert statuses == {f"{v}_0": "not_found" if v == DEAD else "ok" for v in VIDEOS}


def test_under_a_rate_four_shards_are_fetched_at_once(
    fetched: Workflow, mirror: Mirror, tmp_path: Path
) -> None:
    run = Workflow(tmp_path)
    for split in SPLITS:
        shutil.copy(fetched.folder / f"{split}.txt", run.folder)
    section = {**dataset(mirror), "shard_size": 1}
    targets = [f"results/data/mirror/clips/{n:05d}.status.parquet" for n in range(len(VIDEOS))]
    run.configure({"datasets": {"mirror": section}})
    assert "fetching=1, runtime=720" in run.run("--dry-run", "--cores", "6", targets[0]).stdout
    limited = {**section, "fetch": {**section["fetch"], "clips_per_hour": 36_000.0}}
    run.configure({"datasets": {"mirror": limited}})
    result = run.run("--cores", "6", *targets)
    assert result.returncode == 0, result.stdout[-5000:]
    jobs = [job for job in run.jobs() if job["rule"] == "fetch_clips"]
    spans = [(job["starttime"], job["endtime"]) for job in jobs]
    assert len(spans) == len(VIDEOS)
    assert max(sum(a <= start < b for a, b in spans) for start, _ in spans) <= FETCH_JOBS


def test_braces_and_quotes_of_options_reach_the_command(again: Workflow, mirror: Mirror) -> None:
    status = again.folder / "results/data/mirror/clips/00000.status.parquet"
    status.unlink()
    cookies = again.folder / 'it\'s {"my"} file.txt'
    cookies.write_text("# Netscape HTTP Cookie File\n")
    configure(again, mirror, cookies=cookies.name)
    result = again.run("results/data/mirror/clips/00000.status.parquet")
    assert result.returncode == 0, "the job reads the file first of all\n" + result.stdout[-3000:]
    assert status.exists()


def test_one_command_asks_again_for_what_may_have_passed_and_for_nothing_else(
    again: Workflow, mirror: Mirror
) -> None:
    configure(again, mirror)
    data = again.folder / "results" / "data"
    tables = sorted((data / "mirror" / "clips").glob("*.status.parquet"))
    shard = next(table for table in tables if f"{DEAD}_0" in _statuses(table))
    broken, other = (name for name in _statuses(shard) if name != f"{DEAD}_0")
    # A clip that had met a server that was down: no file, and a journal that says so.
    _break(again, mirror, shard, broken)
    assert _statuses(shard) == {broken: "network", other: "ok", f"{DEAD}_0": "not_found"}

    before, asked = _files(again), Counter(mirror.requests)
    counted = _retry(data, "--dry-run")
    assert "mirror: 1 network" in counted and "would look through 1 shards" in counted
    assert "no clip to ask for again" in _retry(data, "--statuses", "forbidden")
    assert _files(again) == before and again.planned(TARGET) == Counter()
    assert "mirror: 1 network" in _retry(data)
    marked = _files(again)
    assert {path for path in marked if marked[path] != before.get(path)} == {mark_path(shard)}
    result = again.run(TARGET)
    assert result.returncode == 0, result.stdout[-3000:]

    assert _statuses(shard) == {broken: "ok", other: "ok", f"{DEAD}_0": "not_found"}
    # Page and media of that clip, once each; nothing of those there, nothing of the dead link.
    assert mirror.requests - asked == Counter({broken.removesuffix("_0"): 2})
    after = _files(again)
    media = {path for path in before if path.suffix == ".mp4"}
    assert {path: after[path] for path in media} == {path: before[path] for path in media}
    untouched = next(table for table in tables if table != shard)
    assert after[untouched] == before[untouched]
    assert again.planned(TARGET) == Counter()
    assert "no clip to ask for again" in _retry(data)


def _break(workflow: Workflow, mirror: Mirror, shard: Path, clip_id: str) -> None:
    """Lose the file of a clip while the mirror fails for it, and let the workflow find out."""
    (shard.with_name(shard.name[:5]) / f"{clip_id}.mp4").unlink()
    mark_path(shard).write_text("0")
    video = clip_id.removesuffix("_0")
    mirror.codes[video] = 503
    try:
        assert workflow.run(TARGET).returncode == 0
    finally:
        del mirror.codes[video]


def _statuses(table: Path) -> dict[str, str]:
    return pd.read_parquet(table).set_index("clip_id")["status"].to_dict()


def _files(workflow: Workflow) -> dict[Path, tuple[int, int]]:
    """Return inode and time of every file below results/data."""
    files = (path for path in (workflow.folder / "results/data").rglob("*") if path.is_file())
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def _retry(data: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "hearsay.cli", "retry-clips", "--data", str(data)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_retry_that_fails_is_gone_on_with_by_the_next_start(
    again: Workflow, mirror: Mirror
) -> None:
    configure(again, mirror)
    data = again.folder / "results" / "data"
    shard = next((data / "mirror" / "clips").glob("00000*.parquet"))
    before, clips = _statuses(shard), list(_statuses(shard))
    assert again.planned("data") == {"check_missing": 1}  # the fixture stops before it
    for clip_id in clips:  # all of its files are lost, and the server is down
        (shard.with_name("00000") / f"{clip_id}.mp4").unlink(missing_ok=True)
    codes = dict(mirror.codes)
    mirror.codes.update({clip_id.removesuffix("_0"): 503 for clip_id in clips})
    mark_path(shard).write_text("1")
    try:
        result = again.run("data")
    finally:
        mirror.codes = codes
    assert result.returncode == 1 and "could not be reached" in result.stdout
    assert not shard.exists() and (data / "mirror" / "availability.json").exists()

    assert "mirror: 1 shards were begun and have no status table" in _retry(data, "--dry-run")
    planned = again.planned("data")
    joined = {"collect_availability": 1, "check_missing": 1}
    assert planned == {"fetch_clips": 1, "decode_clips": 1, **joined}
    result = again.run("data")
    assert result.returncode == 0, result.stdout[-3000:]
    assert _statuses(shard) == before
    assert again.planned("data") == Counter()


def test_too_many_missing_clips_stop_every_start_while_they_are_missing(
    again: Workflow, mirror: Mirror
) -> None:
    configure(again, mirror, max_missing=0.5)
    clips = again.folder / "results" / "data" / "mirror" / "clips"
    mark_path(clips / "00000.status.parquet").write_text("1")
    lacks = "mirror test lacks 1 of 1 clips (100.0 %, max_missing 50 %)"
    for _ in range(2):  # the second start has nothing to do but to count again
        result = again.run("data")
        assert result.returncode == 1
        assert lacks in result.stdout
        assert not (clips.parent / "availability.json").exists()
    assert again.planned("data") == {"collect_availability": 1, "check_missing": 1}
    configure(again, mirror)
    assert again.run("data").returncode == 0
    assert again.planned("data") == Counter()

    # A lower limit holds for what is there, and makes nothing of it anew.
    before = _files(again)
    configure(again, mirror, max_missing=0.5)
    result = again.run("data")
    assert result.returncode == 1 and lacks in result.stdout
    assert again.planned("data") == {"check_missing": 1}
    gone = {path.name for path in before.keys() - _files(again).keys()}
    assert gone == {"max_missing.json"} and before.items() >= _files(again).items()
