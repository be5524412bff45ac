"""Joint spaces beside their controls: who stands with whom, and where a control wins."""

import math
from collections.abc import Mapping, Sequence

from hearsay.report.label_scores import (
    BASE,
    RIDGE,
    LabelView,
    Measure,
    order_systems,
    percent,
)
from hearsay.scoring.label_controls import LABEL_CONTROLS

_WORDS = {
    BASE: "below its own features without any joint space",
    RIDGE: "below plain ridge regression on the same features",
}


def systems_by_form(view: LabelView, methods: Sequence[str]) -> dict[str, list[str]]:
    """Name the systems of each form; forms in the order of their first method."""
    by_form = view.rows.groupby("form")["method"].unique()
    ranked = {name: place for place, name in enumerate(methods)}
    first = {
        form: min(ranked.get(name, len(ranked)) for name in names)
        for form, names in by_form.items()
    }
    return {
        str(form): order_systems(by_form[form], str(form), methods)
        for form in sorted(first, key=lambda form: (first[form], form))
    }


def level_text(value: float) -> str:
    """Return a level of chance in percent, a dash for NaN: nothing was permuted."""
    return "–" if math.isnan(value) else f"{100 * value:.1f}"


def seeds_text(view: LabelView, method: str) -> str:
    """Return the number of seeds of a system."""
    return str(view.rows.loc[view.rows["method"] == method, "num_seeds"].max())


def compare_with_controls(
    view: LabelView, systems: Mapping[str, Sequence[str]], measures: Sequence[Measure]
) -> list[str]:
    """Say in words where a joint space is below its own features or below ridge regression."""
    notes = []
    compared = False
    for form, names in systems.items():
        for control in LABEL_CONTROLS:
            for method in names:
                if method.partition(".")[0] in LABEL_CONTROLS:
                    continue
                compared |= view.find(f"{control}.{form}", measures[0]) is not None
                losses = _losses(view, method, f"{control}.{form}", measures)
                if losses:
                    notes.append(f"In the mean {method} is {_WORDS[control]}: {'; '.join(losses)}.")
    if compared and not notes:
        notes.append("No joint space is below its own features or below ridge regression here.")
    if compared:
        notes.append("These are means over training seeds, set side by side without a test.")
    return notes


def _losses(view: LabelView, method: str, control: str, measures: Sequence[Measure]) -> list[str]:
    losses = []
    for measure in measures:
        own, other = (view.find(name, measure) for name in (method, control))
        if own is not None and other is not None and own["mean"] < other["mean"]:
            losses.append(f"{measure.words} {percent(own)} against {percent(other)}")
    return losses


def split_notes(view: LabelView) -> list[str]:
    """Say what a reader must know of a split other than test."""
    if view.split != "val":
        return []
    return [
        "Split val is the stratified hold-out from train, the database the rest of train; the "
        "paper may mean that one. Ridge regression chose its alpha on val, which flatters it here."
    ]
