"""The audio_image stage at the paper's size, for benchmarks of training and of reading."""

import mmap
import os
from typing import Any

from hearsay.training.data import Clips

EPOCHS = 30  # the paper's: an image is embedded once for all of them
OPTIONS: dict[str, Any] = {
    "family": "frame_match",
    "image_choice": "random",
    "segments": 1,
    "caption_audio": "segments",
    "nearest_from_epoch": 0,
    "tower": {"time_stride": 16, "mel_stride": 24},
    "masks": {"max_bins": 32, "max_frames": 200},
    "fbank": {"num_frames": 1000, "num_mel_bins": 128, "pad": "before"},
    "epochs": EPOCHS,
    "warmup_epochs": 10,
    "read_block": 16,
    "optimizer": "lars",
    "learning_rate": 0.2,
    "bias_learning_rate": 0.0048,
    "weight_decay": 1e-6,
    "scale_by_batch": True,
    "schedule": "cosine",
    "final_fraction": 0.001,
    "cut_after": 5,
    "cut_factor": 0.1,
    "stop_after": None,
}


def forget(clips: Clips) -> None:
    """Drop the stored arrays from the system's memory.

    It keeps pages that have not reached the disk yet, and those that a process has mapped.
    """
    for store in clips.stores.values():
        for array in store.store.arrays:
            array.base._mmap.madvise(mmap.MADV_DONTNEED)
        for path in store.paths:
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
