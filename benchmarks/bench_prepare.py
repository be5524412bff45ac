"""How much faster hearsay prepares clips than the usual scripts with one ffmpeg call a thing.

A clip's preparation is 4 pictures of 224 px, 16 kHz mono sound and a Kaldi filter bank.
The usual scripts: five ffmpeg processes (a seek for each picture, one for the sound), then
torchaudio's filter bank, clip by clip in each worker. hearsay: a shard in each worker, as the
workflow's jobs do. Both work on the same generated clips (10 s, 640x360, H.264 and AAC), with
as many workers, in turns within one run. On a busy machine the ratio of the processor time is
the surer one: there, ffmpeg's many threads take a larger share of the cores from others.
Decoding no more than the frames that the pictures need is measured too, since it is the floor of
any exact way in software: what the ratio would be if all else cost nothing.
Writes results/benchmarks/bench_prepare.json.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import torch
import torchaudio
from bench_fbank import torchaudio_fbank
from machine import describe_machine

from hearsay.clips.decode import decode_clips
from hearsay.clips.ffmpeg import find_ffmpeg
from hearsay.clips.pictures import _decode_wanted
from hearsay.clips.recording import open_recording
from hearsay.features.fbank import extract_fbank
from hearsay.files import write_json

TIMES_S = (0.0, 10 / 3, 20 / 3, 9.9)
# YouTube puts a key frame every 5 s or so; 10 s: the one at the start has to serve all pictures
KEY_FRAME_INTERVALS_S = (5, 10)
FRAME_RATE = 25
DECODING = {
    "clip_duration_s": 10.0,
    "sample_rate_hz": 16000,
    "num_images": 4,
    "image_size_px": 224,
    "min_duration_s": 5.0,
    "min_peak_dbfs": -60.0,
}
FEATURES = {
    "sample_rate_hz": 16000,
    "num_mel_bins": 128,
    "frame_length_ms": 25.0,
    "frame_shift_ms": 10.0,
    "low_freq_hz": 20.0,
    "num_frames": 1000,
}
GOAL = 5.0


def make_clips(folder: Path, num_clips: int, key_frame_interval_s: int) -> list[Path]:
    """Generate the clips that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{key_frame_interval_s}s_{number:03d}.mp4" for number in range(num_clips)]
    for number, path in enumerate(paths):
        if path.exists():
            continue
        picture = f"testsrc2=s=640x360:r={FRAME_RATE}:d=10.1,hue=h={9 * number}"
        sound = f"anoisesrc=d=10.1:c=pink:r=44100:s={number},pan=stereo|c0=c0|c1=0.5*c0"
        command = [find_ffmpeg(), "-v", "error", "-y", "-f", "lavfi", "-i", picture]
        command += ["-f", "lavfi", "-i", sound, "-c:v", "libx264", "-pix_fmt", "yuv420p"]
        command += ["-g", str(key_frame_interval_s * FRAME_RATE), "-c:a", "aac", "-b:a", "128k"]
        partial_path = path.with_suffix(".partial.mp4")
        subprocess.run([*command, str(partial_path)], check=True)
        partial_path.rename(path)
    return paths


def cpu_s() -> float:
    """Return the processor time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def prepare_with_scripts(clip: Path, folder: Path, ffmpeg: str) -> float:
    """Prepare one clip the usual way; return the processor time."""
    begin_s = cpu_s()
    quiet = [ffmpeg, "-nostdin", "-v", "error", "-y"]
    size = "scale=224:224:force_original_aspect_ratio=increase:flags=bicubic,crop=224:224"
    for number, time_s in enumerate(TIMES_S):
        output = folder / f"{clip.stem}_{number}.jpg"
        command = [*quiet, "-ss", f"{time_s:.3f}", "-i", str(clip), "-frames:v", "1", "-vf", size]
        subprocess.run([*command, "-q:v", "2", str(output)], check=True)
    wav = folder / f"{clip.stem}.wav"
    command = [*quiet, "-i", str(clip), "-t", "10", "-vn", "-ac", "1", "-ar", "16000", str(wav)]
    subprocess.run(command, check=True)
    samples, _ = soundfile.read(wav, dtype="float32")
    features = torchaudio_fbank(torch.from_numpy(samples))[:1000]
    padded = torch.zeros(1000, 128)
    padded[: len(features)] = features
    np.save(folder / f"{clip.stem}.npy", padded.half().numpy())
    return cpu_s() - begin_s


def prepare_with_hearsay(clips: list[Path], folder: Path) -> float:
    """Prepare one shard as the workflow's two jobs do; return the processor time."""
    begin_s = cpu_s()
    folder = folder / clips[0].stem
    folder.mkdir()
    ids = [clip.stem for clip in clips]
    index = pd.DataFrame({"clip_id": ids, "start_s": 0.0, "end_s": 10.0})
    index.to_parquet(folder / "clips.parquet")
    fetched = pd.DataFrame({"clip_id": ids, "status": "ok", "detail": ""})
    fetched["path"] = [str(clip) for clip in clips]
    fetched["start_offset_s"] = 0.0
    fetched.to_parquet(folder / "fetch.parquet")
    audio = folder / "audio.parquet"
    decode_clips(
        folder / "clips.parquet",
        0,
        len(clips),
        folder / "fetch.parquet",
        audio,
        folder / "images.parquet",
        folder / "decode.parquet",
        DECODING,
        1,
    )
    extract_fbank(audio, folder / "fbank.npy", folder / "fbank.parquet", FEATURES)
    return cpu_s() - begin_s


def decode_needed_frames(clips: list[Path]) -> float:
    """Decode the frames that the pictures are, and those they refer to; return the time."""
    used_s = 0.0
    for clip in clips:
        with open_recording(clip, 0.0, 10.0, with_video=True) as recording:
            stream = recording.video
            stream.codec_context.thread_count = 1
            stamps = [(time_s + 1e-6) / float(stream.time_base) for time_s in TIMES_S]
            begin_s = cpu_s()
            frames = _decode_wanted(stream.codec_context, recording.video_packets, stamps)
            used_s += cpu_s() - begin_s
            assert frames is not None
    return used_s


def use_one_thread() -> None:
    """Keep a worker to one core."""
    torch.set_num_threads(1)


def measure(prepare: Callable[[Path], Iterable[float]], num_clips: int) -> tuple[float, float]:
    """Prepare all clips once, into a folder thrown away; return clips/s, CPU seconds a clip."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        used_s = sum(prepare(Path(folder)))
        return num_clips / (time.perf_counter() - begin), used_s / num_clips


def compare(clips: list[Path], num_rounds: int, num_workers: int) -> dict[str, object]:
    """Measure both ways in turns."""
    ffmpeg = find_ffmpeg()
    shards = [clips[worker::num_workers] for worker in range(num_workers)]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(num_workers, spawn, initializer=use_one_thread) as pool:

        def scripts(folder: Path) -> Iterable[float]:
            return pool.map(partial(prepare_with_scripts, folder=folder, ffmpeg=ffmpeg), clips)

        def ours(folder: Path) -> Iterable[float]:
            return pool.map(partial(prepare_with_hearsay, folder=folder), shards)

        def floor(folder: Path) -> Iterable[float]:
            return pool.map(decode_needed_frames, shards)

        # Neither the start of the workers nor the first import is counted.
        for prepare in (scripts, ours):
            measure(prepare, len(clips))
        rounds = [
            np.concatenate([measure(way, len(clips)) for way in (scripts, ours, floor)])
            for _ in range(num_rounds)
        ]
    their_speed, their_cpu, our_speed, our_cpu, _, floor_cpu = np.array(rounds).T
    return {
        "hearsay_clips_per_s": round(float(np.median(our_speed)), 2),
        "scripts_clips_per_s": round(float(np.median(their_speed)), 2),
        "ratio": round(float(np.median(our_speed / their_speed)), 2),
        "ratio_of_each_round": np.round(our_speed / their_speed, 2).tolist(),
        "hearsay_cpu_s_per_clip": round(float(np.median(our_cpu)), 4),
        "scripts_cpu_s_per_clip": round(float(np.median(their_cpu)), 4),
        "cpu_ratio": round(float(np.median(their_cpu / our_cpu)), 2),
        "cpu_ratio_of_each_round": np.round(their_cpu / our_cpu, 2).tolist(),
        "decoding_needed_frames_cpu_s_per_clip": round(float(np.median(floor_cpu)), 4),
        "share_of_decoding_needed_frames": round(float(np.median(floor_cpu / our_cpu)), 2),
        "cpu_ratio_if_all_else_cost_nothing": round(float(np.median(their_cpu / floor_cpu)), 2),
    }


def ffmpeg_version(ffmpeg: str) -> str:
    """Return its first line, and whether it is the system's."""
    line = subprocess.run([ffmpeg, "-version"], capture_output=True, text=True, check=True).stdout
    origin = "system" if shutil.which("ffmpeg") == ffmpeg else "static, of imageio-ffmpeg"
    return f"{line.split(' Copyright')[0]} ({origin})"


def main() -> None:
    """Measure and report."""
    cores = os.cpu_count() or 1
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=cores)
    parser.add_argument(
        "--media",
        type=Path,
        default=Path(tempfile.gettempdir()) / "hearsay_bench_media",
        help="folder of the generated clips, kept between runs",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("results/benchmarks/bench_prepare.json")
    )
    arguments = parser.parse_args()
    use_one_thread()
    results = {}
    for interval_s in KEY_FRAME_INTERVALS_S:
        clips = make_clips(arguments.media, arguments.clips, interval_s)
        results[f"key frame every {interval_s} s"] = compare(
            clips, arguments.rounds, arguments.workers
        )
    report = {
        "what": "4 pictures of 224 px, 16 kHz mono sound and filter bank of a 10 s, 640x360 clip",
        "workers": arguments.workers,
        "num_clips": arguments.clips,
        "goal": GOAL,
        "results": results,
        "ffmpeg": ffmpeg_version(find_ffmpeg()),
        **describe_machine(torch=torch.__version__, torchaudio=torchaudio.__version__),
    }
    write_json(report, arguments.output)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
