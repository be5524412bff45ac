"""Every system on every task: one number a task, or the reason why there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.report.grounding_scores import CONTROLS as GROUNDING_CONTROLS
from hearsay.report.grounding_scores import SHUFFLED, split_subset
from hearsay.report.scores import read_all_scores, summarise_seeds
from hearsay.report.tasks import CONTROLS, in_order
from hearsay.scoring.candidates import PROTOCOL as CANDIDATES
from hearsay.scoring.label_controls import LABEL_CONTROLS
from hearsay.scoring.other_tasks import AUDIO_IMAGE, AUDIO_TEXT, GROUNDING, KNN, LABELS, Reason

SPLIT = "test"
TOO_FEW = "too few clips, or too many pairs, to draw 30 candidates"
ALONE = "no two clips that ask share a label"
TASK_WORDS = {
    AUDIO_TEXT: "audio-text retrieval",
    AUDIO_IMAGE: "audio-image retrieval",
    GROUNDING: "phrase grounding",
    KNN: "the k-NN classifier of labels",
    LABELS: "retrieval by label",
}
Asked = tuple[str, str, str, int, int]
"""Data set, subset and fingerprint of the clips, number of queries and of candidates."""


@dataclass(frozen=True)
class Measure:
    """One column: the headline number of a task and direction.

    Attributes:
        task, protocol, direction, metric: of the records; protocol is a pattern.
        group: what is retrieved or told apart.
        name: of the column.
        after: the stage that a method has done, where several stages give the number; a pattern.
        in_text: whether the tables for reading show it; the CSV has all.
    """

    task: str
    protocol: str
    direction: str
    metric: str
    group: str
    name: str
    after: str = ".*"
    in_text: bool = True

    @property
    def key(self) -> str:
        """Name it in one word."""
        return ":".join(part for part in (self.task, self.direction, self.metric) if part)


# Pictures are asked for after the stage that trained on them (Table III), captions after the last.
_TEXT, _IMAGE = "audio_text|audio_label", "audio_image"
MEASURES = (
    Measure(AUDIO_TEXT, "full_gallery", "audio_to_text", "R@10", "captions", "A→T R@10", _TEXT),
    Measure(AUDIO_TEXT, "full_gallery", "text_to_audio", "R@10", "captions", "T→A R@10", _TEXT),
    Measure(AUDIO_IMAGE, "second_image", "audio_to_image", "R@10", "pictures", "A→I R@10", _IMAGE),
    Measure(AUDIO_IMAGE, "second_image", "image_to_audio", "R@10", "pictures", "I→A R@10", _IMAGE),
    Measure(GROUNDING, "threshold_val", "", "F1", "phrases over time", "F1"),
    Measure(GROUNDING, "all_thresholds", "", "AUROC", "phrases over time", "AUROC"),
    Measure(KNN, r"k\d+_audio", "audio_to_audio", "MAP@3", "labels", "k-NN MAP@3"),
    Measure(LABELS, "full_gallery", "text_to_audio", "mAP", "labels", "T→A mAP"),
    Measure(LABELS, "full_gallery", "audio_to_audio", "mAP", "labels", "A→A mAP"),
    *(
        Measure(AUDIO_TEXT, CANDIDATES, way, "R@1", "captions", f"{name} R@1 of 30", _TEXT, False)
        for way, name in (("audio_to_text", "A→T"), ("text_to_audio", "T→A"))
    ),
)
SHOWN = tuple(measure for measure in MEASURES if measure.in_text)


@dataclass(frozen=True)
class Cell:
    """What one system reaches in one column; `numbers` None: nothing, for the reason given.

    Attributes:
        numbers: a row of `summarise_seeds`, and `clips`, the subset of clips.
        reason: half a sentence; empty where there are numbers.
    """

    numbers: dict[str, Any] | None
    reason: str = ""


@dataclass(frozen=True)
class Systems:
    """The table.

    Attributes:
        methods: in order.
        controls: oracle, those of grounding, those of labels, in this order.
        cells: of every system and measure, by name and `Measure.key` and protocol.
    """

    methods: list[str]
    controls: list[str]
    cells: Mapping[tuple[str, Measure], Cell]

    def values(self, measure: Measure) -> list[dict[str, Any]]:
        """Return the numbers of a column, methods first."""
        found = (self.cells[name, measure].numbers for name in [*self.methods, *self.controls])
        return [numbers for numbers in found if numbers is not None]

    def chance(self, measure: Measure) -> tuple[float, float] | None:
        """Return the lowest and the highest chance of a column's methods; None: nobody has any."""
        found = [
            numbers["chance"]
            for name in self.methods
            if (numbers := self.cells[name, measure].numbers) is not None
        ]
        return (min(found), max(found)) if found else None

    def not_above(self, name: str, measure: Measure) -> list[str]:
        """Name what a system's interval reaches: chance; and of a method that grounds phrases the
        controls whose mean it reaches, as in table_grounding, since these may be far above chance.
        """
        own = self.cells[name, measure].numbers
        if own is None:
            return []
        reached = [] if own["above_chance"] else ["chance"]
        if measure.task == GROUNDING and name in self.methods:
            for control in (*GROUNDING_CONTROLS, SHUFFLED + name):
                other = self.cells.get((control, measure), Cell(None)).numbers
                if other is not None and own["ci_low"] <= other["mean"]:
                    reached.append(control)
        return reached

    def usual(self, measure: Measure) -> Asked | None:
        """Return what most systems of a column were asked; None: nobody was asked anything."""
        found = [asked(measure, numbers) for numbers in self.values(measure)]
        return max(sorted(set(found)), key=found.count) if found else None


def asked(measure: Measure, numbers: Mapping[str, Any]) -> Asked:
    """Say what a number was asked.

    The clips alone do not tell: of some, one method may know no word of a caption, which then is
    no query of its own and no candidate. Frames of phrases, 0 here, are as many as a family makes
    of a clip.
    """
    is_framed = measure.task == GROUNDING
    return (
        str(numbers["dataset"]),
        str(numbers["clips"]),
        str(numbers["availability"]),
        int(numbers["num_queries"]),
        0 if is_framed else int(numbers["num_candidates"]),
    )


def read_systems(
    scores: Path,
    reasons: Mapping[str, Sequence[Reason]],
    not_asked: Mapping[str, str],
    methods: Sequence[str],
) -> Systems:
    """Read what every system reaches on every task, split test.

    Args:
        scores: scores.csv.
        reasons: of each method, why it has no score of some tasks.
        not_asked: why a task is asked of nobody who was not trained for it, by task.
        methods: their order.

    Raises:
        HearsayError: scores.csv is absent or wrong, has no score of a method, or two numbers of
            one system and task.
    """
    table = read_all_scores(Path(scores))
    table = table[table["split"] == SPLIT]
    parts = table["subset"].map(split_subset)
    table = table.assign(clips=[clips for clips, _ in parts])
    table = table[[part == "all" for _, part in parts]]
    trained = [name for name in methods if name in set(table["method"])]
    if not trained:
        raise HearsayError(f"{scores} has no score of {', '.join(methods)}; score a run first")
    others = set(table["method"]) - set(methods)
    controls = [
        *in_order([name for name in others if name in CONTROLS], CONTROLS),
        *in_order([name for name in others if name in GROUNDING_CONTROLS], GROUNDING_CONTROLS),
        *in_order([n for n in others if n.startswith(SHUFFLED)], [SHUFFLED + m for m in trained]),
        *sorted(name for name in others if name.partition(".")[0] in LABEL_CONTROLS),
    ]
    found = {
        (name, measure): _find(table, name, measure)
        for name in [*trained, *controls]
        for measure in MEASURES
    }
    cells = {}
    for (name, measure), numbers in found.items():
        if numbers is not None:
            cells[name, measure] = Cell(numbers)
            continue
        told = _told(measure, reasons.get(name, ()))
        has_task = any(
            found[name, other] is not None for other in MEASURES if other.task == measure.task
        )
        if told:
            why = told
        elif has_task and measure.task == LABELS:
            why = ALONE
        elif name in controls:
            why = _control_reason(table, name)
        elif has_task and measure.protocol == CANDIDATES:
            why = TOO_FEW
        else:
            why = not_asked.get(measure.task, "not scored")
        cells[name, measure] = Cell(None, why)
    return Systems(trained, controls, cells)


def _find(table: pd.DataFrame, method: str, measure: Measure) -> dict[str, Any] | None:
    own = table[
        (table["method"] == method)
        & (table["task"] == measure.task)
        & (table["direction"] == measure.direction)
        & (table["metric"] == measure.metric)
    ]
    own = own[own["protocol"].str.fullmatch(measure.protocol)]
    after = own[own["stage"].str.fullmatch(measure.after)]
    # What is not trained repeats its numbers after each stage; some stages may be nobody's.
    own = after if not after.empty or method not in CONTROLS else own
    if own.empty:
        return None
    rows = summarise_seeds(own)
    if len(rows) > 1:
        raise HearsayError(
            f"scores.csv has {len(rows)} numbers of {method}, {measure.task} {measure.metric}, "
            "which differ in data set, stage, weights or clips; score its runs alike"
        )
    clips = {"clips": str(own["clips"].iloc[0])}
    return {str(name): value for name, value in rows.iloc[0].items()} | clips


def _told(measure: Measure, own: Sequence[Reason]) -> str:
    """Return what a run itself says of a number that it has not; empty: nothing."""
    for reason in own:
        if reason.task == measure.task and reason.direction in ("", measure.direction):
            return reason.reason
    return ""


def _control_reason(table: pd.DataFrame, control: str) -> str:
    """Say what a control is of: the tasks that it has numbers of."""
    tasks = table.loc[table["method"] == control, "task"].unique()
    return f"a control of {' and '.join(TASK_WORDS[task] for task in TASK_WORDS if task in tasks)}"


def tidy(systems: Systems) -> pd.DataFrame:
    """Return one row a system and measure: fractions, or the reason why there is no number."""
    copied = {"mean": "value", "std": "std_over_seeds"} | {
        name: name
        for name in ("ci_low", "ci_high", "chance", "num_seeds", "seeds", "num_queries",
                     "num_candidates", "dataset", "clips", "availability", "stage", "weights")
    }  # fmt: skip
    lines = []
    for (name, measure), cell in systems.cells.items():
        line: dict[str, Any] = {
            "system": name,
            "kind": "method" if name in systems.methods else "control",
            "task": measure.task,
            "protocol": measure.protocol.replace(r"\d+", ""),
            "direction": measure.direction,
            "metric": measure.metric,
        }
        if cell.numbers is not None:
            line["protocol"] = cell.numbers["protocol"]
            line |= {new: cell.numbers[old] for old, new in copied.items()}
        line["not_above"] = " ".join(systems.not_above(name, measure))
        lines.append(line | {"reason": cell.reason})
    columns = ["system", "kind", "task", "protocol", "direction", "metric", *copied.values()]
    counts = dict.fromkeys(("num_seeds", "num_queries", "num_candidates"), "Int64")
    return pd.DataFrame(lines, columns=[*columns, "not_above", "reason"]).round(6).astype(counts)
