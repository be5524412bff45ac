"""Tables of phrase grounding, from which intervals and figures are made without the model."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hearsay.metrics.grounding import THRESHOLDS, place_of, precision_recall_f1
from hearsay.scoring.grounding_measures import FIXED_THRESHOLD, Measures
from hearsay.scoring.grounding_queries import ScoredPhrases
from hearsay.scoring.records import ScoreIdentity

CURVE_OWNER = ("method", "stage", "weights", "seed")


def subset_name(outer: str, part: str) -> str:
    """Name a part of the queries: the part, or `outer.part` where `outer` is a subset of clips."""
    if part == "all":
        return outer
    return part if outer == "all" else f"{outer}.{part}"


def query_table(
    scored: ScoredPhrases,
    measures: Measures,
    protocol: str,
    val_threshold: float,
    identity: ScoreIdentity,
) -> pd.DataFrame:
    """Say of every query what was counted, in one variant.

    The frame metrics of any part of the queries follow from sums over its rows, and so do their
    intervals and paired differences. AUROC, average precision and PSDS need the frame scores
    (`frame_table`).

    Returns:
        a row a query: method, stage, weights, seed, protocol (`all_thresholds` with the variant's
        suffix), query_id, clip_id, caption_id, phrase; in which parts it is: heard, non_trivial,
        several_events; is_constant; num_frames, num_labelled; num_active and num_right, lists of
        99 for the thresholds 0.01 ... 0.99; num_events; threshold_val; num_detected and num_matched
        events, at that threshold (`_val`) and at 0.50 (`_0.50`).
    """
    table = pd.DataFrame(
        {
            "method": identity.method,
            "stage": identity.stage,
            "weights": identity.weights,
            "seed": identity.seed,
            "protocol": protocol,
            "query_id": [query.query_id for query in scored.queries],
            "clip_id": [query.clip_id for query in scored.queries],
            "caption_id": [query.caption_id for query in scored.queries],
            "phrase": [query.phrase for query in scored.queries],
        }
    )
    for part, chosen in scored.subsets.items():
        if part != "all":
            table[part] = chosen
    counts = measures.counts
    table["is_constant"] = measures.is_constant
    table["num_frames"] = counts.frames
    table["num_labelled"] = counts.positives
    table["num_active"] = list(counts.active.astype(np.int32))
    table["num_right"] = list(counts.true_positives.astype(np.int32))
    table["num_events"] = measures.num_events
    table["threshold_val"] = val_threshold
    for name, threshold in (("val", val_threshold), ("0.50", FIXED_THRESHOLD)):
        table[f"num_detected_{name}"] = measures.events[threshold].detected
        table[f"num_matched_{name}"] = measures.events[threshold].matched
    return table


def curve_table(
    scored: ScoredPhrases,
    measures: Measures,
    protocol: str,
    val_threshold: float,
    identity: ScoreIdentity,
) -> pd.DataFrame:
    """Return precision, recall and F1 over the thresholds, in one variant (Figure 3).

    Returns:
        99 rows for each part of the queries: method, stage, weights, seed, protocol, part,
        threshold, is_val_threshold, precision, recall, F1, active_rate (share of active frames),
        positive_rate (share of labelled frames), num_queries.
    """
    parts = []
    for part, chosen in scored.subsets.items():
        counts = measures.counts.of(chosen)
        frames = int(counts.frames.sum())
        if frames == 0:
            continue
        active, positives = counts.active.sum(axis=0), counts.positives.sum()
        values = precision_recall_f1(counts.true_positives.sum(axis=0), active, positives)
        parts.append(
            pd.DataFrame(
                {
                    "part": part,
                    "threshold": THRESHOLDS,
                    "is_val_threshold": np.arange(len(THRESHOLDS)) == place_of(val_threshold),
                    "precision": values[0],
                    "recall": values[1],
                    "F1": values[2],
                    "active_rate": active / frames,
                    "positive_rate": positives / frames,
                    "num_queries": int(chosen.sum()),
                }
            )
        )
    return name_curves(parts, protocol, identity)


def name_curves(
    parts: Sequence[pd.DataFrame], protocol: str, identity: ScoreIdentity
) -> pd.DataFrame:
    """Put curves of several parts under one another, and say in front whose they are."""
    table = pd.concat(list(parts), ignore_index=True)
    names = {column: getattr(identity, column) for column in CURVE_OWNER}
    return pd.concat(
        [pd.DataFrame({**names, "protocol": protocol}, index=table.index), table], axis=1
    )


def frame_table(scored: ScoredPhrases) -> pd.DataFrame:
    """Return the frame scores themselves, for Figure 4 and for metrics that need them all.

    Returns:
        a row a query: query_id, clip_id, caption_id, phrase, onsets_s, offsets_s, clip_end_s,
        frame_shift_s, and a list of float32 scores [T] for each way to put words together
        (`scores_mean`, `scores_max`).
    """
    names = ("query_id", "clip_id", "caption_id", "phrase")
    table = pd.DataFrame(
        {name: [getattr(query, name) for query in scored.queries] for name in names}
    )
    table["onsets_s"] = [list(query.onsets_s) for query in scored.queries]
    table["offsets_s"] = [list(query.offsets_s) for query in scored.queries]
    table["clip_end_s"] = [query.clip_end_s for query in scored.queries]
    table["frame_shift_s"] = scored.frame_shift_s
    for words, rows in scored.scores.items():
        table[f"scores_{words}"] = [np.asarray(row, dtype=np.float32) for row in rows]
    return table
