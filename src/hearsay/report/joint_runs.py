"""What the methods that tell labels apart were trained with, and which of them make a sweep.

The workflow asks this of a config, tables of the files of runs; so nothing heavy is loaded here.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hearsay.errors import HearsayError
from hearsay.files import read_json

Options = Mapping[str, Any]

LOSS_OPTIONS = ("loss", "measure", "margin")
SWEPT_OPTIONS = ("text_noise", "num_pairs")
_NAMED = ("form", "num_pairs", "pairs", "loss", "measure", "output", "text_noise")


def read_joint_runs(runs: Iterable[Path]) -> dict[str, Options]:
    """Read the options of each method, in the order of their runs.

    Args:
        runs: run.json files of stage audio_label.

    Raises:
        HearsayError: a file is absent or wrong, or two runs of a method differ.
    """
    found: dict[str, Options] = {}
    for path in runs:
        record = read_json(Path(path))
        try:
            method, options = str(record["method"]), dict(record["options"])
            missing = [name for name in (*_NAMED, "margin") if name not in options]
        except (KeyError, TypeError, ValueError) as error:
            raise HearsayError(
                f"{path} does not say what was trained ({error!r}); train the run again"
            ) from error
        if missing:
            raise HearsayError(
                f"{path} lacks the options {', '.join(missing)} of a joint embedding; train the "
                "run again"
            )
        if found.setdefault(method, options) != options:
            raise HearsayError(
                f"{path}: {method} was trained with other options than its other seeds; train it "
                "anew"
            )
    return found


def find_variants(options: Mapping[str, Options], varied: Sequence[str]) -> list[list[str]]:
    """Group methods that differ in nothing but some options.

    Args:
        options: of each method.
        varied: names of options; the margin differs only where the loss reads it.

    Returns:
        groups of methods with two variants at least; of methods that are trained alike the first
        stands for all. A method that has no such option belongs to no group.
    """
    groups: dict[str, dict[str, str]] = {}
    for method, own in options.items():
        if not all(name in own for name in varied):
            continue
        rest = {name: value for name, value in own.items() if name not in varied}
        variant = {name: own[name] for name in varied}
        if variant.get("loss") == "bce":
            del variant["margin"]
        key, place = (json.dumps(part, sort_keys=True) for part in (rest, variant))
        groups.setdefault(key, {}).setdefault(place, method)
    return [list(group.values()) for group in groups.values() if len(group) > 1]


def describe(options: Options, varied: Sequence[str]) -> str:
    """Say in words what the methods of a group share."""
    words = {
        "form": f"features {options['form']}",
        "num_pairs": f"{options['num_pairs']:,} pairs an epoch",
        "pairs": f"pairs {options['pairs']}",
        "loss": f"loss {options['loss']}",
        "measure": f"measure {options['measure']}",
        "output": f"{options['output']} output",
        "text_noise": f"noise {options['text_noise']:g} SD on texts",
    }
    return ", ".join(text for name, text in words.items() if name not in varied)


def label_reports(options: Mapping[str, Options]) -> tuple[list[str], list[str]]:
    """Name the tables and the plots that a set of methods gives rise to.

    Args:
        options: of each method that tells labels apart; none: there is nothing to tabulate.
    """
    if not options:
        return [], []
    tables, plots = ["table_labels", "table_nearest"], ["label_map"]
    if find_variants(options, LOSS_OPTIONS):
        tables.append("table_pair_losses")
    for option in SWEPT_OPTIONS:
        if find_variants(options, [option]):
            tables.append(f"sweep_{option}")
            plots.append(f"sweep_{option}")
    return tables, plots
