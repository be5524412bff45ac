"""The tables of one shard: who is in them, in which order, and why the others are not."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from decode_media import OPTIONS, noise, read_number, write_media, write_tables

from hearsay.clips import decode
from hearsay.clips.audio import decode_flac
from hearsay.clips.decode import decode_clips, map_in_order
from hearsay.clips.pictures import image_times
from hearsay.clips.status import DECODE_SCHEMA, DECODE_STATUSES
from hearsay.errors import HearsayError

ESC10 = Path(__file__).parents[3] / "shared" / "data" / "esc10"
AAC_FRAME_S = 0.024  # the encoder fills its last frame
STEADY = range(0, 4000, 40)


def run(folder: Path, clips: list[dict], num_workers: int = 1, **changes):
    """Decode clips; return the audio, images and status tables."""
    index, fetched = write_tables(folder, clips)
    outputs = [folder / f"{name}.parquet" for name in ("audio", "images", "status")]
    audio, images, status = outputs
    if changes.get("num_images") == 0:
        images = None
    options = OPTIONS | changes
    decode_clips(index, 0, len(clips), fetched, audio, images, status, options, num_workers)
    return [pd.read_parquet(path) if path and path.exists() else None for path in outputs]


def media(path: Path, duration_s: float = 4.0, **arguments) -> Path:
    write_media(path, range(0, int(duration_s * 1000), 40), noise(duration_s), **arguments)
    return path


def test_every_fault_has_its_status_and_every_clip_its_row(tmp_path):
    write_media(tmp_path / "silent.mp4", STEADY, 1e-5 * noise(4))
    write_media(tmp_path / "mute.mp4", STEADY)
    write_media(tmp_path / "blind.m4a", sound=noise(4))
    (tmp_path / "junk.mp4").write_bytes(b"not a video" * 100)
    good = media(tmp_path / "good.mp4")
    clips = [
        {"clip_id": "last", "path": good},
        {"clip_id": "dead", "status": "removed", "detail": "by the uploader"},
        {"clip_id": "junk", "path": tmp_path / "junk.mp4"},
        {"clip_id": "mute", "path": tmp_path / "mute.mp4"},
        {"clip_id": "blind", "path": tmp_path / "blind.m4a"},
        {"clip_id": "short", "path": media(tmp_path / "short.mp4", 0.5)},
        {"clip_id": "silent", "path": tmp_path / "silent.mp4"},
        {"clip_id": "gone", "path": tmp_path / "gone.mp4"},
        {"clip_id": "first", "path": good},
    ]
    audio, images, status = run(tmp_path, clips, num_workers=2)
    assert dict(zip(status["clip_id"], status["status"], strict=True)) == {
        "last": "ok",
        "dead": "not_fetched",
        "junk": "corrupt",
        "mute": "no_audio",
        "blind": "no_video",
        "short": "too_short",
        "silent": "silent",
        "gone": "corrupt",
        "first": "ok",
    }
    assert set(status["status"]) <= set(DECODE_STATUSES)
    assert list(status["clip_id"]) == [clip["clip_id"] for clip in clips]
    assert list(status.columns) == DECODE_SCHEMA.names
    details = status.set_index("clip_id")["detail"]
    assert details["dead"] == "removed: by the uploader"
    assert "s of at least 1 s" in details["short"]
    assert "No such file" in details["gone"]
    assert list(audio["clip_id"]) == ["last", "first"]
    assert list(images["clip_id"]) == ["last"] * 4 + ["first"] * 4
    assert list(images["image_index"]) == [0, 1, 2, 3] * 2


def test_pictures_and_sound_belong_to_the_same_moment(tmp_path):
    sound = np.zeros((1, 8 * 44100), np.float32)
    sound[0, 3 * 44100] = 0.9
    write_media(tmp_path / "a.mp4", range(0, 8000, 40), sound, options={"g": "50"})
    clip = {"clip_id": "a", "path": tmp_path / "a.mp4", "start_offset_s": 2.0, "end_s": 4.0}
    audio, images, status = run(tmp_path, [clip])
    assert int(np.abs(decode_flac(audio["flac"][0])).argmax()) == 16000
    assert [read_number(jpeg) for jpeg in images["jpeg"]] == [50, 83, 116, 147]
    assert list(images["timestamp_s"]) == pytest.approx([0.0, 1.32, 2.64, 3.88])
    assert status["num_images"][0] == 4
    assert status["duration_s"][0] == pytest.approx(4.0)


def test_short_recording_is_padded_and_said_so(tmp_path):
    clip = {"clip_id": "a", "path": media(tmp_path / "a.mp4", 2.5)}
    audio, images, status = run(tmp_path, [clip])
    samples = decode_flac(audio["flac"][0])
    assert len(samples) == audio["num_samples"][0] == 64000
    duration_s = status["duration_s"][0]
    assert duration_s == pytest.approx(2.5, abs=AAC_FRAME_S)
    assert np.abs(samples[round(duration_s * 16000) :]).max() == 0
    assert samples[:40000].std() > 0.05
    assert status["detail"][0] == f"padded {64000 - round(duration_s * 16000)} samples"
    numbers = [read_number(jpeg) for jpeg in images["jpeg"]]
    assert numbers == [int(t / 0.04) for t in image_times(4, duration_s)]


def test_long_recording_is_cropped_and_said_so(tmp_path):
    clip = {"clip_id": "a", "path": media(tmp_path / "a.mp4", 4.5)}
    audio, images, status = run(tmp_path, [clip])
    assert audio["num_samples"][0] == 64000
    duration_s = status["duration_s"][0]
    assert duration_s == pytest.approx(4.5, abs=AAC_FRAME_S)
    assert status["detail"][0] == f"cropped {round((duration_s - 4) * 16000)} samples"
    assert read_number(images["jpeg"][3]) == 97  # 3.9 s


def test_the_end_of_the_clip_bounds_the_recording(tmp_path):
    path = media(tmp_path / "a.mp4", 4.0)
    _, images, status = run(tmp_path, [{"clip_id": "a", "path": path, "end_s": 3.0}])
    assert status["duration_s"][0] == pytest.approx(3.0)
    assert status["detail"][0] == "padded 16000 samples"
    assert read_number(images["jpeg"][3]) == 72  # 2.9 s


def test_without_a_clip_duration_the_whole_is_kept(tmp_path):
    clip = {"clip_id": "a", "path": media(tmp_path / "a.mp4", 4.5)}
    audio, _, status = run(tmp_path, [clip], clip_duration_s=None)
    assert audio["num_samples"][0] == round(status["duration_s"][0] * 16000)
    assert audio["num_samples"][0] == pytest.approx(72000, abs=AAC_FRAME_S * 16000)
    assert status["detail"][0] == ""


def test_without_pictures_a_sound_file_is_enough(tmp_path):
    write_media(tmp_path / "a.flac", sound=noise(4), audio_codec="flac")
    clips = [
        {"clip_id": "a", "path": tmp_path / "a.flac"},
        {"clip_id": "b", "path": media(tmp_path / "b.mp4")},
    ]
    audio, images, status = run(tmp_path, clips, num_images=0)
    assert list(audio["clip_id"]) == ["a", "b"]
    assert images is None
    assert list(status["num_images"]) == [0, 0]


def test_silence_is_kept_where_config_says_so(tmp_path):
    write_media(tmp_path / "a.flac", sound=0 * noise(4), audio_codec="flac")
    clip = {"clip_id": "a", "path": tmp_path / "a.flac"}
    _, _, status = run(tmp_path, [clip], num_images=0, min_peak_dbfs=None)
    assert status["status"][0] == "ok"


def test_pictures_that_end_early_are_told_of(tmp_path):
    write_media(tmp_path / "a.mp4", range(0, 2000, 40), noise(4))
    _, images, status = run(tmp_path, [{"clip_id": "a", "path": tmp_path / "a.mp4"}])
    assert list(images["timestamp_s"]) == pytest.approx([0, 1.32, 1.96, 1.96])
    assert status["detail"][0] == "the last picture begins at 1.96 s"


@pytest.mark.parametrize(
    ("name", "codec", "message"),
    [("a.mp4", "aac", "is damaged"), ("a.mkv", "pcm_s16le", "breaks off 1.")],
)
def test_file_cut_short_is_corrupt(tmp_path, name, codec, message):
    path = tmp_path / name
    faststart = {"movflags": "faststart"} if name == "a.mp4" else {}
    write_media(path, sound=noise(4), audio_codec=codec, container_options=faststart)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    _, _, status = run(tmp_path, [{"clip_id": "a", "path": path}], num_images=0)
    assert status["status"][0] == "corrupt"
    assert message in status["detail"][0]


def test_start_beyond_the_end_is_too_short(tmp_path):
    clip = {"clip_id": "a", "path": media(tmp_path / "a.mp4", 2.0), "start_offset_s": 7.0}
    other = {"clip_id": "b", "path": tmp_path / "a.mp4"}
    _, _, status = run(tmp_path, [clip, other], num_images=0)
    assert list(status["status"]) == ["too_short", "ok"]
    assert status["duration_s"][0] == 0


def test_more_workers_give_the_same_tables(tmp_path):
    clips = [
        {"clip_id": f"c{k}", "path": media(tmp_path / f"{k}.mp4", 1.2 + 0.2 * k)} for k in range(6)
    ]
    one, two = run(tmp_path, clips, 1), run(tmp_path, clips, 3)
    for first, second in zip(one, two, strict=True):
        pd.testing.assert_frame_equal(first, second)


def test_rows_are_written_in_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "ROWS_PER_GROUP", 2)
    path = media(tmp_path / "a.mp4", 1.2)
    clips = [{"clip_id": f"c{k}", "path": path} for k in range(5)]
    audio, images, _ = run(tmp_path, clips)
    assert list(audio["clip_id"]) == [f"c{k}" for k in range(5)]
    assert len(images) == 20


@pytest.mark.parametrize("num_workers", [1, 3])
def test_few_results_wait_in_memory_whatever_the_shard(num_workers):
    begun, taken, most = [], 0, 0
    with ThreadPoolExecutor(num_workers) as pool:
        for result in map_in_order(pool, lambda k: begun.append(k) or k, range(500), num_workers):
            most = max(most, len(begun) - taken)
            assert result == taken
            taken += 1
    assert taken == 500
    assert most <= 4 * num_workers


def test_shard_without_any_usable_clip_gives_empty_tables(tmp_path):
    audio, images, status = run(tmp_path, [{"clip_id": "a", "status": "private"}])
    assert len(audio) == len(images) == 0
    assert list(status["status"]) == ["not_fetched"]


def test_media_all_gone_stops_the_job(tmp_path):
    with pytest.raises(HearsayError, match="none of the 2 media files .* exists"):
        run(tmp_path, [{"clip_id": k, "path": tmp_path / f"{k}.mp4"} for k in "ab"])


def test_status_of_another_shard_is_refused(tmp_path):
    index, _ = write_tables(tmp_path, [{"clip_id": "a", "status": "private"}])
    other = tmp_path / "other"
    other.mkdir()
    _, fetched = write_tables(other, [{"clip_id": "b", "status": "private"}])
    outputs = [tmp_path / f"{name}.parquet" for name in ("audio", "images", "status")]
    with pytest.raises(HearsayError, match="does not list the clips of this shard"):
        decode_clips(index, 0, 1, fetched, *outputs, OPTIONS, 1)
    assert not any(path.exists() for path in outputs)


def test_full_disk_is_an_error_not_a_corrupt_clip(tmp_path, monkeypatch):
    def write_nothing(self):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(decode.RowGroupWriter, "flush", write_nothing)
    with pytest.raises(HearsayError, match="No space left"):
        run(tmp_path, [{"clip_id": "a", "path": media(tmp_path / "a.mp4", 1.2)}])


def test_missing_option_is_named(tmp_path):
    options = {name: value for name, value in OPTIONS.items() if name != "num_images"}
    with pytest.raises(HearsayError, match="num_images"):
        decode_clips(tmp_path, 0, 1, tmp_path, tmp_path, None, tmp_path, options, 1)


@pytest.mark.skipif(not ESC10.is_dir(), reason="no ESC-10 recordings in ../shared/data/esc10")
def test_real_recordings_decode_as_soundfile_reads_them(tmp_path):
    import soundfile
    import soxr

    paths = sorted(ESC10.glob("*/*.ogg"))[::40]
    clips = [{"clip_id": f"c{k}", "path": path} for k, path in enumerate(paths)]
    audio, _, status = run(tmp_path, clips, 2, num_images=0, clip_duration_s=None)
    assert set(status["status"]) == {"ok"}
    for path, flac in zip(paths, audio["flac"], strict=True):
        sound, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        expected = soxr.resample(sound.mean(axis=1), rate_hz, 16000, quality="HQ")
        found = decode_flac(flac)
        assert abs(len(found) - len(expected)) <= 1
        length = min(len(found), len(expected))
        np.testing.assert_allclose(found[:length], np.clip(expected[:length], -1, 1), atol=2e-4)
