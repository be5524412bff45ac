"""Sweeps over one option of joint embeddings: noise on the texts, and the number of pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from hearsay.errors import HearsayError
from hearsay.report.joint_runs import SWEPT_OPTIONS, Options, find_variants
from hearsay.report.label_scores import (
    AUDIO_FINDS_AUDIO,
    AUDIO_TO_AUDIO,
    AUDIO_TO_TEXT,
    CHANCE_COLUMNS,
    DATA,
    TEXT_FINDS_AUDIO,
    TEXT_TO_AUDIO,
    TEXT_TO_TEXT,
    LabelView,
    Measure,
    percent,
)
from hearsay.report.published import ELIZALDE_NOISE
from hearsay.scoring.label_controls import LABEL_CONTROLS


@dataclass(frozen=True)
class LabelSweep:
    """How a sweep is shown.

    Attributes:
        option: of the family, that is swept.
        number: of the table or figure in the paper.
        words: what is swept.
        remark: what a reader must know.
        measures: that are shown.
        published: value → percent of each direction's MAP@3; empty where the paper prints none.
        is_log: whether values stand at logarithmic distances.
    """

    option: str
    number: str
    words: str
    remark: str
    measures: tuple[Measure, ...]
    published: dict[float, dict[str, float]]
    is_log: bool


SWEEPS = {
    sweep.option: sweep
    for sweep in (
        LabelSweep(
            SWEPT_OPTIONS[0],
            "Fig. 4 of Elizalde et al. 2019",
            "Gaussian noise on the text features, standard deviations",
            "The network is trained anew on texts with that noise, and asked with it: each clip "
            "has a text of its own then, so that cells which are trivial without noise are not.",
            (AUDIO_TO_AUDIO, AUDIO_TO_TEXT, TEXT_TO_AUDIO, TEXT_TO_TEXT),
            ELIZALDE_NOISE,
            is_log=False,
        ),
        LabelSweep(
            SWEPT_OPTIONS[1],
            "Number of pairs",
            "pairs of a clip and a label in an epoch",
            "The paper calls 500 of 100 to 5,000 pairs the best trade-off and prints no numbers. "
            "More pairs an epoch are more steps of training too.",
            (AUDIO_TO_AUDIO, AUDIO_TO_TEXT, TEXT_FINDS_AUDIO, AUDIO_FINDS_AUDIO),
            {},
            is_log=True,
        ),
    )
}


def find_sweeps(options: Mapping[str, Options], option: str) -> list[list[str]]:
    """Group the methods that differ in a swept option alone, each group by its value.

    Raises:
        HearsayError: the option is none that is swept, or no two methods differ in it alone.
    """
    if option not in SWEEPS:
        raise HearsayError(f"{option!r} is not swept; known are {', '.join(SWEEPS)}")
    groups = find_variants(options, [option])
    if not groups:
        raise HearsayError(
            f"no two methods of joint embeddings differ in {option} alone; name such methods in "
            "benchmark.methods"
        )
    return [sorted(group, key=lambda method: float(options[method][option])) for group in groups]


def control_values(view: LabelView, form: str, measures: Sequence[Measure]) -> str:
    """Say what the controls of a form reach."""
    parts = []
    for control in LABEL_CONTROLS:
        rows = {measure.words: view.find(f"{control}.{form}", measure) for measure in measures}
        values = [f"{words} {percent(row)}" for words, row in rows.items() if row is not None]
        if values:
            parts.append(f"{control}.{form}: {', '.join(values)}")
    return f"{'; '.join(parts) or 'nothing was scored'}."


def tidy_rows(
    view: LabelView,
    methods: Sequence[str],
    options: Mapping[str, Options],
    varied: Sequence[str],
    measures: Sequence[Measure],
) -> pd.DataFrame:
    """Return a row a method and measure, with the options that vary."""
    copied = (
        "protocol", "direction", "metric", "num_seeds", "seeds", "mean", "std", "ci_low",
        "ci_high", "chance", *CHANCE_COLUMNS, "degenerate",
    )  # fmt: skip
    lines: list[dict[str, Any]] = []
    for method in methods:
        own = options[method]
        for measure in measures:
            row = view.find(method, measure)
            if row is None:
                continue
            lines.append(
                {name: row[name] for name in (*DATA, "availability")}
                | {"method": method, "form": own["form"], "pairs": own["pairs"]}
                | {name: own[name] for name in varied}
                | {name: row[name] for name in copied}
            )
    return pd.DataFrame(lines).round(6)
