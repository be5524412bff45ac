"""Pictures of one clip: which frames, decoded exactly, cut to squares, stored as JPEG."""

import io
import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from PIL import Image

from hearsay.clips.recording import Recording

# The last picture is taken this much before the end, so that it exists.
PULL_BACK_S = 0.1
# In these codecs a frame that nothing refers to can be skipped without changing any other.
SKIPPABLE_CODECS = frozenset({"h264", "hevc"})
# These store no time stamps of presentation; those of their packets are guessed, and often wrong.
UNSTAMPED_CONTAINERS = frozenset({"avi"})
JPEG_QUALITY = 95
ROUNDING_S = 1e-6  # a time stamp this much after t still counts as t

_local = threading.local()  # a reformatter is not safe to share between threads


@dataclass(frozen=True)
class Picture:
    """A square picture and its true time, in seconds from the clip's start."""

    timestamp_s: float
    jpeg: bytes


def image_times(num_images: int, span_s: float) -> list[float]:
    """Return `num_images` evenly spaced times, both ends included, in seconds.

    The last is pulled back by PULL_BACK_S. A single picture is taken at the middle.
    """
    if num_images == 1:
        return [span_s / 2]
    last_s = max(span_s - PULL_BACK_S, 0.0)
    return [min(span_s * k / (num_images - 1), last_s) for k in range(num_images)]


def decode_pictures(
    recording: Recording, start_s: float, times_s: Sequence[float], size_px: int
) -> list[Picture]:
    """Return the frames that a player shows at the times given, in seconds from `start_s`.

    That is the last frame that begins at or before t; before the first frame, the first.

    Raises:
        av.error.FFmpegError: a packet cannot be decoded.
        ValueError: no frame can be decoded, or a wanted one is damaged.
    """
    stream = recording.video
    if stream is None or stream.time_base is None:
        raise ValueError("no video stream")
    time_base = float(stream.time_base)
    stamps = [(start_s + time_s + ROUNDING_S) / time_base for time_s in times_s]
    context = stream.codec_context
    context.thread_count = 1  # the clips are decoded side by side; and skipping stays exact
    is_stamped = recording.container.format.name not in UNSTAMPED_CONTAINERS
    frames = _decode_wanted(context, recording.video_packets, stamps) if is_stamped else None
    if frames is None:
        context.flush_buffers()
        frames = _decode_all(context, recording.video_packets, stamps, is_stamped)
    return [
        Picture(round((frame.pts or 0) * time_base - start_s, 6), encode_jpeg(frame, size_px))
        for frame in frames
    ]


def _decode_wanted(
    context: VideoCodecContext, packets: Sequence[Packet], stamps: Sequence[float]
) -> list[VideoFrame] | None:
    """Decode no more than the wanted frames need; None where the packets do not tell which.

    The packets' own time stamps say which frames are wanted. Each is decoded from the key frame
    before it, and frames that no other refers to are skipped.

    Raises:
        ValueError: a frame on the way to a wanted one is damaged.
    """
    pts = [packet.pts for packet in packets if packet.pts is not None]
    if not pts or len(pts) < len(packets):
        return None
    in_order = sorted(set(pts))
    wanted = [in_order[max(bisect_right(in_order, stamp) - 1, 0)] for stamp in stamps]
    position_of = {stamp: position for position, stamp in enumerate(pts)}
    key_positions = [position for position, packet in enumerate(packets) if packet.is_keyframe]
    groups: dict[int, set[int]] = {}  # position of the key frame: time stamps decoded from it
    for stamp in wanted:
        keys = [k for k in key_positions if k <= position_of[stamp] and pts[k] <= stamp]
        groups.setdefault(keys[-1] if keys else 0, set()).add(stamp)
    skippable = context.codec.canonical_name in SKIPPABLE_CODECS
    frames: dict[int, VideoFrame] = {}
    for key, group in groups.items():
        # What a frame refers to precedes it in the file, so its packet may be the last.
        last = max(position_of[stamp] for stamp in group)
        context.flush_buffers()
        for packet in [*packets[key : last + 1], None]:
            if skippable and packet is not None:
                context.skip_frame = "DEFAULT" if packet.pts in group else "NONREF"
            for frame in context.decode(packet):
                # What is shown before the key frame may lean on what is not there.
                if frame.pts is not None and frame.pts >= pts[key]:
                    _require_whole(frame)
                if frame.pts is not None and frame.pts in group:
                    frames[frame.pts] = frame
    context.skip_frame = "DEFAULT"
    if not all(stamp in frames for stamp in wanted):
        return None
    return [frames[stamp] for stamp in wanted]


def _decode_all(
    context: VideoCodecContext,
    packets: Sequence[Packet],
    stamps: Sequence[float],
    is_stamped: bool,
) -> list[VideoFrame]:
    """Decode every frame, twice: first for the time stamps, then for the wanted ones.

    Frames come out in the order in which they are shown, whatever their stamps say, so that the
    sorted stamps are theirs; or where these are guessed, the places of the packets in the file.

    Raises:
        ValueError: no frame with a time stamp comes out, or a wanted one is damaged.
    """
    shown = sorted(frame.pts for frame in _frames(context, packets) if frame.pts is not None)
    if not shown:
        raise ValueError("no picture can be decoded")
    places = sorted(packet.dts for packet in packets if packet.dts is not None)
    if not is_stamped and len(places) == len(shown):
        shown = places
    wanted = [max(bisect_right(shown, stamp) - 1, 0) for stamp in stamps]
    context.flush_buffers()
    frames: dict[int, VideoFrame] = {}
    stamped = (frame for frame in _frames(context, packets) if frame.pts is not None)
    for number, frame in enumerate(stamped):
        if number in wanted:
            _require_whole(frame)
            frame.pts = shown[number]
            frames[number] = frame
    return [frames[number] for number in wanted]


def _require_whole(frame: VideoFrame) -> None:
    """Refuse a frame that its decoder calls damaged: those that refer to it do not say so."""
    if frame.is_corrupt:
        raise ValueError("a picture is damaged")


def _frames(context: VideoCodecContext, packets: Sequence[Packet]) -> Iterator[VideoFrame]:
    for packet in [*packets, None]:
        yield from context.decode(packet)


def encode_jpeg(frame: VideoFrame, size_px: int) -> bytes:
    """Resize the short side to `size_px` (bicubic), cut the centre square, encode as JPEG."""
    if not hasattr(_local, "reformatter"):
        _local.reformatter = VideoReformatter()
    scale = size_px / min(frame.width, frame.height)
    width = max(round(frame.width * scale), size_px)
    height = max(round(frame.height * scale), size_px)
    # swscale widens its kernel when it shrinks, as CLIP's preprocessing does: no aliasing
    scaled = _local.reformatter.reformat(frame, width, height, "rgb24", interpolation="BICUBIC")
    pixels = scaled.to_ndarray()  # [height, width, 3]
    left, top = (width - size_px) // 2, (height - size_px) // 2
    square = pixels[top : top + size_px, left : left + size_px]
    if frame.rotation:  # a telephone held upright says so in the file
        square = np.rot90(square, k=round(frame.rotation / 90))
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(square)).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def centre_square(picture: Image.Image) -> Image.Image:
    """Cut out the centre square; done before resizing, since a long strip would fill the memory."""
    side = min(picture.size)
    left, top = ((length - side) // 2 for length in picture.size)
    return picture.crop((left, top, left + side, top + side))
