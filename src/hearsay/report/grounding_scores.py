"""How systems that ground phrases are named, ordered and read in tables and plots."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.report.tasks import in_order
from hearsay.scoring.grounding_queries import SUBSETS

CONTROLS = ("random", "all_active", "energy")
SHUFFLED = "shuffled_phrase."  # begins the name of a method that is asked for another phrase
PART_WORDS = {
    "all": "all phrases",
    "heard": "phrases that are heard",
    "non_trivial": "phrases active in less than 99 % of the clip",
    "several_events": "clips with a caption of which two phrases are heard at different times",
}
VARIANT_WORDS = {
    "": "mean over words, min-max",
    "_raw": "mean over words, raw",
    "_max": "max over words, min-max",
    "_max_raw": "max over words, raw",
}


def trained_methods(names: Iterable[str], methods: Sequence[str]) -> list[str]:
    """Return the methods among the names of systems, in order."""
    return in_order(
        {name for name in names if name not in CONTROLS and not name.startswith(SHUFFLED)}, methods
    )


def order_systems(names: Iterable[str], methods: Sequence[str]) -> list[str]:
    """Order systems: methods, then each asked for another phrase, then the other controls."""
    names = set(names)
    trained = trained_methods(names, methods)
    shuffled = in_order(
        {name for name in names if name.startswith(SHUFFLED)},
        [SHUFFLED + method for method in trained],
    )
    return [*trained, *shuffled, *(name for name in CONTROLS if name in names)]


def split_subset(subset: str) -> tuple[str, str]:
    """Split the subset of a record into that of the clips and the part of their phrases.

    >>> split_subset("mine.heard"), split_subset("heard"), split_subset("mine")
    (('mine', 'heard'), ('all', 'heard'), ('mine', 'all'))
    """
    outer, _, part = subset.rpartition(".")
    if part not in SUBSETS:
        return subset, "all"
    return outer or "all", part


def read_tables(paths: Sequence[Path], columns: Sequence[str]) -> pd.DataFrame:
    """Read some columns of Parquet files of groundings, one table under the other.

    Raises:
        HearsayError: there is none, or one is absent or lacks a column.
    """
    if not paths:
        raise HearsayError("no table of a grounding given; ground phrases with a run first")
    return pd.concat([read_table(path, columns) for path in paths], ignore_index=True)


def read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read some columns of one Parquet file; see `read_tables`."""
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; the step that writes it has not run") from None
    except (OSError, ValueError) as error:
        raise HearsayError(f"{path} cannot be read ({error}); remove it and run again") from error
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise HearsayError(f"{path} lacks the columns {', '.join(missing)}; ground the run again")
    return table[list(columns)]
