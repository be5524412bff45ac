"""Decode one clip: its status, its sound as FLAC, its pictures as JPEGs."""

import math
from dataclasses import dataclass
from pathlib import Path

from av.error import FFmpegError

from hearsay.clips.audio import decode_sound, encode_flac, fit, peak_dbfs, resample
from hearsay.clips.pictures import Picture, decode_pictures, image_times
from hearsay.clips.recording import open_recording

SHORT_S = 1e-3  # a recording that is shorter by less than this is not too short
STILL_S = 0.5  # pictures that end so much before the sound are told of in `detail`


@dataclass(frozen=True)
class DecodeOptions:
    """What is cut out of each recording; the keys are those of a data set in config.yaml."""

    clip_duration_s: float | None
    sample_rate_hz: int
    num_images: int
    image_size_px: int
    min_duration_s: float
    min_peak_dbfs: float | None


@dataclass(frozen=True)
class Task:
    """One clip to decode: `start_s` and `length_s` (infinite: to the end) lie inside the file."""

    clip_id: str
    path: Path
    start_s: float
    length_s: float


@dataclass(frozen=True)
class DecodedClip:
    """What became of one clip; `flac` and `pictures` are empty unless `status` is ok."""

    clip_id: str
    status: str
    detail: str = ""
    duration_s: float = 0.0
    flac: bytes = b""
    num_samples: int = 0
    pictures: tuple[Picture, ...] = ()


def decode_clip(task: Task | DecodedClip, options: DecodeOptions) -> DecodedClip:
    """Decode one clip; whatever goes wrong with its file becomes a status."""
    if isinstance(task, DecodedClip):
        return task
    try:
        return _decode_clip(task, options)
    except (FFmpegError, ValueError, OSError, RuntimeError) as error:
        # RuntimeError is soundfile's and soxr's
        message = " ".join(str(error).split()) or type(error).__name__
        return DecodedClip(task.clip_id, "corrupt", message)


def _decode_clip(task: Task, options: DecodeOptions) -> DecodedClip:
    wanted_s = math.inf if options.clip_duration_s is None else options.clip_duration_s
    read_s = min(task.length_s, wanted_s)
    with open_recording(task.path, task.start_s, read_s, options.num_images > 0) as recording:
        if recording.sound is None:
            return DecodedClip(task.clip_id, "no_audio", "no audio stream")
        if options.num_images and not recording.video_packets:
            where = "no video stream" if recording.video is None else "no picture in this span"
            return DecodedClip(task.clip_id, "no_video", where)
        sound = decode_sound(recording, task.start_s, read_s)
        heard_s = len(sound.samples) / sound.sample_rate_hz
        duration_s = heard_s
        unread_s = min(recording.stated_end_s - task.start_s, task.length_s) - heard_s  # or nan
        if heard_s >= read_s - SHORT_S and unread_s > 0:
            duration_s += unread_s
        if heard_s == 0 or duration_s < options.min_duration_s - SHORT_S:
            detail = f"{duration_s:.2f} s of at least {options.min_duration_s:g} s"
            return DecodedClip(task.clip_id, "too_short", detail, duration_s)
        samples = resample(sound.samples, sound.sample_rate_hz, options.sample_rate_hz)
        peak = peak_dbfs(samples)
        if options.min_peak_dbfs is not None and peak < options.min_peak_dbfs:
            detail = f"peak {peak:.1f} dBFS, below {options.min_peak_dbfs:g}"
            return DecodedClip(task.clip_id, "silent", detail, duration_s)
        pictures: list[Picture] = []
        if options.num_images:
            times_s = image_times(options.num_images, heard_s)
            pictures = decode_pictures(recording, task.start_s, times_s, options.image_size_px)
    notes = _sound_notes(sound.late_s, duration_s, len(samples), options)
    if pictures and heard_s - pictures[-1].timestamp_s > STILL_S:
        notes.append(f"the last picture begins at {pictures[-1].timestamp_s:.2f} s")
    if options.clip_duration_s is not None:
        samples = fit(samples, round(options.clip_duration_s * options.sample_rate_hz))
    return DecodedClip(
        task.clip_id,
        "ok",
        "; ".join(notes),
        duration_s,
        encode_flac(samples, options.sample_rate_hz),
        len(samples),
        tuple(pictures),
    )


def _sound_notes(
    late_s: float, duration_s: float, num_samples: int, options: DecodeOptions
) -> list[str]:
    """Say what of the stored sound was not in the recording, or the reverse."""
    notes = []
    if late_s > 0:
        notes.append(f"the sound begins {late_s:.3f} s late")
    if options.clip_duration_s is not None:
        wanted = round(options.clip_duration_s * options.sample_rate_hz)
        cropped = round((duration_s - options.clip_duration_s) * options.sample_rate_hz)
        if num_samples < wanted:
            notes.append(f"padded {wanted - num_samples} samples")
        elif cropped > 0:
            notes.append(f"cropped {cropped} samples")
    return notes
