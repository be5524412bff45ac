"""Embed the words of captions and phrases once, for training and scoring to gather."""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hearsay.annotations.exclude import read_excluded
from hearsay.encoders.tokens import spellings, tokenise
from hearsay.encoders.word_counts import count_words, summarise
from hearsay.encoders.word_store import (
    CAPTIONS_SCHEMA,
    INDEX_SCHEMA,
    PHRASES_SCHEMA,
    UNKNOWN_ROW,
    WordFiles,
)
from hearsay.encoders.word_vectors import load_vectors, mean_cosine, train_skipgram
from hearsay.errors import HearsayError
from hearsay.files import atomic_path, write_json, write_parquet

logger = logging.getLogger(__name__)

DIGESTED = 100  # vectors that tell one space from another


@dataclass(frozen=True)
class Vocabulary:
    """The words of a data set under the vectors' spelling.

    Attributes:
        names: of each word that was asked for: the vectors' spelling, or its lower case if unknown.
        rows: of each name: the row of its vector, UNKNOWN_ROW if unknown.
    """

    names: dict[str, str]
    rows: dict[str, int]

    def row_list(self, words: Sequence[str]) -> list[int]:
        """Return the rows of some words, in order."""
        return [self.rows[self.names[word]] for word in words]


def embed_words(
    dataset: str,
    options: dict[str, Any],
    clips: Path,
    captions: Path,
    phrases: Path,
    training_clips: Path | None,
    training_captions: Path | None,
    files: WordFiles,
) -> None:
    """Write the vectors of all words of a data set, and the rows of every caption and phrase.

    Row UNKNOWN_ROW of the array is a random unit vector by options["unknown_seed"]; unknown
    words point to it, so what becomes of them is for the reader to say (`usable_rows`).

    Args:
        dataset: its name.
        options: vectors, file, unknown_seed, max_mean_cosine of the section `words`; where file
            is null also skipgram, whose `dataset` is the name of the data set trained on.
        clips: index table of the data set; as captions and phrases.
        captions: as clips.
        phrases: as clips.
        training_clips: index table of the data set whose train captions skip-gram learns; None
            where the vectors come from a file.
        training_captions: as training_clips.
        files: to write.

    Raises:
        HearsayError: a table or the vectors are absent or damaged, the vectors hold none of the
            words, or they have collapsed.
    """
    texts = read_captions(clips, captions)
    if texts.empty:
        raise HearsayError(f"{captions} holds no captions, so there are no words to embed")
    spoken = _read_phrases(phrases, texts)
    vectors, trained_on = open_vectors(options, training_clips, training_captions)
    seen = {word for table in (texts, spoken) for words in table["words"] for word in words}
    vocabulary, known = look_up(seen, vectors)
    if not known:
        raise HearsayError(
            f"the word vectors {options['vectors']} hold none of the {len(seen):,} words of "
            f"{captions}; are they of another language?"
        )
    unit = normalise_vectors(vectors, known)  # [K, W]
    check_spread(unit, options)
    unknown = draw_unknown(options["unknown_seed"], unit.shape[1])
    for table in (texts, spoken):
        table["rows"] = [vocabulary.row_list(words) for words in table["words"]]
    index = count_words(texts, spoken, vocabulary.names, vocabulary.rows)
    source = {"dataset": dataset, "vectors": options["vectors"], "trained_on": trained_on}
    sizes = {"num_rows": len(unit) + 1, "dimensions": unit.shape[1]}
    sizes["space"] = digest_space(vectors, unknown)
    summary = {**source, **sizes, "mean_cosine": mean_cosine(unit)}
    summary |= summarise(texts, spoken, index)
    with atomic_path(files.array) as temporary:
        np.save(temporary, np.concatenate([unknown[None], unit]).astype(np.float32))
    _write_table(index, INDEX_SCHEMA, files.index)
    _write_table(texts, CAPTIONS_SCHEMA, files.captions)
    _write_table(spoken, PHRASES_SCHEMA, files.phrases)
    write_json(summary, files.summary)
    _log(summary)


def read_captions(clips: Path, captions: Path) -> pd.DataFrame:
    """Read the captions in their order: caption_id, clip_id, text, split, words."""
    for path in (clips, captions):
        if not Path(path).is_file():
            raise HearsayError(f"{path} does not exist; build_index has not run")
    splits = pq.read_table(clips, columns=["clip_id", "split"]).to_pandas()
    table = pq.read_table(captions, columns=["caption_id", "clip_id", "text"]).to_pandas()
    table["split"] = table["clip_id"].map(splits.set_index("clip_id")["split"])
    table["words"] = [tokenise(text) for text in table["text"]]
    return table


def _read_phrases(phrases: Path, captions: pd.DataFrame) -> pd.DataFrame:
    """Read the phrases in their order: caption_id, clip_id, phrase_number, split, words."""
    if not Path(phrases).is_file():
        raise HearsayError(f"{phrases} does not exist; build_index has not run")
    columns = ["caption_id", "clip_id", "phrase", "first_word"]
    table = pq.read_table(phrases, columns=columns).to_pandas()
    table["phrase_number"] = table.groupby("caption_id").cumcount()
    table["split"] = table["caption_id"].map(captions.set_index("caption_id")["split"])
    table["words"] = [
        tokenise(phrase, starts_sentence=first_word == 0)
        for phrase, first_word in zip(table["phrase"], table["first_word"], strict=True)
    ]
    return table


def open_vectors(
    options: dict[str, Any], clips: Path | None, captions: Path | None
) -> tuple[Any, str | None]:
    """Load the word vectors of a file, or train skip-gram; return what they were trained on too.

    Args:
        options: of `embed_words`.
        clips: of the data set whose train captions skip-gram learns.
        captions: as clips.

    Raises:
        HearsayError: the file or a table is absent or damaged.
    """
    if options["file"] is not None:
        return load_vectors(Path(options["file"])), None
    if clips is None or captions is None:
        raise HearsayError(
            "words.file is null, so skip-gram vectors are trained here; that needs the clips and "
            "captions of a data set"
        )
    table = read_captions(clips, captions)
    usable = (table["split"] == "train") & ~table["clip_id"].isin(read_excluded(clips))
    train = table.loc[usable, "words"]
    sentences = [[word.lower() for word in words] for words in train]
    return train_skipgram(sentences, options["skipgram"]), options["skipgram"]["dataset"]


def digest_space(vectors: Any, unknown: NDArray[np.float64]) -> str:
    """Tell vectors of one space from those of another, by the first of them, whichever are used."""
    first = list(getattr(vectors, "index_to_key", vectors))[:DIGESTED]
    hashed = hashlib.sha256(unknown.tobytes())
    for word in first:
        hashed.update(word.encode())
        hashed.update(np.asarray(vectors[word], np.float32).tobytes())
    return hashed.hexdigest()[:12]


def look_up(words: Iterable[str], vectors: Any) -> tuple[Vocabulary, list[str]]:
    """Find the spelling under which the vectors know each word.

    Args:
        words: of captions and phrases.
        vectors: gensim's KeyedVectors, or a mapping from words to vectors.

    Returns:
        The vocabulary, and the known spellings in the order of their rows, which begin at 1.
    """
    names, known = {}, set()
    for word in sorted(words):
        spelling = next((form for form in spellings(word) if form in vectors), None)
        names[word] = word.lower() if spelling is None else spelling
        known |= set() if spelling is None else {spelling}
    order = sorted(known)
    rows = dict.fromkeys(sorted(set(names.values()) - known), UNKNOWN_ROW)
    rows |= {name: row for row, name in enumerate(order, start=UNKNOWN_ROW + 1)}
    return Vocabulary(names, rows), order


def normalise_vectors(vectors: Any, words: Sequence[str]) -> NDArray[np.float64]:
    """Return the vectors of some words, each of unit length: [K, W].

    Raises:
        HearsayError: one has no direction.
    """
    block = np.stack([np.asarray(vectors[word], np.float64) for word in words])  # [K, W]
    lengths = np.linalg.norm(block, axis=1, keepdims=True)
    faults = ~np.isfinite(lengths[:, 0]) | (lengths[:, 0] == 0)
    if faults.any():
        word = words[int(faults.argmax())]
        raise HearsayError(
            f"the word vector of {word!r} is zero or not finite; mend its row in words.file"
        )
    unit: NDArray[np.float64] = block / lengths
    return unit


def draw_unknown(seed: int, dimensions: int) -> NDArray[np.float64]:
    """Draw the vector that all unknown words share: a random direction [W]."""
    vector = np.random.default_rng(seed).standard_normal(dimensions)
    unit: NDArray[np.float64] = vector / np.linalg.norm(vector)
    return unit


def check_spread(unit: NDArray[np.floating], options: dict[str, Any]) -> None:
    """Refuse unit vectors [K, W] that are nearly one: no training could tell words apart by them.

    Raises:
        HearsayError: the mean cosine between distinct words exceeds max_mean_cosine.
    """
    cosine = mean_cosine(unit)
    if cosine <= options["max_mean_cosine"]:
        return
    mend = (
        "use other vectors"
        if options["file"] is not None
        else "raise words.skipgram epochs, learning_rate or negative, or lower min_count"
    )
    raise HearsayError(
        f"the word vectors {options['vectors']} have collapsed: the mean cosine between distinct "
        f"words is {cosine:.2f}, above words.max_mean_cosine {options['max_mean_cosine']:g}; {mend}"
    )


def _write_table(frame: pd.DataFrame, schema: pa.Schema, path: Path) -> None:
    # From lists: of an empty frame, pandas does not know that a column holds lists.
    columns = {name: frame[name].tolist() for name in schema.names}
    write_parquet(pa.Table.from_pydict(columns, schema=schema), path)


def _log(summary: dict[str, Any]) -> None:
    logger.info(
        "%s: %d words have vectors of %s, mean cosine %.3f",
        summary["dataset"],
        summary["num_rows"] - 1,
        summary["vectors"],
        summary["mean_cosine"],
    )
    for split, counts in summary["splits"].items():
        logger.info(
            "%s: %d of %d tokens unknown, %d of %d captions without a known word",
            split,
            counts["unknown_tokens"],
            counts["tokens"],
            counts["captions"]["without_words"] + counts["captions"]["only_unknown"],
            counts["captions"]["listed"],
        )
