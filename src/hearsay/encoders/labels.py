"""Text features of class labels: the mean of a label's word vectors (Elizalde et al. 2019)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hearsay.encoders.tokens import spellings, tokenise
from hearsay.errors import HearsayError

LEFT_OUT = {"or"}  # of "Gunshot_or_gunfire": it says nothing of the sound
FITS = ("zero_pad", "project")


@dataclass(frozen=True)
class LabelWords:
    """The words of one label.

    Attributes:
        label: as the data set writes it.
        words: that have a vector, as the vectors spell them.
        unknown: that have none; they take no part in the mean.
    """

    label: str
    words: tuple[str, ...]
    unknown: tuple[str, ...]


def label_words(label: str, vectors: Any) -> LabelWords:
    """Cut a label at "_" and spaces into words that the vectors know; "or" is left out.

    A word with a hyphen counts as one where the vectors have it so, else as its parts: "Hi-hat"
    is "hi-hat", or "hi" and "hat". Spellings are those of captions (`spellings`); a word that is
    not known is looked for with a final s, or without its own.

    Args:
        label: e.g. "Hi-hat"; any text will do, so also a query in words.
        vectors: gensim's KeyedVectors, or a mapping from words to vectors.
    """
    known: list[str] = []
    unknown: list[str] = []
    for number, piece in enumerate(label.replace("_", " ").split()):
        words = tokenise(piece, starts_sentence=number == 0)
        parts = [word for word in words if word.lower() not in LEFT_OUT]
        whole = _find("-".join(parts), vectors)
        if whole is not None:
            known.append(whole)
            continue
        for part in parts:
            spelling = _find(part, vectors)
            if spelling is None:
                unknown.append(part)
            else:
                known.append(spelling)
    return LabelWords(label, tuple(known), tuple(unknown))


def embed_labels(labels: Sequence[str], vectors: Any) -> NDArray[np.float32]:
    """Return the mean word vector of each label, scaled to unit length: [K, W].

    Args:
        labels: K.
        vectors: as for `label_words`; W is their width.

    Raises:
        HearsayError: no label, none of a label's words is known, or a mean has no direction.
    """
    if not labels:
        raise HearsayError("there are no labels to embed; the index of the data set names none")
    rows = []
    for found in (label_words(label, vectors) for label in labels):
        if not found.words:
            raise HearsayError(
                f"label {found.label!r}: the word vectors have none of its words "
                f"({', '.join(found.unknown) or 'it has none'}); use other vectors or rename it"
            )
        mean = np.mean([np.asarray(vectors[word], np.float64) for word in found.words], axis=0)
        length = np.linalg.norm(mean)
        if not np.isfinite(length) or length == 0:
            raise HearsayError(
                f"label {found.label!r}: the mean vector of {', '.join(found.words)} is zero or "
                "not finite; mend their rows in words.file"
            )
        rows.append(mean / length)
    return np.stack(rows).astype(np.float32)


def fit_width(features: NDArray[Any], width: int, fit: str, seed: int) -> NDArray[np.float32]:
    """Bring features [N, W] to the width D that a network takes; all distances stay as they are.

    `zero_pad` appends D - W zeros. `project` turns the W dimensions into a random subspace of the
    D, by a matrix with orthonormal columns, so that every input unit gets its share. Features that
    are D wide already stay as they are.

    Args:
        features: W <= D.
        width: D.
        fit: one of FITS.
        seed: of the projection.

    Returns:
        float32 [N, D].

    Raises:
        HearsayError: wider features, which would lose something, or another fit.
    """
    if fit not in FITS:
        raise HearsayError(f"fit {fit!r} of word vectors: must be one of {', '.join(FITS)}")
    found = features.shape[1]
    if found > width:
        raise HearsayError(
            f"features of {found} dimensions do not fit an input of {width}; reduce them first, "
            "or use narrower word vectors"
        )
    if found == width:
        return features.astype(np.float32)
    if fit == "zero_pad":
        return np.pad(features, ((0, 0), (0, width - found))).astype(np.float32)
    gaussian = np.random.default_rng(seed).standard_normal((width, found))
    basis = np.linalg.qr(gaussian)[0]  # [D, W], orthonormal columns
    return (features @ basis.T).astype(np.float32)


def _find(word: str, vectors: Any) -> str | None:
    """Return the spelling that the vectors know; of a word that they do not, that with or without
    a final s, since labels name what captions say ("drip", "a tap drips").
    """
    other = word[:-1] if word.lower().endswith("s") else f"{word}s"
    forms = [*spellings(word), *spellings(other)] if word else []
    return next((form for form in forms if form in vectors), None)
