"""scores.csv, the one tidy table that every other table and plot is made from."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.files import atomic_path
from hearsay.scoring.records import COLUMNS, IDENTITY_COLUMNS, check_record, read_scores

SIGNIFICANT_DIGITS = 6  # beyond the noise of any test set, and the same on every machine
_FLOATS = ("value", "chance", "ci_low", "ci_high")
_INTEGERS = ("seed", "num_queries", "num_candidates")
GROUP_COLUMNS = [column for column in IDENTITY_COLUMNS if column != "seed"] + [
    "num_queries",
    "num_candidates",
    "availability",
]
LABEL_STAGE, LABEL_TASKS = "audio_label", ("label_knn", "label_retrieval")
LOWER_IS_BETTER = frozenset({"median_rank"})


def collect_scores(score_files: list[Path], output: Path) -> None:
    """Join scores.json files to one sorted CSV with the columns of the score vocabulary.

    The order of the files does not matter; floats have six significant digits.

    Raises:
        HearsayError: a file is absent or wrong, two files (or one) give the same number twice, or
            there is no record at all.
    """
    origin: dict[tuple[object, ...], Path] = {}
    rows = []
    for path in sorted(Path(file) for file in score_files):
        for record in read_scores(path):
            key = tuple(record[column] for column in IDENTITY_COLUMNS)
            if key in origin:
                what = ", ".join(str(part) for part in key if part != "")
                raise HearsayError(
                    f"{path} and {origin[key]} both give the score of {what}; remove one of them"
                )
            origin[key] = path
            rows.append([record[column] for column in COLUMNS])
    if not rows:
        raise HearsayError(
            f"no score record in {len(score_files)} files; name at least one method and stage"
        )
    rows.sort(key=lambda row: tuple(row[: len(IDENTITY_COLUMNS)]))
    with atomic_path(Path(output)) as temporary, temporary.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows:
            writer.writerow(
                f"{cell:.{SIGNIFICANT_DIGITS}g}" if column in _FLOATS else cell
                for column, cell in zip(COLUMNS, row, strict=True)
            )


def read_score_table(path: Path) -> pd.DataFrame:
    """Read and check what scores.csv has of the tasks that its stages were trained for.

    What a run reaches on other tasks, such as captions asked of a method of labels, stands in
    tables that say so: `read_all_scores`.

    Raises:
        HearsayError: as `read_all_scores`.
    """
    table = read_all_scores(path)
    return table[~is_other_task(table)].reset_index(drop=True)


def is_other_task(table: pd.DataFrame) -> pd.Series:
    """Tell rows of labels after a stage of pictures or captions, and the reverse: bool [rows]."""
    return table["task"].isin(LABEL_TASKS) != (table["stage"] == LABEL_STAGE)


def read_all_scores(path: Path) -> pd.DataFrame:
    """Read and check scores.csv.

    Raises:
        HearsayError: the file is absent, or a column or a record is wrong.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; collect the scores first") from None
    except pd.errors.EmptyDataError:
        raise HearsayError(f"{path} is empty; collect the scores again") from None
    if tuple(table.columns) != COLUMNS:
        raise HearsayError(f"{path} must have exactly the columns {', '.join(COLUMNS)}")
    try:
        table = table.astype(dict.fromkeys(_FLOATS, float) | dict.fromkeys(_INTEGERS, int))
    except ValueError as error:
        raise HearsayError(f"{path}: {error}; collect the scores again") from error
    for number, row in enumerate(table.itertuples(index=False, name=None)):
        check_record(dict(zip(COLUMNS, row, strict=True)), f"{path}, row {number + 2}")
    return table


def describe_spread(num_seeds: Iterable[int]) -> str:
    """Say what ± is in a table of these numbers of trainings.

    >>> describe_spread([3, 3, 1])
    'mean ± sample standard deviation over 3 training seeds'
    """
    numbers = sorted({int(number) for number in num_seeds if number > 1})
    over = " or ".join(str(number) for number in numbers)
    return "mean ± sample standard deviation over " + (
        f"{over} training seeds" if over else "training seeds (here one, so none)"
    )


def summarise_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """Reduce each group of rows that differ in their seed alone to one row.

    Returns:
        GROUP_COLUMNS, then num_seeds; mean; std (sample standard deviation, NaN for one seed);
        standard_error; ci_low and ci_high (means over the seeds' intervals); chance; above_chance
        (that interval lies wholly on the good side of chance); seeds ("0 1 2") and per_seed
        (the values in that order).
    """
    rows = []
    for key, group in table.groupby(GROUP_COLUMNS, sort=True):
        group = group.sort_values("seed")
        row: dict[str, Any] = dict(zip(GROUP_COLUMNS, key, strict=True))
        std = float(group["value"].std(ddof=1)) if len(group) > 1 else float("nan")
        row |= {
            "num_seeds": len(group),
            "mean": float(group["value"].mean()),
            "std": std,
            "standard_error": std / len(group) ** 0.5,
            "ci_low": float(group["ci_low"].mean()),
            "ci_high": float(group["ci_high"].mean()),
            "chance": float(group["chance"].mean()),
            "seeds": " ".join(str(seed) for seed in group["seed"]),
            "per_seed": group["value"].tolist(),
        }
        row["above_chance"] = (
            row["ci_high"] < row["chance"]
            if row["metric"] in LOWER_IS_BETTER
            else row["ci_low"] > row["chance"]
        )
        rows.append(row)
    return pd.DataFrame(rows)
