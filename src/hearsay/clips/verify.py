"""Read a media file to its end, the proof that it is whole."""

import math
from dataclasses import dataclass
from pathlib import Path

import av
from av.error import FFmpegError, InvalidDataError

from hearsay.clips.outcomes import FetchError

# Containers whose header states the length, so that a shorter content means a loss. (That of
# MP3 or MPEG-TS is an estimate.)
STATING_CONTAINERS = ("mov,mp4", "matroska", "webm", "wav", "flac")
LOST_S = 0.5
DECODED_S = 1.0  # of the sound


@dataclass(frozen=True)
class MediaContent:
    """What reading a file to its end has found; times in seconds on the file's own axis."""

    has_video: bool
    has_audio: bool
    start_s: float  # where the container says it begins; 0 in most
    audio_end_s: float  # 0: no audio
    video_end_s: float  # 0: no video
    first_packet_s: dict[int, float]  # presentation time of each stream's first packet


def verify_media(path: Path) -> MediaContent:
    """Read every packet of a file; decode the first key frame and the first second of sound.

    The first video and the first audio stream count; a picture attached as a cover is no video.
    Decoding all would take twenty times as long; decode_clips decodes the sound and those frames
    that a clip needs, and refuses what the decoder calls damaged. (Decoders of H.264 and HEVC do
    so, those of VP9 and AV1 hardly ever.) Of H.264 and HEVC the units inside each packet are held
    against its length.

    Raises:
        FetchError: "corrupt" where a packet is damaged or the content ends more than 0.5 s
            before the length stated in the header; "no_audio" where there is no stream at all;
            "unknown" where the file cannot be read or this FFmpeg has no decoder for it.
    """
    try:
        try:
            with av.open(f"file:{path}") as container:
                return _read(container, whole=False)
        except _NoKeyFrameError:  # video that refreshes itself without them, cut in its middle
            with av.open(f"file:{path}") as container:
                return _read(container, whole=True)
    except (InvalidDataError, av.error.EOFError, UnicodeDecodeError) as error:
        raise FetchError("corrupt", f"the file cannot be read: {_text(error)}") from error
    except FFmpegError as error:
        raise FetchError("unknown", f"the file cannot be read: {_text(error)}") from error


def _text(error: Exception) -> str:
    """Return what went wrong without the path, which is that of an unfinished file."""
    return getattr(error, "strerror", None) or str(error)


class _NoKeyFrameError(Exception):
    """There are packets of pictures, and no key frame among them."""


class _Track:
    """One stream under way: where its content ends, and how the units of its packets begin."""

    def __init__(self, stream: av.VideoStream | av.AudioStream, whole: bool) -> None:
        self.is_video = isinstance(stream, av.VideoStream)
        self.whole = whole
        self.num_decoded = 0  # packets
        self.base_s = float(stream.time_base) if stream.time_base else 0.0
        self.end_s = 0.0
        self.decoded_s = 0.0  # sound alone
        self.num_packets = 0
        self.num_frames = 0
        context = stream.codec_context
        context.thread_count = 1  # the worker threads fill the cores already
        self.prefix_bytes = _prefix_bytes(context.name, context.extradata or b"")
        if self.is_video:
            context.options = {"skip_loop_filter": "all"}  # it finds no fault, and takes time

    def take(self, packet: av.Packet) -> None:
        """Check a packet and decode what of it is to be decoded."""
        if packet.is_corrupt or not _fills_itself(packet, self.prefix_bytes):
            raise FetchError("corrupt", "there is a damaged packet")
        if packet.size:
            stamp = packet.pts if packet.pts is not None else packet.dts
            if stamp is not None:
                self.num_packets += 1
                self.end_s = max(self.end_s, (stamp + (packet.duration or 0)) * self.base_s)
        if self._is_to_be_decoded(packet):
            self._decode(packet)

    def _is_to_be_decoded(self, packet: av.Packet) -> bool:
        if self.whole or not packet.size:  # the last one empties the decoder
            return True
        if self.is_video:
            return packet.is_keyframe and not self.num_decoded
        return self.decoded_s < DECODED_S

    def _decode(self, packet: av.Packet) -> None:
        self.num_decoded += 1
        try:
            frames = packet.decode()
        except FFmpegError as error:  # damage may look like a feature that is unknown here
            raise FetchError("corrupt", f"a packet cannot be decoded: {_text(error)}") from error
        for frame in frames:
            self.num_frames += 1
            if frame.is_corrupt:
                raise FetchError("corrupt", f"damaged frame at {frame.time} s")
            if not self.is_video:
                self.decoded_s += frame.samples / frame.sample_rate


def _read(container: av.container.InputContainer, whole: bool) -> MediaContent:
    video, audio = _first_video(container), next(iter(container.streams.audio), None)
    chosen = [stream for stream in (video, audio) if stream is not None]
    if not chosen:
        raise FetchError("no_audio", "the file holds neither sound nor pictures")
    for stream in chosen:
        if stream.codec_context is None:
            raise FetchError("unknown", f"no decoder for the file's {stream.type}")
    tracks = {stream.index: _Track(stream, whole) for stream in chosen}
    first_packet_s: dict[int, float] = {}
    for packet in container.demux(chosen):
        track = tracks[packet.stream_index]
        if packet.pts is not None:
            first_packet_s.setdefault(packet.stream_index, packet.pts * track.base_s)
        track.take(packet)
    if video is not None and tracks[video.index].num_packets and not tracks[video.index].num_frames:
        if not whole:
            raise _NoKeyFrameError
        raise FetchError("corrupt", "no picture can be decoded")
    video_end_s, audio_end_s = (
        tracks[stream.index].end_s if stream is not None else 0.0 for stream in (video, audio)
    )
    start_s = max(0.0, (container.start_time or 0) / av.time_base)
    _require_stated_length(container, chosen, start_s, max(video_end_s, audio_end_s))
    return MediaContent(
        has_video=video_end_s > 0,
        has_audio=audio_end_s > 0,
        start_s=start_s,
        audio_end_s=audio_end_s,
        video_end_s=video_end_s,
        first_packet_s=first_packet_s,
    )


def _require_stated_length(
    container: av.container.InputContainer,
    chosen: list[av.VideoStream | av.AudioStream],
    start_s: float,
    end_s: float,
) -> None:
    if not (container.format.name.startswith(STATING_CONTAINERS) and container.duration):
        return
    stated_s = stated_end_s(container)
    if all(stream.duration for stream in chosen):  # other tracks may be longer
        longest_s = max(float(stream.duration * stream.time_base) for stream in chosen)
        stated_s = min(stated_s, start_s + longest_s)
    if end_s < stated_s - LOST_S:
        raise FetchError("corrupt", f"the file ends at {end_s:.2f} s of {stated_s:.2f} s")


def stated_end_s(container: av.container.InputContainer) -> float:
    """Return where a container says that it ends, on its own time axis; nan: it does not say.

    Matroska's duration counts from 0 in files of FFmpeg and from the first time stamp in those
    of others, so that the earlier end is taken.
    """
    if container.duration is None:
        return math.nan
    counts_from_0 = container.format.name.startswith(("matroska", "webm"))
    start = 0 if counts_from_0 else max(container.start_time or 0, 0)
    return float(start + container.duration) / float(av.time_base)


def _prefix_bytes(codec: str, header: bytes) -> int:
    """Return how many bytes say the length of a unit (NAL) in the packets of a stream; 0: none do.

    In MP4 and Matroska the header of H.264 is an AVCDecoderConfigurationRecord, that of HEVC an
    HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3 and 8.3.3).
    """
    if header[:1] == b"\x01":
        if codec == "h264" and len(header) > 4:
            return (header[4] & 3) + 1
        if codec == "hevc" and len(header) > 21:
            return (header[21] & 3) + 1
    return 0


def _fills_itself(packet: av.Packet, prefix_bytes: int) -> bool:
    """Tell whether the units inside a packet end where it ends, each with its first bit clear."""
    if not prefix_bytes or not packet.size:
        return True
    content, position = bytes(packet), 0
    while position < len(content):
        unit = position + prefix_bytes
        position = unit + int.from_bytes(content[position:unit], "big")
        if unit >= len(content) or position > len(content) or content[unit] & 0x80:
            return False
    return True


def _first_video(container: av.container.InputContainer) -> av.VideoStream | None:
    cover = av.stream.Disposition.attached_pic
    return next((s for s in container.streams.video if not s.disposition & cover), None)
