"""A flash and a click of the same moment stay there, whatever codec and container hold them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fetch_media import OPTIONS as FETCH_OPTIONS
from fetch_media import write_clips
from flash_media import (
    AAC,
    AV1,
    DURATION_S,
    H264,
    MP3,
    OPUS,
    TIMES_S,
    TOLERANCE_S,
    VORBIS,
    VP8,
    VP9,
    click_times_s,
    decode,
    flash_times_s,
    make_flashes,
    run_ffmpeg,
)

from hearsay.clips.fetch import fetch_clips
from hearsay.clips.section import Stream, cut_section

# One picture in five, and those of flashes that would be left out: stays of 40 to 200 ms
UNEVEN = ("-vf", "select=not(mod(n\\,5))+eq(n\\,12)+eq(n\\,38)+eq(n\\,163)", "-fps_mode", "vfr")
FILMS = {
    "h264_aac.mp4": (*H264, *AAC),
    "h264_aac.mkv": (*H264, *AAC),
    "h264_mp3.mkv": (*H264, *MP3),
    "h264_mp3.mp4": (*H264, *MP3),
    "h264_aac.ts": (*H264, *AAC),
    "h264_mp3.avi": (*H264, *MP3),
    "mpeg4_mp3.avi": ("-c:v", "mpeg4", "-bf", "2", *MP3),
    "fragments.mp4": (*H264, *AAC, "-movflags", "frag_keyframe+delay_moov"),
    "vp9_opus.webm": (*VP9, *OPUS),
    "vp9_opus.mp4": (*VP9, *OPUS),
    "vp8_vorbis.webm": (*VP8, *VORBIS),
    "av1_opus.mp4": (*AV1, *OPUS),
    "av1_opus.webm": (*AV1, *OPUS),
    "uneven.mp4": (*H264, *AAC, *UNEVEN),
    "uneven.webm": (*VP9, *OPUS, *UNEVEN),
}
SOUNDS = {
    "vorbis.ogg": VORBIS,
    "opus.ogg": OPUS,
    "mp3.mp3": MP3,
    "aac.m4a": AAC,
    "wav.wav": (),
    "flac.flac": (),
}
EXACT_S = 0.0015  # Matroska rounds to a millisecond
# Without an edit list the delay of the AAC or MP3 encoder, 1,024 or 1,105 samples, stays.
DELAYED = ("h264_aac.ts", "h264_mp3.avi", "mpeg4_mp3.avi")


def fetched(path: Path, start_s: float = 0.0, end_s: float | None = None) -> pd.Series:
    """Return the row of fetch_clips for a local file."""
    folder = path.parent / f"{path.name}.fetched"
    folder.mkdir()
    row = {"clip_id": "clip", "source": "file", "locator": str(path)}
    write_clips(folder / "clips.parquet", [row | {"start_s": start_s, "end_s": end_s}])
    fetch_clips(
        folder / "clips.parquet", 0, 1, folder / "media", folder / "status.parquet",
        FETCH_OPTIONS | {"require_video": False}, folder / "run", None, 1,
    )  # fmt: skip
    return pd.read_parquet(folder / "status.parquet").iloc[0]


@pytest.mark.parametrize("name", FILMS)
def test_flash_and_click_keep_their_time(name: str, tmp_path: Path) -> None:
    path = make_flashes(tmp_path / name, FILMS[name])
    row = fetched(path)
    assert (row["status"], row["detail"]) == ("ok", "")
    clip = decode(path, row["start_offset_s"])
    assert clip.status == "ok", clip.detail
    np.testing.assert_allclose(flash_times_s(clip), TIMES_S, atol=TOLERANCE_S)
    tolerance_s = TOLERANCE_S if name in DELAYED else EXACT_S
    np.testing.assert_allclose(click_times_s(clip), TIMES_S, atol=tolerance_s)


@pytest.mark.parametrize("name", SOUNDS)
def test_click_in_a_file_of_sound_keeps_its_time(name: str, tmp_path: Path) -> None:
    path = make_flashes(tmp_path / name, ("-vn", *SOUNDS[name]))
    row = fetched(path)
    assert (row["status"], row["detail"]) == ("ok", "")
    clip = decode(path, row["start_offset_s"], with_pictures=False)
    assert clip.status == "ok", clip.detail
    np.testing.assert_allclose(click_times_s(clip), TIMES_S, atol=0.001)


@pytest.mark.parametrize(
    ("name", "codecs", "pictures_late_s", "sound_late_s"),
    [
        ("sound_late.mp4", (*H264, *AAC), 0.0, 0.5),
        ("sound_late.mkv", (*H264, *AAC), 0.0, 0.5),
        ("sound_late.webm", (*VP9, *OPUS), 0.0, 0.5),
        ("sound_late.ts", (*H264, *AAC), 0.0, 0.5),
        ("pictures_late.mp4", (*H264, *AAC), 0.4, 0.0),
        ("pictures_late.mkv", (*H264, *AAC), 0.4, 0.0),
        ("pictures_late.webm", (*VP9, *OPUS), 0.4, 0.0),
        ("both_late.mp4", (*H264, *AAC), 7.5, 7.3),
        ("both_late.mkv", (*H264, *AAC), 7.5, 7.3),
        ("both_late.webm", (*VP9, *OPUS), 7.3, 7.5),
        ("both_late.ts", (*H264, *AAC), 7.3, 7.5),
        ("both_early.mkv", (*H264, *AAC), -0.2, -0.2),
        ("both_early.mp4", (*H264, *AAC), -0.2, -0.3),
    ],
)
def test_streams_that_begin_apart_stay_apart(
    name: str,
    codecs: tuple[str, ...],
    pictures_late_s: float,
    sound_late_s: float,
    tmp_path: Path,
) -> None:
    whole, path = make_flashes(tmp_path / "whole.mkv", codecs), tmp_path / name
    pictures = ("-itsoffset", str(pictures_late_s), "-i", whole)
    sound = ("-itsoffset", str(sound_late_s), "-i", whole)
    negative = ("-avoid_negative_ts", "disabled")
    run_ffmpeg(
        *pictures, *sound, "-map", "0:v", "-map", "1:a", "-c", "copy", "-copyts", *negative, path
    )
    row = fetched(path)
    assert row["status"] == "ok", row["detail"]
    clip = decode(path, row["start_offset_s"])
    assert clip.status == "ok", clip.detail
    # A player begins where the file says that it begins.
    begin_s = max(0.0, min(pictures_late_s, sound_late_s))
    times_s = np.array(TIMES_S)
    expected_s = times_s + pictures_late_s - begin_s
    np.testing.assert_allclose(
        flash_times_s(clip), expected_s[expected_s < DURATION_S - 0.1], atol=TOLERANCE_S
    )
    expected_s = times_s + sound_late_s - begin_s
    np.testing.assert_allclose(
        click_times_s(clip), expected_s[expected_s < DURATION_S], atol=TOLERANCE_S
    )


def test_what_an_edit_list_hides_is_not_shown(tmp_path: Path) -> None:
    """A cut without encoding anew: pictures from the key frame on are there and lie before 0."""
    whole = make_flashes(tmp_path / "whole.mp4", (*H264, *AAC))
    path = tmp_path / "cut.mp4"
    run_ffmpeg("-ss", "1.2", "-i", whole, "-c", "copy", path)
    row = fetched(path)
    clip = decode(path, row["start_offset_s"], 2.5)
    expected_s = [time_s - 1.2 for time_s in TIMES_S[1:]]
    np.testing.assert_allclose(flash_times_s(clip), expected_s, atol=TOLERANCE_S)
    np.testing.assert_allclose(click_times_s(clip), expected_s, atol=TOLERANCE_S)


LONG_TIMES_S = (1.0, 4.0, 5.6, 6.52, 8.4, 10.0)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("long.mp4", (*H264, *AAC)),
        ("long.webm", (*VP9, *OPUS)),
        ("vorbis.webm", (*VP8, *VORBIS)),
        ("long.mkv", (*H264, *MP3)),
        ("av1.webm", (*AV1, *OPUS)),
        ("av1.mp4", (*AV1, *AAC)),
        ("uneven.mp4", (*H264, *AAC, *UNEVEN)),
        ("uneven.webm", (*VP9, *OPUS, *UNEVEN)),
    ],
)
def test_flash_and_click_of_a_section(
    name: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    start_s = 5.317  # neither at a key frame nor at any frame
    path = make_flashes(tmp_path / name, arguments, times_s=LONG_TIMES_S, duration_s=12.0)
    stream = Stream(str(path), {}, "", is_mp4=name.endswith(".mp4"))
    output = tmp_path / "section.mp4"
    section = cut_section((stream,), start_s, start_s + DURATION_S, output, 20, None)
    clip = decode(output, section.start_offset_s)
    assert clip.status == "ok", clip.detail
    expected_s = [time_s - start_s for time_s in LONG_TIMES_S[2:5]]
    np.testing.assert_allclose(flash_times_s(clip), expected_s, atol=EXACT_S)
    np.testing.assert_allclose(click_times_s(clip), expected_s, atol=EXACT_S)


@pytest.mark.parametrize(
    "name", ["h264_aac.mp4", "vp9_opus.webm", "h264_aac.ts", "h264_mp3.avi", "av1_opus.webm"]
)
def test_flash_and_click_inside_a_local_file(name: str, tmp_path: Path) -> None:
    path = make_flashes(tmp_path / name, FILMS[name], times_s=LONG_TIMES_S, duration_s=12.0)
    row = fetched(path, 5.317, 5.317 + DURATION_S)
    clip = decode(path, row["start_offset_s"])
    assert clip.status == "ok", clip.detail
    expected_s = [time_s - 5.317 for time_s in LONG_TIMES_S[2:5]]
    tolerance_s = TOLERANCE_S if name in DELAYED else EXACT_S
    np.testing.assert_allclose(flash_times_s(clip), expected_s, atol=tolerance_s)
    np.testing.assert_allclose(click_times_s(clip), expected_s, atol=tolerance_s)
