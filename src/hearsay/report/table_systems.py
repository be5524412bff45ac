"""systems_by_tasks: what every system reaches on every task, or why there is no number."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_lowercase

from hearsay.report.grounding_scores import SHUFFLED
from hearsay.report.markup import Block, Column, TextTable, write_tables
from hearsay.report.plot_systems import plot_systems
from hearsay.report.scores import describe_spread
from hearsay.report.systems import SHOWN, Measure, Systems, asked, read_systems, tidy
from hearsay.report.tasks import HEADLINE_NOTE
from hearsay.scoring.other_tasks import GROUNDING, Reason, read_reasons

HEADLINES = (
    "Captions: R@10 of full_gallery, as in Table IV, after a method's last stage; a method of "
    "labels reads a caption as the mean of its words' vectors, as it reads a label. Pictures: "
    "R@10 of second_image, as in Table III, after the stage audio_image. Phrases over time: F1 at "
    "the threshold of val and AUROC, all phrases. Labels: MAP@3 of the k-NN classifier with sounds "
    "that ask sounds, and mAP of retrieval by label and by sound; a method of captions gets a "
    "label as text: by the frozen text tower, or by its words."
)
INTERVALS = (
    "[low, high]: the 95 % interval over queries, a percentile bootstrap over clips (of T→A mAP "
    "over labels) of each training, its ends averaged over the seeds. It does not hold the spread "
    "between trainings, which the next table has, and says nothing of differences between two "
    "systems: those asked the same differ in pairs, query by query. No difference is tested here; "
    "comparisons tests those of retrieval, between methods on the same weights."
)
NOT_ABOVE_CHANCE = (
    "† the interval reaches chance or, of a method's phrases over time, the mean of a control "
    "(random, all_active, energy or the method itself asked for another phrase): which, says the "
    "CSV. Stricter marks for labels, against permuted ones, stand in table_labels."
)


@dataclass
class Notes:
    """Short signs for long reasons, in the order in which they are met."""

    signs: dict[str, str] = field(default_factory=dict)

    def sign(self, reason: str) -> str:
        """Return the sign of a reason: –a, –b and so on."""
        return f"–{self.signs.setdefault(reason, _letters(len(self.signs)))}"

    def lines(self) -> list[str]:
        """Explain the signs."""
        return [f"–{sign}: {reason}." for reason, sign in self.signs.items()]


def make_table_systems(
    scores: Path,
    reasons: Sequence[Path],
    not_asked: Mapping[str, str],
    methods: Sequence[str],
    csv: Path,
    markdown: Path,
    latex: Path,
    svg: Path,
    png: Path,
) -> None:
    """Write the table of all systems on all tasks, and its plot.

    Markdown and LaTeX hold a table of means and intervals, in percent, and one of the spread over
    seeds. The CSV holds one row a system and number, as fractions, with the reason where there is
    none.

    Args:
        scores: scores.csv.
        reasons: reasons.json of one run of each method.
        not_asked: why a task is asked of nobody who was not trained for it, by task.
        methods: their order.
        csv: the numbers.
        markdown: for reading.
        latex: for a paper.
        svg: the plot.
        png: the plot.

    Raises:
        HearsayError: a file is absent or wrong, or no method was scored.
    """
    own: dict[str, list[Reason]] = dict(read_reasons(Path(path)) for path in reasons)
    systems = read_systems(scores, own, not_asked, methods)
    tables = [means_table(systems)]
    if any(numbers["num_seeds"] > 1 for measure in SHOWN for numbers in systems.values(measure)):
        tables.append(_seeds_table(systems))
    write_tables(tidy(systems), tables, csv, markdown, latex)
    plot_systems(systems, svg, png)


def means_table(systems: Systems) -> TextTable:
    """Lay out means and intervals: methods, controls, chance."""
    notes = Notes()
    rows = [[name, *(_cell(systems, name, m, notes) for m in SHOWN)] for name in systems.methods]
    controls = [
        [label, *(_cell(systems, name, measure, notes) for measure, name in shown)]
        for label, shown in _control_rows(systems)
    ]
    chance = ["chance", *(_chance(systems, measure) for measure in SHOWN)]
    text = " ".join(cell for row in [*rows, *controls] for cell in row)
    return TextTable(
        number="Systems by tasks",
        title="every system on every task, split test",
        label="tab:systems-by-tasks",
        columns=_columns(),
        blocks=[Block(rows), Block([*controls, chance], "controls")],
        above=[f"Percent, mean over seeds. {HEADLINES}", _describe_clips(systems)],
        below=[
            INTERVALS,
            *([NOT_ABOVE_CHANCE] if "†" in text else []),
            *(
                ["§ asked of other clips or captions than most of the column: see the CSV."]
                if "§" in text
                else []
            ),
            "chance: exact expectation of a random order; of F1 what as many active frames reach "
            "that lie at random. Where it differs, from the lowest to the highest of the methods.",
            *notes.lines(),
            f"{HEADLINE_NOTE} Methods build on different weights, named in the CSV: rows differ in "
            "more than their training.",
        ],
    )


def _control_rows(systems: Systems) -> list[tuple[str, list[tuple[Measure, str]]]]:
    """Name the rows of controls and the system behind each cell.

    Of methods that were asked for another phrase, one row has the highest of each column: a method
    is held against its own in table_grounding.
    """
    rows = []
    shuffled = [name for name in systems.controls if name.startswith(SHUFFLED)]
    for name in systems.controls:
        if name not in shuffled:
            rows.append((name, [(measure, name) for measure in SHOWN]))
        elif name == shuffled[0]:
            highest = [(measure, _highest(systems, shuffled, measure)) for measure in SHOWN]
            rows.append((f"shuffled_phrase, highest of {len(shuffled)}", highest))
    return rows


def _highest(systems: Systems, names: Sequence[str], measure: Measure) -> str:
    """Name the system of the highest mean; the first where none has a number."""
    found = {name: systems.cells[name, measure].numbers for name in names}
    means = {name: own["mean"] for name, own in found.items() if own is not None}
    return max(means, key=lambda name: means[name]) if means else names[0]


def _cell(systems: Systems, name: str, measure: Measure, notes: Notes) -> str:
    cell = systems.cells[name, measure]
    if cell.numbers is None:
        return notes.sign(cell.reason)
    own = cell.numbers
    text = f"{100 * own['mean']:.1f} [{100 * own['ci_low']:.1f}, {100 * own['ci_high']:.1f}]"
    text += "" if asked(measure, own) == systems.usual(measure) else " §"
    return f"{text} †" if systems.not_above(name, measure) else text


def _chance(systems: Systems, measure: Measure) -> str:
    found = systems.chance(measure)
    if found is None:
        return "–"
    low, high = (f"{100 * value:.1f}" for value in found)
    return low if low == high else f"{low}–{high}"


def _seeds_table(systems: Systems) -> TextTable:
    """Lay out the spread over seeds, of the methods alone: nothing else is trained by seed."""
    rows = []
    for name in systems.methods:
        found = [systems.cells[name, measure].numbers for measure in SHOWN]
        cells = [
            f"{100 * own['mean']:.1f} ± {100 * own['std']:.1f}"
            if own is not None and not math.isnan(own["std"])
            else "–"
            for own in found
        ]
        rows.append([name, *cells])
    numbers = [own["num_seeds"] for measure in SHOWN for own in systems.values(measure)]
    return TextTable(
        number="Systems by tasks, continued",
        title="spread over seeds",
        label="tab:systems-by-tasks-seeds",
        columns=_columns(),
        blocks=[Block(rows)],
        above=[
            f"Percent, {describe_spread(numbers)}, all asked the same queries. It says nothing of "
            "other clips, and the intervals above nothing of other trainings."
        ],
    )


def _columns() -> list[Column]:
    return [
        Column("system", is_number=False),
        *(Column(measure.name, measure.group) for measure in SHOWN),
    ]


def _describe_clips(systems: Systems) -> str:
    """Say which clips each group of columns is about, and whether these differ."""
    groups: dict[str, list[str]] = {}  # the clips → columns
    for measure in SHOWN:
        usual = systems.usual(measure)
        if usual is None:
            continue
        dataset, clips, fingerprint, queries, candidates = usual
        part = "" if clips == "all" else f", subset {clips}"
        groups.setdefault(f"{dataset}{part}, fingerprint {fingerprint}", []).append(
            f"{measure.group} {measure.name}, {_sizes(measure, queries, candidates)}"
        )
    told = "; ".join(f"{data} ({'; '.join(columns)})" for data, columns in groups.items())
    if len(groups) == 1:
        return f"All tasks are asked of the same clips: {told}."
    return (
        f"Clips differ by task, since not all have phrases or a single label: {told}. Within a "
        "column all systems are asked the same unless marked §."
    )


def _sizes(measure: Measure, queries: int, candidates: int) -> str:
    if measure.task == GROUNDING:
        return f"{queries:,} phrases"
    return f"{queries:,} queries, {candidates:,} candidates"


def _letters(number: int) -> str:
    """Name a note: a to z, then aa, ab and so on.

    >>> _letters(0), _letters(26)
    ('a', 'aa')
    """
    first, last = divmod(number, len(ascii_lowercase))
    return (ascii_lowercase[first - 1] if first else "") + ascii_lowercase[last]
