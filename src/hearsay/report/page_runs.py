"""What ran on which clips: the runs' records and histories, as the report page tells them."""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hearsay.errors import HearsayError
from hearsay.files import read_json
from hearsay.report.availability import SplitCounts
from hearsay.report.plot_training import History
from hearsay.report.tasks import in_order

CURVES = {
    "loss": "training loss",
    "val_loss": "validation loss",
    "learning_rate": "learning rate",
    "logit_scale": "logit scale, exp(s)",
    "clips_per_s": "clips a second",
}


def read_runs(paths: Sequence[Path], methods: Sequence[str]) -> list[dict[str, Any]]:
    """Read run.json files: one entry a method and stage, with what all its seeds say.

    Returns:
        method, stage and, of each other field, its values over the seeds, in words; `options`: as
        JSON.

    Raises:
        HearsayError: a file is absent or is no record of a run.
    """
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for path in paths:
        record = read_json(path)
        if not isinstance(record, dict) or not {"method", "stage", "seed"} <= set(record):
            raise HearsayError(f"{path} is no record of a run; train the run again")
        groups.setdefault((str(record["method"]), str(record["stage"])), []).append(record)
    order = in_order({method for method, _ in groups}, methods)
    return [
        _describe_runs(method, stage, sorted(groups[method, stage], key=lambda r: int(r["seed"])))
        for method in order
        for stage in sorted(stage for name, stage in groups if name == method)
    ]


RUN_FIELDS = (
    *("method", "stage", "family", "seeds", "weights", "epochs", "best_epoch"),
    *("num_train_clips", "num_val_clips", "availability", "device"),
)


def _describe_runs(method: str, stage: str, records: list[dict[str, Any]]) -> dict[str, Any]:
    def all_values(*names: str) -> str:
        return _words(_dig(record, names) for record in records)

    return {
        "method": method,
        "stage": stage,
        "seeds": " ".join(str(record["seed"]) for record in records),
        "family": all_values("options", "family"),
        "weights": all_values("weights"),
        "epochs": all_values("options", "epochs"),
        "best_epoch": " ".join(str(record.get("best_epoch", "")) for record in records).strip(),
        "num_train_clips": all_values("num_train_clips"),
        "num_val_clips": all_values("num_val_clips"),
        "availability": all_values("availability"),
        "device": _words(_device(record) for record in records),
        "versions": _words(_versions(record) for record in records),
        "options": json.dumps(records[0].get("options", {}), indent=2, sort_keys=True),
    }


def _dig(record: dict[str, Any], names: Iterable[str]) -> Any:
    value: Any = record
    for name in names:
        value = value.get(name, "") if isinstance(value, dict) else ""
    return value


def _words(values: Iterable[Any]) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in values if value not in ("", None)))


def _device(record: dict[str, Any]) -> str:
    return str(_dig(record, ("hardware", "gpu")) or record.get("device", ""))


def _versions(record: dict[str, Any]) -> str:
    versions = record.get("versions", {})
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def split_row(one: SplitCounts) -> list[Any]:
    """Return what the table of clips says of a split; reasons in words, most frequent first."""
    reasons = sorted(one.reasons.items(), key=lambda item: (-item[1], item[0]))
    counts = [one.listed, one.excluded, one.fetched, one.found]
    words = ", ".join(f"{name} {count}" for name, count in reasons)
    return [one.dataset, one.split, *counts, one.fingerprint, words]


def describe_curves(histories: Sequence[History], methods: Sequence[str]) -> dict[str, Any]:
    """Return the histories as the page draws them: a curve a run and quantity.

    Returns:
        `names`: quantity to words, those that some run has; `runs`: method, stage, seed, epoch and
        a list a quantity, None where a number is absent or not finite.
    """
    order = in_order({run.method for run in histories}, methods)
    runs = []
    for run in sorted(histories, key=lambda run: (run.stage, order.index(run.method), run.seed)):
        curves = {
            name: [_finite(value) for value in run.table[name]]
            for name in CURVES
            if name in run.table.columns
        }
        known = {name: curve for name, curve in curves.items() if set(curve) != {None}}
        epochs = [int(epoch) for epoch in run.table["epoch"]]
        runs.append(
            {"method": run.method, "stage": run.stage, "seed": run.seed, "epoch": epochs, **known}
        )
    present = {name: words for name, words in CURVES.items() if any(name in run for run in runs)}
    return {"names": present, "methods": order, "runs": runs}


def _finite(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None
