"""The measured rates behind an estimate, out of one file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from hearsay.errors import HearsayError


@dataclass(frozen=True)
class Rates:
    """Rates and facts of data sets, as workflow/rates.yaml explains them.

    Attributes:
        values: group → name → number.
        assumed: why a number was taken, of those that nobody measured: "group.name" → reason.
        readers: reader → counts of its lists, what its media are, which share is expected.
    """

    values: dict[str, dict[str, float]]
    assumed: dict[str, str]
    readers: dict[str, dict[str, Any]]


def load_rates(path: Path, schema: Path) -> Rates:
    """Read a file of rates.

    Raises:
        HearsayError: it is absent, no YAML, or lacks a rate or the reason for one.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise HearsayError(f"rates {path}: {error.strerror}; give a file with --rates") from error
    except yaml.YAMLError as error:
        raise HearsayError(f"rates {path}: no YAML: {error}") from error
    validator = jsonschema.Draft202012Validator(yaml.safe_load(schema.read_text()))
    fault = jsonschema.exceptions.best_match(validator.iter_errors(content))
    if fault is not None:
        where = ".".join(str(part) for part in fault.absolute_path) or "top level"
        raise HearsayError(f"rates {path}: {where}: {fault.message}")
    groups = content["rates"]
    values = {
        group: {name: float(rate["value"]) for name, rate in rates.items()}
        for group, rates in groups.items()
    }
    assumed = {
        f"{group}.{name}": rate["how"]
        for group, rates in groups.items()
        for name, rate in rates.items()
        if rate.get("assumed", False)
    }
    return Rates(values, assumed, content["readers"])
