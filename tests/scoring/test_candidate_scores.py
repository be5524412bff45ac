"""Retrieval among 30 candidates: against a naive loop, by hand, and of a dead model."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from hearsay.errors import HearsayError
from hearsay.metrics.bootstrap import bootstrap_interval
from hearsay.scoring.candidates import draw_candidates, score_candidates, spread_over_draws
from hearsay.scoring.records import RANK_COLUMNS, ScoreIdentity, check_record

IDENTITY = ScoreIdentity("demo", "test", "all", "word_align", "audio_text", "none", 3, "abc")


def clips(num_clips):
    return [f"clip{number:03d}" for number in range(num_clips)]


def captions(num_clips, seed=0):
    """One to five captions a clip, mixed."""
    generator = np.random.default_rng(seed)
    owners = np.repeat(clips(num_clips), generator.integers(1, 6, size=num_clips))
    return generator.permutation(owners).tolist()


def score(scores, num_clips, owners, **changes):
    arguments = {"draw_seed": 7, "num_resamples": 50} | changes
    return score_candidates(np.asarray(scores), clips(num_clips), owners, IDENTITY, **arguments)


def value(records, direction, metric, field="value"):
    found = [
        record[field]
        for record in records
        if (record["direction"], record["metric"]) == (direction, metric)
    ]
    assert len(found) == 1
    return found[0]


def test_each_draw_has_a_caption_of_the_clip_and_29_of_other_clips():
    names, owners = clips(40), captions(40)
    draws = draw_candidates(names, owners, seed=0)
    assert len(draws) == 20
    for draw in draws:
        assert draw.clips.shape == draw.captions.shape == (40, 30)
        assert draw.clips[:, 0].tolist() == list(range(40))
        assert all(len(set(row)) == 30 for row in draw.clips.tolist())
        for clip_row, caption_row in zip(draw.clips, draw.captions, strict=True):
            assert [owners[place] for place in caption_row] == [names[place] for place in clip_row]
    assert len({tuple(draw.captions.ravel()) for draw in draws}) == 20


def test_clips_and_captions_are_drawn_uniformly():
    names = clips(31)
    owners = np.repeat(names, 3).tolist()
    draws = [draw for seed in range(30) for draw in draw_candidates(names, owners, seed)]
    others = np.concatenate([draw.clips[5, 1:] for draw in draws])
    counts = np.bincount(others, minlength=31)
    assert counts[5] == 0
    # 600 draws take 29 of 30: each other clip in 580 on average, standard deviation 4.4
    assert np.delete(counts, 5) == pytest.approx(np.full(30, 580), abs=20)
    own = np.bincount([draw.captions[5, 0] - 15 for draw in draws], minlength=3)
    assert own == pytest.approx(np.full(3, 200), abs=50)


def test_ranks_equal_a_naive_loop():
    names, owners = clips(35), captions(35)
    generator = np.random.default_rng(2)
    matrix = generator.integers(0, 12, size=(35, len(owners))).astype(np.float32) / 16
    records, ranks = score(matrix, 35, owners)
    hits = {}
    for number, draw in enumerate(draw_candidates(names, owners, seed=7)):
        for clip in range(35):
            right = draw.captions[clip, 0]
            to_text = sum(
                matrix[clip, wrong] >= matrix[clip, right] for wrong in draw.captions[clip, 1:]
            )
            to_audio = sum(
                matrix[wrong, right] >= matrix[clip, right] for wrong in draw.clips[clip, 1:]
            )
            for way, before in (("audio_to_text", to_text), ("text_to_audio", to_audio)):
                row = ranks[
                    (ranks["direction"] == way)
                    & (ranks["query_id"] == f"{names[clip]}#{number:02d}")
                ].iloc[0]
                assert row["rank"] == 1 + before
                assert row["clip_id"] == names[clip]
                hits.setdefault(way, []).append(1 + before)
    for way, found in hits.items():
        for metric, k in (("R@1", 1), ("R@5", 5)):
            expected = np.mean(np.array(found) <= k)
            assert value(records, way, metric) == pytest.approx(expected)


def test_a_perfect_model_is_1_and_its_rows_are_complete():
    owners = captions(30)
    matrix = np.array([[float(owner == clip) for owner in owners] for clip in clips(30)])
    records, ranks = score(matrix, 30, owners)
    assert len(records) == 4
    for record in records:
        check_record(record, "here")
        assert (record["value"], record["protocol"]) == (1.0, "candidates_30")
        assert (record["num_queries"], record["num_candidates"]) == (600, 30)
    assert tuple(ranks.columns) == RANK_COLUMNS
    assert len(ranks) == 2 * 600
    assert set(ranks["average_precision_at_10"]) == {1.0} and set(ranks["seed"]) == {3}


def test_a_dead_model_is_last_everywhere():
    owners = captions(33)
    records, ranks = score(np.full((33, len(owners)), 0.4, np.float32), 33, owners)
    assert set(ranks["rank"]) == {30}
    for record in records:
        assert record["value"] == 0.0 <= record["chance"]


def test_ties_are_judged_up_to_rounding():
    owners = clips(30)
    matrix = np.full((30, 30), 0.4) + 5e-7 * np.eye(30)
    assert set(score(matrix, 30, owners)[1]["rank"]) == {30}
    matrix = np.full((30, 30), 0.4) + 5e-6 * np.eye(30)
    assert set(score(matrix, 30, owners)[1]["rank"]) == {1}


def test_chance_is_exact_and_reached_by_random_scores():
    owners = captions(100)
    generator = np.random.default_rng(0)
    records, _ = score(generator.random((100, len(owners))), 100, owners)
    for way in ("audio_to_text", "text_to_audio"):
        assert value(records, way, "R@1", "chance") == float(Fraction(1, 30))
        assert value(records, way, "R@5", "chance") == float(Fraction(5, 30))
        assert value(records, way, "R@5") == pytest.approx(5 / 30, abs=0.04)


def test_the_interval_is_over_clips_with_all_their_draws():
    owners = captions(60)
    generator = np.random.default_rng(1)
    matrix = generator.random((60, len(owners)))
    for clip, name in enumerate(clips(60)):
        matrix[clip, [owner == name for owner in owners]] += clip / 60
    records, ranks = score(matrix, 60, owners)
    some = ranks[ranks["direction"] == "audio_to_text"]
    of_clip = (some["rank"] == 1).groupby(some["clip_id"]).mean()
    interval = bootstrap_interval(of_clip.to_numpy(), of_clip.index.to_numpy(str), "mean", 50, 0)
    got = [value(records, "audio_to_text", "R@1", field) for field in ("ci_low", "ci_high")]
    assert got == pytest.approx(list(interval))


def test_the_spread_over_draws_is_their_population_standard_deviation():
    owners = captions(40)
    records, ranks = score(np.random.default_rng(0).random((40, len(owners))), 40, owners)
    other = ranks.assign(protocol="full_gallery")
    best = ranks.assign(protocol="candidates_30_best_val", rank=1)
    spread = spread_over_draws(pd.concat([ranks, other, best]))
    assert set(spread["protocol"]) == {"candidates_30", "candidates_30_best_val"}
    own = spread[spread["protocol"] == "candidates_30"]
    assert len(own) == 4 and set(own["num_draws"]) == {20}
    row = own[(own["direction"] == "text_to_audio") & (own["metric"] == "R@5")].iloc[0]
    some = ranks[ranks["direction"] == "text_to_audio"]["rank"].to_numpy().reshape(20, 40)
    of_draw = (some <= 5).mean(axis=1)
    assert row["population_std"] == pytest.approx(np.sqrt(np.mean((of_draw - of_draw.mean()) ** 2)))
    assert row["mean"] == pytest.approx(value(records, "text_to_audio", "R@5"))
    assert row["seed"] == 3


def test_the_draws_hang_on_their_seed_and_not_on_the_scores():
    owners = captions(50)
    matrix = np.random.default_rng(0).random((50, len(owners)))
    first, again, other = (score(matrix, 50, owners, draw_seed=seed)[1] for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_fewer_than_30_clips_are_refused():
    with pytest.raises(HearsayError, match="needs at least 30 clips with captions, not 29"):
        score(np.zeros((29, 29)), 29, clips(29))


def test_input_that_does_not_fit_is_refused():
    names = clips(30)
    with pytest.raises(HearsayError, match=r"shape .30, 29. for 30 clips and 30 captions"):
        score(np.zeros((30, 29)), 30, names)
    with pytest.raises(HearsayError, match="clip clip004 is scored without a caption"):
        score(np.zeros((30, 29)), 30, names[:4] + names[5:])
    with pytest.raises(HearsayError, match="stands twice"):
        score_candidates(
            np.zeros((31, 30)), [*names, "clip000"], names, IDENTITY, draw_seed=0, num_resamples=5
        )
    broken = np.zeros((30, 30))
    broken[3, 4] = np.nan
    with pytest.raises(HearsayError, match="clip clip003 has a score that is not finite"):
        score(broken, 30, names)
