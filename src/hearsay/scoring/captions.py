"""The captions of a gallery, and how a trained run scores clips against them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from hearsay.encoders.frozen import FrozenEncoders
from hearsay.encoders.word_store import usable_rows
from hearsay.errors import HearsayError
from hearsay.layout import DatasetFiles
from hearsay.methods.family import ScoresWords
from hearsay.training.load import TrainedRun, listen
from hearsay.training.stores import pad_rows

CAPTIONS_PER_BLOCK = 1024


@dataclass(frozen=True)
class Captions:
    """Captions that a run can score: caption_id, clip_id and `row` or `rows`, in their order."""

    table: pd.DataFrame

    @property
    def ids(self) -> list[str]:
        """The id of each caption."""
        return self.table["caption_id"].tolist()

    @property
    def clip_ids(self) -> list[str]:
        """The clip of each caption."""
        return self.table["clip_id"].tolist()

    def of(self, clip_ids: Sequence[str]) -> "Captions":
        """Take those of some clips."""
        return Captions(self.table[self.table["clip_id"].isin(clip_ids)])


def read_captions(data: DatasetFiles, frozen: FrozenEncoders, run: TrainedRun) -> Captions:
    """Read the captions that a run can score: embedded ones, or those with a usable word.

    Returns:
        with the column `row` of caption_embeddings.npy, or `rows` of the vectors of words.
    """
    if frozen.words is None:
        return Captions(pd.read_parquet(data.caption_embeddings.with_suffix(".parquet")))
    table = frozen.words.captions[["caption_id", "clip_id"]].copy()
    mode = run.options["unknown_words"]
    table["rows"] = [usable_rows(rows, mode).tolist() for rows in frozen.words.captions["rows"]]
    return Captions(table[table["rows"].map(len) > 0])


def score_captions(
    run: TrainedRun, data: DatasetFiles, clip_ids: Sequence[str], captions: Captions
) -> NDArray[np.float32]:
    """Score clips against captions by their words: [N, M].

    Clips are scored against single words first, [N, V], and a caption's score is made of those:
    no tensor of clips x captions x frames x words is held.

    Raises:
        HearsayError: the run's family does not score words.
    """
    family = run.family
    if not isinstance(family, ScoresWords):
        raise HearsayError(f"family {run.options['family']} does not score words")
    rows = captions.table["rows"].tolist()
    longest = max(len(row) for row in rows)
    padded = torch.from_numpy(pad_rows(rows, longest))  # [M, K]
    blocks = []
    with torch.inference_mode():
        for _, batch in listen(run, data, clip_ids):
            heard = family.score_words(run.network, batch).cpu()  # [B, V]
            scores = [
                family.score_captions(heard, part)
                for part in torch.split(padded, CAPTIONS_PER_BLOCK)
            ]
            blocks.append(torch.cat(scores, dim=1).float().numpy())
    return np.concatenate(blocks)
