"""Events and their matching: hand-worked times off the grid, and sed_eval on everything."""

import numpy as np
import pytest
from sed_eval.sound_event import EventBasedMetrics

from hearsay.metrics.grounding_events import (
    active_events,
    count_matches,
    frame_edges,
    labelled_events,
)


def events(*pairs):
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)


def test_segments_are_cut_at_the_clips_end_and_joined_where_they_touch():
    got = labelled_events([3.1, 0.2, 9.7, 0.9, 10.0], [4.0, 0.9, 10.02, 1.5, 10.02], 10.0)
    assert got.tolist() == [[0.2, 1.5], [3.1, 4.0], [9.7, 10.0]]
    assert labelled_events([0.5, 0.7], [3.0, 1.0], 10.0).tolist() == [[0.5, 3.0]]
    assert labelled_events([], [], 10.0).shape == (0, 2)


def test_frames_reach_half_a_shift_to_both_sides_within_the_clip():
    edges = frame_edges(501, 0.02, 10.0)
    assert len(edges) == 502
    assert edges[[0, 1, 2, 500, 501]] == pytest.approx([0, 0.01, 0.03, 9.99, 10.0])
    assert frame_edges(4, 0.5, 1.3) == pytest.approx([0, 0.25, 0.75, 1.25, 1.3])
    # the fourth frame would begin at 1.25 s, the clip's end
    assert frame_edges(4, 0.5, 1.25) == pytest.approx([0, 0.25, 0.75, 1.25])


def test_runs_of_active_frames_are_events():
    edges = np.array([0.0, 0.25, 0.75, 1.25, 1.75, 2.0])
    active = np.array([True, False, True, True, True, True])  # the last lies beyond the edges
    assert active_events(active, edges).tolist() == [[0.0, 0.25], [0.75, 2.0]]
    assert active_events(np.zeros(6, dtype=bool), edges).shape == (0, 2)


@pytest.mark.parametrize(
    ("detected", "right"),
    [
        ((1.32, 2.1), 1),  # onset 0.19 late
        ((1.34, 2.1), 0),  # 0.21 late
        ((0.94, 2.1), 1),  # 0.19 early
        ((1.13, 2.32), 1),  # the labelled second is 1.0 long: 20 % are 0.2, as the collar
        ((1.13, 2.36), 0),
    ],
)
def test_an_event_matches_within_the_collars(detected, right):
    assert count_matches(events(detected), events((1.13, 2.13))) == right


def test_the_offset_of_a_long_event_may_be_a_fifth_of_its_length_off():
    assert count_matches(events((1.13, 7.05)), events((1.13, 6.13))) == 1
    assert count_matches(events((1.13, 7.21)), events((1.13, 6.13))) == 0


def test_one_label_is_matched_once_and_as_many_pairs_as_can_be():
    assert count_matches(events((1.0, 2.0), (1.05, 2.05)), events((1.03, 2.03))) == 1
    # the first detection fits both labels, the second the first label alone
    labelled = events((1.1, 2.0), (1.25, 2.15))
    assert count_matches(events((1.17, 2.08), (0.93, 1.9)), labelled) == 2


def test_nothing_detected_or_labelled_matches_nothing():
    assert count_matches(events(), events((1, 2))) == 0
    assert count_matches(events((1, 2)), events()) == 0


def test_matches_equal_sed_eval_on_all_pairs():
    generator = np.random.default_rng(0)
    judge = EventBasedMetrics(["phrase"], t_collar=0.2, percentage_of_length=0.2)
    total, detected_in_all, labelled_in_all = 0, 0, 0
    for _ in range(60):
        onsets = np.cumsum(0.4 + generator.random(5) * 2)
        labelled = np.stack([onsets, onsets + 0.3 + generator.random(5) * 2], axis=1)
        detected = labelled + generator.normal(scale=0.2, size=labelled.shape)
        detected = detected[detected[:, 1] > detected[:, 0]]
        judge.evaluate(
            *(
                [
                    {"event_onset": on, "event_offset": off, "event_label": "phrase"}
                    for on, off in table.tolist()
                ]
                for table in (labelled, detected)
            )
        )
        total += count_matches(detected, labelled)
        detected_in_all, labelled_in_all = detected_in_all + len(detected), labelled_in_all + 5
    counts = judge.class_wise["phrase"]
    assert (total, detected_in_all) == (counts["Ntp"], counts["Nsys"])
    f1 = judge.results_overall_metrics()["f_measure"]["f_measure"]
    assert 2 * total / (detected_in_all + labelled_in_all) == pytest.approx(f1)
    assert 0.2 < f1 < 0.9
