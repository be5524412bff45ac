"""The clips that a run finds first for each caption: what people look at and listen to."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hearsay.metrics.ranks import TIE_TOLERANCE, BlockScores
from hearsay.scoring.records import ScoreIdentity

NUM_HITS = 5
CLIPS_PER_BLOCK = 1024
HIT_COLUMNS = (
    *("dataset", "subset", "task", "protocol", "direction", "method", "stage", "seed"),
    *("query_id", "place", "clip_id", "score", "is_right"),
)


def find_hits(
    scores: BlockScores,
    clip_ids: Sequence[str],
    caption_ids: Sequence[str],
    caption_clip_ids: Sequence[str],
    identity: ScoreIdentity,
    num_hits: int = NUM_HITS,
) -> pd.DataFrame:
    """List the clips that score highest with each caption, text to audio on the full gallery.

    The order is that of the ranks: ties, to TIE_TOLERANCE, count against the query, so the right
    clip stands behind wrong ones of its score; ties among wrong clips stand in the order given.

    Args:
        scores: of a slice of the clips, [n, M], with every caption; higher is better.
        clip_ids: N different ids.
        caption_ids: M different ids.
        caption_clip_ids: [M], each one of `clip_ids`.
        identity: of the run.
        num_hits: listed of a caption, at most.

    Returns:
        HIT_COLUMNS: a row a caption (query_id) and place, from 1 on; `score` of the clip there.
    """
    number = {clip_id: place for place, clip_id in enumerate(clip_ids)}
    owners = np.array([number[clip_id] for clip_id in caption_clip_ids])  # [M]
    best = _best_clips(scores, len(clip_ids), owners, num_hits)
    clips, values = best  # [K, M] each
    depth = len(clips)
    names = np.asarray(clip_ids, dtype=object)
    return pd.DataFrame(
        {
            "dataset": identity.dataset,
            "subset": identity.subset,
            "task": "audio_text_retrieval",
            "protocol": "full_gallery",
            "direction": "text_to_audio",
            "method": identity.method,
            "stage": identity.stage,
            "seed": identity.seed,
            "query_id": np.repeat(np.asarray(caption_ids, dtype=object), depth),
            "place": np.tile(np.arange(1, depth + 1), len(caption_ids)),
            "clip_id": names[clips.T.reshape(-1)],
            "score": values.T.reshape(-1).astype(np.float64),
            "is_right": (clips == owners).T.reshape(-1),
        },
        columns=list(HIT_COLUMNS),
    )


def _best_clips(
    scores: BlockScores, num_clips: int, owners: NDArray[np.int64], num_hits: int
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return the best clips of every caption and their scores, [K, M] each, best first.

    Clips are gone through in blocks; of those before, the best alone are kept.
    """
    captions = np.arange(len(owners))
    clips = np.zeros((0, len(owners)), dtype=np.int64)
    values = np.zeros((0, len(owners)), dtype=np.float32)
    for start in range(0, num_clips, CLIPS_PER_BLOCK):
        rows = np.arange(start, min(start + CLIPS_PER_BLOCK, num_clips))
        block = scores(slice(int(rows[0]), int(rows[-1]) + 1))  # [n, M]
        values = np.concatenate([values, block])
        clips = np.concatenate([clips, np.repeat(rows[:, None], len(owners), axis=1)])
        order = np.argsort(-_standing(values, clips == owners), axis=0, kind="stable")[:num_hits]
        clips, values = clips[order, captions], values[order, captions]
    return clips, values


def _standing(values: NDArray[Any], is_right: NDArray[np.bool_]) -> NDArray[Any]:
    """Return scores with those of right clips put just below all that they are tied with."""
    lowered = values - values.dtype.type(TIE_TOLERANCE)
    return np.where(is_right, np.nextafter(lowered, -np.inf, dtype=values.dtype), values)
