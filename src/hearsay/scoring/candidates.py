"""Retrieval among 30 candidates, drawn 20 times: the protocol of Xie et al. 2022, Table 2.

Every clip asks with one of its captions, drawn at random, and 29 other clips with one random
caption each: audio to text ranks the 30 captions for the clip, text to audio the 30 clips for its
caption. Each clip is drawn so 20 times; draws hang on their own seed alone, so that all methods
and trainings get the same. A score is the mean over clips and draws, its interval a bootstrap over
clips, each with all its draws. The authors print ± the population standard deviation over the
draws of one model (`spread_over_draws`); the spread over training seeds is another number.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hearsay.errors import HearsayError
from hearsay.metrics.bootstrap import bootstrap_interval
from hearsay.metrics.chance import chance_recall_at
from hearsay.metrics.ranks import TIE_TOLERANCE, BlockScores
from hearsay.metrics.retrieval import CUTOFF
from hearsay.scoring.directions import Scores
from hearsay.scoring.records import Record, ScoreIdentity, join_ranks, make_record

logger = logging.getLogger(__name__)

TASK = "audio_text_retrieval"
PROTOCOL = "candidates_30"
NUM_CANDIDATES = 30
NUM_DRAWS = 20
METRICS = {"R@1": 1, "R@5": 5}
DRAW_SEED = 0  # of the candidates, the same for all methods and trainings
MOST_PAIRS = 50_000_000  # scored at once for the draws of candidates: 200 MB


@dataclass(frozen=True)
class Draw:
    """One draw of candidates for each of N clips; the first candidate is the right one.

    Attributes:
        clips: [N, 30] indices of clips.
        captions: [N, 30] indices of captions, one of each of these clips.
    """

    clips: NDArray[np.int64]
    captions: NDArray[np.int64]


def score_draws(
    pairs: BlockScores,
    clip_ids: Sequence[str],
    caption_clip_ids: Sequence[str],
    identity: ScoreIdentity,
    num_resamples: int,
) -> Scores | None:
    """Score as `score_candidates`, with the draws of all runs; None where there can be none.

    There are none, with a line in the log, of fewer clips than candidates and of too many pairs.

    Args:
        pairs: block scores of clips with all captions.
        clip_ids: N.
        caption_clip_ids: [M].
        identity: merged into every record.
        num_resamples: of the clips, behind each 95 % interval.
    """
    num_clips, num_captions = len(clip_ids), len(caption_clip_ids)
    if num_clips < NUM_CANDIDATES or num_clips * num_captions > MOST_PAIRS:
        logger.warning(
            "%d clips and %d captions: scores among %d drawn candidates are left out",
            num_clips, num_captions, NUM_CANDIDATES,
        )  # fmt: skip
        return None
    return score_candidates(
        pairs(slice(None)),
        clip_ids,
        caption_clip_ids,
        identity,
        draw_seed=DRAW_SEED,
        num_resamples=num_resamples,
    )


def score_candidates(
    scores: NDArray[Any],
    clip_ids: Sequence[str],
    caption_clip_ids: Sequence[str],
    identity: ScoreIdentity,
    *,
    draw_seed: int,
    num_resamples: int,
    bootstrap_seed: int = 0,
) -> Scores:
    """Score R@1 and R@5 in both directions, protocol `candidates_30`.

    Ties count against the query: the rank is 1 + the number of wrong candidates that score at
    least as high, up to TIE_TOLERANCE.

    Args:
        scores: [N, M], of every clip with every caption; higher is better.
        clip_ids: N different ids; every clip has a caption.
        caption_clip_ids: [M], each one of `clip_ids`.
        identity: merged into every record.
        draw_seed: of the candidates; the same for all that is to be compared.
        num_resamples: of the clips, behind each 95 % interval.
        bootstrap_seed: of the resamples.

    Returns:
        Four records (two directions, two metrics), with N x 20 queries each, and the table of
        ranks: one row a clip and draw, whose query_id is the clip's id, `#` and the draw.

    Raises:
        HearsayError: fewer than 30 clips, another shape, ids that repeat or do not match, or a
            score that is not finite.
    """
    scores = np.asarray(scores)
    _check(scores, clip_ids, caption_clip_ids)
    draws = draw_candidates(clip_ids, caption_clip_ids, draw_seed)
    rows = np.arange(len(clip_ids))[:, None]
    places = {
        "audio_to_text": [_ranks(scores[rows, draw.captions]) for draw in draws],
        "text_to_audio": [_ranks(scores[draw.clips, draw.captions[:, :1]]) for draw in draws],
    }
    clusters = np.tile(np.asarray(clip_ids, dtype=str), NUM_DRAWS)
    records: list[Record] = []
    tables: list[pd.DataFrame] = []
    for direction, found in places.items():
        ranks = np.concatenate(found)  # [20 * N], draw by draw
        for metric, k in METRICS.items():
            hits = (ranks <= k).astype(np.float64)
            records.append(
                make_record(
                    identity,
                    task=TASK,
                    protocol=PROTOCOL,
                    direction=direction,
                    metric=metric,
                    value=float(hits.mean()),
                    chance=chance_recall_at(NUM_CANDIDATES, [1], k),
                    interval=bootstrap_interval(
                        hits, clusters, "mean", num_resamples, bootstrap_seed
                    ),
                    num_queries=len(hits),
                    num_candidates=NUM_CANDIDATES,
                )
            )
        tables.append(_rank_table(ranks, clip_ids, direction, identity.seed))
    return records, join_ranks(tables)


def draw_candidates(
    clip_ids: Sequence[str], caption_clip_ids: Sequence[str], seed: int
) -> list[Draw]:
    """Draw 20 times, for every clip: one of its captions, 29 other clips, a caption of each.

    All uniformly, the other clips without replacement.

    Args:
        clip_ids: N, at least 30, each with a caption.
        caption_clip_ids: [M].
        seed: of the draws, which also hang on the order of both lists.
    """
    number = {clip_id: place for place, clip_id in enumerate(clip_ids)}
    owners = np.array([number[clip_id] for clip_id in caption_clip_ids])  # [M]
    order = np.argsort(owners, kind="stable")
    sizes = np.bincount(owners, minlength=len(clip_ids))
    starts = np.cumsum(sizes) - sizes
    generator = np.random.default_rng(seed)
    draws = []
    for _ in range(NUM_DRAWS):
        clips = np.empty((len(clip_ids), NUM_CANDIDATES), dtype=np.int64)
        for clip in range(len(clip_ids)):
            others = generator.choice(len(clip_ids) - 1, NUM_CANDIDATES - 1, replace=False)
            clips[clip, 0] = clip
            clips[clip, 1:] = others + (others >= clip)  # steps over the clip itself
        which = generator.integers(0, sizes[clips])  # [N, 30]
        draws.append(Draw(clips, order[starts[clips] + which]))
    return draws


def spread_over_draws(ranks: pd.DataFrame) -> pd.DataFrame:
    """Return how R@1 and R@5 of one model vary over the draws.

    Args:
        ranks: of ranks.parquet; rows of other protocols are left out. Protocols with a suffix,
            such as `candidates_30_best_val`, stay apart.

    Returns:
        a row for each protocol, direction, seed and metric: protocol, direction, seed, metric,
        mean, population_std (over the draws, as the authors print it), num_draws.
    """
    own = ranks[ranks["protocol"].astype(str).str.startswith(PROTOCOL)]
    own = own.assign(draw=own["query_id"].str.rsplit("#", n=1).str[1])
    rows = []
    keys = ["protocol", "direction", "seed"]
    for key, some in own.groupby(keys, sort=True, observed=True):
        for metric, k in METRICS.items():
            of_draw = (some["rank"] <= k).groupby(some["draw"]).mean()
            rows.append(
                {
                    **dict(zip(keys, key, strict=True)),
                    "metric": metric,
                    "mean": float(of_draw.mean()),
                    "population_std": float(of_draw.std(ddof=0)),
                    "num_draws": len(of_draw),
                }
            )
    columns = [*keys, "metric", "mean", "population_std", "num_draws"]
    return pd.DataFrame(rows, columns=columns)


def _ranks(scores: NDArray[Any]) -> NDArray[np.int64]:
    """Rank the first candidate of every row [N, 30] among all, ties against it."""
    right = scores[:, :1] - scores.dtype.type(TIE_TOLERANCE)
    return np.asarray(1 + (scores[:, 1:] >= right).sum(axis=1), dtype=np.int64)


def _rank_table(
    ranks: NDArray[np.int64], clip_ids: Sequence[str], direction: str, seed: int
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "task": TASK,
            "protocol": PROTOCOL,
            "direction": direction,
            "query_id": [
                f"{clip_id}#{draw:02d}" for draw in range(NUM_DRAWS) for clip_id in clip_ids
            ],
            "clip_id": [str(clip_id) for clip_id in clip_ids] * NUM_DRAWS,
            "rank": ranks,
            "average_precision_at_10": np.where(ranks <= CUTOFF, 1.0 / ranks, 0.0),
            "seed": seed,
        }
    )


def _check(scores: NDArray[Any], clip_ids: Sequence[str], caption_clip_ids: Sequence[str]) -> None:
    if len(clip_ids) < NUM_CANDIDATES:
        raise HearsayError(
            f"{PROTOCOL} needs at least {NUM_CANDIDATES} clips with captions, not {len(clip_ids)}; "
            "take a larger split or leave the protocol out"
        )
    if scores.shape != (len(clip_ids), len(caption_clip_ids)):
        raise HearsayError(
            f"scores of shape {scores.shape} for {len(clip_ids)} clips and "
            f"{len(caption_clip_ids)} captions"
        )
    if len(set(clip_ids)) != len(clip_ids):
        raise HearsayError(f"{PROTOCOL}: the same clip id stands twice among the clips")
    differing = sorted(set(clip_ids) ^ set(caption_clip_ids))
    if differing:
        raise HearsayError(
            f"{PROTOCOL}: clip {differing[0]} is scored without a caption, or a caption without "
            "its clip; leave it out"
        )
    finite = np.isfinite(scores).all(axis=1)
    if not finite.all():
        raise HearsayError(
            f"{PROTOCOL}: clip {clip_ids[int(np.argmin(finite))]} has a score that is not finite; "
            "the run diverged or its features are damaged"
        )
