"""Sound of one clip: decoded, mixed to one channel, resampled, stored as FLAC."""

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from av.audio.codeccontext import AudioCodecContext
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.error import InvalidDataError

from hearsay.clips.recording import Recording
from hearsay.clips.verify import LOST_S

Waveform = npt.NDArray[np.float32]

# FFmpeg's name: type, value of silence, full scale; a "p" at the end says planar
SAMPLE_FORMATS: dict[str, tuple[type, float, float]] = {
    "u8": (np.uint8, 128.0, 128.0),
    "s16": (np.int16, 0.0, 2.0**15),
    "s32": (np.int32, 0.0, 2.0**31),
    "s64": (np.int64, 0.0, 2.0**63),
    "flt": (np.float32, 0.0, 1.0),
    "dbl": (np.float64, 0.0, 1.0),
}
# Time stamps may be rounded to a millisecond (Matroska, FLV). Up to this much apart, two frames
# are taken as contiguous; beyond it there is a gap, which stays a gap.
STAMP_TOLERANCE_S = 0.04
MIXED_AT_ONCE = 8192  # samples


@dataclass(frozen=True)
class Sound:
    """Mono sound from the clip's start on; `late_s`: silence before its first sample."""

    samples: Waveform  # [samples]
    sample_rate_hz: int
    late_s: float


def decode_sound(recording: Recording, start_s: float, length_s: float) -> Sound:
    """Decode start_s .. start_s + length_s of the sound and take the mean of its channels.

    The mean is taken here, in float: FFmpeg's own downmix of float formats comes out 3 dB louder.
    Sample 0 is the one whose time stamp is nearest to `start_s`. Gaps in the stream are silent.

    Raises:
        av.error.FFmpegError: a packet cannot be decoded.
        ValueError: no time stamps, a change of the sample rate, or an early end of the file.
    """
    stream = recording.sound
    if stream is None or stream.time_base is None:
        raise ValueError("no audio stream")
    rate = int(stream.codec_context.sample_rate)
    time_base = float(stream.time_base)
    wanted = math.inf if math.isinf(length_s) else round(length_s * rate)
    mixed = MixedBlocks()
    following = None  # position of the next sample, if the frames are contiguous
    for frame in _decode_frames(stream.codec_context, recording, start_s):
        if frame.sample_rate != rate:
            raise ValueError(f"the sample rate changes from {rate} to {frame.sample_rate} Hz")
        if frame.pts is not None:
            position = round((frame.pts * time_base - start_s) * rate)
            if following is None or abs(position - following) > STAMP_TOLERANCE_S * rate:
                following = position
        elif following is None:
            if not recording.begun_at_start:
                raise ValueError("the sound has no time stamps")
            following = round(-start_s * rate)
        mixed.add(following, frame)
        following += frame.samples
        if following >= wanted:
            break
    blocks = mixed.finish()
    samples = _place(blocks, wanted)
    missing_s = min(recording.stated_end_s - start_s, length_s) - len(samples) / rate  # or nan
    if recording.states_its_length and missing_s > LOST_S:
        raise ValueError(f"the sound breaks off {missing_s:.2f} s before the end that it states")
    late_s = max(blocks[0][0], 0) / rate if blocks else 0.0
    return Sound(samples, rate, late_s)


def _decode_frames(
    context: AudioCodecContext, recording: Recording, start_s: float
) -> Iterator[AudioFrame]:
    """Yield the frames; damage before the span, where a seek may land, is none of ours."""
    context.thread_count = 1  # the clips are decoded side by side
    for packet in [*recording.sound_packets, None]:
        try:
            if packet is not None and packet.is_corrupt:  # cut short, of a WAV file for one
                raise ValueError("a packet of the sound is damaged")
            yield from context.decode(packet)
        except (InvalidDataError, ValueError):
            if packet is None or packet.pts is None or recording.begun_at_start:
                raise
            if (packet.pts + (packet.duration or 0)) * float(packet.time_base) > start_s:
                raise


class MixedBlocks:
    """Mix frames to one channel, some at once where they are contiguous and alike.

    A frame of AAC has 1,024 samples, so that reaching for its planes costs most of the time of
    mixing it; many frames at once no longer fit into the processor's cache.
    """

    def __init__(self) -> None:
        self.blocks: list[tuple[int, Waveform]] = []  # position of the first sample; samples
        self.kind: tuple[str, int] | None = None
        self.fifo = AudioFifo()
        self.begin = self.following = 0

    def add(self, position: int, frame: AudioFrame) -> None:
        """Take the frame whose first sample lies at `position`; those before 0 may be dropped."""
        kind = (frame.format.name, frame.layout.nb_channels)
        if position != self.following or kind != self.kind or self.fifo.samples >= MIXED_AT_ONCE:
            self._mix()
            self.begin = position
        if kind != self.kind:  # the FIFO itself does not notice other channels
            self.kind, self.fifo = kind, AudioFifo()
        self.following = position + frame.samples
        frame.pts = None  # the FIFO would hold it against its own count
        self.fifo.write(frame)

    def finish(self) -> list[tuple[int, Waveform]]:
        """Return positions and samples of the blocks."""
        self._mix()
        return self.blocks

    def _mix(self) -> None:
        frame = self.fifo.read(0)  # all of them
        if frame is not None and self.begin + frame.samples > 0:
            self.blocks.append((self.begin, mean_of_channels(frame)))


def mean_of_channels(frame: AudioFrame) -> Waveform:
    """Return the mean over a frame's channels as float32 in [-1, 1], shape [samples].

    Raises:
        ValueError: an unknown sample format.
    """
    name, num_channels = frame.format.name.removesuffix("p"), frame.layout.nb_channels
    if name not in SAMPLE_FORMATS:
        raise ValueError(f"the sample format {frame.format.name} is unknown")
    dtype, offset, scale = SAMPLE_FORMATS[name]
    # Reading the planes takes a tenth of the time of frame.to_ndarray().
    num_planes = num_channels if frame.format.is_planar else 1
    count = frame.samples * num_channels // num_planes  # in each plane
    planes: list[npt.NDArray[Any]] = [
        np.frombuffer(memoryview(plane), dtype, count) for plane in frame.planes
    ]
    step = num_channels // num_planes
    channels = [plane[first::step] for plane in planes for first in range(step)]  # each [samples]
    total = channels[0].astype(np.float32)
    for channel in channels[1:]:
        total += channel
    total -= np.float32(num_channels * offset)
    total *= np.float32(1.0 / (num_channels * scale))
    return total


def _place(blocks: list[tuple[int, Waveform]], wanted: float) -> Waveform:
    """Lay blocks at their positions on silence; what lies before 0 or after `wanted` is cut."""
    end = max((position + len(block) for position, block in blocks), default=0)
    samples = np.zeros(int(min(end, wanted)), np.float32)
    for position, block in blocks:
        begin = max(position, 0)
        part = block[begin - position : max(len(samples) - position, 0)]
        samples[begin : begin + len(part)] = part
    return samples


def resample(samples: Waveform, from_hz: int, to_hz: int) -> Waveform:
    """Resample by soxr's HQ recipe (linear phase: nothing is shifted in time)."""
    if from_hz == to_hz or not len(samples):
        return samples
    return np.asarray(soxr.resample(samples, from_hz, to_hz, quality="HQ"), np.float32)


def fit(samples: Waveform, num_samples: int) -> Waveform:
    """Crop at the end, or pad the end with silence, to exactly `num_samples`."""
    if len(samples) >= num_samples:
        return samples[:num_samples]
    return np.pad(samples, (0, num_samples - len(samples)))


def peak_dbfs(samples: Waveform) -> float:
    """Return the peak in dB below full scale; -inf for silence."""
    peak = float(np.abs(samples).max(initial=0.0))
    return 20.0 * math.log10(peak) if peak > 0 else -math.inf


def encode_flac(samples: Waveform, sample_rate_hz: int) -> bytes:
    """Return mono 16-bit FLAC; the scale is 32768, so that reading gives the same values back."""
    integers = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
    buffer = io.BytesIO()
    soundfile.write(buffer, integers, sample_rate_hz, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def decode_flac(flac: bytes) -> Waveform:
    """Return the samples of `encode_flac`, float32 in [-1, 1), shape [samples]."""
    samples, _ = soundfile.read(io.BytesIO(flac), dtype="float32")
    return np.asarray(samples, np.float32)
