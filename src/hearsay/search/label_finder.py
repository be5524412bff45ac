"""Search with a method that brings sounds and texts into a space of its own, by word vectors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image

from hearsay.encoders.labels import embed_labels, label_words
from hearsay.errors import HearsayError
from hearsay.files import atomic_path, write_parquet
from hearsay.methods.family import Batch, EmbedsLabels
from hearsay.search.finders import embed_sound, open_indexes
from hearsay.search.record import IndexRecord
from hearsay.search.vectors import Found
from hearsay.training.load import TrainedRun
from hearsay.training.pairs import fit_texts

VECTORS = "words.npy"  # float32 [V, W], as the vectors have them: not of unit norm
WORDS = "words.parquet"
MOST_WORDS = 100_000  # of a file, whose words are sorted by how often they are used


class StoredVectors:
    """Vectors of words, looked up by their spelling."""

    def __init__(self, folder: Path) -> None:
        words = pd.read_parquet(folder / WORDS)["word"].tolist()
        self.rows = {word: row for row, word in enumerate(words)}
        self.vectors = np.load(folder / VECTORS, mmap_mode="r")
        if len(self.vectors) != len(words):
            raise HearsayError(f"{folder / VECTORS} does not fit {WORDS}; build the index again")

    def __contains__(self, word: object) -> bool:
        return word in self.rows

    def __getitem__(self, word: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self.vectors[self.rows[word]]
        return vector


class LabelFinder:
    """Of a method that was trained on pairs of a sound and a label.

    Args:
        run: of `load_run`.
        record: of the index.
        folder: of the index.
        threads: that search an exact index.
    """

    def __init__(self, run: TrainedRun, record: IndexRecord, folder: Path, threads: int) -> None:
        self.run = run
        self.indexes = open_indexes(record, folder, threads)
        self.words = StoredVectors(folder)

    def text_to_clips(self, text: str, k: int) -> Found:
        """Find clips by the mean vector of the text's words.

        Raises:
            HearsayError: no word is known.
        """
        if not label_words(text, self.words).words:
            raise HearsayError(
                f"the word vectors have none of the words of {text!r}; say it in other words"
            )
        vector = embed_texts(self.run, embed_labels([text], self.words))[0]
        return self.indexes["clips"].search(vector, k)

    def sound_to(self, find: str, batch: Batch, k: int) -> Found:
        """Find clips, captions or labels of a sound."""
        return self.indexes[find].search(embed_sound(self.run, batch), k)

    def picture_to_clips(self, picture: Image.Image, k: int) -> Found:
        """Refuse: the space knows no pictures."""
        raise HearsayError("a method of labels finds nothing by a picture")

    def unknown_words(self, text: str) -> list[str]:
        """Name the words without a vector."""
        return list(label_words(text, self.words).unknown)

    def phrase(self, text: str) -> NDArray[np.float32] | None:
        """Return none: the method grounds no phrases."""
        return None


def embed_texts(run: TrainedRun, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring text features [B, W] into the space of a run: [B, D], of unit norm."""
    family = run.family
    if not isinstance(family, EmbedsLabels):
        raise HearsayError(f"family {run.options['family']} knows no labels")
    vectors = torch.from_numpy(fit_texts(features, family.pairs)).to(run.device)
    with torch.inference_mode():
        embedded = family.embed_labels(run.network, {"label_vectors": vectors})
    found: NDArray[np.float32] = embedded.float().cpu().numpy()
    return found


def write_vectors_of_words(vectors: object, texts: Sequence[str], folder: Path) -> StoredVectors:
    """Keep what texts will be looked up in: the commonest words, and all of some texts.

    Args:
        vectors: gensim's KeyedVectors.
        texts: captions and labels.
        folder: of the index.
    """
    common = list(vectors.index_to_key[:MOST_WORDS])  # type: ignore[attr-defined]
    used = {word for text in texts for word in label_words(text, vectors).words}
    words = [*common, *sorted(used - set(common))]
    with atomic_path(folder / VECTORS) as temporary:
        np.save(temporary, np.stack([np.asarray(vectors[word], np.float32) for word in words]))  # type: ignore[index]
    write_parquet(pd.DataFrame({"word": words}), folder / WORDS)
    return StoredVectors(folder)
