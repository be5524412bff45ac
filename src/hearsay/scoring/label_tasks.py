"""Score a run that was trained on captions on telling labels apart, as `score_labels` does."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hearsay.encoders.frozen import FrozenEncoders
from hearsay.encoders.label_store import LabelFiles, LabelStore, read_label_store
from hearsay.encoders.word_store import UNKNOWN_ROW, WordFiles, usable_rows
from hearsay.errors import HearsayError
from hearsay.layout import DatasetFiles
from hearsay.methods.family import EmbedsAudio
from hearsay.scoring.captions import Captions, score_captions
from hearsay.scoring.gallery import SPLIT
from hearsay.scoring.label_cells import CellScorer, LabelScoring
from hearsay.scoring.label_clips import LabelQuestion, read_questions
from hearsay.scoring.label_scores import check_finite
from hearsay.scoring.label_space import Embedded, LabelSpace, Vectors
from hearsay.scoring.other_tasks import LABELS, OtherScores, Reason
from hearsay.scoring.retrieval import clip_embedding, unit_rows
from hearsay.training.load import TrainedRun, embed_clips
from hearsay.training.stores import open_stores


class HeardClips:
    """The clips that a run can hear, as `hearsay.scoring.label_clips.ClipStore`.

    A clip is embedded once, of segments as their normalised mean. A run that gives clips no
    vectors gathers [N, 0].
    """

    def __init__(self, run: TrainedRun, data: DatasetFiles) -> None:
        stores = open_stores(data, (run.needs.features,), run.options, run.statistics)
        self.run, self.data = run, data
        self.held = set(stores[run.needs.features].clip_ids)
        self.embedded: dict[str, Vectors] = {}

    def __contains__(self, clip_id: object) -> bool:
        return clip_id in self.held

    def gather(self, clip_ids: Sequence[str]) -> Vectors:
        """Embed clips: float32 [N, D]."""
        if not clip_ids or not isinstance(self.run.family, EmbedsAudio):
            return np.zeros((len(clip_ids), 0), np.float32)
        missing = [clip_id for clip_id in clip_ids if clip_id not in self.embedded]
        if missing:
            vectors = clip_embedding(embed_clips(self.run, self.data, missing))
            self.embedded.update(zip(missing, vectors, strict=True))
        return np.stack([self.embedded[clip_id] for clip_id in clip_ids])


def score_label_tasks(
    run: TrainedRun,
    frozen: FrozenEncoders,
    data: DatasetFiles,
    subset: Path | None,
    method: str,
    stage: str,
    seed: int,
    how: LabelScoring,
) -> OtherScores:
    """Score the cells that the family can do, on split test: the questions of `score_labels`.

    Clips with a vector ask for clips, by the k-NN classifier and by retrieval. A label is, for a
    family with towers, what the frozen text tower embeds it as; for one of words, its words.

    Args:
        run: with headline weights.
        frozen: that it was trained on.
        data: the data set whose labels are told apart; it has what the run hears.
        subset: a text file of clip ids; None: all available clips.
        method: its name in config.
        stage: the last that was trained.
        seed: of the training.
        how: to score; without permutations.

    Raises:
        HearsayError: an input is absent, or no clip can be asked about.
    """
    labels = read_label_store(LabelFiles.of(data))
    questions = read_questions(data, HeardClips(run, data), labels, subset)
    question = next(own for own in questions if own.split == SPLIT)
    identity = question.identity(data, method, stage, frozen.name, seed, subset)
    if isinstance(run.family, EmbedsAudio):
        space = _space(question, labels, _tower_texts(data, labels))
        check_finite(space)
        scorer = CellScorer(space, identity, replace(how, permutations=0))
        scorer.classify_audio()
        scorer.retrieve_by_text()
        scorer.retrieve_by_audio()
        return OtherScores(scorer.records, scorer.queries)
    rows = label_word_rows(data, labels, run.options["unknown_words"])
    mute = [label for label, own in zip(labels.labels, rows, strict=True) if not own]
    if mute:
        why = f"the vectors of the captions' words have none of the labels {', '.join(mute)}"
        return OtherScores(reasons=[Reason(LABELS, "text_to_audio", why)])
    pairs = score_captions(
        run, data, question.queries.clip_ids, Captions(pd.DataFrame({"rows": rows}))
    )
    space = _space(question, labels, np.zeros((len(labels.labels), 0), np.float32))
    scorer = CellScorer(space, identity, replace(how, permutations=0))
    scorer.retrieve_by_pairs(pairs)  # [N, K]
    return OtherScores(scorer.records, scorer.queries)


def label_word_rows(data: DatasetFiles, labels: LabelStore, mode: str) -> list[list[int]]:
    """Return the rows of each label's words among the vectors of the captions' words.

    A word that no caption and no phrase says has no row there: it counts as unknown, of which
    `mode` says what becomes.

    Args:
        data: the data set.
        labels: K labels.
        mode: of unknown words; see `usable_rows`.
    """
    index = pd.read_parquet(WordFiles.of(data).index)
    known = index[index["is_known"]]
    row_of = dict(zip(known["word"], known["row"], strict=True))
    table = pd.read_parquet(LabelFiles.of(data).index).set_index("label")
    rows = []
    for label in labels.labels:
        own = table.loc[label]
        found = [row_of.get(word, UNKNOWN_ROW) for word in own["words"]]
        found += [UNKNOWN_ROW] * len(own["unknown"])
        rows.append(usable_rows(found, mode).tolist())
    return rows


def _tower_texts(data: DatasetFiles, labels: LabelStore) -> Vectors:
    """Read the labels as the frozen text tower embeds them: [K, D], unit norm."""
    array = data.label_tower_embeddings
    if not array.is_file():
        raise HearsayError(f"{array} does not exist; embed_captions has not run")
    table = pd.read_parquet(array.with_suffix(".parquet")).set_index("label")
    if not set(labels.labels) <= set(table.index):
        raise HearsayError(f"{array} lacks labels of the index; run embed_captions again")
    rows: NDArray[np.int64] = table.loc[labels.labels, "row"].to_numpy()
    return unit_rows(np.load(array)[rows])


def _space(question: LabelQuestion, labels: LabelStore, texts: Vectors) -> LabelSpace:
    database, queries = (
        Embedded(clips.clip_ids, clips.classes, clips.features, texts[clips.classes])
        for clips in (question.database, question.queries)
    )
    return LabelSpace(question.split, database, queries, labels.labels, texts)
