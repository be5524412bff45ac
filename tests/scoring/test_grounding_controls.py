"""Controls of phrase grounding, computed and analytic."""

from pathlib import Path

import numpy as np
import pytest
from phrase_scores import FRAMES, IDENTITY, SHIFT_S, good_scores, query, scored, some_queries, value

from hearsay.annotations.audiogrounding import read_audiogrounding
from hearsay.errors import HearsayError
from hearsay.scoring.grounding import AS_IS, PHRASE_VARIANTS, choose_thresholds, score_grounding
from hearsay.scoring.grounding_analytic import score_random_analytically
from hearsay.scoring.grounding_controls import (
    all_active_scores,
    control_identity,
    energy_scores,
    random_scores,
    shuffle_phrases,
)
from hearsay.scoring.grounding_queries import SUBSETS, phrase_queries
from hearsay.scoring.records import check_record

V1 = Path(__file__).parents[3] / "shared" / "data" / "audiogrounding" / "v1"


def score(phrases, control, thresholds=None, variants=AS_IS):
    return score_grounding(
        phrases,
        thresholds or {"": 0.5},
        control_identity(IDENTITY, control),
        variants=variants,
        num_resamples=20,
    ).records


@pytest.fixture(scope="module")
def queries():
    return some_queries(30)


def test_controls_are_methods_of_their_own():
    random = control_identity(IDENTITY, "random")
    assert (random.method, random.weights, random.seed) == ("random", "none", 0)
    shuffled = control_identity(IDENTITY, "shuffled_phrase")
    assert (shuffled.method, shuffled.seed) == ("shuffled_phrase.word_align", 1)
    with pytest.raises(HearsayError, match="control 'loud' is unknown"):
        control_identity(IDENTITY, "loud")


def test_all_active_has_recall_1_and_the_f1_of_its_positive_rate(queries):
    phrases = all_active_scores(queries, [FRAMES] * len(queries), SHIFT_S)
    records = score(phrases, "all_active", choose_thresholds(phrases, AS_IS))
    rate = np.concatenate(phrases.labels).mean()
    assert value(records, "recall", "threshold_0.50") == 1.0
    assert value(records, "F1", "threshold_val") == pytest.approx(2 * rate / (1 + rate))
    assert value(records, "precision", "threshold_val") == pytest.approx(rate)
    for record in records:
        check_record(record, "here")
        assert record["value"] == pytest.approx(record["chance"], abs=0.002)


def test_random_scores_are_at_chance_and_as_the_analytic_ones(queries):
    many = [
        query(f"{q.clip_id}x{copy}/0/{number}", q.onsets_s, q.offsets_s)
        for copy in range(8)
        for number, q in enumerate(queries)
    ]
    phrases = random_scores(many, [FRAMES] * len(many), SHIFT_S, seed=3)
    records = score(phrases, "random")
    analytic, curves = score_random_analytically(phrases, IDENTITY, num_resamples=20)
    for metric in ("precision", "recall", "F1"):
        computed = value(records, metric, "threshold_0.50")
        assert computed == pytest.approx(value(analytic, metric, "analytic_0.50"), abs=0.02)
        assert computed == pytest.approx(
            value(records, metric, "threshold_0.50", field="chance"), abs=0.02
        )
    assert value(records, "AUROC", "all_thresholds") == pytest.approx(0.5, abs=0.02)
    rate = np.concatenate(phrases.labels).mean()
    assert value(records, "average_precision", "all_thresholds") == pytest.approx(rate, abs=0.02)
    assert value(analytic, "recall", "analytic_0.50") == 0.5
    assert value(analytic, "precision", "analytic_0.50") == pytest.approx(rate)
    assert {record["subset"] for record in analytic} == set(SUBSETS)
    assert {record["method"] for record in analytic} == {"random"}
    some = curves[(curves["part"] == "all") & (curves["threshold"] == 0.2)].iloc[0]
    assert (some["recall"], some["precision"]) == pytest.approx((0.8, rate))
    assert (some["method"], some["protocol"], some["seed"]) == ("random", "analytic", 0)


def test_random_scores_hang_on_the_seed_alone(queries):
    first, again, other = (
        random_scores(queries, [FRAMES] * len(queries), SHIFT_S, seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(first.scores["mean"], again.scores["mean"])
    assert not np.array_equal(first.scores["mean"], other.scores["mean"])


def test_energy_scores_all_phrases_of_a_clip_alike_and_may_be_in_decibel(queries):
    loudness = {f"clip{number}": np.linspace(-60, -10, FRAMES) for number in range(30)}
    phrases = energy_scores(queries, loudness, SHIFT_S)
    for row in phrases.scores["mean"]:
        assert row == pytest.approx(np.linspace(0, 1, FRAMES))
    score(phrases, "energy")
    loudness["clip3"][4] = np.nan
    with pytest.raises(HearsayError, match="clip clip3: the energy"):
        energy_scores(queries, loudness, SHIFT_S)
    del loudness["clip3"]
    with pytest.raises(HearsayError, match="clip clip3 has phrases, but no energy"):
        energy_scores(queries, loudness, SHIFT_S)


def test_a_shuffled_phrase_has_the_scores_of_another_phrase_of_its_clip():
    queries = [
        query("a/0/0", [1], [2], "a dog"),
        query("a/0/1", [3], [4], "a man"),
        query("a/1/0", [1], [2], "A Dog"),  # alone in its caption; the other words are "a man"
        query("b/0/0", [1], [2], "rain"),  # alone in its clip
        query("c/0/0", [1], [2], "wind"),  # the same words twice: alone too
        query("c/1/0", [1], [2], "wind"),
    ]
    rows = [np.full(FRAMES, number / 10) for number in range(6)]
    shuffled, left_out = shuffle_phrases(scored(queries, rows), seed=0)
    assert left_out == 3
    assert [q.query_id for q in shuffled.queries] == ["a_0#0", "a_0#1", "a_1#0"]
    for words in ("mean", "max"):
        assert [row[0] for row in shuffled.scores[words]][::2] == [0.1, 0.1]
    # "a man" has one other phrase in its caption, and takes no synonym of another caption; "A Dog"
    # does not take "a dog"
    for seed in range(20):
        again = shuffle_phrases(scored(queries, rows), seed)[0]
        assert [row[0] for row in again.scores["mean"]] == [0.1, 0.0, 0.1]
    assert shuffled.labels[0].tolist() == scored(queries, rows).labels[0].tolist()


def test_without_a_second_phrase_nothing_can_be_shuffled():
    queries = [query("b/0/0", [1], [2], "rain"), query("c/0/0", [1], [2], "wind")]
    assert shuffle_phrases(scored(queries, [np.zeros(FRAMES)] * 2), seed=0) == (None, 2)


def test_shuffling_costs_a_system_that_grounds_its_score(queries):
    phrases = good_scores(queries)
    thresholds = choose_thresholds(phrases, PHRASE_VARIANTS)
    shuffled, left_out = shuffle_phrases(phrases, seed=0)
    # the phrases of the 10 clips with one phrase, in two captions
    assert left_out == 20
    several = phrases.subsets["several_events"].sum()
    assert shuffled.subsets["several_events"].sum() == several  # the same queries
    own = score(phrases, "random", thresholds, PHRASE_VARIANTS)
    other = score(shuffled, "shuffled_phrase", thresholds, PHRASE_VARIANTS)
    f1 = [value(records, "F1", "threshold_val", "several_events") for records in (own, other)]
    assert f1[0] > f1[1] + 0.2
    # A score that does not hear the phrase loses nothing.
    loudness = {q.clip_id: np.linspace(-60, -10, FRAMES) for q in queries}
    deaf = energy_scores(queries, loudness, SHIFT_S)
    swapped, _ = shuffle_phrases(deaf, seed=0)
    both = [
        value(score(some, "energy"), "F1", "threshold_0.50", "several_events")
        for some in (deaf, swapped)
    ]
    assert both[0] == both[1]


@pytest.mark.skipif(
    not V1.is_dir(), reason="AudioGrounding's label files (../shared/data/audiogrounding) not here"
)
def test_on_the_real_test_labels_the_controls_reach_the_known_levels():
    index = read_audiogrounding(V1)
    clips = index.clips[index.clips["split"] == "test"]["clip_id"]
    phrases = index.phrases[index.phrases["clip_id"].isin(clips)]
    real = phrase_queries(phrases, dict.fromkeys(clips, 10.0))  # a few are shorter
    assert len(real) == 1161
    frames = [501] * len(real)
    everything = score(all_active_scores(real, frames, 0.02), "all_active")
    assert round(value(everything, "precision", "threshold_0.50"), 3) == 0.523
    assert round(value(everything, "F1", "threshold_0.50"), 3) == 0.687
    random = random_scores(real, frames, 0.02, seed=0)
    assert value(score(random, "random"), "F1", "threshold_0.50") == pytest.approx(0.511, abs=0.002)
    analytic, _ = score_random_analytically(random, IDENTITY, num_resamples=20)
    assert round(value(analytic, "F1", "analytic_0.50"), 3) == 0.511
    sizes = {name: int(part.sum()) for name, part in random.subsets.items()}
    assert sizes["all"] == 1161 and sizes["heard"] == 1161 - 46
    assert round(100 * (1 - sizes["non_trivial"] / 1161)) == 28
    assert 0 < sizes["several_events"] < 1161
