"""Normalise features by the train split's mean and standard deviation."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hearsay.errors import HearsayError


def normalise(
    features: npt.NDArray[Any],
    num_frames: npt.NDArray[np.int64],
    statistics: Mapping[str, Any],
    pad: str,
) -> npt.NDArray[np.float32]:
    """Return (features - mean) / std as a new float32 array [B, T, F].

    Args:
        features: [B, T, F], float16 or float32, padded with zeros at the end of T.
        num_frames: valid frames of each clip, [B].
        statistics: `mean` and `std`.
        pad: "before": the padding is normalised like the rest (VIP-ANT); "after": it is 0
            after the normalisation, which is the mean of the valid frames.

    Raises:
        HearsayError: another pad.
    """
    if pad not in ("before", "after"):
        raise HearsayError(f"pad: {pad} is not one of before, after")
    scale = np.float32(1.0 / statistics["std"])
    normalised = features.astype(np.float32)  # [B, T, F], a copy
    normalised -= np.float32(statistics["mean"])
    normalised *= scale
    if pad == "after":
        for clip, valid in zip(normalised, num_frames, strict=True):
            clip[valid:] = 0.0
    return normalised
