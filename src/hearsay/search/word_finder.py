"""Search with a method that scores clips against single words: every score is there beforehand.

The vectors know V words, and the scores of N clips with all of them lie on disk, a row a word. A
query reads the rows of its words, so its answer is exact.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from PIL import Image

from hearsay.encoders.tokens import spellings, tokenise
from hearsay.encoders.word_store import UNKNOWN_ROW, usable_rows
from hearsay.errors import HearsayError
from hearsay.files import atomic_path
from hearsay.methods.family import Batch, ScoresWords
from hearsay.search.record import IndexRecord
from hearsay.search.vectors import Found
from hearsay.training.load import TrainedRun

WORD_SCORES = "word_scores.npy"  # float16 [V, N]
CAPTION_ROWS = "caption_rows.npy"  # int64 [C, K], NO_WORD behind the last word
WORDS = "words.parquet"
CLIPS_PER_BLOCK = 4096  # columns written at once
CAPTIONS_PER_BLOCK = 4096


class WordFinder:
    """Of a method of words.

    Args:
        run: of `load_run`.
        record: of the index.
        folder: of the index.
    """

    def __init__(self, run: TrainedRun, record: IndexRecord, folder: Path) -> None:
        if not isinstance(run.family, ScoresWords):
            raise HearsayError(f"family {run.options['family']} does not score words")
        self.run, self.family = run, run.family
        self.scores = _open_array(folder / WORD_SCORES)  # [V, N]
        words = pq.read_table(folder / WORDS)
        self.rows = dict(zip(words["word"].to_pylist(), words["row"].to_pylist(), strict=True))
        num_clips = record.description.num_clips
        if self.scores.shape != (len(run.network.get_buffer("vectors")), num_clips):
            raise HearsayError(
                f"{folder / WORD_SCORES} has the shape {self.scores.shape}, of other words "
                "or clips; build the index again"
            )
        has_captions = record.description.num_captions > 0
        self.captions = _open_array(folder / CAPTION_ROWS) if has_captions else None

    def text_to_clips(self, text: str, k: int) -> Found:
        """Find clips by the scores of the text's words, put together as in training.

        Raises:
            HearsayError: no word is known.
        """
        rows = self._known_rows(text)
        if rows is None:
            raise HearsayError(
                f"the run knows none of the words of {text!r}; say it in words of the captions"
            )
        heard = np.asarray(self.scores[np.sort(rows)], np.float32)  # [K, N], as they lie on disk
        over_words = self.run.options["over_words"]
        return best(heard.max(axis=0) if over_words == "max" else heard.mean(axis=0), k)

    def sound_to(self, find: str, batch: Batch, k: int) -> Found:
        """Find captions of a sound.

        Raises:
            HearsayError: something else is to be found.
        """
        if find != "captions" or self.captions is None:
            raise HearsayError(f"a method of words finds no {find} by a sound")
        on_device = {name: value.to(self.run.device) for name, value in batch.items()}
        with torch.inference_mode():
            heard = self.family.score_words(self.run.network, on_device).cpu()  # [1, V]
            blocks = [
                self.family.score_captions(heard, torch.from_numpy(np.array(block)))[0]
                for block in _split(self.captions, CAPTIONS_PER_BLOCK)
            ]
        return best(torch.cat(blocks).float().numpy(), k)

    def picture_to_clips(self, picture: Image.Image, k: int) -> Found:
        """Refuse: words know no pictures."""
        raise HearsayError("a method of words finds nothing by a picture")

    def unknown_words(self, text: str) -> list[str]:
        """Name the words that the vectors do not have."""
        return [word for word in tokenise(text) if self._row(word) == UNKNOWN_ROW]

    def phrase(self, text: str) -> NDArray[np.float32] | None:
        """Return the vectors of a phrase's words, [K, W]; None: no word is known."""
        rows = self._known_rows(text)
        if rows is None:
            return None
        vectors: NDArray[np.float32] = self.run.network.get_buffer("vectors")[rows].cpu().numpy()
        return vectors

    def _known_rows(self, text: str) -> NDArray[np.int64] | None:
        """Return the rows that count of a text's words; None where none of them is known."""
        rows = [self._row(word) for word in tokenise(text)]
        if not any(row != UNKNOWN_ROW for row in rows):
            return None
        return usable_rows(rows, self.run.options["unknown_words"])

    def _row(self, word: str) -> int:
        found = (self.rows[form] for form in spellings(word) if form in self.rows)
        return next(found, UNKNOWN_ROW)


def best(scores: NDArray[np.float32], k: int) -> Found:
    """Return the k largest of scores [N] and their rows; of equal ones the lower rows first.

    >>> best(np.array([0.5, 0.9, 0.5, 0.5], np.float32), 3)[1].tolist()
    [1, 0, 2]
    """
    k = min(k, len(scores))
    least = np.partition(scores, len(scores) - k)[len(scores) - k]
    rows = np.flatnonzero(scores >= least)
    rows = rows[np.lexsort((rows, -scores[rows]))][:k]
    return scores[rows], rows.astype(np.int64)


def write_word_scores(
    blocks: Iterable[NDArray[np.float32]], num_words: int, num_clips: int, path: Path
) -> None:
    """Write scores of clips with words, given as blocks [B, V] of clips: float16 [V, N]."""
    with atomic_path(path) as temporary:
        stored = np.lib.format.open_memmap(
            temporary, mode="w+", dtype=np.float16, shape=(num_words, num_clips)
        )
        start = 0
        for block in _join(blocks, CLIPS_PER_BLOCK):
            stored[:, start : start + len(block)] = block.T
            start += len(block)
        stored.flush()
        del stored


def _join(blocks: Iterable[NDArray[np.float32]], size: int) -> Iterable[NDArray[np.float16]]:
    """Join small blocks to ones of at least `size` rows, but for the last."""
    waiting: list[NDArray[np.float16]] = []
    for block in blocks:
        waiting.append(block.astype(np.float16))
        if sum(map(len, waiting)) >= size:
            yield np.concatenate(waiting)
            waiting = []
    if waiting:
        yield np.concatenate(waiting)


def _split(array: NDArray[np.int64], size: int) -> Iterable[NDArray[np.int64]]:
    return (array[start : start + size] for start in range(0, len(array), size))


def _open_array(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise HearsayError(
            f"{path} is absent or damaged ({error}); build the index again"
        ) from error
