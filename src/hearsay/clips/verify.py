"""Decode a media file to its end, the only proof that it is whole."""

from dataclasses import dataclass
from pathlib import Path

import av
from av.error import FFmpegError, InvalidDataError

from hearsay.clips.outcomes import FetchError

# Containers whose header states the length, so that a shorter content means a loss. (That of
# MP3 or MPEG-TS is an estimate.)
STATING_CONTAINERS = ("mov,mp4", "matroska", "webm", "wav", "flac")
LOST_S = 0.5


@dataclass(frozen=True)
class MediaContent:
    """What decoding a file to its end has found; times in seconds on the file's own axis."""

    has_video: bool
    has_audio: bool
    start_s: float  # where the container says it begins; 0 in most
    audio_end_s: float  # 0: no audio
    video_end_s: float  # 0: no video
    first_packet_s: dict[int, float]  # presentation time of each stream's first packet


def decode_fully(path: Path) -> MediaContent:
    """Decode every frame of the first video and the first audio stream of a file.

    Pictures attached as a cover count as no video.

    Raises:
        FetchError: "corrupt" where a packet does not decode, a frame is damaged or the content
            ends more than 0.5 s before the length stated in the header; "no_audio" where
            there is no stream at all; "unknown" where the file cannot be read or this FFmpeg
            has no decoder for it.
    """
    try:
        return _decode_fully(path)
    except (InvalidDataError, av.error.EOFError, UnicodeDecodeError) as error:
        raise FetchError("corrupt", f"{path.name} cannot be decoded: {error}") from error
    except FFmpegError as error:
        raise FetchError("unknown", f"{path.name} cannot be read: {error}") from error


def _decode_fully(path: Path) -> MediaContent:
    with av.open(str(path)) as container:
        streams = [_first_video(container), next(iter(container.streams.audio), None)]
        chosen = [stream for stream in streams if stream is not None]
        if not chosen:
            raise FetchError("no_audio", f"{path.name} holds neither sound nor pictures")
        ends_s = dict.fromkeys((stream.index for stream in chosen), 0.0)
        first_packet_s: dict[int, float] = {}
        for stream in chosen:
            if stream.codec_context is None:
                raise FetchError("unknown", f"{path.name}: no decoder for its {stream.type}")
            stream.codec_context.thread_count = 1  # the worker threads fill the cores already
        if streams[0] is not None:
            # Deblocking finds no fault and takes a seventh of the time.
            streams[0].codec_context.options = {"skip_loop_filter": "all"}
        for packet in container.demux(chosen):
            if packet.is_corrupt:
                raise FetchError("corrupt", f"{path.name} has a damaged packet")
            if packet.pts is not None:
                first_packet_s.setdefault(packet.stream_index, float(packet.pts * packet.time_base))
            for frame in packet.decode():
                if frame.is_corrupt:
                    raise FetchError("corrupt", f"{path.name}: damaged frame at {frame.time} s")
                if frame.time is not None:
                    end_s = frame.time + _length_s(frame)
                    ends_s[packet.stream_index] = max(ends_s[packet.stream_index], end_s)
        video_end_s, audio_end_s = (
            ends_s[stream.index] if stream is not None else 0.0 for stream in streams
        )
        start_s = max(0.0, (container.start_time or 0) / av.time_base)
        if container.format.name.startswith(STATING_CONTAINERS) and container.duration:
            stated_s = start_s + container.duration / av.time_base
            if all(stream.duration for stream in chosen):  # other tracks may be longer
                longest_s = max(float(stream.duration * stream.time_base) for stream in chosen)
                stated_s = min(stated_s, start_s + longest_s)
            if max(ends_s.values()) < stated_s - LOST_S:
                raise FetchError(
                    "corrupt",
                    f"{path.name} ends at {max(ends_s.values()):.2f} s of {stated_s:.2f} s",
                )
        return MediaContent(
            has_video=video_end_s > 0,
            has_audio=audio_end_s > 0,
            start_s=start_s,
            audio_end_s=audio_end_s,
            video_end_s=video_end_s,
            first_packet_s=first_packet_s,
        )


def _first_video(container: av.container.InputContainer) -> av.VideoStream | None:
    cover = av.stream.Disposition.attached_pic
    return next((s for s in container.streams.video if not s.disposition & cover), None)


def _length_s(frame: av.VideoFrame | av.AudioFrame) -> float:
    if isinstance(frame, av.AudioFrame):
        return float(frame.samples / frame.sample_rate)
    duration = getattr(frame, "duration", 0)  # PyAV < 16 tells it for packets only
    return float(duration * frame.time_base) if duration else 0.0
