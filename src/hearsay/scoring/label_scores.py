"""Score a space of clips and labels: the k-NN classifier's MAP@3, and retrieval by class."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from hearsay.errors import HearsayError
from hearsay.metrics.label_chance import UNITS
from hearsay.scoring.label_cells import CellScorer, LabelScoring
from hearsay.scoring.label_space import LabelSpace
from hearsay.scoring.records import Record, ScoreIdentity

QUERY_COLUMNS = (
    "split", "task", "protocol", "direction", "query_id", "label", "rank", "average_precision",
)  # fmt: skip
"""One row a query. rank: of its own label among those of the neighbours, 0 where none has it; of
retrieval that of the best clip. average_precision: at 3 of the classifier, else over all."""
CELL_COLUMNS = (
    "split", "task", "protocol", "direction", "metric", "value", "chance",
    *(f"{unit}_{name}" for unit in UNITS for name in ("mean", "95")),
    "num_distinct_queries", "num_distinct_candidates", "mean_guesses", "degenerate",
)  # fmt: skip
"""One row a cell: MAP@3 or mAP, under permuted labels of clips and of classes, and whether the
number says anything: see `hearsay.scoring.label_cells`."""


@dataclass(frozen=True)
class LabelScores:
    """What scoring a space gives.

    Attributes:
        records: one a number.
        queries: QUERY_COLUMNS.
        cells: CELL_COLUMNS.
    """

    records: list[Record]
    queries: pd.DataFrame
    cells: pd.DataFrame


def score_space(space: LabelSpace, identity: ScoreIdentity, how: LabelScoring) -> LabelScores:
    """Score a space on both tasks.

    Args:
        space: of one split.
        identity: merged into every record, but for its split, which is the space's.
        how: to score.
    """
    scorer = CellScorer(space, replace(identity, split=space.split), how)
    scorer.classify_all()
    scorer.retrieve_by_text()
    scorer.retrieve_by_audio()
    return LabelScores(
        scorer.records,
        pd.concat(scorer.queries, ignore_index=True)[list(QUERY_COLUMNS)],
        pd.DataFrame(scorer.cells, columns=list(CELL_COLUMNS)),
    )


def check_finite(space: LabelSpace) -> None:
    """Refuse embeddings that are not finite.

    Raises:
        HearsayError: naming the clip.
    """
    for clips in (space.database, space.queries):
        for name, vectors in (("sound", clips.audio), ("label", clips.text)):
            fine = np.isfinite(vectors).all(axis=1)
            if not fine.all():
                clip_id = clips.clip_ids[int(np.argmin(fine))]
                raise HearsayError(
                    f"the embedding of the {name} of clip {clip_id} is not finite; the run "
                    "diverged: lower learning_rate"
                )
