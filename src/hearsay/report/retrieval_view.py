"""The rows of Tables III and IV: which there are, in which order, and what a cell says."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from hearsay.report.markup import Block
from hearsay.report.published import PUBLISHED, PublishedTable
from hearsay.report.significance import KEY_COLUMNS, Comparison, Comparisons
from hearsay.report.tasks import ARROWS, BEST_SUFFIX, CONTROLS, TASKS, RetrievalTask, in_order

Cells = Callable[[pd.DataFrame], list[str]]  # of the rows of one method, stage and checkpoint


@dataclass(frozen=True)
class RetrievalView:
    """What one table shows.

    Attributes:
        rows: of `summarise_seeds`, of one data set, one protocol and both checkpoints.
        task: audio_image_retrieval or audio_text_retrieval.
        key: data set, split, subset, fingerprint.
        protocol: without the suffix of the best checkpoint.
        part: which of the task's groups of metrics.
        methods: their order; others follow.
        comparisons: with the reference; empty where nothing is compared.
    """

    rows: pd.DataFrame
    task: str
    key: tuple[str, ...]
    protocol: str
    part: int
    methods: Sequence[str]
    comparisons: Comparisons

    @property
    def layout(self) -> RetrievalTask:
        """How the task is laid out."""
        return TASKS[self.task]

    @property
    def paper(self) -> PublishedTable:
        """The published table beside it."""
        return PUBLISHED[self.task]

    @property
    def columns(self) -> list[tuple[str, str]]:
        """(direction, metric) of the columns of numbers."""
        metrics = self.layout.metrics[self.part]
        return [(direction, metric) for direction in self.layout.directions for metric in metrics]

    @property
    def digits(self) -> int:
        """Decimals of a percentage: as many as the number of queries bears."""
        return 2 if self.rows["num_queries"].max() >= 1000 else 1

    @property
    def method_rows(self) -> pd.DataFrame:
        """The rows of trained methods."""
        return self.rows[~self.rows["method"].isin(CONTROLS)]

    def describe_data(self) -> str:
        """Name the data, their size, the towers and the seeds, for the line above a table."""
        dataset, split, subset, availability = self.key
        wide = self.rows.groupby("direction")[["num_queries", "num_candidates"]].first()
        sizes = "; ".join(
            f"{ARROWS[direction]} {int(wide['num_queries'][direction]):,} queries, "
            f"{int(wide['num_candidates'][direction]):,} candidates"
            for direction in self.layout.directions
            if direction in wide.index
        )
        # One sound a clip: the clips are counted where sound asks or answers.
        clips = min(int(wide["num_queries"].min()), int(wide["num_candidates"].min()))
        weights, seeds = (
            ", ".join(sorted(set(self.method_rows[name]))) or "none"
            for name in ("weights", "seeds")
        )
        return (
            f"Data: {dataset}, split {split}, subset {subset}, {clips:,} clips, fingerprint "
            f"{availability}. {sizes}. Weights: {weights}. Seeds: {seeds}."
        )

    def method_blocks(self, cells: Cells) -> list[Block]:
        """Make one block a stage and checkpoint; headings tell them apart.

        The table's own stage and the headline weights come first, and alone they need no heading.
        """
        stage = self.layout.stage
        methods = self.method_rows.assign(
            other_stage=self.method_rows["stage"] != stage,
            best=self.method_rows["protocol"].str.endswith(BEST_SUFFIX),
        )
        several_weights = methods["weights"].nunique() > 1
        blocks = []
        for part, of_part in methods.groupby(["best", "other_stage", "stage"], sort=True):
            lines = []
            for method in in_order(of_part["method"], self.methods):
                of_method = of_part[of_part["method"] == method]
                for weights, own in of_method.groupby("weights", sort=True):
                    name = f"{method} ({weights})" if several_weights else method
                    lines.append([name, *cells(own)])
            epoch = "best epoch on validation" if part[0] else "headline weights"
            blocks.append(Block(lines, f"after stage {part[2]}, {epoch}"))
        if [block.heading for block in blocks] == [f"after stage {stage}, headline weights"]:
            return [Block(blocks[0].rows)]
        return blocks

    def control_block(self) -> Block:
        """Make the rows of the controls and of chance."""
        lines = []
        for control in CONTROLS:
            own = self.rows[self.rows["method"] == control]
            if not own.empty:
                # The oracle is not trained, so each stage repeats the same numbers.
                stage = min(own["stage"], key=lambda stage: (stage != self.layout.stage, stage))
                lines.append([control, *self.cells(own[own["stage"] == stage])])
        chance = self.rows.groupby(["direction", "metric"])["chance"].first()
        cells = [
            _chance_cell(float(chance.loc[column]), column[1]) if column in chance.index else "–"
            for column in self.columns
        ]
        return Block([*lines, ["chance", "", *cells]])

    def published_rows(self) -> list[list[str]]:
        """Return the paper's rows of the methods in the table; none where no column is printed."""
        if not any(column in self.paper.cells for column in self.columns):
            return []
        lines = []
        for method in in_order(self.rows["method"], self.methods):
            if self.paper.compares(method, self.protocol):
                numbers = [self.paper.value(method, *column) for column in self.columns]
                cells = [f"{n[0]:.2f} ± {n[1]:.2f}" if n else "–" for n in numbers]
                lines.append([self.paper.label(method), "3", *cells])
        return lines

    def cells(self, own: pd.DataFrame) -> list[str]:
        """Return the number of seeds and a cell a column: mean, deviation and marks."""
        cells = [str(own["num_seeds"].max())]
        for row in self._numbers(own):
            if row is None:
                cells.append("–")
                continue
            scale, places = self._scale(row)
            text = f"{scale * row['mean']:.{places}f}"
            if not math.isnan(row["std"]):
                text += f" ± {scale * row['std']:.{places}f}"
            comparison = self._comparison(row)
            text += f" {comparison.mark}" if comparison else ""
            cells.append(text if row["above_chance"] else f"{text} †")
        return cells

    def seed_cells(self, own: pd.DataFrame) -> list[str]:
        """Return the seeds and a cell a column: the value of each seed, and the standard error."""
        cells = [", ".join(sorted(set(own["seeds"])))]
        for row in self._numbers(own):
            if row is None:
                cells.append("–")
                continue
            scale, places = self._scale(row)
            values = " ".join(f"{scale * value:.{places}f}" for value in row["per_seed"])
            error = scale * row["standard_error"]
            cells.append(f"{values} ({'–' if math.isnan(error) else f'{error:.{places + 1}f}'})")
        return cells

    def compared(self) -> list[Comparison]:
        """Return the comparisons that stand in the table, one a marked cell."""
        shown = [self._comparison(row) for _, row in self.method_rows.iterrows()]
        metrics = self.layout.metrics[self.part]
        return [comparison for comparison in shown if comparison and comparison.metric in metrics]

    def _numbers(self, own: pd.DataFrame) -> list[pd.Series | None]:
        """Return the row of each column; None where there is no such number."""
        found = [
            own[(own["direction"] == direction) & (own["metric"] == metric)]
            for direction, metric in self.columns
        ]
        return [None if rows.empty else rows.iloc[0] for rows in found]

    def _comparison(self, row: pd.Series) -> Comparison | None:
        return self.comparisons.get(tuple(str(row[name]) for name in KEY_COLUMNS))

    def _scale(self, row: pd.Series) -> tuple[int, int]:
        """Return what a number is multiplied with, and its decimals."""
        return (1, 1) if row["metric"] == "median_rank" else (100, self.digits)


def _chance_cell(chance: float, metric: str) -> str:
    """Print chance to two significant digits, since it is small; a rank to one decimal."""
    return f"{chance:.1f}" if metric == "median_rank" else f"{100 * chance:.2g}"
