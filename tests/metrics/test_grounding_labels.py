"""Frame labels and the scores of detection without looking, by hand, simulated, on real labels."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from hearsay.annotations.audiogrounding import read_audiogrounding
from hearsay.errors import HearsayError
from hearsay.metrics.grounding_chance import all_active_detection, random_detection
from hearsay.metrics.grounding_labels import frame_labels

V1 = Path(__file__).parents[3] / "shared" / "data" / "audiogrounding" / "v1"
needs_labels = pytest.mark.skipif(
    not V1.is_dir(), reason="AudioGrounding's label files (../shared/data/audiogrounding) not here"
)


def marked(onsets_s, offsets_s, num_frames=501, shift_s=0.02, clip_end_s=10.0) -> list[int]:
    labels = frame_labels(onsets_s, offsets_s, num_frames, shift_s, clip_end_s)
    assert labels.shape == (num_frames,) and labels.dtype == np.bool_
    return np.flatnonzero(labels).tolist()


def test_a_frame_is_marked_if_its_centre_lies_in_the_segment():
    assert marked([0.05], [0.1]) == [3, 4]  # 0.06 and 0.08 s; the offset itself is outside
    assert marked([0.04], [0.041]) == [2]
    assert marked([0.041], [0.059]) == []
    assert marked([0.0, 0.5], [0.03, 0.55]) == [0, 1, 25, 26, 27]
    assert marked([0.0, 0.02], [0.06, 0.08]) == [0, 1, 2, 3]  # overlapping
    assert marked([], []) == []


@pytest.mark.parametrize(("time_s", "frame"), [(0.14, 8), (0.28, 15), (4.48, 225)])
def test_times_are_divided_in_float64_as_the_authors_do(time_s, frame):
    exact = Fraction(str(time_s)) / Fraction("0.02")
    assert exact == frame - 1  # one frame earlier than what float64 rounds up to
    assert marked([time_s], [time_s + 0.1])[0] == frame
    assert marked([0.0], [time_s])[-1] == frame - 1
    assert marked([time_s], [time_s + 0.1], shift_s=20.0 / 1000)[0] == frame  # as from the config


def test_a_segment_to_the_clips_end_holds_the_frame_centred_there():
    assert marked([9.95], [10.0]) == [498, 499, 500]
    assert marked([9.95], [10.02]) == [498, 499, 500]
    assert marked([9.95], [9.99]) == [498, 499]
    assert marked([9.95], [10.0], clip_end_s=None) == [498, 499]
    assert marked([4.97], [5.0], num_frames=251, clip_end_s=5.0) == [249, 250]
    assert marked([4.97], [5.0], clip_end_s=5.0) == [249, 250]  # not the padding behind it
    assert marked([9.9], [9.99], clip_end_s=9.99) == [495, 496, 497, 498, 499]
    assert marked([0.0], [10.0], num_frames=251, shift_s=0.04) == list(range(251))


def test_what_lies_behind_the_last_frame_is_cut_off():
    assert marked([0.03, 2.0], [1.0, 3.0], num_frames=4) == [2, 3]
    assert marked([1.0], [10.0], num_frames=0) == []


@pytest.mark.parametrize(
    ("onsets_s", "offsets_s", "message"),
    [
        ([0.0], [1.0, 2.0], "1 onsets, but 2 offsets"),
        ([1.0], [1.0], "segment from 1.0 to 1.0 s does not begin"),
        ([-0.1], [1.0], "segment from -0.1 to 1.0 s does not begin"),
        ([float("nan")], [1.0], "segment from nan to 1.0 s"),
        ([0.0], [float("inf")], "segment from 0.0 to inf s"),
    ],
)
def test_segments_that_are_none_are_refused(onsets_s, offsets_s, message):
    with pytest.raises(HearsayError, match=message):
        frame_labels(onsets_s, offsets_s, 501, 0.02, 10.0)


def test_a_shift_of_nothing_is_refused():
    with pytest.raises(HearsayError, match="frame_shift_s 0 is not above 0"):
        frame_labels([], [], 501, 0, None)


def test_random_detection_equals_a_simulation():
    generator = np.random.default_rng(0)
    labels = generator.random(400_000) < 0.3
    scores = generator.random(400_000)
    for threshold in (0.0, 0.01, 0.25, 0.5, 0.9, 0.99):
        active = scores >= threshold
        hits = (active & labels).sum()
        precision, recall = hits / active.sum(), hits / labels.sum()
        f1 = 2 * hits / (active.sum() + labels.sum())
        expected = random_detection(labels.mean(), threshold)
        # five standard errors of the few active frames at 0.99
        assert (precision, recall, f1) == pytest.approx(expected, abs=0.04 * (threshold > 0) + 1e-9)
        if threshold <= 0.5:
            assert (precision, recall, f1) == pytest.approx(expected, abs=0.006)


def test_marking_every_frame_has_recall_1():
    assert all_active_detection(0.25) == (0.25, 1.0, 0.4)
    assert all_active_detection(1.0) == (1.0, 1.0, 1.0)
    assert all_active_detection(1 / 3).f1 == pytest.approx(0.5)


@pytest.mark.parametrize("rate", [0.0, -0.1, 1.1, float("nan")])
def test_a_rate_without_positive_frames_is_refused(rate):
    with pytest.raises(HearsayError, match="is not in .0, 1.; detection needs a positive frame"):
        all_active_detection(rate)


@pytest.mark.parametrize("threshold", [1.0, -0.01, float("nan")])
def test_a_threshold_outside_is_refused(threshold):
    with pytest.raises(HearsayError, match="threshold .* is not in"):
        random_detection(0.5, threshold)


@pytest.fixture(scope="module")
def real_labels():
    """Phrases of version 1 with split, length of their clip, and labels at 501 frames each."""
    index = read_audiogrounding(V1)
    clips = index.clips.set_index("clip_id")
    length_s = clips["end_s"] - clips["start_s"]
    phrases = index.phrases.assign(
        split=index.phrases["clip_id"].map(clips["split"]),
        length_s=index.phrases["clip_id"].map(length_s),
    )
    phrases["labels"] = [
        frame_labels(row.onsets_s, row.offsets_s, 501, 0.02, row.length_s)
        for row in phrases.itertuples()
    ]
    return phrases


@needs_labels
def test_the_real_labels_have_the_published_rates(real_labels):
    """The facts count 501 frames for every row, also for the few clips below 10 s."""
    rates = real_labels.groupby("split")["labels"].apply(lambda rows: np.stack(rows.to_list()))
    for split, positive, full in (("train", 0.508, 21), ("val", 0.516, 17), ("test", 0.523, 28)):
        labels = rates[split]  # [phrases, 501]
        assert round(float(labels.mean()), 3) == positive
        assert round(100 * float((labels.mean(axis=1) >= 0.99).mean())) == full
    test_rate = float(rates["test"].mean())
    assert round(all_active_detection(test_rate).f1, 3) == 0.687
    assert round(random_detection(test_rate, 0.5).f1, 3) == 0.511
    assert random_detection(test_rate, 0.5)[:2] == (test_rate, 0.5)


@needs_labels
def test_with_the_true_frames_of_short_clips_the_real_rate_is_a_little_higher(real_labels):
    rows = real_labels[real_labels["split"] == "test"]
    labels = np.concatenate(
        [
            frame_labels(row.onsets_s, row.offsets_s, num_frames, 0.02, row.length_s)
            for row in rows.itertuples()
            for num_frames in [1 + round(row.length_s / 0.02)]
        ]
    )
    assert round(float(labels.mean()), 3) == 0.526
    assert round(all_active_detection(float(labels.mean())).f1, 3) == 0.690
