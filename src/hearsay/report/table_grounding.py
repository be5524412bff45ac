"""The table of phrase grounding: every method beside all its controls, on every part."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.metrics.grounding_events import COLLAR_S, OFFSET_SHARE
from hearsay.report.grounding_scores import (
    CONTROLS,
    PART_WORDS,
    SHUFFLED,
    VARIANT_WORDS,
    order_systems,
    read_tables,
    split_subset,
    trained_methods,
)
from hearsay.report.grounding_view import AT_THRESHOLD, OVER_ALL, GroundingView, System
from hearsay.report.markup import Block, Column, TextTable, write_tables
from hearsay.report.published import XIE
from hearsay.report.scores import read_score_table, summarise_seeds
from hearsay.scoring.grounding_queries import SUBSETS
from hearsay.scoring.grounding_records import TASK

DATA = ["dataset", "split", "clips"]
VARIANT_PARTS = ("all", "several_events")
QUERY_COLUMNS = (
    "method",
    "seed",
    "protocol",
    *(part for part in SUBSETS if part != "all"),
    "is_constant",
    "num_frames",
    "num_labelled",
    "threshold_val",
)
NAMES = {
    "precision": "P",
    "recall": "R",
    "F1": "F1",
    "event_F1": "event F1",
    "AUROC": "AUROC",
    "average_precision": "average precision",
    "PSDS": "PSDS",
}


def make_table_grounding(
    scores: Path,
    queries: Sequence[Path],
    methods: Sequence[str],
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Write how well phrases are grounded, a table a part of the phrases, then the variants.

    Args:
        scores: scores.csv.
        queries: queries.parquet of all runs and of the controls.
        methods: their order; others follow.
        csv: one row a number, of all parts and variants.
        markdown: for reading.
        latex: for a paper.

    Raises:
        HearsayError: a file is absent or wrong, or nothing was grounded.
    """
    table = read_score_table(Path(scores))
    table = table[table["task"] == TASK]
    if table.empty:
        raise HearsayError(f"{scores} has no score of the task {TASK}; ground phrases with a run")
    summary = summarise_seeds(table)
    outer, parts = zip(*summary["subset"].map(split_subset), strict=True)
    summary = summary.assign(clips=outer, part=parts)
    counted = read_tables(queries, QUERY_COLUMNS)
    main, variants, numbers = [], [], []
    for key, rows in summary.groupby(DATA, sort=True):
        systems = order_systems(rows["method"], methods)
        for part in [part for part in SUBSETS if (rows["part"] == part).any()]:
            view = GroundingView.of(rows[rows["part"] == part], counted, part)
            names = [str(name) for name in key]
            main.append(_main_table(view, names, systems, methods))
            if part in VARIANT_PARTS:
                variants.append(_variant_table(view, names, systems))
            numbers.append(view.tidy(systems))
    write_tables(pd.concat(numbers), main + variants, csv, markdown, latex)


def _main_table(
    view: GroundingView, key: Sequence[str], systems: Sequence[str], methods: Sequence[str]
) -> TextTable:
    trained = trained_methods(systems, methods)
    shuffled = [name for name in systems if name.startswith(SHUFFLED)]
    others = [name for name in systems if name not in {*trained, *shuffled}]
    groups = {"": trained, "asked for another phrase of the clip": shuffled}
    blocks = [
        Block([_row(view, System(name)) for name in names], heading)
        for heading, names in groups.items()
        if names
    ]
    blocks.append(
        Block(
            [
                *(_row(view, System(name)) for name in others),
                _row(view, System("random", analytic=True)),
            ],
            "without listening to the phrase",
        )
    )
    empty = ["Xie et al. 2022", *[""] * (len(_columns()) - 1)]
    blocks.append(Block([empty], "published ‡"))
    return TextTable(
        number="Phrase grounding",
        title=f"{PART_WORDS[view.part]}, {key[0]} ({key[1]})",
        label=f"tab:grounding-{'-'.join([*key, view.part])}".replace("_", "-"),
        columns=_columns(),
        blocks=blocks,
        above=[_describe(view, key)],
        below=_notes(view, trained),
    )


def _columns() -> list[Column]:
    return [
        Column("method", is_number=False),
        Column("seeds"),
        Column("threshold"),
        *(Column(NAMES[metric]) for metric in (*AT_THRESHOLD, *OVER_ALL)),
        Column("constant, %"),
        Column("queries"),
        Column("labelled, %"),
    ]


def _row(view: GroundingView, system: System) -> list[str]:
    metrics = (*AT_THRESHOLD, *OVER_ALL)
    return [
        f"{system.method}, analytic" if system.analytic else system.method,
        view.num_seeds(system),
        view.threshold(system),
        *(view.cell(system, metric) for metric in metrics),
        view.constant_percent(system),
        view.num_queries(system),
        view.labelled_percent(system),
    ]


def _describe(view: GroundingView, key: Sequence[str]) -> str:
    return (
        f"Data: {key[0]}, split {key[1]}, clips {key[2]}, fingerprint {view.fingerprints}. A query "
        "is a phrase of a caption; P, R and F1 are of frames, pooled over all queries; scores are "
        "stretched over the clip (min-max). Fractions, mean ± sample standard deviation over "
        "training seeds. threshold: that of the best F1 on val, mean over seeds; P, R, F1 and "
        "event F1 are at it. constant: queries with one score in all frames. labelled: share of "
        "the queries' frames."
    )


def _notes(view: GroundingView, trained: Sequence[str]) -> list[str]:
    unproven = [(name, view.unproven(System(name))) for name in trained]
    marked = [f"† {name}: {_list_controls(found)}." for name, found in unproven if found]
    explanation = (
        "† shows no grounding: the 95 % interval over clips (bootstrap, mean over seeds) does not "
        "lie above the mean of every control; each number by itself, not corrected for their "
        "number. Below, each metric and the controls it fails."
    )
    return [
        *([explanation, *marked] if marked else []),
        f"‡ The precision, recall and F1 that {XIE} reports are not available to us: the cells "
        "stay empty.",
        "all_active marks every frame, energy what is loud, random draws a score a frame; "
        "analytic: its expectation, at 0.50. Where another phrase is asked for, the queries of "
        "clips without one are left out. PSDS: dtc = gtc = 0.5, no cross-trigger, at most 800 "
        f"false positives an hour. event F1: onset within {COLLAR_S} s, offset within {COLLAR_S} s "
        f"or {100 * OFFSET_SHARE:.0f} % of the event.",
    ]


def _list_controls(unproven: Mapping[str, Sequence[str]]) -> str:
    """List the metrics that show nothing, those that fail the same controls together."""
    by_controls: dict[tuple[str, ...], list[str]] = {}
    for metric, controls in unproven.items():
        by_controls.setdefault(tuple(controls), []).append(NAMES[metric])
    return "; ".join(
        f"{', '.join(metrics)} ({', '.join(controls)})" for controls, metrics in by_controls.items()
    )


def _variant_table(view: GroundingView, key: Sequence[str], systems: Sequence[str]) -> TextTable:
    """Lay out how scores are read otherwise: raw, the best word, and a threshold of 0.50."""
    blocks = []
    for name in systems:
        lines = [
            [name, "as they are" if name in CONTROLS else VARIANT_WORDS[suffix], *cells]
            for suffix in VARIANT_WORDS
            for fixed in (False, True)
            for system in [System(name, suffix, fixed)]
            if view.has(system)
            for cells in [_variant_cells(view, system)]
        ]
        blocks.append(Block(lines))
    analytic = System("random", analytic=True)
    blocks.append(Block([["random, analytic", "", *_variant_cells(view, analytic)]]))
    return TextTable(
        number="Phrase grounding, continued",
        title=f"variants, {PART_WORDS[view.part]}, {key[0]} ({key[1]})",
        label=f"tab:grounding-variants-{'-'.join([*key, view.part])}".replace("_", "-"),
        columns=[
            Column("method", is_number=False),
            Column("scores", is_number=False),
            Column("threshold", is_number=False),
            *(Column(NAMES[metric]) for metric in (*AT_THRESHOLD, *OVER_ALL)),
        ],
        blocks=[block for block in blocks if block.rows],
        above=[
            "A phrase's score is the mean or the highest of its words' in each frame; it is "
            "stretched over the clip's frames (min-max) or left raw. val: the threshold chosen on "
            "val, mean over seeds. Raw scores are compared between clips too, so AUROC, average "
            "precision and PSDS differ. Controls are taken as they are. Fractions, mean ± sample "
            "standard deviation over training seeds, as many as in the table without variants."
        ],
    )


def _variant_cells(view: GroundingView, system: System) -> list[str]:
    threshold = "0.50" if system.fixed or system.analytic else f"val, {view.threshold(system)}"
    # What needs no threshold stands once, beside the threshold of val.
    over_all = ["" if system.fixed else view.cell(system, metric) for metric in OVER_ALL]
    return [threshold, *(view.cell(system, metric) for metric in AT_THRESHOLD), *over_all]
