import subprocess
from pathlib import Path

import pandas as pd
import pytest
from fetch_media import (
    AAC,
    H264,
    IMAGES_PER_S,
    MP4,
    OPTIONS,
    RATE_HZ,
    find_sound,
    make_media,
    make_sound,
    read_numbers,
    write_clips,
)

from hearsay.clips.fetch import fetch_clips
from hearsay.clips.ffmpeg import find_ffmpeg
from hearsay.clips.outcomes import FetchError
from hearsay.clips.section import Stream, _check_length, cut_section
from hearsay.clips.server import serve_media
from hearsay.clips.verify import verify_media

DURATION_S = 16.0
START_S, END_S = 5.317, 13.317  # neither at a key frame nor at any frame
SOUND = make_sound(DURATION_S)
VP8 = ["-c:v", "libvpx", "-g", "120", "-b:v", "400k", "-deadline", "realtime", "-cpu-used", "8"]
FILES = {
    "both.mp4": MP4,
    "late_index.mp4": [*H264, *AAC],
    "pictures.mp4": [*H264, "-map", "0:v"],
    "sound.m4a": [*AAC, "-map", "1:a"],
    "both.webm": [*VP8, "-c:a", "libopus", "-b:a", "96k"],
    "both.ts": [*H264, *AAC],
}


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("section")
    for name, arguments in FILES.items():
        make_media(folder / name, DURATION_S, arguments)
    return folder


def check_clip(path: Path, start_offset_s: float, start_s: float, pictures: bool = True) -> None:
    """Check pictures and sound of the clip against the times that they tell."""
    if pictures:
        numbers = read_numbers(path)
        for clip_time_s in (0.0, 0.01, 1.0, 3.333, 7.9):
            shown = next(
                n for time_s, n in numbers if time_s >= start_offset_s + clip_time_s - 1e-4
            )
            wanted = -int(-((start_s + clip_time_s) * IMAGES_PER_S - 0.01) // 1)  # ceiling
            assert shown == wanted, clip_time_s
    for clip_time_s in (0.05, 4.0, 7.0):
        found_s = find_sound(path, start_offset_s + clip_time_s, SOUND)
        assert found_s == pytest.approx(start_s + clip_time_s, abs=0.002)


@pytest.mark.parametrize(
    ("names", "copied"),
    [
        (("both.mp4",), True),
        (("late_index.mp4",), True),
        (("pictures.mp4", "sound.m4a"), True),
        (("sound.m4a",), True),
        (("both.webm",), False),
        (("pictures.mp4", "both.webm"), False),
    ],
)
def test_a_section_holds_the_pictures_and_the_sound_of_its_time(
    names: tuple[str, ...], copied: bool, media: Path, tmp_path: Path
) -> None:
    output = tmp_path / "clip.mp4"
    with serve_media(media) as address:
        streams = tuple(
            Stream(f"{address}media/{name}", {}, "", not name.endswith(".webm")) for name in names
        )
        section = cut_section(streams, START_S, END_S, output, 5, "")
    assert section.duration_s == pytest.approx(END_S - START_S, abs=0.03)
    # A copy begins with the key frame at 4 s, or where sound alone is cut, at its packet.
    pictures = section.content.has_video
    assert (section.start_offset_s > 0) == copied
    assert section.start_offset_s == pytest.approx(1.35 if copied and pictures else 0.0, abs=0.11)
    check_clip(output, section.start_offset_s, START_S, pictures)


def test_a_section_that_runs_to_the_end_of_the_source(media: Path, tmp_path: Path) -> None:
    with serve_media(media) as address:
        stream = Stream(f"{address}media/both.mp4", {}, "", True)
        section = cut_section((stream,), START_S, None, tmp_path / "a.mp4", 5, "")
        late = cut_section((stream,), START_S, 99.0, tmp_path / "b.mp4", 5, "")
    assert section.duration_s == pytest.approx(DURATION_S - START_S, abs=0.05)
    assert late.duration_s == pytest.approx(DURATION_S - START_S, abs=0.05)


@pytest.mark.parametrize(("name", "suffix"), [("both.mp4", ".mp4"), ("both.webm", ".mkv")])
def test_a_whole_file_is_copied_as_it_is(
    name: str, suffix: str, media: Path, tmp_path: Path
) -> None:
    row = _fetch_one(tmp_path, {"locator": f"http://localhost/media/{name}"}, media)
    assert row["status"] == "ok"
    assert row["path"] == str(tmp_path / "media" / f"c{suffix}")
    assert row["bytes"] == Path(row["path"]).stat().st_size
    assert row["start_offset_s"] == 0.0
    assert row["duration_s"] == pytest.approx(DURATION_S, abs=0.05)
    check_clip(Path(row["path"]), 0.0, 0.0)


MANIFEST = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT16S">
<Period>
<AdaptationSet mimeType="video/mp4"><Representation id="v" codecs="avc1.64000a" width="64"
height="64" bandwidth="9000"><BaseURL>pictures.mp4</BaseURL></Representation></AdaptationSet>
<AdaptationSet mimeType="audio/mp4"><Representation id="a" codecs="mp4a.40.2"
bandwidth="128000"><BaseURL>sound.m4a</BaseURL></Representation></AdaptationSet>
</Period></MPD>
"""


def test_pictures_and_sound_of_two_addresses_as_on_youtube(media: Path, tmp_path: Path) -> None:
    (media / "clip.mpd").write_text(MANIFEST)
    locator = "http://localhost/media/clip.mpd"
    row = _fetch_one(tmp_path, {"locator": locator, "start_s": START_S, "end_s": END_S}, media)
    assert (row["status"], row["detail"]) == ("ok", "")
    check_clip(Path(row["path"]), row["start_offset_s"], START_S)


def test_a_playlist_of_pieces(media: Path, tmp_path: Path) -> None:
    pieces = ["-codec", "copy", "-f", "hls", "-hls_time", "4", "-hls_list_size", "0"]
    command = [find_ffmpeg(), "-v", "error", "-i", str(media / "both.mp4"), *pieces]
    subprocess.run([*command, str(media / "clip.m3u8")], check=True)
    locator = "http://localhost/media/clip.m3u8"
    row = _fetch_one(tmp_path, {"locator": locator, "start_s": START_S, "end_s": END_S}, media)
    assert (row["status"], row["detail"]) == ("ok", "")
    # The pieces are MPEG-TS: they begin with the 1,024 samples that an edit list would hide.
    check_clip(Path(row["path"]), row["start_offset_s"], START_S - 1024 / RATE_HZ)


@pytest.mark.parametrize(
    ("sources_s", "video_s", "audio_s", "whole"),
    [
        ([20.0], 8.0, 8.0, True),
        ([20.0], 8.0, 5.0, True),  # the source may be so
        ([20.0], 7.0, 7.4, False),
        ([6.0], 6.0, 6.0, True),
        ([], 1.0, 1.0, True),  # nothing is stated
        ([20.0, 20.0], 8.0, 5.0, False),
        ([20.0, 20.0], 5.0, 8.0, False),
        ([20.0, 5.0], 8.0, 5.0, True),
        ([3.0, 3.0], 0.0, 0.0, False),
    ],
)
def test_a_section_that_broke_off_is_noticed(
    sources_s: list[float], video_s: float, audio_s: float, whole: bool
) -> None:
    if whole:
        _check_length(sources_s, 8.0, video_s, audio_s)
    else:
        with pytest.raises(FetchError, match="network: the media broke off"):
            _check_length(sources_s, 8.0, video_s, audio_s)


@pytest.mark.parametrize("name", ["both.mp4", "both.webm", "both.ts"])
def test_a_local_file_is_used_where_it_lies(name: str, media: Path, tmp_path: Path) -> None:
    clip = {"source": "file", "locator": str(media / name), "start_s": START_S, "end_s": END_S}
    row = _fetch_one(tmp_path, clip, None)
    assert (row["status"], row["path"], row["tool"]) == ("ok", str(media / name), "file")
    assert row["duration_s"] == pytest.approx(END_S - START_S)
    # MPEG-TS does not begin at 0.
    start_s = verify_media(media / name).start_s
    assert (start_s > 1.0) == (name == "both.ts")
    assert row["start_offset_s"] == pytest.approx(START_S + start_s)
    # It has no edit list either: the 1,024 samples before the first belong to its content.
    priming_s = 1024 / RATE_HZ if name == "both.ts" else 0.0
    check_clip(media / name, row["start_offset_s"], START_S - priming_s)


def _fetch_one(folder: Path, clip: dict[str, object], serve_folder: Path | None) -> pd.Series:
    write_clips(folder / "clips.parquet", [{"clip_id": "c", **clip}])
    status = folder / "status.parquet"
    fetch_clips(
        folder / "clips.parquet", 0, 1, folder / "media", status, OPTIONS, folder / "run",
        serve_folder, 1,
    )  # fmt: skip
    return pd.read_parquet(status).iloc[0]
