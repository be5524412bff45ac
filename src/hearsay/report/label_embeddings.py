"""The embeddings that a run wrote beside its scores: clips and texts, before and after."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hearsay.errors import HearsayError
from hearsay.scoring.label_files import EMBEDDINGS_SCHEMA

SPACES = ("base", "joint")  # before and after


def read_embeddings(path: Path) -> pd.DataFrame:
    """Read embeddings.parquet of a run; its columns are those of EMBEDDINGS_SCHEMA.

    Raises:
        HearsayError: it is absent, damaged, of other columns, or has no clip or no label.
    """
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; score the run with score_labels") from None
    except (OSError, ValueError) as error:
        raise HearsayError(f"{path} cannot be read ({error}); score the run again") from error
    if list(table.columns) != EMBEDDINGS_SCHEMA.names:
        raise HearsayError(
            f"{path} has not the columns {', '.join(EMBEDDINGS_SCHEMA.names)}; score the run again"
        )
    for kind in ("clip", "label"):
        if not (table["kind"] == kind).any():
            raise HearsayError(f"{path} has no {kind}; score the run again")
    return table


def vectors(rows: pd.DataFrame, space: str) -> NDArray[np.float64]:
    """Return the vectors of some rows in one space, of unit norm; zeros stay zeros: [N, D]."""
    stacked = np.stack([np.asarray(row, np.float64) for row in rows[space]])
    lengths = np.linalg.norm(stacked, axis=1, keepdims=True)
    return stacked / np.where(lengths == 0, 1, lengths)


def nearest_rows(
    query: NDArray[np.float64], candidates: NDArray[np.float64], number: int
) -> Sequence[int]:
    """Return the rows of the nearest candidates [N, D] of a query [D], nearest first.

    Equally near ones come in their own order.
    """
    order = np.argsort(-(candidates @ query).round(9), kind="stable")
    return [int(row) for row in order[:number]]
