"""The frames that phrases are scored on, the same for all systems."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hearsay.errors import HearsayError
from hearsay.features.store import read_num_frames
from hearsay.layout import DatasetFiles
from hearsay.scoring.gallery import available_clips
from hearsay.scoring.grounding_queries import PhraseQuery, phrase_queries


@dataclass(frozen=True)
class Grid:
    """The frames of the log-mel.

    Attributes:
        num_frames: of every clip.
        shift_s: between two frames; frame t is centred at t times this.
    """

    num_frames: dict[str, int]
    shift_s: float

    @classmethod
    def of(cls, data: DatasetFiles, frame_shift_ms: float) -> "Grid":
        """Read the frames of a data set's log-mel."""
        return cls(read_num_frames(data.shards("logmel", ".npy")), frame_shift_ms / 1000)

    def queries(self, data: DatasetFiles, split: str, subset: Path | None) -> list[PhraseQuery]:
        """Make the queries of a split: the phrases of its available clips.

        A clip's length is that up to its last whole frame.

        Raises:
            HearsayError: there is none.
        """
        clips = set(available_clips(data, split, subset)) & set(self.num_frames)
        phrases = pd.read_parquet(data.phrases)
        phrases = phrases[phrases["clip_id"].isin(clips)]
        if phrases.empty:
            raise HearsayError(
                f"data set {data.name}: no available clip of split {split} has a phrase; see "
                f"{data.availability_table}, or set benchmark.phrase_grounding to false"
            )
        ends_s = {clip: (self.num_frames[clip] - 1) * self.shift_s for clip in clips}
        return phrase_queries(phrases, ends_s)

    def place(self, clip_id: str, own_shift_s: float, size: int) -> NDArray[np.int64]:
        """Say which of a system's `size` frames stands nearest to each frame of the grid: [T].

        Its frame j is taken to stand at j times its shift. A filter bank's stands half its window,
        12.5 ms, later: less than half a frame of the grid.
        """
        times_s = np.arange(self.num_frames[clip_id]) * self.shift_s
        return np.minimum(np.round(times_s / own_shift_s).astype(np.int64), size - 1)
