"""Phrase grounding: frame scores of phrases in, score records and tables out.

Xie et al. 2022, section 4, with the subsets that its numbers need beside them. Protocols, each with
the suffix of a variant: `threshold_val`, at the threshold that was best on the val split;
`threshold_0.50`; `all_thresholds`, for the metrics that need none.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from hearsay.errors import HearsayError
from hearsay.metrics.grounding import best_threshold, count_frames, place_of
from hearsay.metrics.psds import QueryDetections
from hearsay.scoring.grounding_measures import (
    FIXED_THRESHOLD,
    Measures,
    Variant,
    detect_all,
    measure,
    variant_rows,
)
from hearsay.scoring.grounding_queries import ScoredPhrases
from hearsay.scoring.grounding_records import (
    Floor,
    Resampling,
    measure_floor,
    psds_records,
    ranking_records,
    threshold_records,
)
from hearsay.scoring.grounding_tables import curve_table, query_table, subset_name
from hearsay.scoring.records import Record, ScoreIdentity

logger = logging.getLogger(__name__)

PHRASE_VARIANTS = (
    Variant("", "mean", stretched=True),
    Variant("_raw", "mean", stretched=False),
    Variant("_max", "max", stretched=True),
    Variant("_max_raw", "max", stretched=False),
)
"""Of a method with a score for every word. One that scores the phrase as a whole calls it `mean`
and has the first two."""

AS_IS = (Variant("", "mean", stretched=False),)
"""Of the controls, whose scores are set as they are meant; they stand beside the first variant."""


@dataclass(frozen=True)
class GroundingScores:
    """All numbers of one system on one split.

    Attributes:
        records: score records, several a subset and variant.
        queries: one row a query and variant; see `query_table`.
        curves: one row a threshold, subset and variant; see `curve_table`.
    """

    records: list[Record]
    queries: pd.DataFrame
    curves: pd.DataFrame


def choose_thresholds(val: ScoredPhrases, variants: Sequence[Variant]) -> dict[str, float]:
    """Choose the threshold of every variant, by its suffix: the best F1 over all val queries.

    Ties: see `best_threshold`.

    Args:
        val: the system's scores of the val split.
        variants: with different suffixes.
    """
    return {
        variant.suffix: best_threshold(count_frames(variant_rows(val, variant), val.labels))
        for variant in variants
    }


def score_grounding(
    scored: ScoredPhrases,
    thresholds: Mapping[str, float],
    identity: ScoreIdentity,
    *,
    variants: Sequence[Variant],
    num_resamples: int,
    bootstrap_seed: int = 0,
) -> GroundingScores:
    """Score frame scores on every subset of the queries, in every variant.

    A subset without a labelled frame has no records, and AUROC has none where all frames of a
    subset are labelled.

    Args:
        scored: the system's scores of the split that is scored.
        thresholds: of `choose_thresholds`, one for each variant's suffix.
        identity: of the run; each part of the queries gets its own subset, see `subset_name`.
        variants: how the scores are read, e.g. PHRASE_VARIANTS.
        num_resamples: of the clips, behind each 95 % interval.
        bootstrap_seed: of the resamples.

    Raises:
        HearsayError: a variant has no threshold or no scores, or a threshold is none of 0.01, ...,
            0.99.
    """
    _check_variants(scored, thresholds, variants)
    floor, resampling = measure_floor(scored), Resampling(num_resamples, bootstrap_seed)
    detections: dict[str, list[QueryDetections]] = {}
    records: list[Record] = []
    tables: list[tuple[pd.DataFrame, pd.DataFrame]] = []
    for variant in variants:
        if variant.words not in detections:
            detections[variant.words] = detect_all(scored, scored.scores[variant.words])
        at = {
            f"threshold_val{variant.suffix}": thresholds[variant.suffix],
            f"threshold_0.50{variant.suffix}": FIXED_THRESHOLD,
        }
        measures = measure(scored, variant, sorted({*at.values()}), detections[variant.words])
        _warn_of_constant_rows(measures, identity, variant)
        protocol = f"all_thresholds{variant.suffix}"
        records += _score_subsets(scored, measures, floor, at, protocol, identity, resampling)
        described = (scored, measures, protocol, thresholds[variant.suffix], identity)
        tables.append((query_table(*described), curve_table(*described)))
    queries, curves = zip(*tables, strict=True)
    return GroundingScores(
        records, pd.concat(queries, ignore_index=True), pd.concat(curves, ignore_index=True)
    )


def _score_subsets(
    scored: ScoredPhrases,
    measures: Measures,
    floor: Floor,
    at: Mapping[str, float],
    protocol: str,
    identity: ScoreIdentity,
    resampling: Resampling,
) -> list[Record]:
    records: list[Record] = []
    for part, chosen in scored.subsets.items():
        named = replace(identity, subset=subset_name(identity.subset, part))
        if not measures.counts.positives[chosen].any():
            logger.warning("subset %s: no frame is labelled, so no scores", named.subset)
            continue
        places = np.flatnonzero(chosen)
        some, some_floor = measures.of(places), floor.of(places)
        clips = scored.clip_ids[places]
        records += threshold_records(some, some_floor, clips, at, named, resampling)
        records += ranking_records(some, clips, protocol, named, resampling)
        records += psds_records(some, some_floor, clips, protocol, named, resampling)
    return records


def _check_variants(
    scored: ScoredPhrases, thresholds: Mapping[str, float], variants: Sequence[Variant]
) -> None:
    for variant in variants:
        if variant.words not in scored.scores or variant.suffix not in thresholds:
            raise HearsayError(
                f"variant {variant.suffix!r} needs scores {variant.words!r} and a threshold; there "
                f"are scores {sorted(scored.scores)} and thresholds of {sorted(thresholds)}"
            )
        place_of(thresholds[variant.suffix])


def _warn_of_constant_rows(measures: Measures, identity: ScoreIdentity, variant: Variant) -> None:
    constant = int(measures.is_constant.sum())
    if constant and variant.stretched:
        logger.warning(
            "%s: %d of %d phrases have one score in all frames (%s); stretched, it is 0",
            identity.method,
            constant,
            len(measures.is_constant),
            variant.words,
        )
