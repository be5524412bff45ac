"""Table 2 of Xie et al. 2022: captions and clips among 30 candidates, and what each loss gives."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.files import read_json
from hearsay.report.losses import Loss, read_losses
from hearsay.report.markup import Block, Column, TextTable, write_tables
from hearsay.report.published import AUDIOGROUNDING, XIE, XIE_CANDIDATES, XIE_DATA, is_dataset
from hearsay.report.scores import read_score_table, summarise_seeds
from hearsay.report.table_losses import losses_table
from hearsay.report.tables import NOT_ABOVE_CHANCE
from hearsay.report.tasks import ARROWS, CONTROLS, HEADLINE_NOTE, in_order
from hearsay.scoring.candidates import (
    METRICS,
    NUM_CANDIDATES,
    NUM_DRAWS,
    PROTOCOL,
    spread_over_draws,
)
from hearsay.scoring.candidates import TASK as RETRIEVAL

STAGE = "audio_text"
GALLERY = "full_gallery"
DIRECTIONS = ("audio_to_text", "text_to_audio")  # in the paper's order
COLUMNS = [(direction, metric) for direction in DIRECTIONS for metric in METRICS]
PARTS = ["dataset", "split", "subset"]

Spreads = Mapping[tuple[str, str, str], float]  # of a method, direction and metric


def make_table_captions(
    scores: Path,
    runs: Sequence[Path],
    methods: Sequence[str],
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Write recall among 30 candidates beside the full gallery, then the comparison of losses.

    Markdown and LaTeX hold a table a data set, as fractions, as the paper prints them: methods
    and chance among 30 candidates, the published row, and the same methods on the full gallery;
    after that, where methods of frame-word alignment ran, a table of their losses. The CSV holds
    one row a number.

    Args:
        scores: scores.csv.
        runs: run.json of the runs of stage audio_text; ranks.parquet lies beside each.
        methods: their order; others follow.
        csv: the numbers.
        markdown: for reading.
        latex: for a paper.

    Raises:
        HearsayError: a file is absent or wrong, or scores.csv has no recall of the stage.
    """
    table = read_score_table(Path(scores))
    summary = _summarise(table, scores)
    spreads = read_spreads(runs)
    losses = read_losses(runs)
    tables = [
        _main_table(own, [str(name) for name in key], methods, spreads)
        for key, own in summary.groupby(PARTS, sort=True)
    ]
    if losses:
        tables += losses_table(table, losses, methods)
    write_tables(_tidy(summary, methods, spreads, losses), tables, csv, markdown, latex)


def read_spreads(runs: Sequence[Path]) -> dict[tuple[str, str, str], float]:
    """Return the standard deviation over the draws of candidates, the mean over a method's seeds.

    Args:
        runs: as `make_table_captions`.

    Returns:
        by method, direction and metric: the population standard deviation over the 20 draws of
        each run, as the authors print it. Runs that were not scored among candidates have none.

    Raises:
        HearsayError: a file is absent or wrong.
    """
    tables = []
    for path in runs:
        ranks = Path(path).with_name("ranks.parquet")
        try:
            own = spread_over_draws(pd.read_parquet(ranks))
        except (FileNotFoundError, KeyError) as error:
            raise HearsayError(
                f"{ranks} is absent or has other columns ({error}); score that run again"
            ) from error
        tables.append(own[own["protocol"] == PROTOCOL].assign(method=read_json(path)["method"]))
    if not tables:
        return {}
    joined = pd.concat(tables).groupby(["method", "direction", "metric"])["population_std"].mean()
    return {(str(m), str(d), str(k)): float(std) for (m, d, k), std in joined.items()}


def _summarise(table: pd.DataFrame, scores: Path) -> pd.DataFrame:
    """Summarise the headline recalls at 1 and 5 of the captions' own stage over seeds."""
    chosen = (
        (table["task"] == RETRIEVAL)
        & (table["stage"] == STAGE)
        & table["protocol"].isin([PROTOCOL, GALLERY])
        & table["metric"].isin(list(METRICS))
    )
    if not chosen.any():
        raise HearsayError(f"{scores} has no R@1 of the stage {STAGE}; score a run of it first")
    return summarise_seeds(table[chosen])


def _main_table(
    rows: pd.DataFrame, key: Sequence[str], methods: Sequence[str], spreads: Spreads
) -> TextTable:
    drawn, gallery = (rows[rows["protocol"] == name] for name in (PROTOCOL, GALLERY))
    names = in_order(rows["method"], [*methods, *CONTROLS])
    blocks = []
    if not drawn.empty:
        blocks.append(Block(_rows(drawn, names, spreads), f"among {NUM_CANDIDATES} candidates"))
    here = is_dataset(key[0], AUDIOGROUNDING)
    blocks.append(
        Block([_published_row()], "published ‡" if here else f"published, not on {key[0]} ‡")
    )
    if not gallery.empty:
        blocks.append(Block(_rows(gallery, names, {}), "full gallery"))
    return TextTable(
        number="Table 2 of Xie et al. 2022",
        title=f"captions and clips among {NUM_CANDIDATES} candidates, {key[0]} ({key[1]})",
        label=f"tab:captions-{'-'.join(key)}".replace("_", "-"),
        columns=[
            Column("method", is_number=False),
            Column("seeds"),
            *(
                Column(name, f"{ARROWS[direction]} {metric}")
                for direction, metric in COLUMNS
                for name in ("mean", "± seeds", "± draws")
            ),
        ],
        blocks=blocks,
        above=[_describe(rows, drawn, gallery, key)],
        below=_notes(blocks, key[0], here, drawn.empty),
    )


def _rows(rows: pd.DataFrame, names: Sequence[str], spreads: Spreads) -> list[list[str]]:
    """Return a row a method, then chance."""
    lines = []
    for name in names:
        own = rows[rows["method"] == name]
        if not own.empty:
            cells = [cell for column in COLUMNS for cell in _cells(own, column, name, spreads)]
            lines.append([name, str(own["num_seeds"].max()), *cells])
    chance = rows.groupby(["direction", "metric"])["chance"].first()
    cells = [
        cell
        for column in COLUMNS
        for cell in (f"{chance[column]:.3f}" if column in chance.index else "–", "", "")
    ]
    return [*lines, ["chance", "", *cells]]


def _cells(
    own: pd.DataFrame, column: tuple[str, str], method: str, spreads: Spreads
) -> tuple[str, str, str]:
    """Return mean, deviation over seeds and deviation over draws of one number."""
    found = own[(own["direction"] == column[0]) & (own["metric"] == column[1])]
    if found.empty:
        return "–", "–", "–"
    row = found.iloc[0]
    mark = "" if row["above_chance"] else " †"
    std = "–" if math.isnan(row["std"]) else f"{row['std']:.3f}"
    spread = spreads.get((method, *column))
    return f"{row['mean']:.3f}{mark}", std, "–" if spread is None else f"{spread:.3f}"


def _published_row() -> list[str]:
    cells = [
        cell
        for column in COLUMNS
        for cell in (f"{XIE_CANDIDATES[column][0]:.2f}", "–", f"{XIE_CANDIDATES[column][1]:.2f}")
    ]
    return ["Xie et al. 2022", "1", *cells]


def _sizes(rows: pd.DataFrame) -> str:
    sizes = rows.groupby("direction")[["num_queries", "num_candidates"]].max()
    return "; ".join(
        f"{ARROWS[direction]} {sizes.loc[direction, 'num_queries']:,} queries, "
        f"{sizes.loc[direction, 'num_candidates']:,} candidates"
        for direction in DIRECTIONS
        if direction in sizes.index
    )


def _describe(
    rows: pd.DataFrame, drawn: pd.DataFrame, gallery: pd.DataFrame, key: Sequence[str]
) -> str:
    prints = ", ".join(sorted(set(rows["availability"])))
    words = f"Data: {key[0]}, split {key[1]}, subset {key[2]}, fingerprint {prints}. "
    if not drawn.empty:
        words += (
            f"{int(drawn['num_queries'].max()) // NUM_DRAWS:,} clips, each drawn {NUM_DRAWS} times "
            f"with {NUM_CANDIDATES - 1} others and one caption of each. "
        )
    if not gallery.empty:
        words += f"Full gallery: {_sizes(gallery)}. "
    return words + (
        "Fractions. ± seeds: sample standard deviation over trainings. ± draws: population "
        f"standard deviation over the {NUM_DRAWS} draws of candidates, mean over trainings; it is "
        "what the paper prints."
    )


def _notes(blocks: Sequence[Block], dataset: str, here: bool, no_draws: bool) -> list[str]:
    notes = []
    if any("†" in cell for block in blocks for row in block.rows for cell in row):
        notes.append(NOT_ABOVE_CHANCE)
    if no_draws:
        notes.append(
            f"No run was scored among {NUM_CANDIDATES} candidates: that takes as many test clips "
            "with captions."
        )
    comparison = (
        "The clips that could still be found differ from the paper's."
        if here
        else f"These are other data than {dataset}: not comparable with the rows above."
    )
    return [
        *notes,
        f"‡ {XIE}, Table 2: {XIE_DATA}, one model. {comparison}",
        f"chance: exact expectation of a random order. {HEADLINE_NOTE}",
    ]


def _tidy(
    summary: pd.DataFrame, methods: Sequence[str], spreads: Spreads, losses: Mapping[str, Loss]
) -> pd.DataFrame:
    """Return one row a number, and the published ones at the end."""
    order = in_order(summary["method"], [*methods, *CONTROLS])
    lines = []
    for row in summary.to_dict("records"):
        column = (row["direction"], row["metric"])
        drawn = row["protocol"] == PROTOCOL
        lines.append(
            {name: row[name] for name in (*PARTS, "availability", "protocol", "method", "weights")}
            | {"loss": losses[row["method"]].name if row["method"] in losses else ""}
            | {name: row[name] for name in ("direction", "metric", "num_seeds", "seeds", "mean")}
            | {
                "std_over_seeds": row["std"],
                "std_over_draws": spreads.get((row["method"], *column)) if drawn else None,
            }
            | {name: row[name] for name in ("ci_low", "ci_high", "chance", "above_chance")}
            | {name: row[name] for name in ("num_queries", "num_candidates")}
        )
    lines.sort(
        key=lambda line: (*(line[n] for n in PARTS), line["protocol"], order.index(line["method"]))
    )
    lines += [
        {"dataset": AUDIOGROUNDING, "split": "test", "protocol": PROTOCOL}
        | {"method": "Xie et al. 2022 (published)", "direction": direction, "metric": metric}
        | {"num_seeds": 1, "mean": mean, "std_over_draws": spread}
        for (direction, metric), (mean, spread) in XIE_CANDIDATES.items()
    ]
    counts = dict.fromkeys(("num_queries", "num_candidates"), "Int64")
    return pd.DataFrame(lines).round(6).astype(counts)
