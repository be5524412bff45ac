"""Which frames of a clip a phrase's segments cover."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hearsay.errors import HearsayError

ON_CENTRE = 1e-6  # of a shift: so near to a centre an end is on it


def frame_labels(
    onsets_s: Sequence[float],
    offsets_s: Sequence[float],
    num_frames: int,
    frame_shift_s: float,
    clip_end_s: float | None,
) -> NDArray[np.bool_]:
    """Mark the frames ceil(onset / shift) <= t < ceil(offset / shift) of every segment.

    Frame t is centred at t times the shift, so it is marked if its centre lies in
    [onset, offset). The quotient is the float64 one, as in the code of Xie et al. 2022: 0.14, 0.28
    and 4.48 s at 0.02 s fall one frame later than by exact arithmetic.

    A segment that lasts to the clip's end also holds the frame that is centred at that end: of
    AudioGrounding's offsets up to 10.02 s the index keeps 10 s. (The authors, who have 10.02 s,
    mark that frame, but not after an offset of exactly 10 s: 186 frames of 581,661 in v1 test.)
    What lies behind the last frame is cut off, a whole segment too.

    Args:
        onsets_s: of the segments, from the clip's start; they may overlap.
        offsets_s: as many; none where the phrase is not heard.
        num_frames: T, the true frames of the clip.
        frame_shift_s: between two frames.
        clip_end_s: length of the clip by the index; None: not known.

    Returns:
        bool [T].

    Raises:
        HearsayError: another number of offsets than of onsets, a segment that does not end after
            it begins at 0 or later, or a shift of 0 or less.
    """
    if len(onsets_s) != len(offsets_s):
        raise HearsayError(f"{len(onsets_s)} onsets, but {len(offsets_s)} offsets of one phrase")
    if not frame_shift_s > 0:
        raise HearsayError(f"frame_shift_s {frame_shift_s} is not above 0")
    labels = np.zeros(num_frames, np.bool_)
    for onset_s, offset_s in zip(onsets_s, offsets_s, strict=True):
        if not 0 <= onset_s < offset_s < math.inf:
            raise HearsayError(
                f"segment from {onset_s} to {offset_s} s does not begin at 0 or later and then end"
            )
        end = math.ceil(offset_s / frame_shift_s)
        if clip_end_s is not None and offset_s >= clip_end_s:
            end = math.floor(clip_end_s / frame_shift_s + ON_CENTRE) + 1
        labels[math.ceil(onset_s / frame_shift_s) : end] = True
    return labels
