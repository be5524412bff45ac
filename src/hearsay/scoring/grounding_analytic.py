"""The control `random` without a draw: what follows from the share of labelled frames alone."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hearsay.metrics.bootstrap import pooled_intervals
from hearsay.metrics.grounding import THRESHOLDS
from hearsay.metrics.grounding_chance import random_detection
from hearsay.scoring.grounding_controls import control_identity
from hearsay.scoring.grounding_measures import FIXED_THRESHOLD
from hearsay.scoring.grounding_queries import ScoredPhrases
from hearsay.scoring.grounding_records import TASK
from hearsay.scoring.grounding_tables import name_curves, subset_name
from hearsay.scoring.records import Record, ScoreIdentity, make_record


def score_random_analytically(
    scored: ScoredPhrases, identity: ScoreIdentity, *, num_resamples: int, bootstrap_seed: int = 0
) -> tuple[list[Record], pd.DataFrame]:
    """Score uniform random numbers in [0, 1) on every subset, as `random_detection` says.

    Args:
        scored: the queries; of their scores only the number of frames counts.
        identity: of the run beside which the control stands.
        num_resamples: of the clips, behind each 95 % interval.
        bootstrap_seed: of the resamples.

    Returns:
        records of precision, recall and F1, protocol `analytic_0.50`, and the curve over all
        thresholds, protocol `analytic`, with the columns of `curve_table`. A subset without a
        labelled frame has neither.
    """
    identity = control_identity(identity, "random")
    records: list[Record] = []
    curves: list[pd.DataFrame] = []
    frames = np.array(scored.num_frames)
    labelled = np.array([label.sum() for label in scored.labels])
    for part, chosen in scored.subsets.items():
        if not labelled[chosen].any():
            continue
        named = replace(identity, subset=subset_name(identity.subset, part))
        sums = np.stack([labelled, frames], axis=1)[chosen]  # [q, 2]
        intervals = pooled_intervals(
            sums, scored.clip_ids[chosen], _at_half, num_resamples, bootstrap_seed
        )
        total = sums.sum(axis=0)
        for metric, value, interval in zip(
            ("precision", "recall", "F1"), _at_half(total[None])[0], intervals, strict=True
        ):
            records.append(
                make_record(
                    named,
                    task=TASK,
                    protocol=f"analytic_{FIXED_THRESHOLD:.2f}",
                    direction="",
                    metric=metric,
                    value=value,
                    chance=value,
                    interval=interval,
                    num_queries=len(sums),
                    num_candidates=int(total[1]),
                )
            )
        curves.append(_curve(part, total[0] / total[1], len(sums)))
    return records, name_curves(curves, "analytic", identity)


def _at_half(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return P, R, F1 [b, 3] at FIXED_THRESHOLD of pooled labelled and all frames [b, 2].

    A resample without a labelled frame has none of them.
    """
    return np.array(
        [
            random_detection(labelled / frames, FIXED_THRESHOLD) if labelled else [np.nan] * 3
            for labelled, frames in sums
        ]
    )


def _curve(part: str, positive_rate: float, num_queries: int) -> pd.DataFrame:
    detections: Sequence = [random_detection(positive_rate, float(t)) for t in THRESHOLDS]
    precision, recall, f1 = zip(*detections, strict=True)
    return pd.DataFrame(
        {
            "part": part,
            "threshold": THRESHOLDS,
            "is_val_threshold": False,
            "precision": precision,
            "recall": recall,
            "F1": f1,
            "active_rate": recall,
            "positive_rate": positive_rate,
            "num_queries": num_queries,
        }
    )
