"""Ground phrases without any system: what every system has to beat, once a data set."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hearsay.clips.availability import fingerprint
from hearsay.features.store import ShardedArrays
from hearsay.layout import DatasetFiles
from hearsay.scoring.gallery import SPLIT, subset_name
from hearsay.scoring.grounding import AS_IS, GroundingScores, choose_thresholds, score_grounding
from hearsay.scoring.grounding_analytic import score_random_analytically
from hearsay.scoring.grounding_controls import (
    all_active_scores,
    control_identity,
    energy_scores,
    random_scores,
)
from hearsay.scoring.grounding_files import write_grounding
from hearsay.scoring.grounding_grid import Grid
from hearsay.scoring.grounding_queries import ScoredPhrases
from hearsay.scoring.records import ScoreIdentity

RANDOM_SEED = 0


def ground_controls(
    stage: str,
    data: DatasetFiles,
    subset: Path | None,
    folder: Path,
    frame_shift_ms: float,
    num_resamples: int,
) -> None:
    """Score the phrases of the test split by random numbers, always, and by loudness.

    Args:
        stage: beside whose runs the controls stand.
        data: the data set whose phrases are grounded.
        subset: a text file of clip ids; None: all available clips.
        folder: where scores.json, queries.parquet and curves.parquet go.
        frame_shift_ms: of the log-mel.
        num_resamples: of the clips, behind each 95 % interval.

    Raises:
        HearsayError: an input is absent, or a split has no phrase.
    """
    grid = Grid.of(data, frame_shift_ms)
    val, test = (_score_all(data, grid, split, subset) for split in ("val", SPLIT))
    clips = fingerprint(np.unique(test["random"].clip_ids).tolist())
    identity = ScoreIdentity(data.name, SPLIT, subset_name(subset), "", stage, "none", 0, clips)
    scores = [
        score_grounding(
            scored,
            choose_thresholds(val[control], AS_IS),
            control_identity(identity, control),
            variants=AS_IS,
            num_resamples=num_resamples,
        )
        for control, scored in test.items()
    ]
    records, curves = score_random_analytically(
        test["random"], identity, num_resamples=num_resamples
    )
    analytic = GroundingScores(records, scores[0].queries.iloc[:0], curves)
    write_grounding([*scores, analytic], None, folder)


def _score_all(
    data: DatasetFiles, grid: Grid, split: str, subset: Path | None
) -> dict[str, ScoredPhrases]:
    """Score a split by every control."""
    queries = grid.queries(data, split, subset)
    num_frames = [grid.num_frames[query.clip_id] for query in queries]
    energy = _read_energy(data, grid, sorted({query.clip_id for query in queries}))
    return {
        "random": random_scores(queries, num_frames, grid.shift_s, RANDOM_SEED),
        "all_active": all_active_scores(queries, num_frames, grid.shift_s),
        "energy": energy_scores(queries, energy, grid.shift_s),
    }


def _read_energy(
    data: DatasetFiles, grid: Grid, clip_ids: list[str]
) -> dict[str, NDArray[np.float64]]:
    """Return the energy of every clip's frames, the log of the sum over the mel bands: [T]."""
    store = ShardedArrays(data.shards("logmel", ".npy"))
    energy = {}
    for clip_id in clip_ids:
        logmel = store.gather([clip_id])[0, : grid.num_frames[clip_id]].astype(np.float64)
        energy[clip_id] = np.logaddexp.reduce(logmel, axis=1)  # [T, F] -> [T]
    return energy
