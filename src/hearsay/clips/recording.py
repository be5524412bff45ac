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

from hearsay.clips.verify import STATING_CONTAINERS

# Decoding begins this much before the span: lapped codecs (AAC, Opus) and MP3's bit reservoir
# need what came before for their first exact sample.
PREROLL_S = 0.5
# Packets are read this far past the span, for streams whose packets are out of order in time.
POSTROLL_S = 0.5


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
        if self.container.duration is not None:
            start = max(self.container.start_time or 0, 0)
            return (start + self.container.duration) / av.time_base
        return math.nan

    @property
    def states_its_length(self) -> bool:
        """Whether a shorter content means a loss; in other formats the length is an estimate."""
        return self.container.format.name.startswith(STATING_CONTAINERS)


def open_recording(path: Path, start_s: float, length_s: float, with_video: bool) -> Recording:
    """Open a media file and read the packets of start_s .. start_s + length_s.

    Packets are kept as they are stored, so that a second of H.264 costs about 100 kB. Reading
    begins at the key frame at or before the start, less PREROLL_S.

    Args:
        start_s: on the time axis of the file's own stamps, where most files begin at 0.
        length_s: may be infinite: to the end of the file.
        with_video: False leaves the video packets unread.

    Raises:
        av.error.FFmpegError: the file cannot be opened or read.
    """
    container = av.open(str(path))
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
    container, sound = recording.container, recording.sound
    video = recording.video if with_video else None
    streams = [stream for stream in (sound, video) if stream is not None]
    if not streams:
        return
    if not recording.begun_at_start:
        first_s = start_s - PREROLL_S
        container.seek(int(first_s * av.time_base), backward=True)
    last_s = start_s + length_s + POSTROLL_S
    # Kept by index, with the bound in the stream's own units: a clip has 700 packets.
    packets_of = {stream.index: recording.video_packets for stream in streams}
    if sound is not None:
        packets_of[sound.index] = recording.sound_packets
    last_stamps = {
        stream.index: last_s / float(stream.time_base) if stream.time_base else math.inf
        for stream in streams
    }
    for packet in container.demux(*streams):
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
