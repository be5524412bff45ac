"""Queries of phrase grounding: what is refused, and which parts they are in."""

import numpy as np
import pandas as pd
import pytest
from phrase_scores import FRAMES, query, scored

from hearsay.errors import HearsayError
from hearsay.scoring.grounding_queries import ScoredPhrases, phrase_queries

PAIR = [query("a/0/0", [0.5], [1.5], "a dog"), query("b/0/0", [], [], "a cat")]


def rows(*changes):
    table = [np.full(FRAMES, 0.5), np.full(FRAMES, 0.5)]
    for place, frame, value in changes:
        table[place][frame] = value
    return table


def test_a_nan_is_refused_in_one_line_that_names_clip_and_phrase():
    with pytest.raises(
        HearsayError, match="^clip b, phrase 'a cat': a frame score is NaN"
    ) as error:
        scored(PAIR, rows((1, 7, np.nan)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("bad", [-0.1, 1.1, np.inf])
def test_scores_outside_0_to_1_are_refused(bad):
    with pytest.raises(
        HearsayError, match="clip a, phrase 'a dog': frame scores from .* in .0, 1."
    ):
        scored(PAIR, rows((0, 7, bad)))


def test_the_rounding_of_cosines_is_let_through():
    scored(PAIR, rows((0, 7, np.float32(1.0000002)), (1, 3, -1e-7)))


def test_rows_that_do_not_fit_are_refused():
    with pytest.raises(HearsayError, match="1 rows of frame scores 'mean' for 2 phrases"):
        scored(PAIR, rows()[:1])
    with pytest.raises(HearsayError, match=r"clip b, phrase 'a cat': frame scores of shape .0,."):
        scored(PAIR, [np.zeros(5), np.zeros(0)])
    both = {"mean": rows(), "max": [np.zeros(FRAMES), np.zeros(FRAMES - 1)]}
    with pytest.raises(HearsayError, match=r"clip b, phrase 'a cat': .* .50,., not .51,."):
        ScoredPhrases(PAIR, both, 0.1)
    with pytest.raises(HearsayError, match="without any frame scores"):
        ScoredPhrases(PAIR, {}, 0.1)
    with pytest.raises(HearsayError, match="no phrase"):
        scored([], [])
    with pytest.raises(HearsayError, match="two phrases have the query id 'a_0#0'"):
        scored([PAIR[0], PAIR[0]], rows())


def test_labels_are_of_the_clips_own_frames():
    queries = [query("a/0/0", [0.5], [9.0]), query("b/0/0", [1.0], [1.3], clip_end_s=2.0)]
    phrases = scored(queries, [np.zeros(51), np.zeros(21)])
    assert np.flatnonzero(phrases.labels[0]).tolist() == list(range(5, 51))  # cut at 5 s
    assert np.flatnonzero(phrases.labels[1]).tolist() == [10, 11, 12]
    assert phrases.events[0].tolist() == [[0.5, 5.0]]


def test_an_onset_beyond_the_clip_is_not_heard():
    phrases = scored([query("a/0/0", [5.2], [6.0]), PAIR[1]], rows())
    assert phrases.subsets["heard"].tolist() == [False, False]


def test_trivial_is_a_phrase_that_covers_99_percent_of_the_frames():
    def share(offset_s):
        queries = [query("a/0/0", [0.0], [offset_s], clip_end_s=10.0)]
        return scored(queries, [np.zeros(100)]).subsets["non_trivial"].tolist()

    assert share(9.75) == [True]  # 98 of 100 frames, centred at 0, 0.1, ..., 9.7
    assert share(9.85) == [False]  # 99 of 100
    assert scored(PAIR, rows()).subsets["non_trivial"].tolist() == [True, True]


def test_several_events_are_phrases_of_one_caption_heard_at_different_times():
    queries = [
        query("one/0/0", [1.0], [2.0]),  # the same event in two captions
        query("one/1/0", [1.1], [2.0]),
        query("same/0/0", [1.0], [2.0]),  # two names of one event
        query("same/0/1", [1.0], [2.0]),
        query("two/0/0", [1.0], [2.0]),
        query("two/0/1", [3.0], [4.0]),
        query("two/1/0", [], []),
        query("silent/0/0", [1.0], [2.0]),  # the second is not heard
        query("silent/0/1", [], []),
    ]
    parts = scored(queries, [np.zeros(FRAMES)] * 9).subsets
    assert parts["several_events"].tolist() == [False] * 4 + [True] * 3 + [False] * 2
    assert parts["heard"].tolist() == [True] * 6 + [False, True, False]
    assert parts["all"].all()


def test_queries_come_from_the_index_and_are_numbered_by_caption():
    table = pd.DataFrame(
        {
            "caption_id": ["c1", "c2", "c1"],
            "clip_id": ["a", "b", "a"],
            "phrase": ["a dog", "rain", "a man"],
            "first_word": [0, 2, 5],
            "onsets_s": [np.array([0.5]), np.array([]), np.array([1.0, 3.0])],
            "offsets_s": [np.array([1.5]), np.array([]), np.array([2.0, 3.5])],
        }
    )
    queries = phrase_queries(table, {"a": 10.0, "b": 9.5})
    assert [q.query_id for q in queries] == ["c1#0", "c2#0", "c1#1"]
    assert queries[2].onsets_s == (1.0, 3.0) and queries[2].offsets_s == (2.0, 3.5)
    assert queries[1].onsets_s == () and queries[1].clip_end_s == 9.5
    with pytest.raises(HearsayError, match="clip b has phrases, but its length is not known"):
        phrase_queries(table, {"a": 10.0})
