"""Tables III and IV of the benchmark: audio-image and audio-text retrieval, from scores.csv."""

import math
from pathlib import Path

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.files import atomic_path
from hearsay.report.markup import Block, Column, TextTable, to_latex, to_markdown
from hearsay.report.published import PUBLISHED, is_dataset
from hearsay.report.scores import read_score_table, summarise_seeds
from hearsay.report.tasks import BEST_SUFFIX, CONTROLS, TASKS, RetrievalTask

ARROWS = {
    "audio_to_text": "A→T",
    "text_to_audio": "T→A",
    "audio_to_image": "A→I",
    "image_to_audio": "I→A",
}
METRIC_NAMES = {"median_rank": "median rank"}
DATA_COLUMNS = ["dataset", "split", "subset", "availability"]
NOT_ABOVE_CHANCE = (
    "† not above chance: the 95 % interval over clips (bootstrap, mean over seeds) reaches the "
    "level of chance."
)


def make_table_audio_image(scores: Path, csv: Path, markdown: Path, latex: Path) -> None:
    """Write Table III (audio-image retrieval) in three formats; see `write_retrieval_table`."""
    write_retrieval_table(scores, "audio_image_retrieval", csv, markdown, latex)


def make_table_audio_text(scores: Path, csv: Path, markdown: Path, latex: Path) -> None:
    """Write Table IV (audio-text retrieval) in three formats; see `write_retrieval_table`."""
    write_retrieval_table(scores, "audio_text_retrieval", csv, markdown, latex)


def write_retrieval_table(scores: Path, task: str, csv: Path, markdown: Path, latex: Path) -> None:
    """Write the table of one retrieval task.

    Markdown and LaTeX hold one table per data set and protocol: methods, then the oracle and
    chance, then the published rows, in percent. The CSV holds every metric, one row a number, with
    the published number beside it.

    Args:
        scores: scores.csv.
        task: audio_image_retrieval or audio_text_retrieval.
        csv: the numbers.
        markdown: for reading.
        latex: for a paper.

    Raises:
        HearsayError: scores.csv is absent or wrong, or has no score of the task.
    """
    table = read_score_table(Path(scores))
    known = [name + end for name in TASKS[task].protocols for end in ("", BEST_SUFFIX)]
    table = table[(table["task"] == task) & table["protocol"].isin(known)]
    if table.empty:
        raise HearsayError(f"{scores} has no score of the task {task}; score a run on it first")
    summary = summarise_seeds(table)
    text_tables = build_tables(summary, task)
    _write_text(csv, _tidy(summary, task).to_csv(index=False, lineterminator="\n"))
    _write_text(markdown, to_markdown(text_tables))
    _write_text(latex, to_latex(text_tables))


def build_tables(summary: pd.DataFrame, task: str) -> list[TextTable]:
    """Lay out the tables of one task: data sets in alphabetical order, protocols headline first."""
    layout = TASKS[task]
    tables = []
    for key, data in summary.groupby(DATA_COLUMNS, sort=True):
        for protocol in layout.protocols:
            rows = data[data["protocol"].isin([protocol, protocol + BEST_SUFFIX])]
            for part, metrics in enumerate(layout.metrics):
                if not rows.empty:
                    names = tuple(str(name) for name in key)
                    tables.append(_build_table(rows, task, names, protocol, metrics, part))
    return tables


def _build_table(
    rows: pd.DataFrame,
    task: str,
    key: tuple[str, ...],
    protocol: str,
    metrics: tuple[str, ...],
    part: int,
) -> TextTable:
    layout, paper = TASKS[task], PUBLISHED[task]
    dataset, split, subset, availability = key
    columns = [(direction, metric) for direction in layout.directions for metric in metrics]
    wide = rows.groupby("direction")[["num_queries", "num_candidates"]].first()
    digits = 2 if wide["num_queries"].max() >= 1000 else 1
    blocks = _method_blocks(rows, layout, columns, digits)
    blocks.append(_control_block(rows, layout, columns, digits))
    published = _published_rows(rows, task, protocol, columns)
    same_data = is_dataset(dataset, paper.dataset)
    title = f"{layout.name} on {dataset} ({split}), {protocol}"
    if len(layout.protocols) > 1 and protocol == layout.protocols[0]:
        title += " (headline)"
    if part:
        title += ", median rank and mAP@10"
    below = [NOT_ABOVE_CHANCE] if any("†" in c for b in blocks for r in b.rows for c in r) else []
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
        if (rows["method"] == "oracle").any()
        else "chance: exact expectation of a random order."
    )
    sizes = "; ".join(
        f"{ARROWS[direction]} {int(wide['num_queries'][direction]):,} queries, "
        f"{int(wide['num_candidates'][direction]):,} candidates"
        for direction in layout.directions
        if direction in wide.index
    )
    methods = rows[~rows["method"].isin(CONTROLS)]
    above = (
        f"Data: {dataset}, split {split}, subset {subset}, fingerprint {availability}. {sizes}. "
        f"Weights: {_list(methods['weights'])}. Seeds: {_list(methods['seeds'])}. "
        f"Mean ± sample standard deviation over seeds; R@k and mAP@10 in percent."
    )
    return TextTable(
        number=f"Table {layout.number}" + (", continued" if part else ""),
        title=title,
        label=f"tab:{task}-{dataset}-{subset}-{availability}-{protocol}-{part}".replace("_", "-"),
        columns=[Column("method", is_number=False), Column("seeds")]
        + [Column(METRIC_NAMES.get(metric, metric), ARROWS[way]) for way, metric in columns],
        blocks=blocks,
        above=[above],
        below=below,
    )


def _method_blocks(
    rows: pd.DataFrame, layout: RetrievalTask, columns: list[tuple[str, str]], digits: int
) -> list[Block]:
    """Make one block a stage and checkpoint; headings tell them apart.

    The table's own stage and the last epoch come first, and alone they need no heading.
    """
    methods = rows[~rows["method"].isin(CONTROLS)]
    methods = methods.assign(
        other_stage=methods["stage"] != layout.stage,
        best=methods["protocol"].str.endswith(BEST_SUFFIX),
    )
    several_weights = methods["weights"].nunique() > 1
    blocks = []
    for part, of_part in methods.groupby(["best", "other_stage", "stage"], sort=True):
        lines = []
        for key, own in of_part.groupby(["method", "weights"], sort=True):
            method, weights = (str(name) for name in key)
            name = f"{method} ({weights})" if several_weights else method
            lines.append([name, *_cells(own, columns, digits)])
        epoch = "best epoch on validation" if part[0] else "last epoch"
        blocks.append(Block(lines, f"after stage {part[2]}, {epoch}"))
    plain = f"after stage {layout.stage}, last epoch"
    if [block.heading for block in blocks] == [plain]:
        return [Block(blocks[0].rows)]
    return blocks


def _control_block(
    rows: pd.DataFrame, layout: RetrievalTask, columns: list[tuple[str, str]], digits: int
) -> Block:
    """Make the rows of the controls and of chance."""
    lines = []
    for control in CONTROLS:
        own = rows[rows["method"] == control]
        if not own.empty:
            # The oracle is not trained, so each stage repeats the same numbers.
            stage = min(own["stage"], key=lambda stage: (stage != layout.stage, stage))
            lines.append([control, *_cells(own[own["stage"] == stage], columns, digits)])
    chance = rows.groupby(["direction", "metric"])["chance"].first()
    cells = [
        _chance_cell(float(chance.loc[column]), column[1]) if column in chance.index else "–"
        for column in columns
    ]
    lines.append(["chance", "", *cells])
    return Block(lines)


def _cells(own: pd.DataFrame, columns: list[tuple[str, str]], digits: int) -> list[str]:
    """Return the number of seeds and a cell a column, of the rows of one method and stage."""
    cells = [str(own["num_seeds"].max())]
    for direction, metric in columns:
        found = own[(own["direction"] == direction) & (own["metric"] == metric)]
        if found.empty:
            cells.append("–")
            continue
        row = found.iloc[0]
        scale, places = (1, 1) if metric == "median_rank" else (100, digits)
        text = f"{scale * row['mean']:.{places}f}"
        if not math.isnan(row["std"]):
            text += f" ± {scale * row['std']:.{places}f}"
        cells.append(text if row["above_chance"] else f"{text} †")
    return cells


def _chance_cell(chance: float, metric: str) -> str:
    """Print chance to two significant digits, since it is small; a rank to one decimal."""
    return f"{chance:.1f}" if metric == "median_rank" else f"{100 * chance:.2g}"


def _published_rows(
    rows: pd.DataFrame, task: str, protocol: str, columns: list[tuple[str, str]]
) -> list[list[str]]:
    """Return the paper's rows of the methods in the table; empty where no column is printed."""
    paper = PUBLISHED[task]
    if not any(column in paper.cells for column in columns):
        return []
    lines = []
    for method in sorted(rows["method"].unique()):
        if paper.compares(method, protocol):
            numbers = [paper.value(method, *column) for column in columns]
            cells = [f"{n[0]:.2f} ± {n[1]:.2f}" if n else "–" for n in numbers]
            lines.append([method, "3", *cells])
    return lines


def _tidy(summary: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return one row a number, in percent or ranks, the paper's beside it."""
    layout, paper = TASKS[task], PUBLISHED[task]
    lines = []
    for row in summary.to_dict("records"):
        scale = 1 if row["metric"] == "median_rank" else 100
        published = None
        protocol = str(row["protocol"]).removesuffix(BEST_SUFFIX)
        if row["stage"] == layout.stage and paper.compares(row["method"], protocol):
            published = paper.value(row["method"], row["direction"], row["metric"])
        line = {name: row[name] for name in (*DATA_COLUMNS, "protocol", "method", "stage")}
        line |= {name: row[name] for name in ("weights", "direction", "metric")}
        line |= {"unit": "rank" if scale == 1 else "percent", "num_seeds": row["num_seeds"]}
        for name in ("mean", "std", "standard_error", "ci_low", "ci_high", "chance"):
            line[name] = _number(scale * row[name])
        line |= {
            "above_chance": row["above_chance"],
            "seeds": row["seeds"],
            "per_seed": " ".join(_number(scale * value) for value in row["per_seed"]),
            "num_queries": row["num_queries"],
            "num_candidates": row["num_candidates"],
            "published": f"{published[0]:.2f}" if published else "",
            "published_spread": f"{published[1]:.2f}" if published else "",
            "published_on": paper.data if published else "",
        }
        lines.append(line)
    return pd.DataFrame(lines)


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4g}"


def _list(column: pd.Series) -> str:
    """Name the different values of a column, for the line above a table."""
    return ", ".join(sorted(set(column))) or "none"


def _write_text(path: Path, text: str) -> None:
    with atomic_path(Path(path)) as temporary:
        temporary.write_text(text, encoding="utf-8")
