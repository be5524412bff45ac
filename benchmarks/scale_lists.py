"""Lists of AudioSet's and AudioCaps' shape, generated: ids, starts and labels are random.

Labels are as many as AudioSet's: 2.5 a clip on average, of 527. AudioCaps' videos are videos of the
unbalanced list, as they are in truth; val and test have five captions a clip.
"""

import hashlib
from pathlib import Path

import numpy as np

ALPHABET = np.array(list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"))
NUM_AUDIOSET = 2_084_320
NUM_SMALLER = {
    "val": 22_160,
    "test": 20_371,
}  # the balanced and the eval list; train: the rest
NUM_AUDIOCAPS = {"train": 49_838, "val": 495, "test": 975}
CAPTIONS_A_CLIP = {"train": 1, "val": 5, "test": 5}
WORDS = ("dog", "barks", "man", "speaks", "rain", "falls", "engine", "idles", "bird", "sings")


def write_audioset(folder: Path, num_rows: int = NUM_AUDIOSET) -> None:
    """Write train.csv, val.csv and test.csv in AudioSet's form, the smaller at most a tenth."""
    rng = np.random.default_rng(0)
    mids = [f"/m/{number:05x}" for number in range(527)]
    smaller = {split: min(number, num_rows // 10) for split, number in NUM_SMALLER.items()}
    numbers = {"train": num_rows - sum(smaller.values()), **smaller}
    folder.mkdir(parents=True)
    for split, number in numbers.items():
        ids = ALPHABET[rng.integers(64, size=(number, 11))]
        starts_s = 10 * rng.integers(30, size=number)
        counts = 1 + rng.poisson(1.5, size=number)
        labels = rng.integers(527, size=(number, counts.max()))
        with (folder / f"{split}.csv").open("w") as file:
            file.write("# Segments csv\n# num_ytids\n# YTID, start_seconds, end_seconds, labels\n")
            for row in range(number):
                named = ",".join(mids[label] for label in labels[row, : counts[row]])
                start_s = starts_s[row]
                file.write(f'{"".join(ids[row])}, {start_s}.000, {start_s + 10}.000, "{named}"\n')


def write_audiocaps(folder: Path, unbalanced: Path, num_clips: int) -> None:
    """Write train.csv, val.csv and test.csv in AudioCaps' form, of clips of a list of AudioSet."""
    rng = np.random.default_rng(1)
    lines = unbalanced.read_text().splitlines()[3:]
    chosen = iter(rng.choice(len(lines), num_clips, replace=False))
    smaller = {split: min(NUM_AUDIOCAPS[split], num_clips // 10) for split in ("val", "test")}
    folder.mkdir(parents=True)
    caption = 0
    for split, number in {"train": num_clips - sum(smaller.values()), **smaller}.items():
        with (folder / f"{split}.csv").open("w") as file:
            file.write("audiocap_id,youtube_id,start_time,caption\n")
            for _ in range(number):
                video_id, start_s, *_ = lines[next(chosen)].split(", ")
                for _ in range(CAPTIONS_A_CLIP[split]):
                    caption += 1
                    text = " ".join(rng.choice(WORDS, 9))
                    file.write(f"{caption},{video_id},{int(float(start_s))},{text}\n")


def describe(folder: Path) -> dict[str, dict[str, str]]:
    """Return a data set's section of its lists, with the sums that the config pins."""
    files = {split: folder / f"{split}.csv" for split in ("train", "val", "test")}
    return {
        split: {"address": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for split, path in files.items()
    }
