"""The oracle on scenes small enough to rank by hand."""

import numpy as np
import pandas as pd
import pytest

from hearsay.errors import HearsayError
from hearsay.scoring.oracle import multi_hot, score_oracle
from hearsay.scoring.records import ScoreIdentity

IDENTITY = ScoreIdentity("demo", "test", "all", "oracle", "audio_text", "none", 0, "abc")


def write_facts(path, clips, captions, images):
    rows = [("clip", clip, clip, facts) for clip, facts in clips.items()]
    rows += [("caption", name, name.split("-")[0], facts) for name, facts in captions.items()]
    rows += [("image", name, name.split("#")[0], facts) for name, facts in images.items()]
    frame = pd.DataFrame(rows, columns=["kind", "id", "clip_id", "facts"])
    frame.to_parquet(path)


@pytest.fixture
def facts(tmp_path):
    path = tmp_path / "facts.parquet"
    write_facts(
        path,
        clips={"a": ["dog", "dog:low"], "b": ["dog"], "c": ["bell", "bell:fast"], "d": ["rain"]},
        captions={
            "a-1": ["dog", "dog:low"],
            "b-1": ["dog"],
            "c-1": ["bell"],
            "c-2": ["bell", "bell:fast"],
            "d-1": [],  # mentions nothing that sounds
        },
        images={"a#1": ["dog"], "b#1": ["dog"], "c#1": ["bell"], "c#0": [], "d#1": []},
    )
    return path


def ranks(table, protocol, direction):
    rows = table[(table["protocol"] == protocol) & (table["direction"] == direction)]
    return dict(zip(rows["query_id"], rows["rank"].tolist(), strict=True))


def score(facts, task, clips=("a", "b", "c"), num_images=2):
    return score_oracle(facts, clips, task, IDENTITY, num_images=num_images, num_resamples=10)


def test_captions_are_ranked_by_shared_facts(facts):
    records, table = score(facts, "audio_text_retrieval")
    assert ranks(table, "full_gallery", "audio_to_text") == {"a": 1, "b": 1, "c": 1}
    assert ranks(table, "full_gallery", "text_to_audio") == {"a-1": 1, "b-1": 1, "c-1": 1, "c-2": 1}
    assert {(r["method"], r["weights"], r["seed"]) for r in records} == {("oracle", "none", 0)}


def test_a_caption_without_facts_ties_with_every_clip_and_ranks_last(facts):
    _, table = score(facts, "audio_text_retrieval", clips=("a", "b", "c", "d"))
    assert ranks(table, "full_gallery", "text_to_audio")["d-1"] == 4


def test_pictures_of_the_same_object_cannot_be_told_apart(facts):
    _, table = score(facts, "audio_image_retrieval", num_images=4)
    # The second image: dog, dog, bell.
    assert ranks(table, "second_image", "audio_to_image") == {"a": 2, "b": 2, "c": 1}
    # From the picture "dog", clip b (dog) is nearer than clip a (dog, dog:low).
    assert ranks(table, "second_image", "image_to_audio") == {"a": 2, "b": 1, "c": 1}


def test_a_picture_without_object_scores_zero(facts):
    _, table = score(facts, "audio_image_retrieval", clips=("a", "d"), num_images=4)
    assert ranks(table, "second_image", "audio_to_image") == {"a": 1, "d": 2}
    assert ranks(table, "flat_images", "audio_to_image") == {"a": 1, "d": 2}


def test_only_the_given_clips_are_in_the_gallery(facts):
    records, _ = score(facts, "audio_text_retrieval", clips=("a", "c"))
    sizes = {r["direction"]: (r["num_queries"], r["num_candidates"]) for r in records}
    assert sizes == {"audio_to_text": (2, 3), "text_to_audio": (3, 2)}


def test_multi_hot_marks_each_fact_once():
    assert multi_hot([["b", "a", "b"], []], ["a", "b", "c"]).tolist() == [[1, 1, 0], [0, 0, 0]]
    assert multi_hot([], ["a"]).shape == (0, 1)
    assert multi_hot([["a"]], ["a"]).dtype == np.float32


def test_what_is_missing_is_named(facts, tmp_path):
    with pytest.raises(HearsayError, match="no facts of clip zebra"):
        score(facts, "audio_text_retrieval", clips=("a", "zebra"))
    with pytest.raises(HearsayError, match="does not exist"):
        score(tmp_path / "none.parquet", "audio_text_retrieval")
    with pytest.raises(HearsayError, match="label_knn"):
        score(facts, "label_knn")
