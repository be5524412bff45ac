"""Recall at each disagreement of pictures and sounds: the tidy table of the sweep."""

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.report.scores import (
    GROUP_COLUMNS,
    SIGNIFICANT_DIGITS,
    read_score_table,
    summarise_seeds,
)
from hearsay.report.tasks import CONTROLS, TASKS
from hearsay.scoring.records import COLUMNS as SCORE_COLUMNS
from hearsay.scoring.records import IDENTITY_COLUMNS

METRICS = ("R@1", "R@10")
COLUMNS = ("disagreement", *SCORE_COLUMNS, "reference", "difference")
_PAIRED = [column for column in IDENTITY_COLUMNS if column != "method"]
_FLOATS = ("disagreement", "value", "chance", "ci_low", "ci_high", "difference")
_INTEGERS = ("seed", "num_queries", "num_candidates")


def join_sweep(
    disagreements: Sequence[float], scores: Sequence[Path], reference: str | None
) -> pd.DataFrame:
    """Join the scores at each disagreement, with each seed's difference to the reference.

    Only R@1 and R@10, of models of the task's own stage; all protocols.

    Args:
        disagreements: one a file of scores; shares from 0 to 1.
        scores: scores.csv at each.
        reference: the method that the others are compared with, seed by seed; None: no comparison.

    Returns:
        COLUMNS: those of scores.csv, and disagreement, reference (empty for the reference itself
        and for controls) and difference: the method's value minus the reference's of the same
        seed, a fraction; NaN where there is no reference.

    Raises:
        HearsayError: a file is absent or wrong or has none of these scores, files and
            disagreements differ in number, or a method has a seed that the reference has not.
    """
    if len(disagreements) != len(scores):
        raise HearsayError(
            f"{len(disagreements)} disagreements for {len(scores)} files of scores; name one each"
        )
    parts = []
    for disagreement, path in sorted(zip(disagreements, map(Path, scores), strict=True)):
        part = _select(read_score_table(path))
        if part.empty:
            raise HearsayError(f"{path} has no R@1 of a task's own stage; score the runs first")
        part = _subtract(part, reference, path)
        part.insert(0, "disagreement", float(disagreement))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def to_csv(table: pd.DataFrame) -> str:
    """Print the tidy table; floats have six significant digits, and NaN is empty."""
    text = table.astype(object)
    for column in _FLOATS:
        text[column] = [
            "" if math.isnan(number) else f"{number:.{SIGNIFICANT_DIGITS}g}"
            for number in table[column]
        ]
    return text.to_csv(index=False, lineterminator="\n")


def read_sweep(path: Path) -> pd.DataFrame:
    """Read disagreement.csv.

    Raises:
        HearsayError: the file is absent, empty or wrong.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; make the table of the sweep first") from None
    except pd.errors.EmptyDataError:
        raise HearsayError(f"{path} is empty; make the table of the sweep again") from None
    if tuple(table.columns) != COLUMNS:
        raise HearsayError(f"{path} must have exactly the columns {', '.join(COLUMNS)}")
    table["difference"] = table["difference"].replace("", "nan")
    try:
        return table.astype(dict.fromkeys(_FLOATS, float) | dict.fromkeys(_INTEGERS, int))
    except ValueError as error:
        raise HearsayError(f"{path}: {error}; make the table of the sweep again") from error


def summarise_sweep(table: pd.DataFrame) -> pd.DataFrame:
    """Reduce the rows that differ in their seed alone to one, at each disagreement.

    Returns:
        The columns of `summarise_seeds`, and disagreement, difference (mean over the seeds'
        differences to the reference, a fraction) and difference_std (their sample standard
        deviation; NaN for one seed).
    """
    parts = []
    for disagreement, rows in table.groupby("disagreement", sort=True):
        grouped = rows.groupby(GROUP_COLUMNS)["difference"]
        differences = grouped.agg(difference="mean", difference_std="std").reset_index()
        part = summarise_seeds(rows).merge(differences, on=GROUP_COLUMNS, validate="one_to_one")
        parts.append(part.assign(disagreement=disagreement))
    return pd.concat(parts, ignore_index=True)


def _select(table: pd.DataFrame) -> pd.DataFrame:
    own_stage = table["task"].map({task: layout.stage for task, layout in TASKS.items()})
    return table[table["metric"].isin(METRICS) & (table["stage"] == own_stage)].copy()


def _subtract(table: pd.DataFrame, reference: str | None, path: Path) -> pd.DataFrame:
    """Add the columns reference and difference."""
    is_compared = ~table["method"].isin([*CONTROLS, reference]) & (reference is not None)
    table["reference"] = is_compared.map({True: reference, False: ""})
    beside = table[table["method"] == reference].set_index(_PAIRED)["value"]
    partners = beside.reindex(pd.MultiIndex.from_frame(table[_PAIRED])).to_numpy()
    table["difference"] = (table["value"] - partners).where(is_compared)
    lonely = table[is_compared & table["difference"].isna()]
    if not lonely.empty:
        row = lonely.iloc[0]
        raise HearsayError(
            f"{path}: {row['method']} has seed {row['seed']} and the reference {reference} has not "
            f"({row['protocol']}); train both with the same seeds"
        )
    return table
