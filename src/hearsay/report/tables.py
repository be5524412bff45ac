"""Tables III and IV of the benchmark: audio-image and audio-text retrieval, from scores.csv."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.report.markup import Block, Column, TextTable, write_tables
from hearsay.report.published import is_dataset
from hearsay.report.retrieval_csv import tidy_numbers
from hearsay.report.retrieval_view import RetrievalView
from hearsay.report.scores import read_score_table, summarise_seeds
from hearsay.report.significance import Comparisons, explain_marks, read_comparisons
from hearsay.report.tasks import (
    ARROWS,
    BEST_SUFFIX,
    DATA_COLUMNS,
    HEADLINE_NOTE,
    METRIC_NAMES,
    TASKS,
    in_order,
)

NOT_ABOVE_CHANCE = (
    "† not above chance: the 95 % interval over clips (bootstrap, mean over seeds) reaches the "
    "level of chance; each number by itself, not corrected for their number."
)


def write_retrieval_table(
    scores: Path,
    comparisons: Path | None,
    methods: Sequence[str],
    task: str,
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Write the table of one retrieval task.

    Markdown and LaTeX hold one table per data set and protocol: methods, then the oracle and
    chance, then the published rows, in percent; after all of these, each once more with the value
    of every seed and the standard error. The CSV holds every metric, one row a number, with the
    published number beside it.

    Args:
        scores: scores.csv.
        comparisons: comparisons.csv, for the marks of significance; None: no marks.
        methods: their order; others follow.
        task: audio_image_retrieval or audio_text_retrieval.
        csv: the numbers.
        markdown: for reading.
        latex: for a paper.

    Raises:
        HearsayError: scores.csv is absent or wrong, or has no score of the task; or
            comparisons.csv is named and absent or wrong.
    """
    table = read_score_table(Path(scores))
    known = [name + end for name in TASKS[task].protocols for end in ("", BEST_SUFFIX)]
    table = table[(table["task"] == task) & table["protocol"].isin(known)]
    if table.empty:
        raise HearsayError(f"{scores} has no score of the task {task}; score a run on it first")
    summary = summarise_seeds(table)
    text_tables = build_tables(summary, task, methods, read_comparisons(comparisons))
    order = in_order(summary["method"], methods)
    summary = summary.sort_values("method", key=lambda names: names.map(order.index), kind="stable")
    write_tables(tidy_numbers(summary, task), text_tables, csv, markdown, latex)


def build_tables(
    summary: pd.DataFrame, task: str, methods: Sequence[str], comparisons: Comparisons
) -> list[TextTable]:
    """Lay out the tables of one task: data sets in alphabetical order, protocols headline first."""
    layout = TASKS[task]
    views = []
    for key, data in summary.groupby(DATA_COLUMNS, sort=True):
        for protocol in layout.protocols:
            rows = data[data["protocol"].isin([protocol, protocol + BEST_SUFFIX])]
            for part in range(len(layout.metrics)):
                if not rows.empty:
                    names = tuple(str(name) for name in key)
                    views.append(
                        RetrievalView(rows, task, names, protocol, part, methods, comparisons)
                    )
    return [_main_table(view) for view in views] + [_seed_table(view) for view in views]


def _main_table(view: RetrievalView) -> TextTable:
    layout, paper = view.layout, view.paper
    dataset = view.key[0]
    blocks = [*view.method_blocks(view.cells), view.control_block()]
    published = view.published_rows()
    same_data = is_dataset(dataset, paper.dataset)
    title = _title(view)
    below = [NOT_ABOVE_CHANCE] if any("†" in c for b in blocks for r in b.rows for c in r) else []
    below += explain_marks(view.compared())
    if published:
        blocks.append(
            Block(published, "published ‡" if same_data else f"published, not on {dataset} ‡")
        )
        title += f"; published rows: {paper.data}"
        comparison = (
            "The clips that could still be found differ from the paper's."
            if same_data
            else f"These are other data than {dataset} and other towers: not comparable with the "
            "rows above."
        )
        below.append(f"‡ {paper.source}: {paper.data}. {comparison} Note: {paper.remark}.")
    below.append(
        "oracle: retrieval by the true scene description, the ceiling of these data. "
        "chance: exact expectation of a random order."
        if (view.rows["method"] == "oracle").any()
        else "chance: exact expectation of a random order."
    )
    spread = "Mean ± sample standard deviation over training seeds; R@k and mAP@10 in percent."
    below.append(HEADLINE_NOTE)
    return TextTable(
        number=f"Table {layout.number}" + (", continued" if view.part else ""),
        title=title,
        label=_label(view, "means"),
        columns=[Column("method", is_number=False), Column("seeds"), *_number_columns(view)],
        blocks=blocks,
        above=[f"{view.describe_data()} {spread}"],
        below=below,
    )


def _seed_table(view: RetrievalView) -> TextTable:
    """Lay out the same rows with every seed's value and the standard error of their mean."""
    spread = (
        "Each seed's value, in that order, and in brackets the standard error of their mean "
        "(sample standard deviation over the root of the number of seeds); R@k and mAP@10 in "
        "percent."
    )
    return TextTable(
        number=f"Table {view.layout.number}, continued",
        title=f"each seed and standard error: {_title(view)}",
        label=_label(view, "seeds"),
        columns=[Column("method", is_number=False), Column("seeds"), *_number_columns(view)],
        blocks=view.method_blocks(view.seed_cells),
        above=[f"{view.describe_data()} {spread}"],
    )


def _title(view: RetrievalView) -> str:
    layout, (dataset, split, *_) = view.layout, view.key
    title = f"{layout.name} on {dataset} ({split}), {view.protocol}"
    if len(layout.protocols) > 1 and view.protocol == layout.protocols[0]:
        title += " (headline)"
    return f"{title}, median rank and mAP@10" if view.part else title


def _label(view: RetrievalView, kind: str) -> str:
    dataset, _, subset, availability = view.key
    parts = (view.task, dataset, subset, availability, view.protocol, str(view.part), kind)
    return f"tab:{'-'.join(parts)}".replace("_", "-")


def _number_columns(view: RetrievalView) -> list[Column]:
    return [Column(METRIC_NAMES.get(metric, metric), ARROWS[way]) for way, metric in view.columns]
