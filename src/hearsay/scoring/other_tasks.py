"""Tasks beside those that a run was trained for: which it can do, and why it cannot do others.

They have files of their own below the run's folder, since tables of a paper's own task do not
show them; `systems_by_tasks` does. Reports read them, so nothing here imports torch: what a family
can do is told by `family_reasons`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.files import read_json, write_json, write_parquet
from hearsay.scoring.hits import HIT_COLUMNS
from hearsay.scoring.label_scores import QUERY_COLUMNS
from hearsay.scoring.records import RANK_COLUMNS, Record, write_records

FOLDER = "other_tasks"
AUDIO_TEXT, AUDIO_IMAGE = "audio_text_retrieval", "audio_image_retrieval"
GROUNDING, KNN, LABELS = "phrase_grounding", "label_knn", "label_retrieval"


@dataclass(frozen=True)
class Reason:
    """Why a run has no score of a task.

    Attributes:
        task: of TASKS.
        direction: of DIRECTIONS; empty: all of the task.
        reason: half a sentence of what the family cannot do, or what the data set lacks.
    """

    task: str
    direction: str
    reason: str


@dataclass(frozen=True)
class OtherScores:
    """What a run reaches on other tasks.

    Attributes:
        records: one a number.
        rows: one a query: QUERY_COLUMNS of labels, RANK_COLUMNS of captions.
        hits: HIT_COLUMNS: the first clips of each caption.
        reasons: why other numbers are not there.
    """

    records: list[Record] = field(default_factory=list)
    rows: list[pd.DataFrame] = field(default_factory=list)
    hits: list[pd.DataFrame] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)


def write_label_tasks(scores: OtherScores, method: str, folder: Path) -> None:
    """Write scores of labels: queries.parquet, reasons.json and, last, scores.json."""
    empty = pd.DataFrame({name: pd.Series(dtype=str) for name in QUERY_COLUMNS})
    write_parquet(_join(scores.rows, empty, QUERY_COLUMNS), folder / FOLDER / "queries.parquet")
    _write(scores, method, folder)


def write_text_tasks(scores: OtherScores, method: str, folder: Path) -> None:
    """Write scores of captions: ranks, hits (Parquet), reasons.json and, last, scores.json."""
    empty = pd.DataFrame({name: pd.Series(dtype=str) for name in (*RANK_COLUMNS, *HIT_COLUMNS)})
    write_parquet(_join(scores.rows, empty, RANK_COLUMNS), folder / FOLDER / "ranks.parquet")
    write_parquet(_join(scores.hits, empty, HIT_COLUMNS), folder / FOLDER / "hits.parquet")
    _write(scores, method, folder)


def read_reasons(path: Path) -> tuple[str, list[Reason]]:
    """Read reasons.json: the method, and why it has no score of some tasks.

    Raises:
        HearsayError: it is absent or is none.
    """
    found = read_json(path)
    try:
        return str(found["method"]), [Reason(**own) for own in found["reasons"]]
    except (TypeError, KeyError) as error:
        raise HearsayError(
            f"{path} gives no reasons of a method ({error!r}); score the run again"
        ) from None


def _join(
    tables: Sequence[pd.DataFrame], empty: pd.DataFrame, columns: Sequence[str]
) -> pd.DataFrame:
    return (pd.concat(tables, ignore_index=True) if tables else empty)[list(columns)]


def _write(scores: OtherScores, method: str, folder: Path) -> None:
    reasons = [asdict(reason) for reason in scores.reasons]
    write_json({"method": method, "reasons": reasons}, folder / FOLDER / "reasons.json")
    write_records(scores.records, folder / FOLDER / "scores.json")
