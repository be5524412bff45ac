"""Which comparisons are corrected for each other: those that stand in one printed table.

A family is all comparisons of one table of `tables.py`: one data set, task and protocol, and one
group of metrics, with its methods, directions, stages and checkpoints. Where a number is printed
again (the short table of comparisons, the sweep), it keeps the mark of its own family. Metrics
that no table prints are a family beside it.
"""

import pandas as pd

from hearsay.metrics.holm import holm
from hearsay.metrics.retrieval import RETRIEVAL_METRICS
from hearsay.report.tasks import BEST_SUFFIX, DATA_COLUMNS, TASKS

TESTS = ("p_queries", "p_seeds")


def add_corrections(table: pd.DataFrame) -> pd.DataFrame:
    """Add what Holm's correction makes of each family's tests, either test by itself.

    Args:
        table: rows of comparisons.csv.

    Returns:
        the table, and family, num_in_family (comparisons, those whose t-test is undefined among
        them), p_queries_holm and p_seeds_holm.
    """
    table = table.assign(family=[name_family(row) for row in table.to_dict("records")])
    groups = table.groupby("family", sort=False)
    return table.assign(
        num_in_family=groups["family"].transform("size"),
        **{f"{test}_holm": groups[test].transform(holm) for test in TESTS},
    )


def name_family(row: dict[str, object]) -> str:
    """Name the table that prints a comparison, e.g. `IV demo test all 0123abcd full_gallery R@1`.

    Args:
        row: of comparisons.csv.
    """
    task, metric = str(row["task"]), str(row["metric"])
    layout = TASKS[task]
    printed = [name for part in layout.metrics for name in part]
    unprinted = tuple(name for name in RETRIEVAL_METRICS if name not in printed)
    metrics = next(part for part in (*layout.metrics, unprinted) if metric in part)
    data = [str(row[name]) for name in DATA_COLUMNS]
    protocol = str(row["protocol"]).removesuffix(BEST_SUFFIX)
    return " ".join([layout.number, *data, protocol, *metrics])
