"""Where word vectors come from, all through gensim: a file, or skip-gram trained on captions."""

import codecs
import gzip
import logging
import time
import zlib
from collections.abc import Sequence
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
from gensim.models import KeyedVectors, Word2Vec
from numpy.typing import NDArray

from hearsay.errors import HearsayError

logger = logging.getLogger(__name__)

SAMPLE_BYTES = 1 << 16  # enough to tell text from numbers
DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)


def load_vectors(path: Path) -> Any:
    """Load word vectors from a word2vec binary or from text, plain or .gz.

    Text is GloVe's (a word and its numbers a line) or word2vec's, which has a header line. What
    a file is, is seen from its first bytes. The whole file goes to memory: about 4 GB for
    Google News.

    Returns:
        gensim's KeyedVectors, as in the file: neither normalised nor lower-cased.

    Raises:
        HearsayError: the file is absent, empty, an archive, truncated, or a row has another
            width than the first.
    """
    path = Path(path)
    if not path.is_file():
        raise HearsayError(f"words.file {path} does not exist; config.yaml says where to get one")
    start = time.monotonic()
    try:
        is_binary = _is_binary(path)
        has_header = is_binary or _check_rows(path)
        vectors = KeyedVectors.load_word2vec_format(
            str(path), binary=is_binary, no_header=not has_header
        )
    except DAMAGED as error:
        raise HearsayError(f"words.file {path} is truncated ({error}); fetch it again") from error
    except ValueError as error:
        raise HearsayError(
            f"words.file {path} holds no word vectors as word2vec or GloVe write them ({error}); "
            "fetch it again"
        ) from error
    logger.info(
        "%s: %d words of %d dimensions in %.0f s",
        path,
        len(vectors),
        vectors.vector_size,
        time.monotonic() - start,
    )
    return vectors


def train_skipgram(sentences: Sequence[Sequence[str]], options: dict[str, Any]) -> Any:
    """Train skip-gram vectors with negative sampling (Mikolov et al. 2013) on some sentences.

    The same sentences and options give the same vectors: one worker, own seeds, and a hash that
    does not change from process to process. gensim's default settings collapse on a few hundred
    captions (all cosines near 1): see `mean_cosine`.

    Args:
        sentences: words; case is told apart.
        options: seed, dimensions, epochs, window, min_count, negative, sample, learning_rate,
            final_learning_rate: of the section words.skipgram.

    Returns:
        gensim's KeyedVectors.

    Raises:
        HearsayError: no word occurs min_count times.
    """
    start = time.monotonic()
    try:
        model = Word2Vec(
            [list(sentence) for sentence in sentences],
            sg=1,
            hs=0,
            workers=1,
            hashfxn=_hash,
            seed=options["seed"],
            vector_size=options["dimensions"],
            epochs=options["epochs"],
            window=options["window"],
            min_count=options["min_count"],
            negative=options["negative"],
            sample=options["sample"],
            alpha=options["learning_rate"],
            min_alpha=options["final_learning_rate"],
        )
    except RuntimeError as error:  # "you must first build vocabulary"
        raise HearsayError(
            f"words.skipgram: none of the words of {len(sentences):,} train captions occurs "
            f"min_count {options['min_count']} times; lower it, or give words.file"
        ) from error
    logger.info(
        "skip-gram: %d words of %d captions in %.1f s",
        len(model.wv),
        len(sentences),
        time.monotonic() - start,
    )
    return model.wv


def mean_cosine(unit: NDArray[np.floating]) -> float:
    """Return the mean cosine between distinct unit vectors [N, W]; 0 for a single one.

    The sum over all pairs is the squared length of the sum of all vectors.

    >>> mean_cosine(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]))  # cosines 0, 1, 0
    0.3333333333333333
    """
    number = len(unit)
    if number < 2:
        return 0.0
    total = unit.sum(axis=0, dtype=np.float64)
    return float((total @ total - number) / (number * (number - 1)))


def _hash(word: str) -> int:
    return zlib.crc32(word.encode())


def _open(path: Path) -> BufferedIOBase:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _is_binary(path: Path) -> bool:
    """Tell the numbers of a word2vec binary, whose first line is text too, from text."""
    with path.open("rb") as file:
        magic = file.read(4)
    if magic == b"PK\x03\x04":
        raise HearsayError(
            f"words.file {path} is a zip archive; unpack it and name the file inside"
        )
    with _open(path) as file:
        sample = file.read(SAMPLE_BYTES)
    if not sample:
        raise HearsayError(f"words.file {path} is empty; fetch it again")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)  # a letter may be cut at its end
    except UnicodeDecodeError:
        return True
    return b"\0" in sample


def _check_rows(path: Path) -> bool:
    """Refuse rows of unequal width, which gensim lets pass; return whether line 1 is a header.

    Raises:
        HearsayError: with the line's number.
    """
    with _open(path) as file:
        first = file.readline().split()
        has_header = len(first) == 2 and all(field.isdigit() for field in first)
        width = int(first[1]) if has_header else len(first) - 1
        number = 1
        for number, line in enumerate(file, start=2):
            found = line.rstrip().count(b" ")
            if found != width:
                raise HearsayError(
                    f"words.file {path}, line {number}: {found} numbers instead of {width}; fetch "
                    "the file again if it ends there, else mend the line"
                )
    if has_header and number - 1 != int(first[0]):
        raise HearsayError(
            f"words.file {path}: line 1 promises {int(first[0]):,} words, and {number - 1:,} "
            "follow; fetch it again"
        )
    return has_header
