"""The cells of a space of clips and labels, one by one.

A database of one modality is asked by queries of one modality: `audio_to_text` asks texts with
sounds. Cells that a text per class makes trivial are marked, not hidden (`degenerate`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hearsay.metrics.bootstrap import bootstrap_interval
from hearsay.metrics.knn import (
    average_precision_at_3,
    count_votes,
    distance_scores,
    true_label_ranks,
)
from hearsay.metrics.label_chance import (
    UNITS,
    chance_label_level,
    chance_map_at_3,
    permuted_chance,
)
from hearsay.metrics.label_retrieval import (
    LABEL_METRICS,
    label_values,
    positions_by_label,
    positions_of_others,
)
from hearsay.metrics.ranks import BlockScores, RelevantPositions, dot_scores
from hearsay.scoring.label_space import LabelSpace, Vectors
from hearsay.scoring.records import Record, ScoreIdentity, make_record

BOOTSTRAP_SEED = PERMUTATION_SEED = 0
RETRIEVAL_PROTOCOL = "full_gallery"


@dataclass(frozen=True)
class LabelScoring:
    """How spaces are scored, by config.

    Attributes:
        neighbours: k of the classifier.
        permutations: of labels, behind the levels of chance in CELL_COLUMNS; 0: no such levels.
        num_resamples: of the queries, behind each 95 % interval.
    """

    neighbours: int
    permutations: int
    num_resamples: int


def why_degenerate(
    queries: Vectors,
    query_classes: NDArray[Any],
    database: Vectors,
    database_classes: NDArray[Any],
) -> str:
    """Say why a cell of the classifier says nothing of hearing; empty where it does.

    It is told by the vectors alone, since a collapsed space does to sounds what one text a class
    does to texts. `stored_queries`: each query's own vector stands in the database.
    `one_text_a_class`: the database holds no more distinct vectors than classes, some of them
    several times, so that copies of the nearest outvote all others, and MAP@3 is little but the
    share of right first guesses. `one_query_a_class`: there are no more distinct queries than
    classes, so that all clips of one are right or wrong together. Of several the first is named.
    """
    known = {row.tobytes() for row in np.ascontiguousarray(database)}
    asked = {row.tobytes() for row in np.ascontiguousarray(queries)}
    if asked <= known:
        return "stored_queries"
    if len(known) <= len(np.unique(database_classes)) < len(database):
        return "one_text_a_class"
    if len(asked) <= len(np.unique(query_classes)) < len(queries):
        return "one_query_a_class"
    return ""


class CellScorer:
    """Collects what the cells of one space give.

    Attributes:
        records: one a number.
        queries: a table a cell, a row a query.
        cells: a row a cell, with its levels of chance and `degenerate`.
    """

    def __init__(self, space: LabelSpace, identity: ScoreIdentity, how: LabelScoring) -> None:
        self.space, self.identity, self.how = space, identity, how
        self.records: list[Record] = []
        self.queries: list[pd.DataFrame] = []
        self.cells: list[dict[str, Any]] = []

    def classify_all(self) -> None:
        """Fill a database with each modality, and ask it with each."""
        own, database = self.space.queries, self.space.database
        k = self.how.neighbours
        for name, stored in (("audio", database.audio), ("text", database.text)):
            for asking, vectors in (("audio", own.audio), ("text", own.text)):
                degenerate = why_degenerate(vectors, own.classes, stored, database.classes)
                self._classify(
                    f"k{k}_{name}", f"{asking}_to_{name}", vectors, stored, database.classes,
                    degenerate,
                )  # fmt: skip
        known = np.unique(database.classes)
        distinct = self.space.text[known]  # one text a class, so that a query gets k guesses
        self._classify(f"k{k}_distinct_text", "audio_to_text", own.audio, distinct, known, "")

    def classify_audio(self) -> None:
        """Fill a database with sounds, and ask it with sounds: a part of `classify_all`."""
        own, database = self.space.queries, self.space.database
        degenerate = why_degenerate(own.audio, own.classes, database.audio, database.classes)
        self._classify(
            f"k{self.how.neighbours}_audio", "audio_to_audio", own.audio, database.audio,
            database.classes, degenerate,
        )  # fmt: skip

    def _classify(
        self,
        protocol: str,
        direction: str,
        queries: Vectors,
        database: Vectors,
        database_classes: NDArray[np.int64],
        degenerate: str,
    ) -> None:
        scores = distance_scores(queries, database)
        found = count_votes(scores, len(queries), database_classes, self.how.neighbours)
        classes = self.space.queries.classes

        def values(labels: NDArray[Any]) -> NDArray[np.float64]:
            return average_precision_at_3(true_label_ranks(found, labels))

        cell = {
            "task": "label_knn",
            "protocol": protocol,
            "direction": direction,
            "metric": "MAP@3",
            "mean_guesses": float(found.num_guesses.mean()),
            "degenerate": degenerate,
        }
        own = values(classes)
        chance = chance_map_at_3(len(found.labels), found.num_guesses.tolist())
        ids = self.space.queries.clip_ids
        record = self._record(cell, own, ids, chance, len(database))
        self._note(cell, ids, classes, true_label_ranks(found, classes), own)
        self._add_cell(
            {**cell, **record},
            lambda labels: float(values(labels).mean()),
            classes,
            queries,
            database,
        )

    def retrieve_by_text(self) -> None:
        """Ask the clips with the text of each class that they have."""
        own = self.space.queries
        asked = np.unique(own.classes)
        texts = self.space.text[asked]
        scores = dot_scores(texts, own.audio)
        cell = self._retrieve_by_text(scores, asked)

        def measure(labels: NDArray[Any]) -> float:
            return float(label_values(positions_by_label(scores, asked, labels))["mAP"].mean())

        self._add_cell(cell, measure, own.classes, texts, own.audio)

    def retrieve_by_pairs(self, pairs: NDArray[Any]) -> None:
        """Ask as `retrieve_by_text`, of a method without vectors; without a row in `cells`.

        Args:
            pairs: [N, K], of the clips that ask or answer with all labels; higher is better.
        """
        asked = np.unique(self.space.queries.classes)
        by_label = np.ascontiguousarray(pairs.T[asked])
        self._retrieve_by_text(lambda rows: by_label[rows], asked)

    def _retrieve_by_text(self, scores: BlockScores, asked: NDArray[np.int64]) -> dict[str, Any]:
        own = self.space.queries
        found = positions_by_label(scores, asked, own.classes)
        names = [self.space.labels[row] for row in asked]
        return self._retrieve("text_to_audio", found, names, asked, len(own.clip_ids))

    def retrieve_by_audio(self) -> None:
        """Ask each clip for the others of its class; clips that are alone take no part."""
        own = self.space.queries
        _, codes, counts = np.unique(own.classes, return_inverse=True, return_counts=True)
        shared = (counts > 1)[codes]
        if not shared.any():
            return
        audio, classes = own.audio[shared], own.classes[shared]
        found = positions_of_others(dot_scores(audio, audio), classes)
        ids = [clip_id for clip_id, keep in zip(own.clip_ids, shared, strict=True) if keep]
        cell = self._retrieve("audio_to_audio", found, ids, classes, len(ids) - 1)
        # Of N x N scores permutations cost too much; chance is exact.
        self._add_cell(cell, None, classes, audio, audio)

    def _retrieve(
        self,
        direction: str,
        found: RelevantPositions,
        query_ids: list[str],
        classes: NDArray[np.int64],
        num_candidates: int,
    ) -> dict[str, Any]:
        """Record one direction of retrieval; return its cell."""
        cell = {
            "task": "label_retrieval",
            "protocol": RETRIEVAL_PROTOCOL,
            "direction": direction,
            "mean_guesses": float("nan"),
            "degenerate": "",
        }
        values = label_values(found)
        records = {}
        for metric in LABEL_METRICS:
            chance = chance_label_level(metric, num_candidates, found.num_relevant.tolist())
            records[metric] = self._record(
                {**cell, "metric": metric}, values[metric], query_ids, chance, num_candidates
            )
        self._note(cell, query_ids, classes, found.ranks, values["mAP"])
        return {**cell, **records["mAP"]}

    def _record(
        self,
        cell: dict[str, Any],
        values: NDArray[np.float64],
        query_ids: list[str],
        chance: float,
        num_candidates: int,
    ) -> Record:
        """Keep one number, with an interval over the queries."""
        interval = bootstrap_interval(
            values, np.asarray(query_ids), "mean", self.how.num_resamples, BOOTSTRAP_SEED
        )
        record = make_record(
            self.identity,
            task=cell["task"],
            protocol=cell["protocol"],
            direction=cell["direction"],
            metric=cell["metric"],
            value=values.mean(),
            chance=chance,
            interval=interval,
            num_queries=len(values),
            num_candidates=num_candidates,
        )
        self.records.append(record)
        return record

    def _note(
        self,
        cell: dict[str, Any],
        query_ids: list[str],
        classes: NDArray[np.int64],
        ranks: NDArray[np.int64],
        values: NDArray[np.float64],
    ) -> None:
        """Keep what each query found."""
        self.queries.append(
            pd.DataFrame(
                {
                    "split": self.space.split,
                    "task": cell["task"],
                    "protocol": cell["protocol"],
                    "direction": cell["direction"],
                    "query_id": query_ids,
                    "label": [self.space.labels[row] for row in classes],
                    "rank": ranks,
                    "average_precision": values,
                }
            )
        )

    def _add_cell(
        self,
        cell: dict[str, Any],
        measure: Callable[[NDArray[Any]], float] | None,
        labels: NDArray[np.int64],
        queries: Vectors,
        candidates: Vectors,
    ) -> None:
        """Keep a cell with what its metric is under permuted labels."""
        permuted = {f"{unit}_{name}": float("nan") for unit in UNITS for name in ("mean", "95")}
        if measure is not None and self.how.permutations:
            for unit in UNITS:
                found = permuted_chance(
                    measure, labels, unit, self.how.permutations, PERMUTATION_SEED
                )
                permuted |= {f"{unit}_mean": found.mean, f"{unit}_95": found.percentile_95}
        self.cells.append(
            {
                **cell,
                **permuted,
                "num_distinct_queries": len(np.unique(queries, axis=0)),
                "num_distinct_candidates": len(np.unique(candidates, axis=0)),
            }
        )
