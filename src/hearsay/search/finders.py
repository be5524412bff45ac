"""What each family of methods makes of a question: which rows of an index answer it best."""

from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from hearsay.errors import HearsayError
from hearsay.methods.family import Batch, EmbedsAudio
from hearsay.scoring.retrieval import clip_embedding
from hearsay.search.record import IndexRecord
from hearsay.search.vectors import Found, VectorIndex
from hearsay.training.load import TrainedRun


class Finder(Protocol):
    """Answers questions by rows of the tables of an index, with scores."""

    def text_to_clips(self, text: str, k: int) -> Found:
        """Find clips of a text."""

    def sound_to(self, find: str, batch: Batch, k: int) -> Found:
        """Find clips, captions or labels of a sound, the batch of one of a listener."""

    def picture_to_clips(self, picture: Image.Image, k: int) -> Found:
        """Find clips of a picture."""

    def unknown_words(self, text: str) -> list[str]:
        """Name the words of a text that take no part in a search."""

    def phrase(self, text: str) -> NDArray[np.float32] | None:
        """Return the vectors [K, W] that frames are scored against; None: no word is known."""


class TowerFinder:
    """Of a method whose sounds meet the frozen image and text towers.

    Args:
        run: of `load_run`.
        record: of the index.
        folder: of the index.
        threads: that search an exact index.
    """

    def __init__(self, run: TrainedRun, record: IndexRecord, folder: Path, threads: int) -> None:
        self.run = run
        self.record = record
        self.indexes = open_indexes(record, folder, threads)

    @cached_property
    def encoder(self) -> Any:
        """The towers, loaded when they are first needed."""
        from hearsay.search.towers import TowerEncoder  # open_clip takes seconds

        if self.record.towers is None:
            raise HearsayError("this index names no towers; build it again")
        return TowerEncoder(self.record.towers, self.run.device)

    def text_to_clips(self, text: str, k: int) -> Found:
        """Find clips of a text, by the text tower."""
        return self.indexes["clips"].search(self.encoder.embed_texts([text])[0], k)

    def sound_to(self, find: str, batch: Batch, k: int) -> Found:
        """Find clips, captions or labels of a sound."""
        return self.indexes[find].search(embed_sound(self.run, batch), k)

    def picture_to_clips(self, picture: Image.Image, k: int) -> Found:
        """Find clips of a picture, by the image tower."""
        return self.indexes["clips"].search(self.encoder.embed_picture(picture), k)

    def unknown_words(self, text: str) -> list[str]:
        """Return none."""
        return []  # the text tower reads pieces of words, down to single letters

    def phrase(self, text: str) -> NDArray[np.float32] | None:
        """Return the one vector of a phrase, [1, D]."""
        vector: NDArray[np.float32] = self.encoder.embed_texts([text])
        return vector


def open_indexes(record: IndexRecord, folder: Path, threads: int) -> dict[str, VectorIndex]:
    """Open the vectors of an index: clips, and captions and labels where there are any."""
    counts = {
        "clips": record.description.num_clips,
        "captions": record.description.num_captions,
        "labels": record.description.num_labels,
    }
    indexes = {
        name: VectorIndex(folder / f"{name}.faiss", threads)
        for name, count in counts.items()
        if count
    }
    for name, index in indexes.items():
        if len(index) != counts[name]:
            raise HearsayError(
                f"{folder / name}.faiss has {len(index)} vectors, not {counts[name]}; build the "
                "index again"
            )
    return indexes


def embed_sound(run: TrainedRun, batch: Batch) -> NDArray[np.float32]:
    """Embed the one sound of a batch as a unit vector [D]."""
    if not isinstance(run.family, EmbedsAudio):
        raise HearsayError(f"family {run.options['family']} gives sounds no vectors")
    on_device: dict[str, Tensor] = {name: value.to(run.device) for name, value in batch.items()}
    with torch.inference_mode():
        embedded = run.family.embed_audio(run.network, on_device).float().cpu().numpy()
    return clip_embedding(embedded)[0]
