"""How often a method chose a picture of what sounds, by epoch, from the counts of its runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.report.markup import OVER_SEEDS, Block, Column, TextTable
from hearsay.report.scores import SIGNIFICANT_DIGITS
from hearsay.report.tasks import in_order
from hearsay.scoring.choices import COUNT_COLUMNS

PARTS = ("all", "telling")  # of the clips; telling: with both right and wrong pictures


def read_counts(path: Path) -> pd.DataFrame:
    """Read the counts of `count_choices`; there may be none.

    Raises:
        HearsayError: the file is absent or its columns are wrong.
    """
    try:
        table = pd.read_csv(path)
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; count the choices first") from None
    except pd.errors.EmptyDataError:
        raise HearsayError(f"{path} is empty; count the choices again") from None
    if tuple(table.columns) != COUNT_COLUMNS:
        raise HearsayError(f"{path} must have exactly the columns {', '.join(COUNT_COLUMNS)}")
    return table


def share_choices(counts: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """Reduce the seeds of each method and epoch to one row a part of the clips.

    Returns:
        dataset, weights, method, epoch, part (`all`, `telling`), num_seeds, seeds; share (mean
        over seeds), std, standard_error, per_seed; chance and ceiling (means over seeds); clips
        (mean number) and share_of_clips (of all that were seen). Shares are fractions; those of
        a part without clips are NaN.
    """
    rows = []
    for part in PARTS:
        prefix = "" if part == "all" else "telling_"
        own = pd.DataFrame(
            {
                "share": counts[f"{prefix}right"] / counts[f"{prefix}clips"],
                "chance": counts[f"{prefix}expected"] / counts[f"{prefix}clips"],
                "ceiling": counts["possible"] / counts["clips"] if part == "all" else 1.0,
                "number": counts[f"{prefix}clips"],
                "share_of_clips": counts[f"{prefix}clips"] / counts["clips"],
            }
        ).join(counts[["dataset", "weights", "method", "epoch", "seed"]])
        for key, group in own.groupby(["dataset", "weights", "method", "epoch"], sort=True):
            rows.append(_share(part, key, group.sort_values("seed")))
    table = pd.DataFrame(rows, columns=list(_share_columns()))
    order = in_order(table["method"], methods)
    table["place"] = table["method"].map(order.index)
    return table.sort_values(["place", "part", "epoch"], ignore_index=True).drop(columns="place")


def _share_columns() -> tuple[str, ...]:
    numbers = ("share", "std", "standard_error", "per_seed", "chance", "ceiling", "clips")
    names = ("dataset", "weights", "method", "epoch", "part", "num_seeds", "seeds")
    return (*names, *numbers, "share_of_clips")


def _share(part: str, key: Sequence[Any], group: pd.DataFrame) -> dict[str, Any]:
    std = float(group["share"].std(ddof=1))
    return {
        **dict(zip(("dataset", "weights", "method", "epoch"), key, strict=True)),
        "part": part,
        "num_seeds": len(group),
        "seeds": " ".join(str(seed) for seed in group["seed"]),
        "share": float(group["share"].mean()),
        "std": std,
        "standard_error": std / len(group) ** 0.5,
        "per_seed": group["share"].tolist(),
        "chance": float(group["chance"].mean()),
        "ceiling": float(group["ceiling"].mean()),
        "clips": float(group["number"].mean()),
        "share_of_clips": float(group["share_of_clips"].mean()),
    }


def tidy_choices(shares: pd.DataFrame) -> pd.DataFrame:
    """Return the shares with the seeds of a row as one text, for a CSV."""
    return shares.rename(columns=OVER_SEEDS).assign(
        per_seed=shares["per_seed"].map(
            lambda values: " ".join(f"{value:.{SIGNIFICANT_DIGITS}g}" for value in values)
        )
    )


def build_choice_table(shares: pd.DataFrame, methods: Sequence[str]) -> TextTable:
    """Lay out the shares of the first and the last epoch, with chance and ceiling.

    Args:
        shares: of `share_choices`.
        methods: their order; those without a choice are named too.
    """
    names = in_order({*methods, *shares["method"]}, methods)
    cells = [(part, last) for part in PARTS for last in (False, True)]
    lines = []
    for name in names:
        own = shares[shares["method"] == name]
        numbers = [_cell(_at_end(own, *cell)) for cell in cells]
        lines.append([name, str(own["num_seeds"].max()) if len(own) else "–", *numbers])
    blocks = [Block(lines)]
    if not shares.empty:
        bounds = [
            [name, "", *(_percent(_at_end(shares, *cell)[name].mean()) for cell in cells)]
            for name in ("chance", "ceiling")
        ]
        blocks.append(Block(bounds))
    return TextTable(
        number="Choices",
        title="how often a training chose a picture of what sounds",
        label="tab:choices",
        columns=[
            Column("method", is_number=False),
            Column("seeds"),
            Column("first epoch, %", "all clips:"),
            Column("last epoch, %", "all clips:"),
            Column("first epoch, %", "telling clips:"),
            Column("last epoch, %", "telling clips:"),
        ],
        blocks=blocks,
        above=[_describe(shares)],
        below=[
            "Telling clips have both right and wrong pictures; elsewhere any choice is as good. "
            "chance: exact expectation of a uniformly random choice among the same clips. "
            "ceiling: share of clips with at least one right picture. "
            "–: the method matches all pictures, or pairs, and makes no single choice. "
            "All epochs: choices.csv."
        ],
    )


def _describe(shares: pd.DataFrame) -> str:
    if shares.empty:
        return "No method of this run chooses a single picture."
    last = shares[shares["part"] == "telling"].iloc[-1]
    every = shares[shares["part"] == "all"].iloc[-1]
    return (
        f"Data: {last['dataset']}, split train, {every['clips']:,.0f} clips an epoch, of which "
        f"{last['clips']:,.0f} ({100 * last['share_of_clips']:.0f} %) are telling. Weights: "
        f"{last['weights']}. Seeds: {last['seeds']}. A picture is right where it shows a class "
        "that sounds in its clip. Mean ± sample standard deviation over training seeds."
    )


def _at_end(shares: pd.DataFrame, part: str, last: bool) -> pd.DataFrame:
    """Return the rows of the first or the last epoch of a part, one a method."""
    own = shares[shares["part"] == part].sort_values("epoch", kind="stable")
    groups = own.groupby("method", sort=False)
    return groups.tail(1) if last else groups.head(1)


def _cell(found: pd.DataFrame) -> str:
    if found.empty:
        return "–"
    row = found.iloc[0]
    return _percent(row["share"]) + ("" if pd.isna(row["std"]) else f" ± {100 * row['std']:.1f}")


def _percent(share: float) -> str:
    return "–" if pd.isna(share) else f"{100 * share:.1f}"
