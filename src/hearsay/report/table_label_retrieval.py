"""Retrieval by label: each label asks for its clips, each clip for the others of its label."""

from collections.abc import Sequence

from hearsay.report.label_comparisons import (
    compare_with_controls,
    level_text,
    seeds_text,
    split_notes,
    systems_by_form,
)
from hearsay.report.label_scores import (
    AUDIO_FINDS_AUDIO,
    TEXT_FINDS_AUDIO,
    LabelView,
    Measure,
    mark_notes,
)
from hearsay.report.markup import Block, Column, TextTable

RETRIEVED = (
    TEXT_FINDS_AUDIO,
    *(Measure("text_to_audio", metric) for metric in ("mAP@10", "P@10", "R@1", "R@5", "R@10")),
    AUDIO_FINDS_AUDIO,
    Measure("audio_to_audio", "P@10"),
)
COMPARED = (TEXT_FINDS_AUDIO, AUDIO_FINDS_AUDIO)


def label_retrieval_table(view: LabelView, methods: Sequence[str]) -> TextTable:
    """Lay out the systems by their features, chance last.

    Args:
        view: of one data set and split.
        methods: their order; others follow.
    """
    systems = systems_by_form(view, methods)
    blocks = [
        Block([_retrieval_row(view, name) for name in names], f"features {form}")
        for form, names in systems.items()
    ]
    blocks.append(Block([_chance_row(view, [name for own in systems.values() for name in own])]))
    return TextTable(
        number="Retrieval by label",
        title=f"text to sounds and sound to sounds, {view.dataset} ({view.split})",
        label=f"tab:label-retrieval-{view.dataset}-{view.split}-{view.subset}".replace("_", "-"),
        columns=[
            Column("system", is_number=False),
            Column("seeds"),
            *(_retrieval_columns()),
        ],
        blocks=blocks,
        above=[
            "Percent, mean ± sample standard deviation over training seeds. Each label asks all "
            f"clips of split {view.split}, of which those that bear it are relevant; each clip "
            "asks for the others of its label. 95 %: the 95th percentile of mAP under permuted "
            "names of classes. Ties count against the query."
        ],
        below=[
            *mark_notes([row for block in blocks for row in block.rows]),
            *compare_with_controls(view, systems, COMPARED),
            *split_notes(view),
            "The paper has no such numbers.",
        ],
    )


def _retrieval_columns() -> list[Column]:
    groups = {"text_to_audio": "text → audio", "audio_to_audio": "audio → audio"}
    columns = []
    for measure in RETRIEVED:
        columns.append(Column(measure.metric, groups[measure.direction]))
        if measure == TEXT_FINDS_AUDIO:
            columns.append(Column("95 %", groups[measure.direction]))
    return columns


def _retrieval_row(view: LabelView, method: str) -> list[str]:
    cells = []
    for measure in RETRIEVED:
        cells.append(view.text(method, measure))
        if measure == TEXT_FINDS_AUDIO:
            row = view.find(method, measure)
            cells.append("–" if row is None else level_text(row["classes_95"]))
    return [method, seeds_text(view, method), *cells]


def _chance_row(view: LabelView, names: Sequence[str]) -> list[str]:
    """Return the exact chance, which is that of all systems: they rank the same clips."""
    cells = []
    for measure in RETRIEVED:
        rows = [row for name in names if (row := view.find(name, measure)) is not None]
        cells.append(f"{100 * rows[0]['chance']:.1f}" if rows else "–")
        if measure == TEXT_FINDS_AUDIO:
            cells.append("")
    return ["chance", "", *cells]
