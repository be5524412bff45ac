"""One direction of retrieval: block scores in, score records and a table of ranks out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hearsay.metrics.bootstrap import bootstrap_interval
from hearsay.metrics.chance import chance_level
from hearsay.metrics.ranks import BlockScores, relevant_positions
from hearsay.metrics.retrieval import RETRIEVAL_METRICS, STATISTICS, query_values
from hearsay.scoring.records import Record, ScoreIdentity, join_ranks, make_record

Scores = tuple[list[Record], pd.DataFrame]
"""Records, and the table of ranks: one row a query."""


@dataclass(frozen=True)
class Direction:
    """One way of asking: who asks, who answers, and whose clips they are."""

    task: str
    protocol: str
    name: str
    query_ids: Sequence[str]  # [Q]
    query_clip_ids: Sequence[str]  # [Q]
    candidate_clip_ids: Sequence[str]  # [C]


def score_direction(
    scores: BlockScores,
    way: Direction,
    identity: ScoreIdentity,
    num_resamples: int,
    bootstrap_seed: int,
    chunk_size: int = 256,
) -> Scores:
    """Rank one direction and return its five records and its table of ranks.

    Args:
        scores: block scores [q, C] for slices of the queries, e.g. pair scores of a method that
            has no single vector.
        way: the ids of queries and candidates.
        identity: merged into every record.
        num_resamples: of the clips, behind each 95 % interval.
        bootstrap_seed: of the resamples.
        chunk_size: queries per block.
    """
    clusters = np.asarray(way.query_clip_ids, dtype=str)
    candidates = np.asarray(way.candidate_clip_ids, dtype=str)
    found = relevant_positions(scores, clusters, candidates, chunk_size)
    values = query_values(found)
    records = []
    for metric in RETRIEVAL_METRICS:
        interval = bootstrap_interval(
            values[metric],
            clusters,
            "median" if metric == "median_rank" else "mean",
            num_resamples,
            bootstrap_seed,
        )
        records.append(
            make_record(
                identity,
                task=way.task,
                protocol=way.protocol,
                direction=way.name,
                metric=metric,
                value=STATISTICS[metric](values[metric]),
                chance=chance_level(metric, len(candidates), found.num_relevant.tolist()),
                interval=interval,
                num_queries=len(clusters),
                num_candidates=len(candidates),
            )
        )
    ranks = pd.DataFrame(
        {
            "task": way.task,
            "protocol": way.protocol,
            "direction": way.name,
            "query_id": [str(query) for query in way.query_ids],
            "clip_id": [str(clip) for clip in way.query_clip_ids],
            "rank": found.ranks,
            "average_precision_at_10": values["mAP@10"],
            "seed": identity.seed,
        }
    )
    return records, ranks


def join_scores(parts: Iterable[Scores]) -> Scores:
    """Put the scores of several directions under one another."""
    records, tables = zip(*parts, strict=True)
    return [record for part in records for record in part], join_ranks(tables)
