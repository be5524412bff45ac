"""An AudioSet-shaped set of short films for bench_data_stage, and a server in YouTube's place.

As a program: serves a folder on a port and logs every request with its time.
"""

import logging
import os
import random
import signal
import string
import subprocess
import sys
from collections import Counter
from pathlib import Path

from hearsay.clips.ffmpeg import find_ffmpeg
from hearsay.clips.server import serve_media
from hearsay.files import write_json

NUM_FILMS = 60  # that differ; each is linked under many names
FILM_S = 4.0
CLIP_S = 2.0
STARTS_S = (0.0, 1.0, 1.52)
ID_CHARACTERS = string.ascii_letters + string.digits + "-_"
SPLIT_SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}

# Shares of the clips, and what the server does; "file" stands for a broken file instead.
FAULTS = {
    "404": (0.10, {"status": 404}),
    "410": (0.05, {"status": 410}),
    "403": (0.03, {"status": 403}),
    "cut short": (0.004, {"truncate_bytes": 20_000}),
    "reset": (0.003, {"truncate_bytes": 20_000, "reset": True}),
    "500": (0.002, {"status": 500}),
    "429 once": (0.001, {"status": 429, "times": 1, "retry_after_s": 1}),
    "page": (0.004, "file"),
    "half a film": (0.003, "file"),
    "noise": (0.003, "file"),
}


def make_set(media: Path, lists: Path, num_clips: int, seed: int) -> dict[str, int]:
    """Make films, faults and segment lists; return how many clips have which fault."""
    generator = random.Random(seed)
    media.mkdir(parents=True)
    lists.mkdir(parents=True)
    films = [make_film(media.parent / "films", number) for number in range(NUM_FILMS)]
    faults: dict[str, dict[str, object]] = {}
    counts: Counter[str] = Counter()
    rows = []
    kinds = []
    for name, (share, _) in FAULTS.items():
        kinds += [name] * max(1, round(share * num_clips))
    kinds += ["none"] * (num_clips - len(kinds))
    generator.shuffle(kinds)
    for number, kind in enumerate(kinds):
        # Eleven characters, any of which may be the first; the number keeps them apart.
        video_id = "".join(generator.choices(ID_CHARACTERS, k=6)) + f"{number:05d}"
        counts[kind] += 1
        fault = FAULTS[kind][1] if kind != "none" else None
        film = films[generator.randrange(NUM_FILMS)]
        if fault == "file":
            (media / f"{video_id}.mp4").write_bytes(break_film(kind, film, generator))
        else:
            os.link(film, media / f"{video_id}.mp4")
            if isinstance(fault, dict):
                faults[f"{video_id}.mp4"] = fault
        start_s = generator.choice(STARTS_S)
        rows.append(f'{video_id}, {start_s:.3f}, {start_s + CLIP_S:.3f}, "/m/09x0r,/m/04rlf"')
    write_json(faults, media / "faults.json")
    first = 0
    for split, share in SPLIT_SHARES.items():
        last = first + round(share * num_clips)
        header = ["# Segments csv", f"# num_ytids={last - first}", "# YTID, start, end, labels"]
        (lists / f"{split}.csv").write_text("\n".join([*header, *rows[first:last]]) + "\n")
        first = last
    return dict(counts)


def make_film(folder: Path, number: int) -> Path:
    """Encode a short film that no other resembles."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{number:03d}.mp4"
    sources = [
        *("-f", "lavfi", "-i", f"testsrc2=s=320x240:r=25:d={FILM_S},hue=h={6 * number}"),
        *("-f", "lavfi", "-i", f"anoisesrc=d={FILM_S}:c=pink:r=44100:s={number}"),
    ]
    coding = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "50"]
    coding += ["-c:a", "aac", "-movflags", "+faststart"]
    subprocess.run([find_ffmpeg(), "-v", "error", *sources, *coding, str(path)], check=True)
    return path


def break_film(kind: str, film: Path, generator: random.Random) -> bytes:
    """Return what a broken file holds."""
    whole = film.read_bytes()
    if kind == "page":
        return b"<!doctype html><html><body>This video is not here</body></html>"
    if kind == "half a film":
        return whole[: len(whole) // 2]
    third = len(whole) // 3
    return whole[:third] + generator.randbytes(third) + whole[2 * third :]


def main() -> None:
    """Serve until SIGTERM: folder, port (0: any), log file; the port is printed."""
    folder, port, log = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    handler = logging.FileHandler(log, mode="w")
    handler.setFormatter(logging.Formatter("%(created)f %(message)s"))
    requests = logging.getLogger("hearsay.clips.server")
    requests.setLevel(logging.DEBUG)
    requests.propagate = False
    requests.addHandler(handler)
    with serve_media(folder, port) as address:
        print(address.rstrip("/").rpartition(":")[2], flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
