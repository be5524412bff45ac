"""Table 2 of Elizalde et al. 2019: MAP@3 of the k-NN classifier, and retrieval by label."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from hearsay.report.joint_runs import Options, read_joint_runs
from hearsay.report.label_comparisons import (
    compare_with_controls,
    level_text,
    seeds_text,
    split_notes,
    systems_by_form,
)
from hearsay.report.label_scores import (
    AUDIO_TO_AUDIO,
    AUDIO_TO_DISTINCT,
    AUDIO_TO_TEXT,
    CHANCE_COLUMNS,
    DATA,
    DEGENERATE,
    TEXT_TO_AUDIO,
    TEXT_TO_TEXT,
    LabelView,
    Measure,
    mark_notes,
    read_label_scores,
)
from hearsay.report.markup import Block, Column, TextTable, write_tables
from hearsay.report.published import (
    ELIZALDE,
    ELIZALDE_CELLS,
    ELIZALDE_DATA,
    FSDKAGGLE,
    is_dataset,
)
from hearsay.report.table_label_retrieval import label_retrieval_table

QUERIES: dict[str, tuple[Measure | None, ...]] = {
    "audio": (AUDIO_TO_AUDIO, AUDIO_TO_TEXT, AUDIO_TO_DISTINCT),
    "text": (TEXT_TO_AUDIO, TEXT_TO_TEXT, None),
}
"""Row of the classifier's table → its columns."""
DATABASES = ("database audio", "database text", "one text a class")
# What the degenerate cells of the paper are; its base texts meet sounds in no common space.
_PUBLISHED_MARKS = {
    "audio": ("", "one_text_a_class"),
    "text": ("one_query_a_class", "stored_queries"),
}
COMPARED = (AUDIO_TO_AUDIO, AUDIO_TO_TEXT, AUDIO_TO_DISTINCT)


def make_table_labels(
    scores: Path,
    cells: Sequence[Path],
    runs: Sequence[Path],
    methods: Sequence[str],
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Write how well labels are told apart: base features, ridge regression and joint spaces.

    Markdown and LaTeX hold two tables a data set and split, in percent: the classifier's MAP@3
    with the published rows, and retrieval by label. Each says in words where a joint space is
    below a control. The CSV holds one row a number.

    Args:
        scores: scores.csv.
        cells: cells.parquet of all runs and controls.
        runs: run.json of the runs.
        methods: their order; others follow.
        csv: the numbers.
        markdown: for reading.
        latex: for a paper.

    Raises:
        HearsayError: a file is absent or wrong, or no label was scored.
    """
    options = read_joint_runs(runs)
    views = read_label_scores(scores, cells, options)
    tables = []
    for view in views:
        tables += [_knn_table(view, methods), label_retrieval_table(view, methods)]
    numbers = _tidy(views, options, methods)
    write_tables(numbers, tables, csv, markdown, latex)


def _knn_table(view: LabelView, methods: Sequence[str]) -> TextTable:
    systems = systems_by_form(view, methods)
    blocks = [
        Block([row for name in names for row in _knn_rows(view, name)], f"features {form}")
        for form, names in systems.items()
    ]
    here = is_dataset(view.dataset, FSDKAGGLE)
    heading = "published ‡" if here else f"published, not on {view.dataset} ‡"
    blocks.append(Block(_published_rows(), heading))
    return TextTable(
        number="Table 2 of Elizalde et al. 2019",
        title=f"MAP@3 of the k-NN classifier, {view.dataset} ({view.split})",
        label=f"tab:labels-{view.dataset}-{view.split}-{view.subset}".replace("_", "-"),
        columns=[
            Column("system", is_number=False),
            Column("seeds"),
            Column("query", is_number=False),
            *(
                Column(name, database)
                for database in DATABASES
                for name in ("MAP@3", "chance", "95 %")
            ),
        ],
        blocks=blocks,
        above=[_describe(view)],
        below=[
            *mark_notes([row for block in blocks for row in block.rows]),
            *compare_with_controls(view, systems, COMPARED),
            *split_notes(view),
            *_published_notes(view.dataset, here),
        ],
    )


def _knn_rows(view: LabelView, method: str) -> list[list[str]]:
    rows = []
    for query, measures in QUERIES.items():
        cells = [cell for measure in measures for cell in _knn_cells(view, method, measure)]
        is_first = query == "audio"
        rows.append(
            [
                method if is_first else "",
                seeds_text(view, method) if is_first else "",
                query,
                *cells,
            ]
        )
    return rows


def _knn_cells(view: LabelView, method: str, measure: Measure | None) -> tuple[str, str, str]:
    """Return a number, its exact chance and the 95th percentile under permuted classes."""
    if measure is None:
        return "", "", ""
    row = view.find(method, measure)
    if row is None:
        return "–", "–", "–"
    return view.text(method, measure), f"{100 * row['chance']:.1f}", level_text(row["classes_95"])


def _published_rows() -> list[list[str]]:
    rows = []
    for system, of_queries in ELIZALDE_CELLS.items():
        for query, values in zip(QUERIES, of_queries, strict=True):
            cells: list[str] = []
            for value, reason in zip(values, _PUBLISHED_MARKS[query], strict=True):
                mark = DEGENERATE[reason][0] if reason else ""
                cells += [f"{value:.1f} {mark}".strip(), "", ""]
            is_first = query == "audio"
            rows.append([system if is_first else "", "1" if is_first else "", query, *cells])
            rows[-1] += [""] * 3
    return rows


def _describe(view: LabelView) -> str:
    return (
        f"Data: {view.dataset}, subset {view.subset}; {view.size()}. Percent, mean ± sample "
        f"standard deviation over training seeds. The {view.neighbours} nearest of the database "
        "vote, ties by nearest; MAP@3 is 1 over the rank of the true label among the first three, "
        "else 0. chance: labels in random order, exact. 95 %: the 95th percentile under permuted "
        "names of classes, mean over seeds. features_only: the features themselves, without any "
        "joint space; ridge: ridge regression from sound to word vectors."
    )


def _published_notes(dataset: str, here: bool) -> list[str]:
    comparison = (
        "Which of the clips were its test set the paper does not say for sure."
        if here
        else f"These are other data than {dataset}: not comparable with the rows above."
    )
    return [
        f"‡ {ELIZALDE}, Table 2: {ELIZALDE_DATA}. {comparison} Its marks are ours. Its 2.4 is one "
        "class in 41; with three guesses chance would be 4.5."
    ]


def _tidy(
    views: Sequence[LabelView], options: Mapping[str, Options], methods: Sequence[str]
) -> pd.DataFrame:
    """Return one row a number, and the published ones at the end."""
    copied = (
        *DATA, "availability", "task", "protocol", "method", "form", "weights", "direction",
        "metric", "num_seeds", "seeds", "mean", "std", "ci_low", "ci_high", "chance",
        *CHANCE_COLUMNS, "exceeds_chance", "degenerate", "num_queries", "num_candidates",
    )  # fmt: skip
    lines: list[dict[str, Any]] = []
    for view in views:
        rows = view.rows.to_dict("records")
        order = [name for own in systems_by_form(view, methods).values() for name in own]
        rows.sort(
            key=lambda row: (row["task"], row["protocol"], row["direction"], row["metric"],
                             order.index(row["method"]))
        )  # fmt: skip
        lines += [{name: row[name] for name in copied} for row in rows]
    for system, of_queries in ELIZALDE_CELLS.items():
        for query, values in zip(QUERIES, of_queries, strict=True):
            for database, value, reason in zip(
                ("audio", "text"), values, _PUBLISHED_MARKS[query], strict=True
            ):
                lines.append(
                    {"dataset": FSDKAGGLE, "task": "label_knn", "protocol": f"k25_{database}"}
                    | {"method": f"{ELIZALDE}: {system}", "direction": f"{query}_to_{database}"}
                    | {"metric": "MAP@3", "num_seeds": 1, "mean": value / 100}
                    | {"degenerate": reason}
                )
    counts = dict.fromkeys(("num_queries", "num_candidates"), "Int64")
    return pd.DataFrame(lines).round(6).astype(counts)
