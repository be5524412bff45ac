"""What a cell of the table of phrase grounding says, of one part of the phrases."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from hearsay.report.grounding_scores import CONTROLS, SHUFFLED
from hearsay.scoring.grounding_measures import FIXED_THRESHOLD

AT_THRESHOLD = ("precision", "recall", "F1", "event_F1")
OVER_ALL = ("AUROC", "average_precision", "PSDS")
PROVING = ("F1", "event_F1", *OVER_ALL)  # higher is better, and no threshold alone makes it so
FIXED = f"threshold_{FIXED_THRESHOLD:.2f}"
ANALYTIC = f"analytic_{FIXED_THRESHOLD:.2f}"


@dataclass(frozen=True)
class System:
    """A row: who scores, in which variant, and at which threshold.

    Attributes:
        method: of the records.
        suffix: of the variant's protocols.
        fixed: whether at 0.50 instead of the threshold of val.
        analytic: whether computed without a draw, at 0.50.
    """

    method: str
    suffix: str = ""
    fixed: bool = False
    analytic: bool = False

    def protocol(self, metric: str) -> str:
        """Name the protocol of the records of a metric."""
        if self.analytic:
            return ANALYTIC
        if metric in OVER_ALL:
            return f"all_thresholds{self.suffix}"
        return f"{FIXED if self.fixed else 'threshold_val'}{self.suffix}"


@dataclass(frozen=True)
class Asked:
    """What a system was asked, and what it never answered; means over seeds.

    Attributes:
        threshold: that val chose.
        constant: share of queries with one score in all frames.
        labelled: share of the queries' frames.
    """

    threshold: float
    constant: float
    labelled: float


@dataclass(frozen=True)
class GroundingView:
    """What the tables of one part show.

    Attributes:
        part: one of SUBSETS.
        numbers: of `summarise_seeds`, by method, protocol and metric.
        asked: by method and suffix of the variant.
    """

    part: str
    numbers: Mapping[tuple[str, str, str], dict[str, Any]]
    asked: Mapping[tuple[str, str], Asked]

    @classmethod
    def of(cls, rows: pd.DataFrame, queries: pd.DataFrame, part: str) -> "GroundingView":
        """Index what is shown of one part.

        Args:
            rows: of `summarise_seeds`, of one data set, one subset of clips and this part.
            queries: queries.parquet of all runs and controls, one under the other.
            part: one of SUBSETS.
        """
        numbers = {
            (row["method"], row["protocol"], row["metric"]): row for row in rows.to_dict("records")
        }
        some = queries if part == "all" else queries[queries[part]]
        by_seed = some.groupby(["method", "protocol", "seed"]).agg(
            threshold=("threshold_val", "first"),
            constant=("is_constant", "mean"),
            labelled=("num_labelled", "sum"),
            frames=("num_frames", "sum"),
        )
        asked = {
            (method, protocol.removeprefix("all_thresholds")): Asked(
                own["threshold"].mean(),
                own["constant"].mean(),
                own["labelled"].sum() / own["frames"].sum(),
            )
            for (method, protocol), own in by_seed.groupby(level=[0, 1])
        }
        return cls(part, numbers, asked)

    @property
    def fingerprints(self) -> str:
        """The clips that were scored."""
        return ", ".join(sorted({row["availability"] for row in self.numbers.values()}))

    def has(self, system: System) -> bool:
        """Say whether there is a row of it."""
        return self._number(system, "F1") is not None

    def cell(self, system: System, metric: str) -> str:
        """Return mean, deviation over seeds, and the mark of a number that shows nothing."""
        row = self._number(system, metric)
        if row is None:
            return "–"
        text = f"{row['mean']:.3f}"
        if not math.isnan(row["std"]):
            text += f" ± {row['std']:.3f}"
        return f"{text} †" if self._controls_not_beaten(system, metric) else text

    def unproven(self, system: System) -> dict[str, list[str]]:
        """Return the controls that a method does not exceed, by metric; none where it does."""
        found = {metric: self._controls_not_beaten(system, metric) for metric in PROVING}
        return {metric: controls for metric, controls in found.items() if controls}

    def num_seeds(self, system: System) -> str:
        """Return the number of trainings; nothing for what is not trained."""
        row = self._number(system, "F1")
        if row is None or system.method in CONTROLS:
            return ""
        return str(row["num_seeds"])

    def threshold(self, system: System) -> str:
        """Return the threshold that val chose, mean over seeds."""
        if system.fixed or system.analytic:
            return f"{FIXED_THRESHOLD:.2f}"
        asked = self.asked.get((system.method, system.suffix))
        return "–" if asked is None else f"{asked.threshold:.2f}"

    def num_queries(self, system: System) -> str:
        """Return how many queries a run was asked."""
        row = self._number(system, "F1")
        return "–" if row is None else f"{row['num_queries']:,}"

    def constant_percent(self, system: System) -> str:
        """Return the share of queries with one score in all frames, mean over seeds."""
        asked = self.asked.get((system.method, system.suffix))
        return "–" if asked is None or system.analytic else f"{100 * asked.constant:.1f}"

    def labelled_percent(self, system: System) -> str:
        """Return the share of labelled frames of the queries that were asked."""
        asked = self.asked.get((system.method, system.suffix))
        return "–" if asked is None else f"{100 * asked.labelled:.1f}"

    def tidy(self, systems: Sequence[str]) -> pd.DataFrame:
        """Return one row a number of all variants, systems in order."""
        rows = sorted(self.numbers.values(), key=lambda row: systems.index(row["method"]))
        counts = dict.fromkeys(("num_queries", "num_frames"), "Int64")
        return pd.DataFrame([self._line(row) for row in rows]).round(6).astype(counts)

    def _line(self, row: dict[str, Any]) -> dict[str, object]:
        kind, suffix = _variant_of(row["protocol"])
        system = System(row["method"], suffix, kind == FIXED, kind == ANALYTIC)
        proves = (
            "" if kind == ANALYTIC else " ".join(self._controls_not_beaten(system, row["metric"]))
        )
        names = ("dataset", "split", "clips", "part", "availability", "method", "weights")
        return (
            {name: row[name] for name in (*names, "protocol", "metric", "num_seeds", "seeds")}
            | {name: row[name] for name in ("mean", "std", "ci_low", "ci_high", "chance")}
            | {"not_above": proves, "threshold": self.threshold(system)}
            | {
                "constant_percent": self.constant_percent(system),
                "labelled_percent": self.labelled_percent(system),
                "num_queries": row["num_queries"],
                "num_frames": row["num_candidates"],
            }
        )

    def _number(self, system: System, metric: str) -> dict[str, Any] | None:
        return self.numbers.get((system.method, system.protocol(metric), metric))

    def _controls_not_beaten(self, system: System, metric: str) -> list[str]:
        """Return the controls above the lower end of a method's interval, at best equal to it.

        Controls have no variants of raw or of other words, but a shuffled phrase is asked for in
        the first one alone: so every variant is held against the controls as they are.
        """
        if metric not in PROVING or system.method in CONTROLS or system.method.startswith(SHUFFLED):
            return []
        own = self._number(system, metric)
        if own is None:
            return []
        found = []
        for control in (*CONTROLS, SHUFFLED + system.method):
            other = self._number(System(control, fixed=system.fixed), metric)
            if other is not None and own["ci_low"] <= other["mean"]:
                found.append("shuffled_phrase" if control.startswith(SHUFFLED) else control)
        return found


def _variant_of(protocol: str) -> tuple[str, str]:
    """Split a protocol into its kind and the suffix of its variant."""
    kinds = (ANALYTIC, FIXED, "threshold_val", "all_thresholds")
    kind = next((kind for kind in kinds if protocol.startswith(kind)), protocol)
    return kind, protocol.removeprefix(kind)
