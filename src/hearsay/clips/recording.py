"""Read the packets of one span of a media file, once, for sound and pictures alike."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from hearsay.clips.verify import STATING_CONTAINERS, stated_end_s

# Decoding begins this much before the span: lapped codecs (AAC, Opus) and MP3's bit reservoir
# need what came before for their first exact sample.
PREROLL_S = 0.5
# Packets are read this far past the span, for streams whose packets are out of order in time.
POSTROLL_S = 0.5
# Where a seek lands behind the key frame of the first picture, reading begins up to this much
# before the span: longer than nearly all distances of key frames.
LONGEST_PREROLL_S = 32.0


@dataclass
class Recording:
    """The packets of one span of an open media file; a context manager that closes it.

    Attributes:
        begun_at_start: False if reading began inside the file, by a seek.
        sound, video: the first real stream of each kind; None: none. A cover picture is no video.
    """

    container: InputContainer
    begun_at_start: bool
    sound: AudioStream | None
    video: VideoStream | None
    sound_packets: list[Packet] = field(default_factory=list)
    video_packets: list[Packet] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.container.close()

    @property
    def stated_end_s(self) -> float:
        """Where the sound ends by the file's own word, on its own time axis; nan: unstated."""
        stream = self.sound
        if stream is not None and stream.duration is not None and stream.time_base is not None:
            return ((stream.start_time or 0) + stream.duration) * float(stream.time_base)
        return stated_end_s(self.container)

    @property
    def states_its_length(self) -> bool:
        """Whether a shorter content means a loss; in other formats the length is an estimate."""
        return self.container.format.name.startswith(STATING_CONTAINERS)


def open_recording(
    path: Path,
    start_s: float,
    length_s: float,
    with_video: bool,
    options: dict[str, str] | None = None,
) -> Recording:
    """Open a media file and read the packets of start_s .. start_s + length_s.

    Packets are kept as they are stored, so that a second of H.264 costs about 100 kB. Reading
    begins at the key frame at or before the start, less PREROLL_S.

    Args:
        start_s: on the time axis of the file's own stamps, where most files begin at 0.
        length_s: may be infinite: to the end of the file.
        with_video: False leaves the video packets unread.
        options: of FFmpeg's reader, such as the formats that it may open; None: none.

    Raises:
        av.error.FFmpegError: the file cannot be opened or read.
    """
    # Without "file:" a name such as "take:1.wav" would be of a protocol "take".
    container = av.open(f"file:{path}", options=options)
    try:
        sound = next(iter(container.streams.audio), None)
        video = next(
            (
                stream
                for stream in container.streams.video
                if not stream.disposition & Disposition.attached_pic
            ),
            None,
        )
        recording = Recording(container, start_s <= PREROLL_S, sound, video)
        _read_packets(recording, start_s, length_s, with_video)
    except BaseException:
        container.close()
        raise
    return recording


def _read_packets(recording: Recording, start_s: float, length_s: float, with_video: bool) -> None:
    """Read the span, and before it what its first sound and its first picture need.

    A format without an index (MPEG-TS) cannot seek to key frames: then reading begins earlier.
    """
    preroll_s = PREROLL_S
    while True:
        if not recording.begun_at_start:
            first_s = start_s - preroll_s
            recording.container.seek(int(first_s * av.time_base), backward=True)
        _read_until(recording, start_s + length_s + POSTROLL_S, with_video)
        is_last = recording.begun_at_start or preroll_s >= min(start_s, LONGEST_PREROLL_S)
        if is_last or not with_video or _shows_picture_at(recording, start_s):
            break
        preroll_s = min(4 * preroll_s, start_s, LONGEST_PREROLL_S)
        recording.sound_packets.clear()
        recording.video_packets.clear()
    if not recording.begun_at_start:
        _drop_early_sound(recording, start_s - PREROLL_S)


def _read_until(recording: Recording, last_s: float, with_video: bool) -> None:
    sound, video = recording.sound, recording.video if with_video else None
    # By index, with the bound in the stream's own units: a clip has 700 packets.
    packets_of: dict[int, list[Packet]] = {}
    last_stamps: dict[int, float] = {}
    streams = [stream for stream in (sound, video) if stream is not None]
    for stream in streams:
        is_sound = stream is sound
        packets_of[stream.index] = recording.sound_packets if is_sound else recording.video_packets
        time_base = stream.time_base
        last_stamps[stream.index] = last_s / float(time_base) if time_base else math.inf
    if not streams:
        return
    for packet in recording.container.demux(*streams):
        if packet.size == 0:  # the demuxer's end mark
            continue
        index = packet.stream_index
        packets_of[index].append(packet)
        # dts never goes back inside a stream, pts of video does
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is not None and stamp > last_stamps.get(index, math.inf):
            del last_stamps[index]
            if not last_stamps:
                return


def _shows_picture_at(recording: Recording, time_s: float) -> bool:
    """Tell whether a key frame before `time_s` has been read, or the file has no video at all."""
    if recording.video is None or recording.video.time_base is None:
        return True
    stamp = time_s / float(recording.video.time_base)
    return any(
        packet.is_keyframe and packet.pts is not None and packet.pts <= stamp
        for packet in recording.video_packets
    )


def _drop_early_sound(recording: Recording, first_s: float) -> None:
    """Forget the sound between the key frame that a seek went back to and `first_s`."""
    packets = recording.sound_packets
    if not packets or not packets[0].time_base:
        return
    first = first_s / float(packets[0].time_base)
    early = (k for k, packet in enumerate(packets) if packet.pts is not None and packet.pts > first)
    del packets[: max(next(early, 1) - 1, 0)]
