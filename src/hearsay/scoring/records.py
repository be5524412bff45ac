"""Score records: one number each, in one vocabulary for all methods and tasks."""

import math
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.files import read_json, write_json, write_parquet

Record = dict[str, Any]

COLUMNS = (
    "dataset",
    "split",
    "subset",
    "task",
    "protocol",
    "method",
    "stage",
    "weights",
    "direction",
    "metric",
    "seed",
    "value",
    "chance",
    "ci_low",
    "ci_high",
    "num_queries",
    "num_candidates",
    "availability",
)
IDENTITY_COLUMNS = COLUMNS[:11]  # what a number is of; the rest is the number
RANK_COLUMNS = (
    "task",
    "protocol",
    "direction",
    "query_id",
    "clip_id",  # the clip that the query belongs to: bootstraps draw clips
    "rank",
    "average_precision_at_10",
    "seed",
)

TASKS = frozenset(
    {
        "audio_text_retrieval",
        "audio_image_retrieval",
        "phrase_grounding",
        "label_knn",
        "label_retrieval",
    }
)
DIRECTIONS = frozenset(
    {
        "audio_to_text",
        "text_to_audio",
        "audio_to_image",
        "image_to_audio",
        "audio_to_audio",
        "text_to_text",
        "",  # phrase grounding
    }
)
METRICS = frozenset(
    {
        "R@1",
        "R@5",
        "R@10",
        "median_rank",
        "mAP@10",
        "mAP",
        "P@10",
        "MAP@3",
        "precision",
        "recall",
        "F1",
        "AUROC",
        "average_precision",
        "PSDS",
        "event_F1",
    }
)
_VOCABULARIES = {"task": TASKS, "direction": DIRECTIONS, "metric": METRICS}
_WORD = re.compile(r"[A-Za-z0-9_.@+-]+")  # names end up in paths and tables


@dataclass(frozen=True)
class ScoreIdentity:
    """What was scored: the part of a record that all metrics of a run share.

    Attributes:
        dataset: name of the data set in config.
        split: train, val or test.
        subset: `all`, a stated part, or the name of a subset file.
        method: name of the method in config, or of a control such as `oracle`.
        stage: audio_image, audio_text or audio_label.
        weights: name of the frozen towers or word vectors, `none` where there are none.
        seed: of the training.
        availability: fingerprint of the clips.
    """

    dataset: str
    split: str
    subset: str
    method: str
    stage: str
    weights: str
    seed: int
    availability: str


def make_record(
    identity: ScoreIdentity,
    task: str,
    protocol: str,
    direction: str,
    metric: str,
    value: float,
    chance: float,
    interval: tuple[float, float],
    num_queries: int,
    num_candidates: int,
) -> Record:
    """Build and check one record; shares are fractions, never percent.

    Raises:
        HearsayError: as `check_record`.
    """
    fields = asdict(identity) | {
        "task": task,
        "protocol": protocol,
        "direction": direction,
        "metric": metric,
        "value": float(value),
        "chance": float(chance),
        "ci_low": float(interval[0]),
        "ci_high": float(interval[1]),
        "num_queries": int(num_queries),
        "num_candidates": int(num_candidates),
    }
    record = {column: fields[column] for column in COLUMNS}
    check_record(record, "a new score record")
    return record


def check_record(record: Record, where: str) -> None:
    """Check the columns, the vocabulary and the range of one record.

    Raises:
        HearsayError: naming `where` and the column at fault.
    """
    if not isinstance(record, dict) or tuple(record) != COLUMNS:
        raise HearsayError(
            f"{where}: a score record must have exactly the columns {', '.join(COLUMNS)}; "
            "score the run again"
        )
    for column, known in _VOCABULARIES.items():
        if record[column] not in known:
            raise HearsayError(
                f"{where}: {column} {record[column]!r} is unknown; known are "
                f"{', '.join(sorted(known - {''}))}"
            )
    for column in (*IDENTITY_COLUMNS[:8], "availability"):
        if not isinstance(record[column], str) or not _WORD.fullmatch(record[column]):
            raise HearsayError(f"{where}: {column} {record[column]!r} is not a name")
    for column in ("value", "chance", "ci_low", "ci_high"):
        _check_number(record, column, where)
    for column, least in (("seed", 0), ("num_queries", 1), ("num_candidates", 1)):
        if type(record[column]) is not int or record[column] < least:
            raise HearsayError(
                f"{where}: {column} {record[column]!r} is not a whole number from {least} on"
            )


def _check_number(record: Record, column: str, where: str) -> None:
    number = record[column]
    is_share = record["metric"] != "median_rank"
    top = 1.0 if is_share else float(record["num_candidates"])
    if (
        not isinstance(number, float | int)
        or not math.isfinite(number)
        or not (0.0 if is_share else 1.0) <= number <= top * (1 + 1e-9)
    ):
        raise HearsayError(
            f"{where}: {column} of {record['metric']} is {number!r}; expected "
            f"{'a fraction from 0 to 1' if is_share else f'a rank from 1 to {top:.0f}'}"
        )


def write_scores(records: list[Record], ranks: pd.DataFrame, folder: Path) -> None:
    """Write scores.json and ranks.parquet into a folder, each atomically, scores.json last.

    Raises:
        HearsayError: a record is not in the vocabulary, or columns of `ranks` are missing.
    """
    missing = [column for column in RANK_COLUMNS if column not in ranks.columns]
    if missing:
        raise HearsayError(f"ranks for {folder} lack the columns {', '.join(missing)}")
    target = Path(folder) / "scores.json"
    check_records(records, target)
    write_parquet(ranks[list(RANK_COLUMNS)], Path(folder) / "ranks.parquet")
    write_json(records, target)


def write_records(records: list[Record], path: Path) -> None:
    """Write score records to a file, atomically.

    Raises:
        HearsayError: a record is not in the vocabulary.
    """
    check_records(records, path)
    write_json(records, path)


def check_records(records: list[Record], path: Path) -> None:
    """Check records that stand in a file, or will; see `check_record`."""
    for number, record in enumerate(records):
        check_record(record, f"{path}, record {number}")


def read_scores(path: Path) -> list[Record]:
    """Read and check one scores.json.

    Raises:
        HearsayError: the file is absent, is no list of records, or a record is wrong.
    """
    records = read_json(Path(path))
    if not isinstance(records, list):
        raise HearsayError(f"{path} is not a list of score records; score the run again")
    check_records(records, path)
    return records


def join_ranks(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put rank tables under one another, with the columns of ranks.parquet."""
    return pd.concat(list(tables), ignore_index=True)[list(RANK_COLUMNS)]
