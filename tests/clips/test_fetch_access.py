"""How clips are asked for: addresses, arguments of extractors, JavaScript runtimes, cookies."""

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fetch_media import MP4, OPTIONS, make_media, write_clips
from yt_dlp import YoutubeDL

from hearsay.clips import access
from hearsay.clips.access import name_access, name_way
from hearsay.clips.fetch import fetch_clips
from hearsay.clips.server import serve_media
from hearsay.clips.sources import MediaFinder, page_address, read_extractor_args
from hearsay.errors import HearsayError

WATCH = OPTIONS["address"]
TOKEN = {"youtube": {"po_token": ["web.gvs+TOKEN"], "player_client": ["default", "mweb"]}}


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("access")
    make_media(folder / "-wa_0ZDx-aB.mp4", 2.0, MP4)
    return folder


def downloader(loopback: bool = False, **options: Any) -> YoutubeDL:
    return MediaFinder({**OPTIONS, **options})._downloader(loopback)


def fetch(folder: Path, ids: list[str], **options: Any) -> pd.DataFrame:
    rows = [{"clip_id": f"y{one}", "source": "youtube", "locator": one} for one in ids]
    write_clips(folder / "clips.parquet", rows)
    status = folder / "status.parquet"
    fetch_clips(
        folder / "clips.parquet", 0, 9, folder / "media", status, {**OPTIONS, **options},
        folder / "run", None, 2,
    )  # fmt: skip
    return pd.read_parquet(status).set_index("clip_id")


def test_a_youtube_id_is_asked_for_by_its_page() -> None:
    page = "https://www.youtube.com/watch?v=-wa_0ZDx"
    assert page_address("youtube", "-wa_0ZDx", WATCH) == page
    mirror = "http://mirror/media/{video_id}.mp4"
    assert page_address("youtube", "-wa_0ZDx", mirror) == "http://mirror/media/-wa_0ZDx.mp4"
    assert page_address("youtube", "https://youtu.be/x", mirror) == "https://youtu.be/x"
    local = "http://localhost/media/a.mp4"
    assert page_address("http", local, mirror) == local


def test_a_mirror_stands_for_youtube_and_another_one_is_asked_for_what_failed(
    media: Path, tmp_path: Path
) -> None:
    ids = ["-wa_0ZDx-aB", "dead_0-000_"]
    with serve_media(media) as address:
        first = fetch(tmp_path, ids, address=f"{address}media/{{video_id}}.mp4")
    assert list(first["status"]) == ["ok", "not_found"]
    stored = Path(first["path"].iloc[0])
    assert stored.name == "y-wa_0ZDx-aB.mp4"
    before = stored.stat()
    other = tmp_path / "other"
    other.mkdir()
    (other / "dead_0-000_.mp4").hardlink_to(media / "-wa_0ZDx-aB.mp4")
    with serve_media(other) as address:
        second = fetch(tmp_path, ids, address=f"{address}media/{{video_id}}.mp4")
    assert list(second["status"]) == ["ok", "ok"]
    assert (stored.stat().st_ino, stored.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("loopback", [False, True])
def test_extractor_args_and_runtimes_reach_yt_dlp(loopback: bool, tmp_path: Path) -> None:
    runtimes = {"node": {"path": "/opt/node"}, "deno": {}}
    found = downloader(loopback, extractor_args=TOKEN, js_runtimes=runtimes)
    assert found.params["extractor_args"] == TOKEN
    assert found.params["js_runtimes"] == runtimes
    assert downloader(loopback, js_runtimes={}).params["js_runtimes"] == {}
    if not loopback:
        youtube = found.get_info_extractor("Youtube")
        assert youtube._configuration_arg("po_token", casesense=True) == ["web.gvs+TOKEN"]
        assert youtube._configuration_arg("player_client") == ["default", "mweb"]


def test_cookies_reach_yt_dlp_and_their_file_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "cookies.txt"
    row = ".youtube.com\tTRUE\t/\tTRUE\t4102444800\tSID\tsecret\n"
    file.write_text(f"# Netscape HTTP Cookie File\n{row}")
    written = file.stat().st_mtime_ns
    found = downloader(cookies=str(file))
    cookies = found.cookiejar.get_cookies_for_url("https://www.youtube.com/watch?v=x")
    assert [(cookie.name, cookie.value) for cookie in cookies] == [("SID", "secret")]
    found.close()
    assert file.stat().st_mtime_ns == written


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_extractor_args_may_stand_in_a_file(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"token.{suffix}"
    yaml_text = 'youtube:\n  po_token: ["web.gvs+TOKEN"]\n  player_client: [default, mweb]\n'
    file.write_text(yaml_text if suffix == "yaml" else json.dumps(TOKEN))
    assert downloader(extractor_args=str(file)).params["extractor_args"] == TOKEN


@pytest.mark.parametrize(
    "text", ["", "web.gvs+SECRET", "youtube: {po_token: SECRET}", "{SECRET: [", "youtube: [SECRET]"]
)
def test_a_file_of_something_else_is_refused_and_not_quoted(text: str, tmp_path: Path) -> None:
    file = tmp_path / "token.yaml"
    file.write_text(text)
    with pytest.raises(HearsayError, match="is no mapping of lists of texts") as error:
        read_extractor_args(str(file))
    assert "SECRET" not in str(error.value)
    with pytest.raises(HearsayError, match="cannot read fetch.extractor_args"):
        read_extractor_args(str(tmp_path / "none.yaml"))


def test_the_javascript_runtime_of_the_environment_is_found_without_a_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    runtime = downloader()._js_runtimes["deno"]
    assert runtime.info is not None
    assert runtime.info.supported


def names(**options: Any) -> tuple[str, str]:
    settings = {**OPTIONS, **options}
    finder = MediaFinder(settings)
    return name_way(settings, finder), name_access(settings, finder)


def test_another_content_of_the_same_file_is_another_way_of_asking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookies, token = tmp_path / "cookies.txt", tmp_path / "token.yaml"
    cookies.write_text("# Netscape HTTP Cookie File\n")
    token.write_text(json.dumps(TOKEN))
    files = {"cookies": str(cookies), "extractor_args": str(token)}
    way, mark = names(**files)
    assert names(**files) == (way, mark)
    copied = tmp_path / "copy.txt"
    copied.write_text(cookies.read_text())
    assert names(**{**files, "cookies": str(copied)}) == (way, mark)

    token.write_text(json.dumps({"youtube": {"po_token": ["web.gvs+NEWER"]}}))
    newer_way, same = names(**files)
    assert newer_way != way and same == mark, "a token brings no removed clip back"
    cookies.write_text("# Netscape HTTP Cookie File\n# of another account\n")
    assert newer_way != names(**files)[0]
    assert mark != names(**files)[1]

    way, mark = names()
    for changed in (names(js_runtimes={"node": {}}), names(clips_per_hour=7)):
        assert changed[0] != way and changed[1] == mark
    proxied = [names(proxy="http://me:PW@h:1"), names(proxy="http://me:PX@h:1"), (way, mark)]
    assert len({one for one, _ in proxied}) == len({one for _, one in proxied}) == 3
    monkeypatch.setenv("http_proxy", "http://h:1")
    assert names()[0] != way and names()[1] != mark
    monkeypatch.delenv("http_proxy")
    monkeypatch.setattr(access, "TOOL", "yt-dlp 2099.01.01")
    assert names()[0] != way and names()[1] == mark


def test_other_cookies_in_place_ask_again_and_no_password_is_stored(
    tmp_path: Path,
) -> None:
    empty, cookies = tmp_path / "empty", tmp_path / "cookies.txt"
    empty.mkdir()
    cookies.write_text("# Netscape HTTP Cookie File\n")
    options = {"cookies": str(cookies), "proxy": "http://me:PASSWORD@127.0.0.1:9"}
    with serve_media(empty) as address:
        options["address"] = f"{address}media/{{video_id}}.mp4"
        assert list(fetch(tmp_path, ["-wa_0ZDx-aB"], **options)["status"]) == ["not_found"]
        journal = tmp_path / "media" / "journal.jsonl"
        assert "PASSWORD" not in journal.read_text()
        fetch(tmp_path, ["-wa_0ZDx-aB"], **options)
        assert journal.read_text().count("\n") == 1, "not asked for again"
        cookies.write_text("# Netscape HTTP Cookie File\n# of another account\n")
        fetch(tmp_path, ["-wa_0ZDx-aB"], **options)
        assert journal.read_text().count("\n") == 2
