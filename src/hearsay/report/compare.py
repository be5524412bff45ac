"""Every method against a reference: over the queries and over the seeds."""

import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hearsay.errors import HearsayError
from hearsay.metrics.bootstrap import Difference, Statistic, paired_differences
from hearsay.metrics.retrieval import RETRIEVAL_METRICS
from hearsay.metrics.student import paired_t_test
from hearsay.report.families import add_corrections
from hearsay.report.markup import write_tables
from hearsay.report.ranks import Ranked, RankReader, Setting
from hearsay.report.scores import SIGNIFICANT_DIGITS
from hearsay.report.significance import LEVEL, corrected_smallest_p, resamples_needed
from hearsay.report.table_comparisons import build_comparison_tables
from hearsay.report.tasks import in_order

logger = logging.getLogger(__name__)

BOOTSTRAP_SEED = 0  # as behind the intervals of the scores, so that both draw the same clips
Runs = dict[int, Ranked]  # by seed
Answers = dict[Setting, dict[str, Runs]]  # by method


@dataclass(frozen=True, eq=False)
class Pair:
    """A method and the reference in one setting, their runs in the same order of seeds."""

    setting: Setting
    method: str
    seeds: tuple[int, ...]
    runs: tuple[Ranked, ...]
    reference_runs: tuple[Ranked, ...]


def compare_methods(
    scores: list[Path],
    reference: str,
    methods: Sequence[str],
    num_resamples: int,
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Compare all methods with the reference, from score files to comparisons.csv and its tables.

    Args:
        scores: scores.json files; ranks.parquet lies beside each.
        reference: the method that the others are compared with.
        methods: their order.
        num_resamples: of the clips; too few to mark anything after the correction are warned of.
        csv: one row a setting, method and metric; shares as fractions, ranks as ranks.
        markdown: the headline protocols, in points.
        latex: the same.

    Raises:
        HearsayError: a file is absent or wrong, ranks do not belong to their scores, the
            reference or any other method has no scores, or two methods differ in their seeds.
    """
    pairs = pair_runs(read_answers(scores), reference)
    table = compare_pairs(pairs, reference, methods, num_resamples)
    _warn_of_few_resamples(table, num_resamples)
    text_tables = build_comparison_tables(table, methods)
    write_tables(table.map(_cell), text_tables, csv, markdown, latex)


def read_answers(scores: Iterable[Path]) -> Answers:
    """Read what every run answered, by setting, method and seed.

    Raises:
        HearsayError: as `compare_methods`, or two files are of the same run.
    """
    reader = RankReader()
    answers: Answers = {}
    for path in sorted(Path(path) for path in scores):
        for setting, ranked in reader.read(path):
            runs = answers.setdefault(setting, {}).setdefault(ranked.method, {})
            if ranked.seed in runs:
                raise HearsayError(
                    f"{ranked.path} and {runs[ranked.seed].path} are both of {ranked.method}, seed "
                    f"{ranked.seed}; remove one of them"
                )
            runs[ranked.seed] = ranked
    return answers


def pair_runs(answers: Answers, reference: str) -> list[Pair]:
    """Put every method beside the reference, setting by setting.

    Raises:
        HearsayError: as `compare_methods`.
    """
    pairs = []
    its_weights = {setting.weights for setting in answers if reference in answers[setting]}
    for setting in sorted(answers):
        others = {name: runs for name, runs in answers[setting].items() if name != reference}
        if reference not in answers[setting]:
            level = logging.WARNING if setting.weights in its_weights else logging.INFO
            named = ", ".join(sorted(others))
            logger.log(level, "%s: no score of %s to compare %s with", setting, reference, named)
            continue
        own = answers[setting][reference]
        for method, runs in sorted(others.items()):
            if set(runs) != set(own):
                raise HearsayError(
                    f"{method} has the seeds {_words(sorted(runs))} and the reference {reference} "
                    f"{_words(sorted(own))} ({setting.stage}, {setting.protocol}); train both with "
                    "the same seeds"
                )
            seeds = tuple(sorted(runs))
            pairs.append(
                Pair(
                    setting,
                    method,
                    seeds,
                    tuple(runs[seed] for seed in seeds),
                    tuple(own[seed] for seed in seeds),
                )
            )
    if not pairs:
        raise HearsayError(
            f"no method can be compared with the reference {reference}: name score files of both "
            "(benchmark.reference, benchmark.methods)"
        )
    return pairs


def compare_pairs(
    pairs: list[Pair], reference: str, methods: Sequence[str], num_resamples: int
) -> pd.DataFrame:
    """Compare and correct; see `compare_methods`.

    Pairs with the same queries share the resampled clips; those of a family are corrected for
    each other.
    """
    order = in_order((pair.method for pair in pairs), methods)
    rows = []
    for _, group in groupby(sorted(pairs, key=_asked), key=_asked):
        alike = list(group)
        for metric in RETRIEVAL_METRICS:
            differences, of_seeds = _compare(alike, metric, num_resamples)
            rows += [
                _row(pair, reference, metric, difference, seeds, num_resamples)
                for pair, difference, seeds in zip(alike, differences, of_seeds, strict=True)
            ]
    rows.sort(
        key=lambda row: (
            *(row[name] for name in Setting._fields[:-1]),
            order.index(row["method"]),
            row["direction"],
            RETRIEVAL_METRICS.index(row["metric"]),
        )
    )
    return add_corrections(pd.DataFrame(rows))


def _warn_of_few_resamples(table: pd.DataFrame, num_resamples: int) -> None:
    largest = int(table["num_in_family"].max())
    if corrected_smallest_p(num_resamples, largest) >= LEVEL:
        logger.warning(
            "%d resamples can mark nothing over the queries in a table of %d comparisons; set "
            "benchmark.comparison_resamples to %d or more",
            num_resamples,
            largest,
            resamples_needed(largest),
        )


def _asked(pair: Pair) -> tuple[int, tuple[int, ...]]:
    return id(pair.runs[0].queries), pair.seeds


def _compare(
    pairs: list[Pair], metric: str, num_resamples: int
) -> tuple[list[Difference], list[list[float]]]:
    """Return for each pair its difference over queries, and that of each seed.

    The pairs have the same queries and seeds.
    """
    statistic: Statistic = "median" if metric == "median_rank" else "mean"
    systems = list(dict.fromkeys(runs for p in pairs for runs in (p.reference_runs, p.runs)))
    place = {runs: number for number, runs in enumerate(systems)}
    values = np.array([[run.values[metric] for run in runs] for runs in systems])  # [K, S, Q]
    indices = [(place[pair.runs], place[pair.reference_runs]) for pair in pairs]
    clips = pairs[0].runs[0].queries.clip_ids.to_numpy(zero_copy_only=False)
    differences = paired_differences(
        values, indices, clips, statistic, num_resamples, BOOTSTRAP_SEED
    )
    whole = np.median(values, axis=2) if statistic == "median" else values.mean(axis=2)  # [K, S]
    return differences, [(whole[first] - whole[second]).tolist() for first, second in indices]


def _row(
    pair: Pair,
    reference: str,
    metric: str,
    difference: Difference,
    of_seeds: list[float],
    num_resamples: int,
) -> dict[str, Any]:
    queries, test = pair.runs[0].queries, paired_t_test(of_seeds)
    return pair.setting._asdict() | {
        "method": pair.method,
        "reference": reference,
        "metric": metric,
        "difference": difference.value,
        "ci_low": difference.ci_low,
        "ci_high": difference.ci_high,
        "p_queries": difference.p_value,
        "num_queries": len(queries.query_ids),
        "num_clips": len(queries.clip_ids.unique()),
        "num_candidates": pair.runs[0].num_candidates,
        "num_resamples": num_resamples,
        "seeds": _words(pair.seeds),
        "seed_differences": _words(_cell(value) for value in of_seeds),
        "p_seeds": test.p_value,
        "degrees_of_freedom": test.degrees_of_freedom,
        "num_seeds": len(of_seeds),
    }


def _words(values: Iterable[object]) -> str:
    return " ".join(str(value) for value in values)


def _cell(value: object) -> object:
    if not isinstance(value, float):
        return value
    return "" if math.isnan(value) else f"{value:.{SIGNIFICANT_DIGITS}g}"
