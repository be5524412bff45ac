"""Events of a phrase: runs of active frames, and event-based F1 through sed_eval.

A detected event is right where its onset lies within COLLAR_S of a labelled one's and its offset
within COLLAR_S or OFFSET_SHARE of the labelled length, whichever is more (Mesaros et al. 2016, with
the collars of DCASE's task 4). Each query is matched for itself, as many pairs as can be.
"""

import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

COLLAR_S = 0.2
OFFSET_SHARE = 0.2

_LABEL = "phrase"
_MARGIN_S = 1e-3  # leaves what lies on a collar to sed_eval


def labelled_events(
    onsets_s: Sequence[float], offsets_s: Sequence[float], clip_end_s: float
) -> NDArray[np.float64]:
    """Return the labelled events of a phrase, [E, 2] onset and offset in seconds, in order.

    Segments are cut at the clip's end, left out where nothing remains, and joined where they
    overlap or touch: what sounds without a gap is one event.

    Args:
        onsets_s: of the segments.
        offsets_s: as many; none where the phrase is not heard.
        clip_end_s: length of the clip.
    """
    events: list[list[float]] = []
    for onset_s, offset_s in sorted(zip(onsets_s, offsets_s, strict=True)):
        offset_s = min(offset_s, clip_end_s)
        if offset_s <= onset_s:
            continue
        if events and onset_s <= events[-1][1]:
            events[-1][1] = max(events[-1][1], offset_s)
        else:
            events.append([onset_s, offset_s])
    return np.array(events, dtype=np.float64).reshape(-1, 2)


def frame_edges(num_frames: int, frame_shift_s: float, clip_end_s: float) -> NDArray[np.float64]:
    """Return where frames begin and end, [T' + 1] in seconds, ascending.

    Frame t is centred at t times the shift and reaches half a shift to both sides, within the
    clip: of 501 frames of 20 ms in 10 s the first and the last are half as long. Frames that
    would begin at the clip's end or later are left out, so T' may be less than T.

    Args:
        num_frames: T, at least 1.
        frame_shift_s: between two centres.
        clip_end_s: length of the clip, above 0.
    """
    edges = (np.arange(num_frames + 1) - 0.5) * frame_shift_s
    edges[0] = 0.0
    inside = int(np.searchsorted(edges[:-1], clip_end_s))  # frames that begin before the end
    return np.minimum(edges[: inside + 1], clip_end_s)


def active_events(active: NDArray[np.bool_], edges_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the runs of active frames, [E, 2] onset and offset in seconds, in order.

    No gap is closed and no run is dropped.

    Args:
        active: [T], at least as many frames as the edges bound.
        edges_s: [T' + 1], of `frame_edges`.
    """
    between = np.zeros(len(edges_s) + 1, dtype=bool)  # nothing is active before and behind
    between[1:-1] = active[: len(edges_s) - 1]
    return edges_s[np.flatnonzero(between[1:] != between[:-1])].reshape(-1, 2)


def count_matches(detected: NDArray[np.float64], labelled: NDArray[np.float64]) -> int:
    """Count the detected events of one query that are right, by sed_eval.

    Args:
        detected: [E, 2], onset and offset in seconds.
        labelled: [L, 2].

    Returns:
        the size of the largest one-to-one matching within the collars.
    """
    if len(detected) == 0 or len(labelled) == 0:
        return 0
    detected = detected[_near(detected, labelled).any(axis=1)]
    if len(detected) == 0:
        return 0
    judge = _sed_eval().EventBasedMetrics(
        event_label_list=[_LABEL],
        evaluate_onset=True,
        evaluate_offset=True,
        t_collar=COLLAR_S,
        percentage_of_length=OFFSET_SHARE,
        event_matching_type="optimal",
    )
    judge.evaluate(_event_list(labelled), _event_list(detected))
    return int(judge.class_wise[_LABEL]["Ntp"])


def _near(detected: NDArray[np.float64], labelled: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Find pairs that may be within the collars, [E, L]; sed_eval, which is slow, judges these."""
    apart = np.abs(detected[:, None] - labelled[None])  # [E, L, 2]
    offset_collar = np.maximum(COLLAR_S, OFFSET_SHARE * (labelled[:, 1] - labelled[:, 0]))
    return (apart[..., 0] < COLLAR_S + _MARGIN_S) & (apart[..., 1] < offset_collar + _MARGIN_S)


def _event_list(events: NDArray[np.float64]) -> list[dict[str, Any]]:
    return [
        {"event_onset": onset, "event_offset": offset, "event_label": _LABEL}
        for onset, offset in events.tolist()
    ]


@cache
def _sed_eval() -> Any:
    with warnings.catch_warnings():
        # dcase_util uses pkg_resources, which warns; setuptools is held below 82 for it.
        warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
        from sed_eval import sound_event
    return sound_event
