"""What comparisons.csv says of each number of a table: better, worse, or not told apart."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.report.ranks import Setting
from hearsay.report.scores import LOWER_IS_BETTER

LEVEL = 0.05
KEY_COLUMNS = (*Setting._fields, "method", "metric")
COLUMNS = (
    *KEY_COLUMNS,
    "reference",
    "difference",
    "ci_low",
    "ci_high",
    "p_queries",
    "p_seeds",
    "num_clips",
    "num_resamples",
    "num_seeds",
)


@dataclass(frozen=True)
class Comparison:
    """One number of a method against that of the reference.

    Attributes:
        reference: the method that it is compared with.
        metric: of the number.
        difference: method minus reference, a fraction or ranks.
        ci_low: of the 95 % interval over clips.
        ci_high: of the 95 % interval over clips.
        p_queries: two-sided, of the bootstrap over clips.
        p_seeds: two-sided, of the paired t-test over seeds; NaN where it is undefined.
        num_clips: that were drawn.
        num_resamples: of the clips.
        num_seeds: of the t-test.
    """

    reference: str
    metric: str
    difference: float
    ci_low: float
    ci_high: float
    p_queries: float
    p_seeds: float
    num_clips: int
    num_resamples: int
    num_seeds: int

    @property
    def is_better(self) -> bool:
        """Whether the method is the better one; of no account where nothing is significant."""
        return (self.difference < 0) == (self.metric in LOWER_IS_BETTER)

    @property
    def over_queries(self) -> bool:
        """Whether other clips would, very likely, show the same sign."""
        return self.p_queries < LEVEL

    @property
    def over_seeds(self) -> bool:
        """Whether other trainings would, very likely, show the same sign; False if undefined."""
        return self.p_seeds < LEVEL

    @property
    def mark(self) -> str:
        """The mark in a cell: ↑ or ↓ with q and s, or ns."""
        tests = "q" * self.over_queries + "s" * self.over_seeds
        return f"{'↑' if self.is_better else '↓'}{tests}" if tests else "ns"

    @property
    def verdict(self) -> str:
        """The same in words."""
        if not self.over_queries and not self.over_seeds:
            return "not significant"
        side = "better" if self.is_better else "worse"
        if self.over_queries and self.over_seeds:
            return f"{side}, over queries and seeds"
        return f"{side}, over {'queries' if self.over_queries else 'seeds'} alone"


Comparisons = dict[tuple[str, ...], Comparison]  # by the values of KEY_COLUMNS


def read_comparisons(path: Path | None) -> Comparisons:
    """Read comparisons.csv; without a path there is nothing to compare.

    Raises:
        HearsayError: the file is absent, or a column is missing or wrong.
    """
    if path is None:
        return {}
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; compare the methods first") from None
    except pd.errors.EmptyDataError:
        raise HearsayError(f"{path} is empty; compare the methods again") from None
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise HearsayError(f"{path} lacks the columns {', '.join(missing)}; compare again")
    return index_comparisons(table, str(path))


def index_comparisons(table: pd.DataFrame, where: str) -> Comparisons:
    """Turn the rows of comparisons.csv, as text or as numbers, into comparisons by their key.

    Raises:
        HearsayError: naming `where`, if a number is none.
    """
    try:
        return {
            tuple(str(row[name]) for name in KEY_COLUMNS): _comparison(row)
            for row in table.to_dict("records")
        }
    except ValueError as error:
        raise HearsayError(f"{where}: {error}; compare the methods again") from error


def explain_marks(shown: Iterable[Comparison]) -> list[str]:
    """Say below a table what its marks mean, how many they are and what seeds change."""
    shown = list(shown)
    if not shown:
        return []
    first, number = shown[0], len(shown)
    expected = f"about {LEVEL * number:.0f}" if LEVEL * number > 1 else "one or none"
    undefined = sum(math.isnan(comparison.p_seeds) for comparison in shown)
    of_seeds = (
        f"s: over the seeds (paired t-test on {first.num_seeds} differences, "
        f"{first.num_seeds - 1} degrees of freedom, two-sided p < {LEVEL}): speaks for other "
        "trainings on these very clips"
        if first.num_seeds > 1
        else "s, over the seeds, cannot be tested with one seed"
    )
    if undefined and first.num_seeds > 1:
        of_seeds += (
            "; undefined, and so not marked, where every seed has one and the same difference "
            f"({undefined} here)"
        )
    return [
        f"↑ better, ↓ worse than the reference {first.reference}, ns not significantly different "
        "by either test (which does not say that they are equal). "
        f"q: over the queries (paired bootstrap of the mean over seeds, {first.num_clips:,} clips, "
        f"{first.num_resamples:,} resamples, two-sided p < {LEVEL}): speaks for other clips with "
        f"these very networks. {of_seeds}.",
        f"The table holds {number} comparisons, not corrected for multiplicity: if no method "
        f"differed, each test would still mark {expected} of them. "
        "The seeds change the order of clips, the choice of images and the masks alone, since "
        "every weight starts from CLIP's.",
    ]


def _comparison(row: Mapping[Any, Any]) -> Comparison:
    return Comparison(
        reference=str(row["reference"]),
        metric=str(row["metric"]),
        difference=float(row["difference"]),
        ci_low=float(row["ci_low"]),
        ci_high=float(row["ci_high"]),
        p_queries=float(row["p_queries"]),
        p_seeds=_number(row["p_seeds"]),
        num_clips=int(row["num_clips"]),
        num_resamples=int(row["num_resamples"]),
        num_seeds=int(row["num_seeds"]),
    )


def _number(text: Any) -> float:
    return math.nan if text == "" else float(text)
