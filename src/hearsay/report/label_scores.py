"""What systems reach in telling labels apart, beside chance, and which numbers say nothing."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.report.joint_runs import Options
from hearsay.report.scores import read_score_table, summarise_seeds
from hearsay.report.tasks import in_order
from hearsay.scoring.label_controls import LABEL_CONTROLS
from hearsay.scoring.label_scores import CELL_COLUMNS

KNN, RETRIEVAL = "label_knn", "label_retrieval"
DATA = ["dataset", "split", "subset"]
SPLITS = ("test", "val")  # the official division is the headline
BASE, RIDGE = LABEL_CONTROLS
DEGENERATE = {
    "stored_queries": (
        "[a]",
        "every query's own vector stands in the database; this says nothing of hearing",
    ),
    "one_text_a_class": (
        "[b]",
        "the database holds no more different vectors than classes (one text a class, or a "
        "collapsed space), so this is little but the share of right first guesses",
    ),
    "one_query_a_class": (
        "[c]",
        "there are no more different queries than classes (one text a class, or a collapsed "
        "space), right or wrong together",
    ),
}
CHANCE_COLUMNS = ["clips_mean", "clips_95", "classes_mean", "classes_95"]
_PLACE = ["split", "task", "protocol", "direction", "metric"]
_PROTOCOL = re.compile(r"k(\d+)_(audio|text|distinct_text)")


@dataclass(frozen=True)
class Measure:
    """One number of a system.

    Attributes:
        direction: from what asks to what answers.
        metric: its name.
        database: of the classifier: audio, text or distinct_text; empty of retrieval.
    """

    direction: str
    metric: str
    database: str = ""

    @property
    def words(self) -> str:
        """Name it, e.g. audio → text MAP@3."""
        distinct = " (one text a class)" if self.database == "distinct_text" else ""
        return f"{self.direction.replace('_to_', ' → ')} {self.metric}{distinct}"


AUDIO_TO_AUDIO = Measure("audio_to_audio", "MAP@3", "audio")
AUDIO_TO_TEXT = Measure("audio_to_text", "MAP@3", "text")
AUDIO_TO_DISTINCT = Measure("audio_to_text", "MAP@3", "distinct_text")
TEXT_TO_AUDIO = Measure("text_to_audio", "MAP@3", "audio")
TEXT_TO_TEXT = Measure("text_to_text", "MAP@3", "text")
TEXT_FINDS_AUDIO = Measure("text_to_audio", "mAP")
AUDIO_FINDS_AUDIO = Measure("audio_to_audio", "mAP")


class LabelView:
    """The numbers of one data set, split and subset.

    Attributes:
        dataset, split, subset: of the numbers.
        rows: of `read_label_scores`.
        neighbours: k of the classifier.
    """

    def __init__(self, key: Sequence[str], rows: pd.DataFrame) -> None:
        self.dataset, self.split, self.subset = key
        self.rows = rows
        self.neighbours = int(rows["neighbours"].max())

    def find(self, method: str, measure: Measure) -> dict[str, Any] | None:
        """Return a number as a row of `read_label_scores`, or None where there is none."""
        own = self.rows[
            (self.rows["method"] == method)
            & (self.rows["direction"] == measure.direction)
            & (self.rows["metric"] == measure.metric)
            & (self.rows["database"] == measure.database)
        ]
        return None if own.empty else dict(own.iloc[0])

    def num_seeds(self, methods: Iterable[str]) -> list[int]:
        """Return how many trainings the numbers of some systems are of."""
        own = self.rows[self.rows["method"].isin(list(methods))]
        return [int(number) for number in own["num_seeds"].unique()]

    def text(self, method: str, measure: Measure) -> str:
        """Return a number in percent, with its deviation over seeds and its marks."""
        row = self.find(method, measure)
        if row is None:
            return "–"
        mark = DEGENERATE[row["degenerate"]][0] if row["degenerate"] else ""
        return " ".join(
            part for part in (percent(row), mark, "" if row["exceeds_chance"] else "†") if part
        )

    def size(self) -> str:
        """Say what asks and what answers."""
        rows = self.rows[self.rows["task"] == KNN]
        first = rows[rows["database"] == "audio"].iloc[0]
        return (
            f"{first['num_queries']:,} clips of split {self.split} ask "
            f"{first['num_candidates']:,} others, fingerprint {first['availability']}"
        )


def read_label_scores(
    scores: Path, cells: Sequence[Path], options: Mapping[str, Options]
) -> list[LabelView]:
    """Read what systems reach, with the levels of chance beside.

    Args:
        scores: scores.csv.
        cells: cells.parquet of all runs and controls.
        options: of each method.

    Returns:
        a view a data set, split test first. Its rows are those of `summarise_seeds`, and:
        neighbours and database of the classifier (0 and empty of retrieval), form, degenerate
        (empty: the number says something), CHANCE_COLUMNS (means over the runs, NaN where nothing
        was permuted), exceeds_chance (of every run, the 95th percentile under permuted classes;
        without that percentile: the interval over clips, exact chance).

    Raises:
        HearsayError: a file is absent or wrong, or no label was scored.
    """
    table = read_score_table(Path(scores))
    table = table[table["task"].isin([KNN, RETRIEVAL])]
    if table.empty:
        raise HearsayError(f"{scores} has no score of labels; score a run with score_labels first")
    summary = summarise_seeds(table).merge(_read_cells(cells), how="left", on=["method", *_PLACE])
    found = summary["protocol"].map(lambda name: _PROTOCOL.fullmatch(name))
    summary = summary.assign(
        neighbours=[int(match[1]) if match else 0 for match in found],
        database=[match[2] if match else "" for match in found],
        form=[form_of(method, options) for method in summary["method"]],
        degenerate=summary["degenerate"].fillna(""),
        exceeds_chance=summary["exceeds"].where(
            summary["classes_95"].notna(), summary["above_chance"]
        ).astype(bool),
    )  # fmt: skip
    views = [LabelView([str(name) for name in key], rows) for key, rows in summary.groupby(DATA)]
    return sorted(views, key=lambda v: (v.dataset, v.subset, SPLITS.index(v.split)))


def _read_cells(paths: Sequence[Path]) -> pd.DataFrame:
    """Read degenerate, CHANCE_COLUMNS and exceeds of each method and cell, over its runs."""
    tables = []
    for path in paths:
        try:
            own = pd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise HearsayError(f"{path} cannot be read ({error}); score the run again") from error
        missing = [name for name in (*CELL_COLUMNS, "method") if name not in own.columns]
        if missing:
            raise HearsayError(f"{path} lacks the columns {', '.join(missing)}; score it again")
        tables.append(own.assign(exceeds=own["value"] > own["classes_95"]))
    if not tables:
        raise HearsayError("no cells.parquet given; score a run with score_labels first")
    groups = pd.concat(tables, ignore_index=True).groupby(["method", *_PLACE])
    # A seed that is degenerate is enough: any reason sorts after none.
    columns = {"degenerate": "max", "exceeds": "all"} | dict.fromkeys(CHANCE_COLUMNS, "mean")
    return groups.agg(columns).reset_index()


def form_of(method: str, options: Mapping[str, Options]) -> str:
    """Name the form that a method or control hears.

    Raises:
        HearsayError: nothing says so.
    """
    control, _, form = method.partition(".")
    if control in LABEL_CONTROLS:
        return form
    if method not in options:
        raise HearsayError(f"no run.json of {method}, which has scores of labels; name all runs")
    return str(options[method]["form"])


def order_systems(names: Iterable[str], form: str, methods: Sequence[str]) -> list[str]:
    """Order the systems of a form: base features, ridge regression, then methods."""
    return in_order(names, [f"{control}.{form}" for control in LABEL_CONTROLS] + [*methods])


def percent(row: Mapping[str, Any]) -> str:
    """Return mean and, of several seeds, deviation in percent."""
    text = f"{100 * row['mean']:.1f}"
    return text if math.isnan(row["std"]) else f"{text} ± {100 * row['std']:.1f}"


def mark_notes(rows: Iterable[Sequence[str]]) -> list[str]:
    """Explain the marks that stand in the cells of a table."""
    text = " ".join(cell for row in rows for cell in row)
    notes = [f"{mark} degenerate: {why}." for mark, why in DEGENERATE.values() if mark in text]
    if "†" in text:
        notes.append(
            "† not above chance: a seed at least is not above the 95th percentile under permuted "
            "names of classes; where nothing was permuted, the 95 % interval over clips "
            "(bootstrap) reaches chance. Each number by itself, not corrected for their number."
        )
    return notes
