"""Mean and standard deviation of features over the train split."""

import math
from pathlib import Path
from typing import Any

import pandas as pd

from hearsay.clips.subset_files import read_subset
from hearsay.errors import HearsayError
from hearsay.features.store import ShardedArrays
from hearsay.files import write_json
from hearsay.layout import dataset_of

PADS = ("before", "after")


def measure_features(
    clips: Path,
    indexes: list[Path],
    statistics: Path,
    options: dict[str, Any],
    subset: Path | None,
) -> None:
    """Measure one global mean and (population) std, from the sums that the indexes hold.

    Args:
        clips: index table; only its clips of split train count.
        indexes: tables beside the feature arrays, with num_frames, sum, sum_squares.
        statistics: JSON to write: mean, std, num_clips, num_frames, pad.
        options: `num_frames` (rows a clip is padded to) and `pad`. Where pad is "before", the
            padding belongs to the features and counts as zeros (as VIP-ANT measures them);
            where it is "after", only the valid frames count.
        subset: text file of clip ids; None: all.

    Raises:
        HearsayError: no frame to measure, features that are all the same, or arrays beside the
            indexes that have another number of frames.
    """
    if options["pad"] not in PADS:
        raise HearsayError(f"pad: {options['pad']} is not one of {', '.join(PADS)}")
    arrays = ShardedArrays([path.with_suffix(".npy") for path in indexes])
    _, padded_frames, num_bins = arrays.shape
    if padded_frames != options["num_frames"]:
        raise HearsayError(
            f"the arrays beside {indexes[0]} have {padded_frames} frames, the config says "
            f"{options['num_frames']}; compute the features again"
        )
    table = pd.read_parquet(clips, columns=["clip_id", "split"])
    chosen = set(table.loc[table["split"] == "train", "clip_id"])
    if subset is not None:
        chosen &= read_subset(subset, dataset_of(clips))
    columns = ["clip_id", "num_frames", "sum", "sum_squares"]
    sums = pd.concat([pd.read_parquet(path, columns=columns) for path in indexes])
    sums = sums[sums["clip_id"].isin(chosen)]
    num_clips = len(sums)
    if options["pad"] == "before":
        num_frames = num_clips * padded_frames
    else:
        num_frames = int(sums["num_frames"].sum())
    count = num_frames * num_bins
    if not count:
        where = f" and in {subset}" if subset else ""
        raise HearsayError(
            f"no frame of a clip of split train{where} in {len(indexes)} feature indexes; "
            "see availability.parquet for what became of the clips"
        )
    mean = math.fsum(sums["sum"]) / count
    variance = math.fsum(sums["sum_squares"]) / count - mean * mean
    if not variance > 1e-12:
        raise HearsayError(f"the features of {num_clips} clips are all the same; check the audio")
    write_json(
        {
            "mean": mean,
            "std": math.sqrt(variance),
            "num_clips": num_clips,
            "num_frames": num_frames,
            "pad": options["pad"],
        },
        statistics,
    )
