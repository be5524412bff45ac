"""The tables of the sweeps of joint embeddings: noise on the texts, and the number of pairs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from hearsay.report.joint_runs import Options, describe, read_joint_runs
from hearsay.report.label_scores import LabelView, mark_notes, read_label_scores
from hearsay.report.label_sweeps import (
    SWEEPS,
    LabelSweep,
    control_values,
    find_sweeps,
    tidy_rows,
)
from hearsay.report.markup import Block, Column, TextTable, write_tables
from hearsay.report.published import ELIZALDE, ELIZALDE_DATA, FSDKAGGLE, is_dataset
from hearsay.report.scores import describe_spread


def make_table_label_sweep(
    scores: Path,
    cells: Sequence[Path],
    runs: Sequence[Path],
    option: str,
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Write a table for each group of methods that differ in one option alone.

    Args:
        scores: scores.csv.
        cells: cells.parquet of all runs and controls.
        runs: run.json of the runs.
        option: text_noise or num_pairs.
        csv: one row a number.
        markdown: for reading.
        latex: for a paper.

    Raises:
        HearsayError: a file is absent or wrong, or no two methods differ in that option alone.
    """
    options = read_joint_runs(runs)
    groups = find_sweeps(options, option)
    sweep = SWEEPS[option]
    views = read_label_scores(scores, cells, options)
    tables = [
        _table(view, sweep, number, group, options)
        for view in views
        for number, group in enumerate(groups)
    ]
    numbers = [
        tidy_rows(view, group, options, [option], sweep.measures)
        for view in views
        for group in groups
    ]
    joined = pd.concat([*numbers, *_published(sweep)], ignore_index=True)
    write_tables(joined, tables, csv, markdown, latex)


def _table(
    view: LabelView,
    sweep: LabelSweep,
    number: int,
    group: Sequence[str],
    options: Mapping[str, Options],
) -> TextTable:
    shared = describe(options[group[0]], [sweep.option])
    blocks = [Block([_row(view, sweep, method, options[method]) for method in group])]
    notes = []
    if sweep.published:
        here = is_dataset(view.dataset, FSDKAGGLE)
        blocks.append(_published_block(sweep, "" if here else f", not on {view.dataset}"))
        comparison = "" if here else f" These are other data than {view.dataset}: not comparable."
        notes.append(f"‡ {ELIZALDE}, Fig. 4, of WAL-Net: {ELIZALDE_DATA}.{comparison}")
    return TextTable(
        number=sweep.number,
        title=f"{sweep.words}, {view.dataset} ({view.split}), {shared}",
        label=f"tab:{sweep.option}-{view.dataset}-{view.split}-{number}".replace("_", "-"),
        columns=[
            Column("method", is_number=False),
            Column(sweep.option),
            *(Column(measure.words) for measure in sweep.measures),
        ],
        blocks=blocks,
        above=[f"Percent, {describe_spread(view.num_seeds(group))}. {sweep.remark}"],
        below=[
            *mark_notes([row for block in blocks for row in block.rows]),
            "Without a siamese network: "
            + control_values(view, str(options[group[0]]["form"]), sweep.measures),
            *notes,
        ],
    )


def _row(view: LabelView, sweep: LabelSweep, method: str, own: Options) -> list[str]:
    cells = [view.text(method, measure) for measure in sweep.measures]
    return [method, f"{own[sweep.option]:,}", *cells]


def _published_block(sweep: LabelSweep, where: str) -> Block:
    rows = [
        ["WAL-Net, joint", f"{value:,}", *(f"{own[m.direction]:.1f}" for m in sweep.measures)]
        for value, own in sweep.published.items()
    ]
    return Block(rows, f"published{where} ‡")


def _published(sweep: LabelSweep) -> list[pd.DataFrame]:
    lines = [
        {"dataset": FSDKAGGLE, "method": f"{ELIZALDE}: WAL-Net, joint", sweep.option: value}
        | {"direction": direction, "metric": "MAP@3", "num_seeds": 1, "mean": percent / 100}
        for value, own in sweep.published.items()
        for direction, percent in own.items()
    ]
    return [pd.DataFrame(lines)] if lines else []
