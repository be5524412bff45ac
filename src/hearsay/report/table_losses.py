"""The comparison of losses: what each gives in retrieval among candidates and in grounding."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from hearsay.report.grounding_scores import CONTROLS, SHUFFLED, split_subset
from hearsay.report.losses import Loss
from hearsay.report.markup import Block, Column, TextTable
from hearsay.report.scores import describe_spread
from hearsay.report.tasks import ARROWS, in_order
from hearsay.scoring.candidates import NUM_CANDIDATES, PROTOCOL
from hearsay.scoring.grounding_records import TASK as GROUNDING

PARTS = ("all", "several_events")
RECALLS = (("audio_to_text", "R@1"), ("text_to_audio", "R@1"))


def losses_table(
    table: pd.DataFrame, losses: Mapping[str, Loss], methods: Sequence[str]
) -> list[TextTable]:
    """Lay out a table a data set: each method of the family with its loss and what it reaches.

    Args:
        table: scores.csv.
        losses: of each method of the family.
        methods: their order.
    """
    tables = []
    own = table[table["method"].map(base_method).isin(losses) | table["method"].isin(CONTROLS)]
    for (dataset, split), rows in own.groupby(["dataset", "split"], sort=True):
        names = in_order(set(rows["method"]) & set(losses), methods)
        if not names:
            continue
        tables.append(
            TextTable(
                number="Comparison of losses",
                title=f"retrieval and grounding by loss, {dataset} ({split})",
                label=f"tab:losses-{dataset}-{split}".replace("_", "-"),
                columns=_columns(),
                blocks=[
                    Block([_row(rows, name, losses[name]) for name in names]),
                    Block([_control_row(rows, control) for control in ("all_active", "energy")]),
                ],
                above=[
                    f"Fractions, {describe_spread(_num_seeds(rows, names))}. R@1: among "
                    f"{NUM_CANDIDATES} candidates. F1: of frames, at the threshold chosen on val, "
                    "of all phrases and of clips with several events. true − other: F1 minus that "
                    "of the same run asked for another phrase of the clip."
                ],
                below=[
                    "Methods may differ in more than their loss, as the columns say. F1 alone is "
                    "no evidence of grounding: see the controls."
                ],
            )
        )
    return tables


def _num_seeds(rows: pd.DataFrame, names: Sequence[str]) -> list[int]:
    own = rows[rows["method"].isin(list(names))]
    return [int(number) for number in own.groupby("method")["seed"].nunique()]


def base_method(name: str) -> str:
    """Name the method whose scores these are, whatever phrase it was asked for."""
    return name.removeprefix(SHUFFLED)


def recall_values(rows: pd.DataFrame, method: str, direction: str, metric: str) -> pd.Series:
    """Return a method's recall among candidates, by seed."""
    return _by_seed(
        rows, (rows["protocol"] == PROTOCOL) & (rows["direction"] == direction), method, metric
    )


def f1_values(rows: pd.DataFrame, method: str, part: str) -> pd.Series:
    """Return a system's F1 of frames of a part of the phrases, at the val threshold, by seed."""
    chosen = (rows["task"] == GROUNDING) & (rows["protocol"] == "threshold_val")
    return _by_seed(
        rows, chosen & (rows["subset"].map(lambda s: split_subset(s)[1]) == part), method, "F1"
    )


def _by_seed(rows: pd.DataFrame, chosen: pd.Series, method: str, metric: str) -> pd.Series:
    own = rows[chosen & (rows["method"] == method) & (rows["metric"] == metric)]
    return own.set_index("seed")["value"].sort_index()


def _columns() -> list[Column]:
    return [
        Column("method", is_number=False),
        Column("loss", is_number=False),
        Column("pooling", is_number=False),
        *(Column(metric, ARROWS[direction]) for direction, metric in RECALLS),
        Column("F1", "all phrases"),
        Column("F1", "several events"),
        Column("true − other", "several events"),
    ]


def _row(rows: pd.DataFrame, method: str, loss: Loss) -> list[str]:
    cells = [_cell(recall_values(rows, method, *column)) for column in RECALLS]
    cells += [_cell(f1_values(rows, method, part)) for part in PARTS]
    own, other = (f1_values(rows, name, PARTS[-1]) for name in (method, SHUFFLED + method))
    return [method, loss.name, loss.pooling, *cells, _cell((own - other).dropna())]


def _control_row(rows: pd.DataFrame, control: str) -> list[str]:
    cells = [_cell(f1_values(rows, control, part)) for part in PARTS]
    return [control, "", "", *[""] * len(RECALLS), *cells, ""]


def _cell(values: pd.Series) -> str:
    if values.empty:
        return "–"
    std = values.std(ddof=1)
    sign = "−" if values.mean() < 0 else ""
    text = f"{sign}{abs(values.mean()):.3f}"
    return text if math.isnan(std) else f"{text} ± {std:.3f}"
