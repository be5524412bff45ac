"""The sweep over the demo's disagreement: the values that it asks for, and the config at each.

Light enough for the Snakefile, as config.py.
"""

import re
from pathlib import Path
from typing import Any

from hearsay.config import Config, family_of, merge, runnable_methods, used_datasets
from hearsay.config_checks import check_config
from hearsay.errors import HearsayError


def swept_values(config: Config) -> dict[str, float]:
    """Name each disagreement of the sweep, as folders and tables do: 0 is "0", 0.25 is "0.25"."""
    return {f"{value:.10g}": value for value in config["sweep"]["disagreement"]}


def module_name(label: str) -> str:
    """Name what the rules of one value begin with: "disagreement_0_25_" for "0.25"."""
    return f"disagreement_{re.sub('[^0-9a-z]', '_', label)}_"


def at_disagreement(config: Config, value: float) -> Config:
    """Return the config of the sweep at one value: that knob, those methods, all else the same.

    The knob is turned for every demo that a stage names. Where results lie is left out
    (`pathvars`), and there is no sweep inside.
    """
    knobs: dict[str, Any] = {
        name: {"demo": {"disagreement": value}}
        for name in used_datasets(config)
        if config["datasets"][name]["reader"] == "demo"
    }
    changes = {
        "datasets": knobs,
        "benchmark": {"methods": config["sweep"]["methods"], "phrase_grounding": False},
        "sweep": {"disagreement": []},
    }
    turned = merge(config, changes)
    turned.pop("pathvars", None)
    return turned


def find_obstacle(config: Config, schema: Path) -> str | None:
    """Say in one line why this config cannot be swept; None where it can.

    An obstacle is no fault of the config: it counts only where the sweep is asked for.
    """
    if not config["sweep"]["disagreement"]:
        return "config: sweep.disagreement is empty; give the values to sweep"
    dataset = config["benchmark"]["stages"]["audio_image"]
    if config["datasets"][dataset]["reader"] != "demo":
        return (
            "config: the sweep turns datasets.*.demo.disagreement, and benchmark.stages."
            f"audio_image is {dataset}, which is no demo; name one there"
        )
    at_first = at_disagreement(config, config["sweep"]["disagreement"][0])
    if not runnable_methods(at_first)[0]:
        return f"config: the sweep needs pictures, and data set {dataset} has num_images: 0"
    unmoved = [m for m in config["sweep"]["methods"] if m in config["methods"]]
    unmoved = [method for method in unmoved if family_of(config, method).needs_labels]
    if unmoved:
        return (
            f"config: sweep.methods: {', '.join(unmoved)} tells labels apart by sound alone, so "
            "the pictures do not matter to it; leave it out"
        )
    try:
        check_config(at_first, schema)
    except HearsayError as error:
        return f"{error} (in the sweep, where benchmark.methods is sweep.methods)"
    return None
