"""Clips and labels in one space, and how a system brings them there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hearsay.encoders.label_store import LabelStore
from hearsay.scoring.label_clips import LabelledClips, LabelQuestion

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Embedder:
    """What brings both modalities into one space.

    Attributes:
        audio: base features [N, D] → [N, E], unit norm.
        text: text features [N, W] → [N, E], unit norm.
        noisy_text: text features [K, W] and classes [N] → text features [N, W] of as many clips;
            where nothing is noisy, those of their classes.
    """

    audio: Callable[[Vectors], Vectors]
    text: Callable[[Vectors], Vectors]
    noisy_text: Callable[[Vectors, NDArray[Any]], Vectors] = lambda text, classes: text[classes]


@dataclass(frozen=True)
class Embedded:
    """Clips in the space, each with its text.

    Attributes:
        clip_ids: N.
        classes: int64 [N], rows of the labels.
        audio: [N, E].
        text: [N, E].
    """

    clip_ids: list[str]
    classes: NDArray[np.int64]
    audio: Vectors
    text: Vectors


@dataclass(frozen=True)
class LabelSpace:
    """What is scored.

    Attributes:
        split: that asks.
        database: clips that answer.
        queries: clips that ask.
        labels: K.
        text: [K, E], of each label, without noise.
    """

    split: str
    database: Embedded
    queries: Embedded
    labels: list[str]
    text: Vectors


def embed_question(question: LabelQuestion, labels: LabelStore, embedder: Embedder) -> LabelSpace:
    """Bring database, queries and labels into the space of a system."""

    def embed(clips: LabelledClips) -> Embedded:
        texts = embedder.noisy_text(labels.vectors, clips.classes)
        return Embedded(
            clips.clip_ids, clips.classes, embedder.audio(clips.features), embedder.text(texts)
        )

    return LabelSpace(
        question.split,
        embed(question.database),
        embed(question.queries),
        labels.labels,
        embedder.text(labels.vectors),
    )
