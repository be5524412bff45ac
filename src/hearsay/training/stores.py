"""What batches are gathered from: each store gives something of any clips, by their ids."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import torch

from hearsay.encoders.label_store import (
    LabelFiles,
    label_rows,
    read_label_store,
    read_single_labels,
)
from hearsay.encoders.word_store import WordFiles, WordStore, read_word_store, usable_rows
from hearsay.errors import HearsayError
from hearsay.families import FORMS
from hearsay.features.normalise import normalise
from hearsay.features.store import ShardedArrays, read_num_frames
from hearsay.layout import DatasetFiles
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.family import Batch
from hearsay.methods.frame_words import NO_WORD

T = TypeVar("T")

FEWEST_FRAMES = 4  # hearsay.models.crnn.TIME_REDUCTION


class Store(Protocol):
    """A part of every batch.

    Attributes:
        paths: the files it reads.
    """

    paths: list[Path]

    @property
    def clip_ids(self) -> Sequence[str]:
        """All clips that it has something of."""

    def gather(self, clip_ids: Sequence[str], part: BatchPart) -> Batch:
        """Gather what it has of some clips; what is drawn is drawn by `part`."""

    def read_ahead(self, clip_ids: Sequence[str]) -> None:
        """Ask the system to read what some clips need, soon."""


Stores = dict[str, Store]


class _Features:
    """Features of any clips, [T, F] each, in shards; their indexes lie beside them."""

    def __init__(self, arrays: Sequence[Path]) -> None:
        self.paths = [Path(array) for array in arrays]
        self.store = ShardedArrays(arrays)
        self.num_frames = read_num_frames(self.paths)

    @property
    def clip_ids(self) -> Sequence[str]:
        """All clips that have features."""
        return self.store.clip_ids

    def frames_of(self, clip_ids: Sequence[str]) -> npt.NDArray[np.int64]:
        """Say how many frames are each clip's own, [B]."""
        return np.array([self.num_frames[clip_id] for clip_id in clip_ids], dtype=np.int64)

    def read_ahead(self, clip_ids: Sequence[str]) -> None:
        """Ask the system to read the features of some clips, in the order of the disk."""
        self.store.read_ahead(clip_ids)


class NormalisedFeatures(_Features):
    """Filter banks of any clips, padded and normalised.

    Args:
        arrays: the shards' .npy files.
        statistics: mean and std of the set that the network was first trained on.
        pad: `before` or `after` the normalisation (`features.fbank.pad`).
    """

    def __init__(self, arrays: Sequence[Path], statistics: Mapping[str, Any], pad: str) -> None:
        super().__init__(arrays)
        self.statistics = statistics
        self.pad = pad

    def gather(self, clip_ids: Sequence[str], part: BatchPart) -> Batch:
        """Gather fbank: float32 [B, T, F]."""
        features, num_frames = self.store.gather(clip_ids), self.frames_of(clip_ids)
        return {"fbank": normalise(features, num_frames, self.statistics, self.pad)}


class LogmelFeatures(_Features):
    """Log-mel spectrograms of any clips, as they are stored."""

    def gather(self, clip_ids: Sequence[str], part: BatchPart) -> Batch:
        """Gather logmel: float32 [B, T, F], and num_frames: int64 [B]."""
        num_frames = torch.from_numpy(self.frames_of(clip_ids))
        if len(num_frames) and int(num_frames.min()) < FEWEST_FRAMES:
            raise HearsayError(
                f"clip {clip_ids[int(num_frames.argmin())]} has {int(num_frames.min())} frames of "
                f"log-mel; the network needs {FEWEST_FRAMES}: raise min_duration_s of its data set"
            )
        features = torch.from_numpy(self.store.gather(clip_ids)).float()
        return {"logmel": features, "num_frames": num_frames}


class ImageEmbeddings:
    """The image embeddings of any clips."""

    def __init__(self, arrays: Sequence[Path]) -> None:
        self.paths = [Path(array) for array in arrays]
        self.store = ShardedArrays(arrays)

    @property
    def clip_ids(self) -> Sequence[str]:
        """All clips that have images."""
        return self.store.clip_ids

    def gather(self, clip_ids: Sequence[str], part: BatchPart) -> Batch:
        """Gather image_embeddings: float32 [B, L, D]."""
        return {"image_embeddings": torch.from_numpy(self.store.gather(clip_ids)).float()}

    def read_ahead(self, clip_ids: Sequence[str]) -> None:
        """Ask for nothing: 4 kB a clip stay in memory."""


class CaptionEmbeddings:
    """The caption embeddings of any clips.

    Args:
        array: the .npy of all captions; the table beside it says whose they are.
    """

    def __init__(self, array: Path) -> None:
        self.paths = [Path(array)]
        index = pq.read_table(Path(array).with_suffix(".parquet"), columns=["clip_id", "row"])
        self.array = np.load(array, mmap_mode="r")  # [M, D]
        rows = index.to_pandas().groupby("clip_id", sort=False)["row"].agg(list)
        self.rows: dict[str, list[int]] = rows.to_dict()

    @property
    def clip_ids(self) -> Sequence[str]:
        """All clips that have a caption."""
        return list(self.rows)

    def gather(self, clip_ids: Sequence[str], part: BatchPart) -> Batch:
        """Gather caption_embeddings, one of each clip, drawn at random: float32 [B, D]."""
        rows = draw_one_each(self.rows, clip_ids, part)
        embeddings = np.asarray(self.array[rows], dtype=np.float32)
        return {"caption_embeddings": torch.from_numpy(embeddings)}

    def read_ahead(self, clip_ids: Sequence[str]) -> None:
        """Ask for nothing: captions stay in memory."""


class ClipVectors:
    """One vector of any clip, in some form."""

    def __init__(self, array: Path) -> None:
        self.paths = [Path(array)]
        self.store = ShardedArrays([array])

    @property
    def clip_ids(self) -> Sequence[str]:
        """All clips that have a vector."""
        return self.store.clip_ids

    def gather(self, clip_ids: Sequence[str], part: BatchPart) -> Batch:
        """Gather clip_vectors: float32 [B, D]."""
        return {"clip_vectors": torch.from_numpy(self.store.gather(clip_ids))}

    def read_ahead(self, clip_ids: Sequence[str]) -> None:
        """Ask for nothing: a vector is small."""


class ClipLabels:
    """The label of any clip that bears exactly one."""

    def __init__(self, data: DatasetFiles) -> None:
        files = LabelFiles.of(data)
        self.paths = [data.clips, files.array, files.index]
        labels, store = read_single_labels(data.clips), read_label_store(files)
        rows = label_rows(list(labels.values()), store).tolist()
        self.rows: dict[str, int] = dict(zip(labels, rows, strict=True))

    @property
    def clip_ids(self) -> Sequence[str]:
        """All clips that bear exactly one label."""
        return list(self.rows)

    def gather(self, clip_ids: Sequence[str], part: BatchPart) -> Batch:
        """Gather labels, rows of the text features: int64 [B]."""
        return {"labels": torch.tensor([self.rows[clip_id] for clip_id in clip_ids])}

    def read_ahead(self, clip_ids: Sequence[str]) -> None:
        """Ask for nothing: labels stay in memory."""


class CaptionWords:
    """The words of the captions of any clips; captions without a usable word are left out.

    Args:
        data: the data set.
        unknown_words: `paper` or `skip`; see `usable_rows`.
    """

    def __init__(self, data: DatasetFiles, unknown_words: str) -> None:
        files = WordFiles.of(data)
        self.paths = [files.array, files.captions]
        captions = caption_rows(read_word_store(files), unknown_words)
        self.longest = max((len(rows) for _, rows in captions), default=0)
        self.rows: dict[str, list[Sequence[int]]] = {}
        for clip_id, rows in captions:
            self.rows.setdefault(clip_id, []).append(rows)

    @property
    def clip_ids(self) -> Sequence[str]:
        """All clips that have a caption with a usable word."""
        return list(self.rows)

    def gather(self, clip_ids: Sequence[str], part: BatchPart) -> Batch:
        """Gather caption_words, of one caption of each clip, drawn at random: int64 [B, K]."""
        drawn = draw_one_each(self.rows, clip_ids, part)
        return {"caption_words": torch.from_numpy(pad_rows(drawn, self.longest))}

    def read_ahead(self, clip_ids: Sequence[str]) -> None:
        """Ask for nothing: words stay in memory."""


def caption_rows(words: WordStore, unknown_words: str) -> list[tuple[str, Sequence[int]]]:
    """List the clip and the usable rows of every caption that has any, in their order."""
    captions = words.captions
    usable = [usable_rows(rows, unknown_words).tolist() for rows in captions["rows"]]
    return [(clip, rows) for clip, rows in zip(captions["clip_id"], usable, strict=True) if rows]


def pad_rows(rows: Sequence[Sequence[int]], length: int) -> npt.NDArray[np.int64]:
    """Fill up lists of rows with NO_WORD: int64 [len(rows), length]."""
    padded = np.full((len(rows), length), NO_WORD, dtype=np.int64)
    for target, row in zip(padded, rows, strict=True):
        target[: len(row)] = row
    return padded


def draw_one_each(
    choices: Mapping[str, Sequence[T]], clip_ids: Sequence[str], part: BatchPart
) -> list[T]:
    """Draw one of each clip's choices, all as likely."""
    share = part.uniform(len(clip_ids)).tolist()
    return [
        choices[clip_id][int(drawn * len(choices[clip_id]))]
        for clip_id, drawn in zip(clip_ids, share, strict=True)
    ]


def open_stores(
    data: DatasetFiles,
    names: Sequence[str],
    options: Mapping[str, Any],
    statistics: Mapping[str, Any] | None,
) -> Stores:
    """Open the stores that a family requires, by name.

    Args:
        data: the data set.
        names: of the stores.
        options: of the stage.
        statistics: mean and std that normalise filter banks; None where there are none to.

    Raises:
        HearsayError: a name is unknown.
    """

    def filter_banks() -> Store:
        if statistics is None:
            raise HearsayError("filter banks need the mean and std that normalise them")
        return NormalisedFeatures(data.shards("fbank", ".npy"), statistics, options["fbank"]["pad"])

    makers: dict[str, Callable[[], Store]] = {
        "fbank": filter_banks,
        "logmel": lambda: LogmelFeatures(data.shards("logmel", ".npy")),
        "image_embeddings": lambda: ImageEmbeddings(data.shards("image_embeddings", ".npy")),
        "caption_embeddings": lambda: CaptionEmbeddings(data.caption_embeddings),
        "caption_words": lambda: CaptionWords(data, options["unknown_words"]),
        FORMS: lambda: ClipVectors(data.form(options["form"])),
        "labels": lambda: ClipLabels(data),
    }
    unknown = set(names) - set(makers)
    if unknown:
        raise HearsayError(f"no store {', '.join(sorted(unknown))}; known: {', '.join(makers)}")
    return {name: makers[name]() for name in names}
