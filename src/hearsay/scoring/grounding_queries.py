"""The queries of phrase grounding: phrases with their labels, and frame scores beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hearsay.errors import HearsayError
from hearsay.metrics.grounding_events import frame_edges, labelled_events
from hearsay.metrics.grounding_labels import frame_labels

SUBSETS = ("all", "heard", "non_trivial", "several_events")
NON_TRIVIAL_PERCENT = 99  # of the clip's frames; a phrase that covers as many grounds nothing
SCORE_TOLERANCE = 1e-5  # cosines of float32 unit vectors may exceed 1 by their rounding


@dataclass(frozen=True)
class PhraseQuery:
    """One phrase of one caption of a clip, and where it is heard.

    Attributes:
        query_id: unique.
        clip_id: bootstraps draw clips.
        caption_id: of the clip.
        phrase: its words.
        onsets_s: of the labelled segments; none: annotated, not heard.
        offsets_s: as many.
        clip_end_s: length of the clip; what lies beyond is cut off.
    """

    query_id: str
    clip_id: str
    caption_id: str
    phrase: str
    onsets_s: Sequence[float]
    offsets_s: Sequence[float]
    clip_end_s: float


@dataclass(frozen=True)
class ScoredPhrases:
    """Queries with a score for every frame: all that grounding is scored from.

    Attributes:
        queries: Q of them.
        scores: by how a phrase's words are put together (`mean`, `max`), Q rows [T] in [0, 1]
            each; T is the clip's own.
        frame_shift_s: between two frames; frame t is centred at t times the shift.

    Raises:
        HearsayError: an id repeats, or a row is absent, empty, of another length than the same
            query's other rows, or has a score that is NaN or not in [0, 1]; it names clip and
            phrase.
    """

    queries: Sequence[PhraseQuery]
    scores: Mapping[str, Sequence[NDArray[Any]]]
    frame_shift_s: float

    def __post_init__(self) -> None:
        _check_queries(self.queries)
        if not self.scores:
            raise HearsayError("phrases without any frame scores cannot be scored")
        for name, rows in self.scores.items():
            if len(rows) != len(self.queries):
                raise HearsayError(
                    f"{len(rows)} rows of frame scores {name!r} for {len(self.queries)} phrases"
                )
            for query, row, first in zip(self.queries, rows, self._some_rows, strict=True):
                _check_row(query, np.asarray(row), len(first))

    @property
    def _some_rows(self) -> Sequence[NDArray[Any]]:
        return next(iter(self.scores.values()))

    @property
    def num_frames(self) -> list[int]:
        """T of every query."""
        return [len(row) for row in self._some_rows]

    @property
    def clip_ids(self) -> NDArray[np.str_]:
        """The clip of every query, [Q]."""
        return np.array([query.clip_id for query in self.queries], dtype=np.str_)

    @property
    def durations_s(self) -> list[float]:
        """The length of every query's clip, Q."""
        return [query.clip_end_s for query in self.queries]

    @cached_property
    def labels(self) -> list[NDArray[np.bool_]]:
        """Which frames are labelled: Q rows [T]; see `frame_labels`."""
        return [
            frame_labels(
                query.onsets_s, query.offsets_s, num_frames, self.frame_shift_s, query.clip_end_s
            )
            for query, num_frames in zip(self.queries, self.num_frames, strict=True)
        ]

    @cached_property
    def edges_s(self) -> list[NDArray[np.float64]]:
        """Where frames begin and end: Q rows [T' + 1] of seconds; see `frame_edges`."""
        return [
            frame_edges(num_frames, self.frame_shift_s, query.clip_end_s)
            for query, num_frames in zip(self.queries, self.num_frames, strict=True)
        ]

    @cached_property
    def events(self) -> list[NDArray[np.float64]]:
        """The labelled events: Q tables [E, 2] of seconds; see `labelled_events`."""
        return [
            labelled_events(query.onsets_s, query.offsets_s, query.clip_end_s)
            for query in self.queries
        ]

    @cached_property
    def subsets(self) -> dict[str, NDArray[np.bool_]]:
        """Which queries belong to each of SUBSETS, [Q].

        `heard`: something of the phrase is heard. `non_trivial`: fewer than 99 % of the frames
        are labelled; unheard phrases stay in. `several_events`: phrases, heard or not, of clips
        with a caption of which two phrases are heard at different times.
        """
        heard = np.array([len(events) > 0 for events in self.events], dtype=bool)
        labelled = np.array([label.sum() for label in self.labels])
        frames = np.array(self.num_frames)
        several = _clips_with_several_events(self.queries, self.events)
        return {
            "all": np.ones(len(self.queries), dtype=bool),
            "heard": heard,
            "non_trivial": 100 * labelled < NON_TRIVIAL_PERCENT * frames,
            "several_events": np.isin(self.clip_ids, sorted(several)),
        }


def phrase_queries(phrases: pd.DataFrame, clip_ends_s: Mapping[str, float]) -> list[PhraseQuery]:
    """Make queries of the index's phrases, in the order of the table.

    The id of a query is its caption's, `#` and the phrase's number in the caption, from 0.

    Args:
        phrases: the index table, or some of its rows.
        clip_ends_s: length of every clip of these phrases.

    Raises:
        HearsayError: a clip has no length.
    """
    numbers = phrases.groupby("caption_id", sort=False).cumcount()
    queries = []
    for row, number in zip(phrases.itertuples(index=False), numbers, strict=True):
        if row.clip_id not in clip_ends_s:
            raise HearsayError(f"clip {row.clip_id} has phrases, but its length is not known")
        queries.append(
            PhraseQuery(
                f"{row.caption_id}#{number}",
                row.clip_id,
                row.caption_id,
                row.phrase,
                tuple(float(onset) for onset in row.onsets_s),
                tuple(float(offset) for offset in row.offsets_s),
                float(clip_ends_s[row.clip_id]),
            )
        )
    return queries


def _clips_with_several_events(
    queries: Sequence[PhraseQuery], events: Sequence[NDArray[np.float64]]
) -> set[str]:
    """Find the clips with a caption of which two phrases are heard at different times."""
    times: dict[tuple[str, str], set[bytes]] = {}
    for query, segments in zip(queries, events, strict=True):
        if len(segments):
            times.setdefault((query.clip_id, query.caption_id), set()).add(segments.tobytes())
    return {clip_id for (clip_id, _), different in times.items() if len(different) > 1}


def _check_queries(queries: Sequence[PhraseQuery]) -> None:
    if len(queries) == 0:
        raise HearsayError("there is no phrase to score")
    seen: set[str] = set()
    for query in queries:
        if query.query_id in seen:
            raise HearsayError(f"two phrases have the query id {query.query_id!r}")
        seen.add(query.query_id)
        if not query.clip_end_s > 0:
            raise HearsayError(f"clip {query.clip_id} has the length {query.clip_end_s} s")


def _check_row(query: PhraseQuery, row: NDArray[Any], num_frames: int) -> None:
    where = f"clip {query.clip_id}, phrase {query.phrase!r}"
    if row.ndim != 1 or len(row) == 0 or len(row) != num_frames:
        raise HearsayError(f"{where}: frame scores of shape {row.shape}, not ({num_frames},)")
    if np.isnan(row).any():
        raise HearsayError(
            f"{where}: a frame score is NaN; the run diverged or its input is broken"
        )
    if row.min() < -SCORE_TOLERANCE or row.max() > 1 + SCORE_TOLERANCE:
        raise HearsayError(
            f"{where}: frame scores from {row.min():g} to {row.max():g}; they must lie in [0, 1]"
        )
