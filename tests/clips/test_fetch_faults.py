import json
import logging
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from fetch_media import MP4, OPTIONS, make_media, write_clips

from hearsay.clips.fetch import fetch_clips
from hearsay.clips.ffmpeg import find_ffmpeg
from hearsay.clips.outcomes import FetchError
from hearsay.clips.server import serve_media
from hearsay.clips.status import FETCH_SCHEMA, FETCH_STATUSES
from hearsay.clips.verify import verify_media
from hearsay.errors import HearsayError

# name of the clip: (fault of the server, status, attempts)
FAULTS: dict[str, tuple[dict[str, Any] | None, str, int]] = {
    "fine": (None, "ok", 1),
    "dead": ({"status": 404}, "not_found", 1),
    "gone": ({"status": 410}, "not_found", 1),
    "closed": ({"status": 403}, "forbidden", 1),
    "ill": ({"status": 500}, "network", 2),
    "ill_once": ({"status": 500, "times": 1}, "ok", 2),
    "reset": ({"reset": True}, "network", 2),
    "reset_once": ({"reset": True, "times": 1}, "ok", 2),
    "reset_midway": ({"reset": True, "truncate_bytes": 30000}, "network", 2),
    "cut_short": ({"truncate_bytes": 30000}, "network", 2),
    # The first request is yt-dlp's, the second ffmpeg's, which asks once more for the rest.
    "cut_short_once": ({"truncate_bytes": 30000, "times": 2}, "ok", 1),
    "hung": ({"delay_s": 2.0}, "network", 2),
}


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faults")
    make_media(folder / "fine.mp4", 3.0, MP4)
    for name in FAULTS:
        if name != "fine":
            (folder / f"{name}.mp4").hardlink_to(folder / "fine.mp4")
    faults = {f"{name}.mp4": fault for name, (fault, _, _) in FAULTS.items() if fault}
    faults["slow_down.mp4"] = {"status": 429, "times": 1, "retry_after_s": 1}
    (folder / "slow_down.mp4").hardlink_to(folder / "fine.mp4")
    (folder / "faults.json").write_text(json.dumps(faults))

    source = folder / "fine.mp4"
    copy = ["-v", "error", "-i", str(source), "-c", "copy"]
    for name, arguments in (("mute", ["-an"]), ("sound_only", ["-vn"]), ("short", ["-t", "0.5"])):
        subprocess.run([find_ffmpeg(), *copy, *arguments, str(folder / f"{name}.mp4")], check=True)
    content = source.read_bytes()
    (folder / "half_a_file.mp4").write_bytes(content[: len(content) // 2])
    middle = len(content) // 2
    noise = random.Random(0).randbytes(20000)
    damaged = content[:middle] + noise[:4000] + content[middle + 4000 :]
    (folder / "damaged.mp4").write_bytes(damaged)
    (folder / "page.mp4").write_text("<!doctype html><html><body>Not here any more</body></html>")
    (folder / "page.html").write_text("<!doctype html><html><body>Not here any more</body></html>")
    (folder / "noise.mp4").write_bytes(noise)
    return folder


def fetch(
    folder: Path, names: dict[str, str], serve_folder: Path | None, **options: Any
) -> pd.DataFrame:
    """Fetch the locators in `names`, one clip each, and return the status table."""
    folder.mkdir(exist_ok=True)
    rows = [{"clip_id": name, "locator": locator} for name, locator in names.items()]
    write_clips(folder / "clips.parquet", rows)
    fetch_clips(
        clips=folder / "clips.parquet",
        shard=0,
        shard_size=len(rows),
        media_folder=folder / "media",
        status=folder / "status.parquet",
        options={**OPTIONS, **options},
        run_folder=folder / "run",
        serve_folder=serve_folder,
        num_workers=6,
    )
    assert pq.read_schema(folder / "status.parquet").equals(FETCH_SCHEMA)
    table = pd.read_parquet(folder / "status.parquet")
    assert list(table["clip_id"]) == list(names)
    assert set(table["status"]) <= set(FETCH_STATUSES)
    for row in table.itertuples():
        assert (row.status == "ok") == (row.path != "") == (row.bytes > 0) == (row.detail == "")
        assert row.tool.startswith("yt-dlp 20")
    stored = {Path(path).name for path in table["path"] if path}
    assert {path.name for path in (folder / "media").iterdir()} == stored | {"journal.jsonl"}
    return table.set_index("clip_id")


def local(*names: str) -> dict[str, str]:
    return {Path(name).stem: f"http://localhost/media/{name}" for name in names}


def test_every_fault_of_a_server_has_its_status(media: Path, tmp_path: Path) -> None:
    names = local(*(f"{name}.mp4" for name in FAULTS))
    table = fetch(tmp_path, names, media, timeout_s=0.7)  # some of them hang
    found = {name: (row.status, row.attempts) for name, row in table.iterrows()}
    assert found == {name: (status, attempts) for name, (_, status, attempts) in FAULTS.items()}


def test_what_is_wrong_with_the_media_itself(media: Path, tmp_path: Path) -> None:
    names = local("mute.mp4", "sound_only.mp4", "short.mp4", "half_a_file.mp4", "damaged.mp4",
                  "page.mp4", "noise.mp4", "fine.mp4")  # fmt: skip
    names["html"] = "http://localhost/media/page.html"
    table = fetch(tmp_path, names, media)
    assert table["status"].to_dict() == {
        "mute": "no_audio",
        "sound_only": "no_video",
        "short": "too_short",
        "half_a_file": "corrupt",
        "damaged": "corrupt",
        "page": "unknown",  # a page that the server calls video/mp4
        "noise": "corrupt",
        "fine": "ok",
        "html": "unknown",
    }
    assert "Unsupported URL" in table.loc["html", "detail"]
    assert (table["attempts"] == 1).all()


def test_sound_alone_is_fine_where_no_pictures_are_wanted(media: Path, tmp_path: Path) -> None:
    table = fetch(tmp_path, local("sound_only.mp4"), media, require_video=False)
    assert table.loc["sound_only", "status"] == "ok"


def test_a_429_holds_up_all_for_as_long_as_it_says(media: Path, tmp_path: Path) -> None:
    started = time.monotonic()
    table = fetch(tmp_path, local("slow_down.mp4"), media)
    assert (table.loc["slow_down", "status"], table.loc["slow_down", "attempts"]) == ("ok", 2)
    assert time.monotonic() - started > 1.0
    assert json.loads((tmp_path / "run" / "rate_limit.json").read_text())["blocks"] == 0


@contextmanager
def expired_addresses(file: Path, code: int, times: int) -> Iterator[str]:
    """Serve a file to yt-dlp; the first `times` requests of ffmpeg (with Range) meet `code`."""
    content = file.read_bytes()
    refused = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "Range" in self.headers and len(refused) < times:
                refused.append(self.path)
                self.send_error(code)
                return
            self.send_response(200)
            self.send_header("Content-Type", "video/mp4")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/clip.mp4"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("code", "times", "status", "attempts"),
    [
        (403, 1, "ok", 2),  # the address had expired
        (403, 9, "forbidden", 2),
        (404, 9, "not_found", 1),
        (429, 2, "ok", 3),
        (500, 9, "network", 4),
    ],
)
def test_http_errors_of_the_media_stage_are_told_apart(
    code: int, times: int, status: str, attempts: int, media: Path, tmp_path: Path
) -> None:
    expired = expired_addresses(media / "fine.mp4", code, times)
    with expired as url, serve_media(media) as address:
        names = {"clip": url, "fine": f"{address}media/fine.mp4"}
        row = fetch(tmp_path, names, None, max_attempts=4).loc["clip"]
    assert (row["status"], row["attempts"]) == (status, attempts)


def test_no_network_at_all_fails_the_job(media: Path, tmp_path: Path) -> None:
    names = {name: f"http://127.0.0.1:9/{name}.mp4" for name in ("a", "b")}
    with pytest.raises(HearsayError, match="2 of the 2 clips of shard 0 could not be reached"):
        fetch(tmp_path, names, None)
    assert not (tmp_path / "status.parquet").exists()


def test_a_network_that_drops_after_the_first_clips_fails_the_job_and_keeps_them(
    media: Path, tmp_path: Path
) -> None:
    down = {name: f"http://127.0.0.1:9/{name}.mp4" for name in ("a", "b")}
    with serve_media(media) as address:
        names = {"fine": f"{address}media/fine.mp4", **down}
        with pytest.raises(HearsayError, match="2 of the 3 clips of shard 0 could not be reached"):
            fetch(tmp_path, names, None)
    assert not (tmp_path / "status.parquet").exists()
    assert list(tmp_path.rglob("fine.mp4"))


def test_a_proxy_of_the_environment_is_not_asked_for_loopback(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert fetch(tmp_path, local("fine.mp4"), media).loc["fine", "status"] == "ok"


def test_a_track_that_no_decoder_knows_is_unknown_and_named(media: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd.mp4"
    odd.write_bytes((media / "fine.mp4").read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(FetchError, match="no decoder for the file's video") as error:
        verify_media(odd)
    assert error.value.status == "unknown"


def test_local_files_that_are_missing_or_damaged(
    media: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = ("fine.mp4", "damaged.mp4", "page.mp4", "mute.mp4", "none.mp4")
    write_clips(
        tmp_path / "clips.parquet",
        [{"clip_id": n[:-4], "source": "file", "locator": str(media / n)} for n in names]
        + [{"clip_id": "again", "source": "file", "locator": str(media / "damaged.mp4")}],
    )
    arguments = (tmp_path / "clips.parquet", 0, 9, tmp_path / "media", tmp_path / "s.parquet",
                 OPTIONS, tmp_path / "run", None, 2)  # fmt: skip
    with caplog.at_level(logging.WARNING):
        fetch_clips(*arguments)
    table = pd.read_parquet(tmp_path / "s.parquet").set_index("clip_id")
    expected = ["ok", "corrupt", "corrupt", "no_audio", "not_found", "corrupt"]
    assert list(table["status"]) == expected
    assert set(table["tool"]) == {"file"}
    assert any("clip damaged: corrupt" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    ("row", "options", "message"),
    [
        ({"source": "archive"}, {}, "clip c has source archive"),
        ({}, {"cookies": "/nowhere/cookies.txt"}, "cannot read fetch.cookies"),
        ({}, {"proxy": "socks5://127.0.0.1:1080"}, "ffmpeg cannot use SOCKS"),
        ({}, {"proxy": "socks5://me:PW@h:1"}, r"fetch.proxy socks5://\.\.\.@h:1: ffmpeg cannot"),
    ],
)
def test_what_cannot_work_is_said_at_once(
    row: dict[str, Any], options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    write_clips(tmp_path / "clips.parquet", [{"clip_id": "c", "locator": "x", **row}])
    with pytest.raises(HearsayError, match=message):
        fetch_clips(
            tmp_path / "clips.parquet", 0, 1, tmp_path / "media", tmp_path / "s.parquet",
            {**OPTIONS, **options}, tmp_path / "run", None, 1,
        )  # fmt: skip


def test_a_section_of_a_file_that_is_shorter(media: Path, tmp_path: Path) -> None:
    shutil.copy(media / "fine.mp4", tmp_path / "a.mp4")
    clip = {"locator": "http://localhost/media/a.mp4", "start_s": 2.5, "end_s": 9.0}
    late = {**clip, "start_s": 5.0}
    rows = [{"clip_id": "short", **clip}, {"clip_id": "late", **late}]
    write_clips(tmp_path / "clips.parquet", rows)
    fetch_clips(
        tmp_path / "clips.parquet", 0, 2, tmp_path / "media", tmp_path / "s.parquet", OPTIONS,
        tmp_path / "run", tmp_path, 1,
    )  # fmt: skip
    table = pd.read_parquet(tmp_path / "s.parquet").set_index("clip_id")
    assert table["status"].to_dict() == {"short": "too_short", "late": "too_short"}


def test_what_yt_dlp_says_is_logged_without_the_query_of_an_address(
    media: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = ("fine.mp4", "none.mp4")
    rows = [{"clip_id": n[:-4], "locator": f"http://localhost/media/{n}?sig=SECRET"} for n in names]
    write_clips(tmp_path / "clips.parquet", rows)
    with caplog.at_level(logging.DEBUG, logger="hearsay"):
        fetch_clips(
            tmp_path / "clips.parquet", 0, 2, tmp_path / "media", tmp_path / "s.parquet", OPTIONS,
            tmp_path / "run", media, 1,
        )  # fmt: skip
    own = [record for record in caplog.records if record.name.startswith("hearsay.clips")]
    said = [record.getMessage() for record in own if record.name != "hearsay.clips.server"]
    assert any("fine.mp4?..." in line for line in said), "yt-dlp names the address"
    assert not any("SECRET" in line for line in said)
    assert list(pd.read_parquet(tmp_path / "s.parquet")["status"]) == ["ok", "not_found"]
