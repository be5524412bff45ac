import numpy as np
import pandas as pd
import pytest

from hearsay.scoring import hits
from hearsay.scoring.hits import HIT_COLUMNS, find_hits
from hearsay.scoring.records import ScoreIdentity
from hearsay.scoring.retrieval import score_pairs

IDENTITY = ScoreIdentity("demo", "test", "all", "m", "audio_text", "w", 3, "abcdefabcdef")


def _find(scores, owners, num_hits=3):
    clips = [f"clip{n}" for n in range(len(scores))]
    captions = [f"caption{n}" for n in range(len(owners))]
    owned = [clips[owner] for owner in owners]
    table = find_hits(lambda rows: scores[rows], clips, captions, owned, IDENTITY, num_hits)
    return table, clips, captions, owned


def test_the_highest_scores_come_first_and_the_right_clip_is_marked():
    scores = np.array([[0.1, 0.9], [0.8, 0.2], [0.5, 0.3], [0.7, -0.4]], dtype=np.float32)
    table, *_ = _find(scores, [2, 0])
    assert table.columns.tolist() == list(HIT_COLUMNS)
    assert table["query_id"].tolist() == ["caption0"] * 3 + ["caption1"] * 3
    assert table["place"].tolist() == [1, 2, 3, 1, 2, 3]
    assert table["clip_id"].tolist() == ["clip1", "clip3", "clip2", "clip0", "clip2", "clip1"]
    assert table["score"].tolist() == pytest.approx([0.8, 0.7, 0.5, 0.9, 0.3, 0.2])
    assert table["is_right"].tolist() == [False, False, True, True, False, False]
    assert table[["method", "seed", "stage"]].drop_duplicates().values.tolist() == [
        ["m", 3, "audio_text"]
    ]


def test_ties_stand_before_the_right_clip_and_else_in_the_order_given():
    scores = np.ones((4, 1), dtype=np.float32)
    scores[3] -= 5e-7  # tied too
    table, *_ = _find(scores, [0], num_hits=4)
    assert table["clip_id"].tolist() == ["clip1", "clip2", "clip3", "clip0"]


def test_fewer_clips_than_hits_are_all_listed():
    table, *_ = _find(np.array([[0.1], [0.2]], dtype=np.float32), [0])
    assert table["clip_id"].tolist() == ["clip1", "clip0"]


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_the_right_clip_stands_at_its_rank_whatever_the_blocks(monkeypatch, block):
    monkeypatch.setattr(hits, "CLIPS_PER_BLOCK", block)
    generator = np.random.default_rng(5)
    scores = np.round(generator.normal(size=(20, 40)), 1).astype(np.float32)  # many ties
    owners = np.concatenate([np.arange(20), generator.integers(0, 20, 20)])
    table, clips, captions, owned = _find(scores, owners, num_hits=20)
    _, ranks = score_pairs(scores, clips, captions, owned, IDENTITY, num_resamples=2)
    ranks = ranks[ranks["direction"] == "text_to_audio"].set_index("query_id")["rank"]
    right = table[table["is_right"]].set_index("query_id")["place"]
    pd.testing.assert_series_equal(
        right.sort_index(), ranks.sort_index(), check_names=False, check_dtype=False
    )
