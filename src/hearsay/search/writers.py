"""What each family of methods writes into an index: what its finder will read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from hearsay.encoders.frozen import FrozenEncoders
from hearsay.encoders.label_store import LabelFiles, read_caption_features
from hearsay.encoders.word_store import WordFiles
from hearsay.errors import HearsayError
from hearsay.families import FORMS
from hearsay.files import atomic_path, write_parquet
from hearsay.layout import DatasetFiles
from hearsay.methods.family import EmbedsAudio, ScoresWords
from hearsay.scoring.retrieval import clip_embedding
from hearsay.search.entries import CAPTIONS_SCHEMA, LABELS_SCHEMA, write_entries
from hearsay.search.record import FINDS
from hearsay.search.vectors import IndexOptions, write_vectors
from hearsay.search.word_finder import CAPTION_ROWS, WORD_SCORES, WORDS, write_word_scores
from hearsay.training.load import TrainedRun, listen
from hearsay.training.stores import pad_rows


@dataclass(frozen=True)
class Source:
    """What an index is made of.

    Attributes:
        run: of `load_run`.
        frozen: the encoders that it builds on.
        data: data set of its last stage.
        clip_ids: N, in the order of the index.
        features: options of clip vectors, of a method that hears such.
        words: options of word vectors and the tables that skip-gram learns, of such a method.
        subset: of the run.
    """

    run: TrainedRun
    frozen: FrozenEncoders
    data: DatasetFiles
    clip_ids: Sequence[str]
    features: dict[str, Any]
    words: tuple[dict[str, Any], Path | None, Path | None]
    subset: Path | None


@dataclass(frozen=True)
class Target:
    """Where an index goes, and how it is made."""

    folder: Path
    options: IndexOptions
    threads: int

    def write_vectors(self, name: str, vectors: NDArray[Any]) -> str:
        """Write the vectors of clips, captions or labels; return their kind."""
        path = self.folder / f"{name}.faiss"
        return write_vectors(vectors, path, self.options, self.threads)

    def write_captions(self, captions: pd.DataFrame, clip_ids: Sequence[str]) -> None:
        """Write clip_id and text of captions, in the order of what they are found by."""
        rows = {clip_id: row for row, clip_id in enumerate(clip_ids)}
        placed = captions.assign(clip_row=captions["clip_id"].map(rows))
        write_entries(placed, CAPTIONS_SCHEMA, self.folder / "captions.parquet")

    def write_labels(self, labels: Sequence[str]) -> None:
        """Write labels, in the order of what they are found by."""
        write_entries({"text": labels}, LABELS_SCHEMA, self.folder / "labels.parquet")


@dataclass(frozen=True)
class Written:
    """What has been written: kind of the clips' vectors, how many texts, what is found without."""

    kind: str
    num_captions: int
    num_labels: int
    finds_clips: tuple[str, ...]

    @property
    def finds(self) -> tuple[str, ...]:
        """All that can be found, in the order of FINDS."""
        found = {*self.finds_clips}
        found |= {"sound_to_captions"} if self.num_captions else set()
        found |= {"sound_to_labels"} if self.num_labels else set()
        return tuple(find for find in FINDS if find in found)


def write_answers(source: Source, target: Target) -> Written:
    """Write what clips, captions and labels are found by, as the family needs it."""
    if source.run.needs.needs_towers:
        return _write_of_towers(source, target)
    if source.run.needs.features == FORMS:
        return _write_of_labels(source, target)
    return _write_of_words(source, target)


def _write_of_towers(source: Source, target: Target) -> Written:
    kind = target.write_vectors("clips", _embed_clips(source))
    data = source.data
    captions = pd.read_parquet(data.caption_embeddings.with_suffix(".parquet"))
    captions = captions[captions["clip_id"].isin(set(source.clip_ids))]
    if len(captions):
        array = np.load(data.caption_embeddings, mmap_mode="r")
        target.write_captions(captions, source.clip_ids)
        target.write_vectors("captions", array[captions["row"].to_numpy()])
    labels = pd.read_parquet(data.label_tower_embeddings.with_suffix(".parquet"))
    if len(labels):
        target.write_labels(labels["label"].tolist())
        target.write_vectors("labels", np.load(data.label_tower_embeddings)[labels["row"]])
    ways = ("text_to_clips", "sound_to_clips", "picture_to_clips")
    return Written(kind, len(captions), len(labels), ways)


def _write_of_labels(source: Source, target: Target) -> Written:
    from hearsay.encoders.labels import embed_labels
    from hearsay.encoders.words import open_vectors
    from hearsay.search.hear_forms import write_form_map
    from hearsay.search.label_finder import embed_texts, write_vectors_of_words

    labels = source.frozen.labels
    if labels is None:
        raise HearsayError("this method was trained on labels; embed_labels has not run")
    captions = _read_captions(source)
    opened, _ = open_vectors(*source.words)
    texts = [*labels.labels, *captions["text"]]
    vectors = write_vectors_of_words(opened, texts, target.folder)
    if not np.allclose(embed_labels(labels.labels, vectors), labels.vectors, atol=1e-3):
        raise HearsayError(
            f"the word vectors are others than those of {source.data.label_embeddings}; run "
            "embed_labels and the training again"
        )
    write_form_map(source.data, source.features, source.subset, target.folder)
    kind = target.write_vectors("clips", _embed_clips(source))
    features = read_caption_features(LabelFiles.of(source.data))
    captions = captions.merge(features.table[["caption_id", "row"]], on="caption_id", how="inner")
    if len(captions):
        target.write_captions(captions, source.clip_ids)
        embedded = embed_texts(source.run, features.vectors[captions["row"].to_numpy()])
        target.write_vectors("captions", embedded)
    target.write_labels(labels.labels)
    target.write_vectors("labels", embed_texts(source.run, labels.vectors))
    ways = ("text_to_clips", "sound_to_clips")
    return Written(kind, len(captions), len(labels.labels), ways)


def _write_of_words(source: Source, target: Target) -> Written:
    words, run = source.frozen.words, source.run
    if words is None or not isinstance(run.family, ScoresWords):
        raise HearsayError(f"family {run.options['family']} cannot be searched")
    num_words, num_clips = len(words.vectors), len(source.clip_ids)
    path = target.folder / WORD_SCORES
    write_word_scores(_score_words(source, run.family), num_words, num_clips, path)
    index = pq.read_table(WordFiles.of(source.data).index, columns=["word", "row", "is_known"])
    known = index.to_pandas()
    write_parquet(known.loc[known["is_known"], ["word", "row"]], target.folder / WORDS)
    from hearsay.scoring.captions import read_captions

    rows = read_captions(source.data, source.frozen, run).table[["caption_id", "rows"]]
    captions = _read_captions(source).merge(rows, on="caption_id", how="inner")
    if len(captions):
        target.write_captions(captions, source.clip_ids)
        listed = captions["rows"].tolist()
        with atomic_path(target.folder / CAPTION_ROWS) as temporary:
            np.save(temporary, pad_rows(listed, max(map(len, listed))))
    return Written("exact", len(captions), 0, ("text_to_clips",))


def _score_words(source: Source, family: ScoresWords) -> Iterator[NDArray[np.float32]]:
    with torch.inference_mode():
        for _, batch in listen(source.run, source.data, source.clip_ids):
            yield family.score_words(source.run.network, batch).float().cpu().numpy()


def _read_captions(source: Source) -> pd.DataFrame:
    """Read caption_id, clip_id and text of the captions of the clips, in their order."""
    columns = ["caption_id", "clip_id", "text"]
    table: pd.DataFrame = pq.read_table(source.data.captions, columns=columns).to_pandas()
    return table[table["clip_id"].isin(set(source.clip_ids))]


def _embed_clips(source: Source) -> NDArray[np.float16]:
    """Embed the clips as unit vectors [N, D], in float16: no float32 copy of all is held."""
    family = source.run.family
    if not isinstance(family, EmbedsAudio):
        raise HearsayError(f"family {source.run.options['family']} gives clips no vectors")
    stacked: NDArray[np.float16] | None = None
    start = 0
    with torch.inference_mode():
        for _, batch in listen(source.run, source.data, source.clip_ids):
            embedded = family.embed_audio(source.run.network, batch).float().cpu().numpy()
            block = clip_embedding(embedded)  # [B, D]
            if stacked is None:
                stacked = np.empty((len(source.clip_ids), block.shape[1]), np.float16)
            stacked[start : start + len(block)] = block
            start += len(block)
    if stacked is None:
        raise HearsayError(f"data set {source.data.name}: there are no clips to embed")
    return stacked
