"""What the grounding of a run leaves: score records, and tables to draw from without the model."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from hearsay.files import write_parquet
from hearsay.scoring.grounding import GroundingScores
from hearsay.scoring.records import write_records


def write_grounding(
    scores: Sequence[GroundingScores], frames: pd.DataFrame | None, folder: Path
) -> None:
    """Write the scores of a system and its controls, each file atomically, scores.json last.

    Args:
        scores: of one system and what belongs to it; to scores.json, queries.parquet
            (`query_table`) and curves.parquet (`curve_table`).
        frames: of the system (`frame_table`), to frames.parquet; None: not written.
        folder: where they go.
    """
    folder = Path(folder)
    write_parquet(
        pd.concat([s.queries for s in scores], ignore_index=True), folder / "queries.parquet"
    )
    write_parquet(
        pd.concat([s.curves for s in scores], ignore_index=True), folder / "curves.parquet"
    )
    if frames is not None:
        write_parquet(frames, folder / "frames.parquet")
    write_records([record for s in scores for record in s.records], folder / "scores.json")
