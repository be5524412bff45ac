"""Each fault of a server, once where yt-dlp asks and once where ffmpeg does."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fault_server import (
    HTML,
    MEDIA,
    PAGE,
    Answer,
    Site,
    at_first,
    chunked,
    cut,
    good,
    hang,
    misstate,
    page,
    redirect,
    refuse,
    serve_faults,
    trickle,
    unannounced_cut,
)
from fetch_media import MP4, OPTIONS, make_media, write_clips

from hearsay.clips import section, sources
from hearsay.clips.fetch import fetch_clips
from hearsay.clips.patience import call_within
from hearsay.clips.section import Stream
from hearsay.clips.sources import MediaFinder
from hearsay.errors import HearsayError

HALF = 27000  # bytes, of about 55,000
TIMEOUT_S = 0.7
LOOP = "loop"

# fault: (what it is, status, a piece of the original message) where yt-dlp asks, where ffmpeg does
FAULTS: dict[str, tuple[Answer | str, tuple[str, str], tuple[str, str]]] = {
    "forbidden": (refuse(403), ("forbidden", "HTTP Error 403"), ("forbidden", "HTTP error 403")),
    "missing": (refuse(404), ("not_found", "HTTP Error 404"), ("not_found", "HTTP error 404")),
    "busy": (
        refuse(429, Retry_After="0.2"),
        ("rate_limited", "HTTP Error 429"),
        ("rate_limited", "HTTP error 429"),
    ),
    "broken": (refuse(500), ("network", "HTTP Error 500"), ("network", "HTTP error 500")),
    "hung": (hang(None), ("network", "Read timed out"), ("network", "Connection timed out")),
    "hung_midway": (hang(HALF), ("ok", ""), ("network", "Read timed out")),
    "cut": (cut(0, False), ("network", "without response"), ("network", "End of file")),
    "cut_midway": (cut(HALF, False), ("ok", ""), ("network", "ends prematurely")),
    "reset": (cut(0, True), ("network", "reset by peer"), ("network", "reset by peer")),
    "reset_midway": (cut(HALF, True), ("ok", ""), ("network", "reset by peer")),
    "unannounced_cut": (unannounced_cut(HALF), ("ok", ""), ("network", "corrupt input packet")),
    "chunked": (chunked(None), ("ok", ""), ("ok", "")),
    "chunked_cut": (chunked(HALF), ("ok", ""), ("network", "bytes read")),
    "announces_more": (misstate(50_000), ("ok", ""), ("network", "ends prematurely")),
    "redirected": (redirect("fine"), ("ok", ""), ("ok", "")),
    LOOP: (LOOP, ("unknown", "redirect loop"), ("unknown", "redirect loop")),
    "to_a_page": (redirect("html"), ("unknown", "Unsupported URL"), ("unknown", "an HTML page")),
    "page": (page("text/html"), ("unknown", "Unsupported URL"), ("unknown", "an HTML page")),
    "page_as_media": (page("video/mp4"), ("ok", ""), ("unknown", "<title>Sign on</title>")),
    # Alive, and in all much longer than the timeout: two thirds of it between two pieces.
    "slow": (trickle(6, TIMEOUT_S * 2 / 3), ("ok", ""), ("ok", "")),
}  # fmt: skip


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("stages") / "clip.mp4"
    make_media(file, 3.0, MP4)
    assert file.stat().st_size >= 2 * HALF
    return file.read_bytes()


@pytest.fixture
def site(content: bytes) -> Iterator[Site]:
    with serve_faults(content) as site:
        site.answers["html", PAGE] = site.answers["html", MEDIA] = page("text/html")
        yield site


def fetch(folder: Path, site: Site, names: list[str], **options: Any) -> pd.DataFrame:
    write_clips(folder / "clips.parquet", [{"clip_id": n, "locator": site.url(n)} for n in names])
    settings = {**OPTIONS, "timeout_s": TIMEOUT_S, "backoff_s": 0.01, **options}
    fetch_clips(
        folder / "clips.parquet", 0, len(names), folder / "media", folder / "status.parquet",
        settings, folder / "run", None, 8,
    )  # fmt: skip
    table = pd.read_parquet(folder / "status.parquet").set_index("clip_id")
    stored = {f"{name}.mp4" for name, row in table.iterrows() if row["status"] == "ok"}
    assert {path.name for path in (folder / "media").iterdir()} == stored | {"journal.jsonl"}
    return table


@pytest.mark.parametrize("stage", [PAGE, MEDIA])
def test_each_fault_has_its_status_and_keeps_its_message(
    stage: str, content: bytes, site: Site, tmp_path: Path
) -> None:
    for name, (fault, _, _) in FAULTS.items():
        site.answers[name, stage] = redirect(name) if isinstance(fault, str) else fault
    fine = [f"fine{number}" for number in range(len(FAULTS))]  # else the source seems to be down
    table = fetch(tmp_path, site, ["fine", *FAULTS, *fine])
    expected = {name: texts[0 if stage == PAGE else 1] for name, (_, *texts) in FAULTS.items()}
    found = {name: table.loc[name, "status"] for name in FAULTS}
    assert found == {name: status for name, (status, _) in expected.items()}
    for name, (_, message) in expected.items():
        assert message in table.loc[name, "detail"], name
    passing = table["status"].isin({"network", "rate_limited"})
    assert (table.loc[passing, "attempts"] == 2).all()
    again = {"forbidden"} if stage == MEDIA else set()  # its address may have expired
    rest = table[~passing & ~table.index.isin(again)]
    assert (rest["attempts"] == 1).all()
    whole = pd.read_parquet(tmp_path / "status.parquet").query("status == 'ok'")
    assert (whole["duration_s"] - 3.0).abs().max() < 0.05


@pytest.mark.parametrize(
    "fault", [hang(HALF), cut(HALF, True), cut(HALF, False), unannounced_cut(HALF), chunked(HALF)]
)
def test_what_broke_off_once_is_whole_in_the_end(
    fault: Answer, content: bytes, site: Site, tmp_path: Path
) -> None:
    site.answers["clip", MEDIA] = at_first(1, fault)
    row = fetch(tmp_path, site, ["clip"]).loc["clip"]
    assert (row["status"], row["detail"]) == ("ok", "")
    assert row["duration_s"] == pytest.approx(3.0, abs=0.05)


def test_a_body_shorter_than_the_media_is_corrupt_at_once_and_for_good(
    content: bytes, site: Site, tmp_path: Path
) -> None:
    def shortened(request: Any) -> None:  # the connection stays open for the next request
        request.head(HALF)
        request.wfile.write(content[:HALF])

    site.answers["clip", MEDIA] = shortened
    row = fetch(tmp_path, site, ["clip", "fine"]).loc["clip"]
    assert (row["status"], row["attempts"]) == ("corrupt", 1)
    assert row["detail"].count("corrupt input packet") == 2, "from the site, and from the file"
    asked = len(site.requests)
    (tmp_path / "status.parquet").unlink()
    assert fetch(tmp_path, site, ["clip", "fine"]).loc["clip", "status"] == "corrupt"
    assert len(site.requests) == asked


@pytest.mark.parametrize("stage", [PAGE, MEDIA])
def test_a_trickle_that_would_never_end_is_given_up(
    stage: str,
    content: bytes,
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sources, "EXTRACTION_TIMEOUTS", 3)
    monkeypatch.setattr(section, "LONGEST_TIMEOUTS", 3)
    endless = trickle(10_000, 0.2, HTML * 1000, "text/html")
    site.answers["clip", stage] = endless if stage == PAGE else trickle(10_000, 0.2)
    row = fetch(tmp_path, site, ["clip", "fine"], max_attempts=1).loc["clip"]
    assert row["status"] == "network"
    assert "did not end within 2 s" in row["detail"]


def test_a_whole_file_that_is_too_slow_or_too_large_is_left(
    content: bytes, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finder = MediaFinder({**OPTIONS, "timeout_s": TIMEOUT_S})
    stream = Stream(site.url("clip"), {}, "", True)
    assert finder.fetch_body(stream, tmp_path / "clip") is True
    assert (tmp_path / "clip").read_bytes() == content
    site.answers["clip", MEDIA] = unannounced_cut(len(content))
    assert finder.fetch_body(stream, tmp_path / "clip") is False
    site.answers["clip", MEDIA] = trickle(10_000, 0.2)
    monkeypatch.setattr(sources, "LONGEST_TIMEOUTS", 2)
    with pytest.raises(Exception, match="network: yt-dlp did not end within 1 s"):
        finder.fetch_body(stream, tmp_path / "clip")
    site.answers["clip", MEDIA] = good
    monkeypatch.setattr("hearsay.clips.body.LARGEST_BYTES", len(content) - 1)
    with pytest.raises(Exception, match="unknown: over 0 MB"):
        finder.fetch_body(stream, tmp_path / "clip")


def test_a_disk_that_fills_up_under_a_whole_file_concerns_all(site: Site) -> None:
    finder = MediaFinder(OPTIONS)
    with pytest.raises(HearsayError, match="cannot write /dev: No space left on device"):
        finder.fetch_body(Stream(site.url("clip"), {}, "", True), Path("/dev/full"))


def test_what_hangs_is_left_and_what_fails_fails_here() -> None:
    assert call_within(5, lambda: 7) == 7
    with pytest.raises(KeyError):
        call_within(5, lambda: {}["a"])
    with pytest.raises(TimeoutError):
        call_within(0.05, lambda: time.sleep(3))
