"""What comparisons.csv says of each number of a table: better, worse, or not told apart."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.metrics.bootstrap import smallest_p
from hearsay.metrics.student import critical_t
from hearsay.report.ranks import Setting
from hearsay.report.scores import LOWER_IS_BETTER

LEVEL = 0.05
HARDLY = 10  # standard errors: what no few trainings differ by unless they differ grossly
KEY_COLUMNS = (*Setting._fields, "method", "metric")
COLUMNS = (
    *KEY_COLUMNS,
    "reference",
    "difference",
    "ci_low",
    "ci_high",
    "p_queries",
    "p_queries_holm",
    "p_seeds",
    "p_seeds_holm",
    "num_in_family",
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
        p_queries_holm: the same, corrected for all comparisons of its family; see `families.py`.
        p_seeds: two-sided, of the paired t-test over seeds; NaN where it is undefined.
        p_seeds_holm: the same, corrected.
        num_in_family: comparisons that it was corrected for, itself among them.
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
    p_queries_holm: float
    p_seeds: float
    p_seeds_holm: float
    num_in_family: int
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
        return self.p_queries_holm < LEVEL

    @property
    def over_seeds(self) -> bool:
        """Whether other trainings would, very likely, show the same sign; False if undefined."""
        return self.p_seeds_holm < LEVEL

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


def corrected_smallest_p(num_resamples: int, num_in_family: int) -> float:
    """Return the smallest corrected p over the queries that so many resamples can give."""
    return smallest_p(num_resamples) * num_in_family


def resamples_needed(num_in_family: int) -> int:
    """Return how many resamples let the smallest corrected p of a family fall below the level."""
    return round(2 * num_in_family / LEVEL)


def explain_marks(shown: Iterable[Comparison], whose: str = "this table") -> list[str]:
    """Say below a table what its marks mean, what they are corrected for and what seeds change.

    Args:
        shown: the comparisons of its cells.
        whose: the table that their family is.
    """
    shown = list(shown)
    if not shown:
        return []
    first = shown[0]
    return [
        f"↑ better, ↓ worse than the reference {first.reference}, ns not significantly different "
        "by either test (which does not say that they are equal). "
        f"q: over the queries (paired bootstrap of the mean over seeds, {first.num_clips:,} clips, "
        f"{first.num_resamples:,} resamples, two-sided): speaks for other clips with these very "
        f"networks. {_explain_seeds(shown)}.",
        *explain_correction(shown, whose),
    ]


def explain_correction(shown: Iterable[Comparison], whose: str = "this table") -> list[str]:
    """Say how many comparisons were corrected for, and what is left; see `explain_marks`."""
    shown = list(shown)
    if not shown:
        return []
    first = shown[0]
    number = max(comparison.num_in_family for comparison in shown)
    before = [
        sum(p < LEVEL for p in values)
        for values in ([c.p_queries for c in shown], [c.p_seeds for c in shown])
    ]
    after = [sum(c.over_queries for c in shown), sum(c.over_seeds for c in shown)]
    part = "" if len(shown) == number else f"; {len(shown)} comparisons stand here"
    sentences = [
        f"Marks are at p < {LEVEL} after Holm's correction, each test by itself, for the {number} "
        f"comparisons of {whose}{part}. If no method differed, a test would mark anything at all "
        f"in at most {100 * LEVEL:.0f} of 100 such tables. Before the correction q would stand at "
        f"{before[0]} numbers and s at {before[1]}, after it at {after[0]} and {after[1]}."
    ]
    if corrected_smallest_p(first.num_resamples, number) >= LEVEL:
        sentences.append(
            f"q cannot be marked at all: that takes {resamples_needed(number):,} resamples or more "
            "(benchmark.comparison_resamples)."
        )
    if first.num_seeds > 1:
        needed = critical_t(LEVEL / number, first.num_seeds - 1)
        sentences.append(
            f"With {first.num_seeds} seeds s can hardly be marked: the first one takes a mean "
            f"difference of {needed:.0f} standard errors."
            if needed >= HARDLY
            else f"The first s takes a mean difference of {needed:.1f} standard errors."
        )
    return [
        " ".join(sentences),
        "The seeds change the order of clips, the choice of images and the masks alone, since "
        "every weight starts from CLIP's.",
    ]


def _explain_seeds(shown: list[Comparison]) -> str:
    num_seeds = shown[0].num_seeds
    if num_seeds < 2:
        return "s, over the seeds, cannot be tested with one seed"
    text = (
        f"s: over the seeds (paired t-test on {num_seeds} differences, {num_seeds - 1} degrees of "
        "freedom, two-sided): speaks for other trainings on these very clips"
    )
    undefined = sum(math.isnan(comparison.p_seeds) for comparison in shown)
    if undefined:
        text += (
            "; undefined, and so not marked, where every seed has one and the same difference "
            f"({undefined} here)"
        )
    return text


def _comparison(row: Mapping[Any, Any]) -> Comparison:
    return Comparison(
        reference=str(row["reference"]),
        metric=str(row["metric"]),
        difference=float(row["difference"]),
        ci_low=float(row["ci_low"]),
        ci_high=float(row["ci_high"]),
        p_queries=float(row["p_queries"]),
        p_queries_holm=float(row["p_queries_holm"]),
        p_seeds=_number(row["p_seeds"]),
        p_seeds_holm=_number(row["p_seeds_holm"]),
        num_in_family=int(row["num_in_family"]),
        num_clips=int(row["num_clips"]),
        num_resamples=int(row["num_resamples"]),
        num_seeds=int(row["num_seeds"]),
    )


def _number(text: Any) -> float:
    return math.nan if text == "" else float(text)
