"""Scorers of phrases that a system has to beat, or else its grounding shows nothing.

`random` draws a score for each frame. `all_active` marks every frame. `energy` marks what is loud,
whatever the phrase. `shuffled_phrase` is the system itself, asked for another phrase of the clip.
They are scored like methods, in the variant AS_IS but for the last, which has the system's own.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hearsay.errors import HearsayError
from hearsay.metrics.grounding import min_max
from hearsay.scoring.grounding_queries import PhraseQuery, ScoredPhrases
from hearsay.scoring.records import ScoreIdentity

logger = logging.getLogger(__name__)

CONTROLS = ("random", "all_active", "energy", "shuffled_phrase")


def control_identity(identity: ScoreIdentity, control: str) -> ScoreIdentity:
    """Name a control as scores do.

    `random`, `all_active` and `energy` hang on no method, towers or seed, which become the
    control, `none` and 0. `shuffled_phrase` hangs on all of them: `shuffled_phrase.<method>`.

    Args:
        identity: of the run beside which the control stands.
        control: one of CONTROLS.

    Raises:
        HearsayError: another control.
    """
    if control not in CONTROLS:
        raise HearsayError(f"control {control!r} is unknown; known are {', '.join(CONTROLS)}")
    if control == "shuffled_phrase":
        return replace(identity, method=f"{control}.{identity.method}")
    return replace(identity, method=control, weights="none", seed=0)


def random_scores(
    queries: Sequence[PhraseQuery], num_frames: Sequence[int], frame_shift_s: float, seed: int
) -> ScoredPhrases:
    """Draw a uniform score in [0, 1) for every frame of every query.

    Args:
        queries: Q.
        num_frames: T of each.
        frame_shift_s: between two frames.
        seed: of the draws.
    """
    generator = np.random.default_rng(seed)
    rows = [generator.random(frames) for frames in num_frames]
    return ScoredPhrases(queries, {"mean": rows}, frame_shift_s)


def all_active_scores(
    queries: Sequence[PhraseQuery], num_frames: Sequence[int], frame_shift_s: float
) -> ScoredPhrases:
    """Score every frame 1, so that it is active at every threshold."""
    rows = [np.ones(frames) for frames in num_frames]
    return ScoredPhrases(queries, {"mean": rows}, frame_shift_s)


def energy_scores(
    queries: Sequence[PhraseQuery], energy: Mapping[str, NDArray[Any]], frame_shift_s: float
) -> ScoredPhrases:
    """Score every phrase of a clip by the energy of its frames, min-max over the clip.

    Args:
        queries: Q.
        energy: of every clip [T], e.g. in dB; any scale, since only its order and spread count.
        frame_shift_s: between two frames.

    Raises:
        HearsayError: a clip has no energy, or one that is not finite.
    """
    scaled: dict[str, NDArray[np.float64]] = {}
    for clip_id in {query.clip_id: None for query in queries}:
        if clip_id not in energy:
            raise HearsayError(f"clip {clip_id} has phrases, but no energy of its frames")
        if len(energy[clip_id]) == 0 or not np.isfinite(energy[clip_id]).all():
            raise HearsayError(f"clip {clip_id}: the energy of its frames is absent or not finite")
        scaled[clip_id] = min_max(energy[clip_id])
    return ScoredPhrases(
        queries, {"mean": [scaled[query.clip_id] for query in queries]}, frame_shift_s
    )


def shuffle_phrases(scored: ScoredPhrases, seed: int) -> tuple[ScoredPhrases | None, int]:
    """Give every query the scores of another phrase of its clip.

    The other phrase has other words (capitals aside). It is drawn uniformly from the same caption
    where that has one, since two phrases of one caption seldom name one sound; else from the
    clip's other captions. The query of a clip that has no other phrase is left out.

    Args:
        scored: of the system.
        seed: of the draws.

    Returns:
        the queries that have another phrase, with its scores; None where no clip has two
        different phrases. And how many queries were left out.
    """
    generator = np.random.default_rng(seed)
    of_clip: dict[str, list[int]] = {}
    for number, query in enumerate(scored.queries):
        of_clip.setdefault(query.clip_id, []).append(number)
    kept: list[int] = []
    donors: list[int] = []
    for number, query in enumerate(scored.queries):
        others = [
            other
            for other in of_clip[query.clip_id]
            if scored.queries[other].phrase.casefold() != query.phrase.casefold()
        ]
        same = [other for other in others if scored.queries[other].caption_id == query.caption_id]
        if others:
            kept.append(number)
            donors.append(int(generator.choice(same or others)))
    left_out = len(scored.queries) - len(kept)
    if not kept:
        logger.warning("no clip has two different phrases: no control shuffled_phrase")
        return None, left_out
    if left_out:
        logger.info("shuffled_phrase: %d phrases are alone in their clip, left out", left_out)
    rows = {name: [rows[donor] for donor in donors] for name, rows in scored.scores.items()}
    queries = [scored.queries[number] for number in kept]
    return ScoredPhrases(queries, rows, scored.frame_shift_s), left_out
