"""Which frames become pictures, and how they are cut."""

import io
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from decode_media import SIDE, noise, read_number, write_media
from PIL import Image

from hearsay.clips.ffmpeg import find_ffmpeg
from hearsay.clips.pictures import (
    _decode_all,
    _decode_wanted,
    decode_pictures,
    encode_jpeg,
    image_times,
)
from hearsay.clips.recording import open_recording

STEADY = range(0, 6000, 40)  # 25 frames a second


def pictures(path: Path, times_s: list[float], start_s: float = 0.0, size_px: int = SIDE):
    with open_recording(path, start_s, max(times_s) + 0.1, with_video=True) as recording:
        return decode_pictures(recording, start_s, times_s, size_px)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {"g": "50", "bf": "3"}),
        ("one_key_frame.mp4", "libx264", {"g": "999", "bf": "3", "b-pyramid": "normal"}),
        ("open_gop.mp4", "libx264", {"x264-params": "keyint=25:open-gop=1:bframes=3"}),
        ("a.mkv", "libx264", {"g": "50"}),
        ("a.ts", "libx264", {"g": "50"}),
        ("h265.mp4", "libx265", {"x265-params": "keyint=50:log-level=none"}),
        ("a.webm", "libvpx-vp9", {"g": "50", "deadline": "realtime", "cpu-used": "8"}),
        ("mpeg4.avi", "mpeg4", {"g": "50", "bf": "2"}),
        ("h264.avi", "libx264", {"g": "50", "bf": "2"}),
    ],
)
def test_picture_is_the_frame_playing_at_the_time(tmp_path, name, codec, options):
    sound = None if name.endswith(".webm") else noise(6)
    write_media(tmp_path / name, STEADY, sound, video_codec=codec, options=options)
    with open_recording(tmp_path / name, 0, 9, with_video=True) as recording:
        # AVI stores no time of presentation, only the place in the file.
        stamps = [p.dts if name.endswith(".avi") else p.pts for p in recording.video_packets]
        video_begin_s = float(min(stamps) * recording.video.time_base)
    times_s = [0.0, 0.039, 0.04, 1.99, 2.0, 3.333, 4.7, 5.9]
    times_s = [time_s + video_begin_s for time_s in times_s]
    found = pictures(tmp_path / name, times_s)
    assert [read_number(picture.jpeg) for picture in found] == [0, 0, 1, 49, 50, 83, 117, 147]
    stamps = [picture.timestamp_s - video_begin_s for picture in found]
    np.testing.assert_allclose(stamps, np.array([0, 0, 1, 49, 50, 83, 117, 147]) * 0.04, atol=1e-3)


def test_frame_stays_until_the_next_one_begins(tmp_path):
    write_media(tmp_path / "a.mp4", [0, 40, 1500, 1520, 3000], noise(4))
    found = pictures(tmp_path / "a.mp4", [1.4, 1.51, 2.9, 3.5])
    assert [read_number(picture.jpeg) for picture in found] == [1, 2, 3, 4]
    assert [picture.timestamp_s for picture in found] == [0.04, 1.5, 1.52, 3.0]


def test_before_the_first_frame_the_first_is_taken(tmp_path):
    write_media(tmp_path / "a.mkv", [500, 540, 580], noise(2))
    (found,) = pictures(tmp_path / "a.mkv", [0.1])
    assert (read_number(found.jpeg), found.timestamp_s) == (0, 0.5)


def test_times_count_from_the_start_inside_the_file(tmp_path):
    write_media(tmp_path / "a.mp4", STEADY, noise(6), options={"g": "50"})
    found = pictures(tmp_path / "a.mp4", [0.0, 1.0, 1.5], start_s=3.01)
    assert [read_number(picture.jpeg) for picture in found] == [75, 100, 112]
    assert [picture.timestamp_s for picture in found] == pytest.approx([-0.01, 0.99, 1.47])


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_skipping_frames_changes_no_pixel(tmp_path, codec):
    options = {"g": "60", "bf": "3"} if codec == "libx264" else {"x265-params": "log-level=none"}
    write_media(tmp_path / "a.mp4", STEADY, video_codec=codec, options=options)
    with open_recording(tmp_path / "a.mp4", 0, 6, with_video=True) as recording:
        context, packets = recording.video.codec_context, recording.video_packets
        stamps = [t / float(recording.video.time_base) for t in (0.0, 1.23, 3.33, 4.44, 5.9)]
        context.thread_count = 1
        quick = _decode_wanted(context, packets, stamps)
        context.flush_buffers()
        full = _decode_all(context, packets, stamps, is_stamped=True)
    assert quick is not None
    for one, other in zip(quick, full, strict=True):
        assert one.pts == other.pts
        assert np.array_equal(one.to_ndarray(), other.to_ndarray())


def test_image_times_span_both_ends_and_the_last_is_pulled_back():
    assert image_times(4, 10.0) == pytest.approx([0.0, 10 / 3, 20 / 3, 9.9])
    assert image_times(2, 0.05) == [0.0, 0.0]
    assert image_times(1, 10.0) == [5.0]


@pytest.mark.parametrize("size", [(128, 64), (64, 128), (256, 128)])
def test_short_side_is_resized_and_the_centre_cut(tmp_path, size):
    write_media(tmp_path / "a.mp4", range(0, 400, 40), size=size)
    (found,) = pictures(tmp_path / "a.mp4", [0.2])
    image = Image.open(io.BytesIO(found.jpeg))
    assert image.size == (SIDE, SIDE)
    if min(size) == SIDE:  # not scaled: the number stands in the centre
        assert read_number(found.jpeg) == 5
    else:  # halved: the number fills the middle half, gray around it
        gray = np.asarray(image.convert("L"), np.float64)
        assert abs(gray[:12].mean() - 128) < 6
        bits = [gray[18:22, x : x + 4].mean() > 128 for x in (18, 26, 34, 42)]
        assert bits == [True, False, True, False]  # 5


def test_reduction_has_no_aliasing():
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255  # finer than the small picture can show: must come out gray
    frame = av.VideoFrame.from_ndarray(stripes, format="rgb24")
    gray = np.asarray(Image.open(io.BytesIO(encode_jpeg(frame, 64))).convert("L"), np.float64)
    assert gray[8:-8, 8:-8].std() < 8
    assert abs(gray.mean() - 127.5) < 8


def test_colours_survive():
    blocks = np.zeros((64, 64, 3), np.uint8)
    blocks[:, :32] = (200, 40, 40)
    blocks[:, 32:] = (40, 40, 200)
    frame = av.VideoFrame.from_ndarray(blocks, format="rgb24").reformat(format="yuv420p")
    pixels = np.asarray(Image.open(io.BytesIO(encode_jpeg(frame, 64))), np.float64)
    np.testing.assert_allclose(pixels[32, 8], (200, 40, 40), atol=8)
    np.testing.assert_allclose(pixels[32, 56], (40, 40, 200), atol=8)


def test_no_picture_at_all_is_an_error(tmp_path):
    write_media(tmp_path / "a.mp4", STEADY)
    with (
        open_recording(tmp_path / "a.mp4", 0, 6, with_video=True) as recording,
        pytest.raises(ValueError, match="no picture"),
    ):
        recording.video_packets.clear()
        decode_pictures(recording, 0.0, [1.0], SIDE)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_pictures_are_turned_as_a_player_turns_them(tmp_path, degrees):
    upright, turned = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_media(upright, range(0, 400, 40), options={"qp": "10"}, first_number=0b1011)
    rotate = ["-display_rotation", str(degrees), "-i", str(upright), "-c", "copy", str(turned)]
    subprocess.run([find_ffmpeg(), "-v", "error", *rotate], check=True)
    shown = tmp_path / "shown.png"  # ffmpeg turns pictures by itself
    command = [find_ffmpeg(), "-v", "error", "-i", str(turned), "-frames:v", "1", str(shown)]
    subprocess.run(command, check=True)
    (found,) = pictures(turned, [0.0])
    found_gray = np.asarray(Image.open(io.BytesIO(found.jpeg)).convert("L"), np.float64)
    shown_gray = np.asarray(Image.open(shown).convert("L"), np.float64)
    assert np.abs(found_gray - shown_gray).mean() < 6


def test_a_damaged_frame_on_the_way_to_a_picture_is_noticed(tmp_path):
    """The picture itself refers to the damaged one, and its own packet is whole."""
    path = tmp_path / "a.mp4"
    options = {"g": "999", "bf": "0", "crf": "10", "threads": "1"}
    write_media(path, STEADY, noise(6), video_codec="libx264", options=options)
    whole = path.read_bytes()
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(container.streams.video[0]) if packet.size]
    before = [picture.jpeg for picture in pictures(path, [4.0])]
    noticed = unnoticed = 0
    for seed in range(12):
        generator = np.random.default_rng(seed)
        packet = packets[int(generator.integers(5, 95))]  # of 100 before the picture
        content = bytearray(whole)
        first, size = packet.pos + packet.size // 2, packet.size // 2  # behind the headers
        content[first : first + size] = generator.integers(0, 256, size, dtype=np.uint8).tobytes()
        (tmp_path / "damaged.mp4").write_bytes(content)
        try:
            after = [picture.jpeg for picture in pictures(tmp_path / "damaged.mp4", [4.0])]
            unnoticed += after != before
        except ValueError as error:
            noticed += "damaged" in str(error)
    # Not all damage shows in a decoder; looking at the picture's own frame alone finds none.
    assert noticed >= 5
    assert unnoticed <= 4
