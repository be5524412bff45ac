"""Table 1 of Elizalde et al. 2019: what each loss over each measure of likeness gives."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.report.joint_runs import (
    LOSS_OPTIONS,
    Options,
    describe,
    find_variants,
    read_joint_runs,
)
from hearsay.report.label_scores import (
    AUDIO_FINDS_AUDIO,
    AUDIO_TO_AUDIO,
    AUDIO_TO_TEXT,
    TEXT_FINDS_AUDIO,
    LabelView,
    Measure,
    mark_notes,
    read_label_scores,
)
from hearsay.report.label_sweeps import control_values, tidy_rows
from hearsay.report.markup import Block, Column, TextTable, write_tables
from hearsay.report.published import (
    ELIZALDE,
    ELIZALDE_DATA,
    ELIZALDE_LOSSES,
    FSDKAGGLE,
    is_dataset,
)
from hearsay.report.scores import describe_spread

MEASURES = {"l1": "L1", "l2": "L2", "exp_l1": "exp(−L1)", "exp_l2": "exp(−L2)"}
LOSSES = ("contrastive", "bce")
SHOWN = (AUDIO_TO_AUDIO, AUDIO_TO_TEXT, TEXT_FINDS_AUDIO, AUDIO_FINDS_AUDIO)


def make_table_pair_losses(
    scores: Path,
    cells: Sequence[Path],
    runs: Sequence[Path],
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Write a table for each group of methods that differ in loss, measure and margin alone.

    Args:
        scores: scores.csv.
        cells: cells.parquet of all runs and controls.
        runs: run.json of the runs.
        csv: one row a number.
        markdown: for reading.
        latex: for a paper.

    Raises:
        HearsayError: a file is absent or wrong, or no two methods differ in that alone.
    """
    options = read_joint_runs(runs)
    groups = find_variants(options, LOSS_OPTIONS)
    if not groups:
        raise HearsayError(
            "no two methods of joint embeddings differ in loss, measure and margin alone; name "
            "such methods in benchmark.methods"
        )
    views = read_label_scores(scores, cells, options)
    tables = [
        _table(view, number, group, options)
        for view in views
        for number, group in enumerate(groups)
    ]
    numbers = [
        tidy_rows(view, group, options, LOSS_OPTIONS, SHOWN) for view in views for group in groups
    ]
    joined = pd.concat([*numbers, _published()], ignore_index=True)
    write_tables(joined, tables, csv, markdown, latex)


def _table(
    view: LabelView, number: int, group: Sequence[str], options: Mapping[str, Options]
) -> TextTable:
    blocks = [Block(_rows(view, group, options, shown), shown.words) for shown in SHOWN]
    here = is_dataset(view.dataset, FSDKAGGLE)
    heading = f"published, {AUDIO_TO_AUDIO.words} of MFCC"
    blocks.append(
        Block(_published_rows(), f"{heading} ‡" if here else f"{heading}, not on {view.dataset} ‡")
    )
    shared = describe(options[group[0]], LOSS_OPTIONS)
    below = [
        *mark_notes([row for block in blocks for row in block.rows]),
        "Without a siamese network: " + control_values(view, str(options[group[0]]["form"]), SHOWN),
    ]
    comparison = "" if here else f" These are other data than {view.dataset}: not comparable."
    return TextTable(
        number="Table 1 of Elizalde et al. 2019",
        title=f"losses and measures, {view.dataset} ({view.split}), {shared}",
        label=f"tab:pair-losses-{view.dataset}-{view.split}-{number}".replace("_", "-"),
        columns=[
            Column("loss", is_number=False),
            *(Column(name, "measure of a pair") for name in MEASURES.values()),
        ],
        blocks=blocks,
        above=[
            f"Percent, {describe_spread(view.num_seeds(group))}. What the paper leaves open is "
            "decided: cross-entropy of L1 and L2 reads 1 / (1 + distance) as a probability, and "
            "the contrastive loss of exp(−distance) takes 1 − exp(−distance) as the distance."
        ],
        below=[*below, f"‡ {ELIZALDE}, Table 1: {ELIZALDE_DATA}.{comparison}"],
    )


def _rows(
    view: LabelView, group: Sequence[str], options: Mapping[str, Options], shown: Measure
) -> list[list[str]]:
    """Return a row a loss, of the contrastive one a row a margin."""
    found: dict[tuple[int, str], dict[str, str]] = {}
    for method in group:
        own = options[method]
        name = str(own["loss"])
        if name == "contrastive":
            name += f", margin {own['margin']:g}"
        place = (LOSSES.index(own["loss"]), name)
        found.setdefault(place, {})[own["measure"]] = view.text(method, shown)
    return [
        [name, *(cells.get(measure, "–") for measure in MEASURES)]
        for (_, name), cells in sorted(found.items())
    ]


def _published_rows() -> list[list[str]]:
    return [
        [loss, *(f"{ELIZALDE_LOSSES[loss, measure]:.1f}" for measure in MEASURES)]
        for loss in LOSSES
    ]


def _published() -> pd.DataFrame:
    return pd.DataFrame(
        {"dataset": FSDKAGGLE, "method": f"{ELIZALDE}: MFCC", "loss": loss, "measure": measure}
        | {"direction": "audio_to_audio", "metric": "MAP@3", "num_seeds": 1, "mean": value / 100}
        for (loss, measure), value in ELIZALDE_LOSSES.items()
    )
