"""Scores of embeddings whose answers are known."""

import numpy as np
import pytest

from hearsay.errors import HearsayError
from hearsay.scoring.records import RANK_COLUMNS, ScoreIdentity
from hearsay.scoring.retrieval import (
    IMAGE_PROTOCOLS,
    clip_embedding,
    image_scores,
    score_audio_image,
    score_audio_text,
    second_image_index,
    unit_rows,
)

IDENTITY = ScoreIdentity("demo", "test", "all", "vip_ant", "audio_text", "demo-clip", 2, "abc")
CLIPS = [f"clip{number}" for number in range(12)]
CAPTIONS = [f"{clip}_{number}" for clip in CLIPS for number in range(5)]
CAPTION_CLIPS = [clip for clip in CLIPS for _ in range(5)]


def values(records, protocol, direction):
    return {
        record["metric"]: record["value"]
        for record in records
        if record["protocol"] == protocol and record["direction"] == direction
    }


def text(audio, captions, **changes):
    arguments = {
        "clip_ids": CLIPS,
        "caption_ids": CAPTIONS,
        "caption_clip_ids": CAPTION_CLIPS,
    } | changes
    return score_audio_text(
        audio, captions=captions, identity=IDENTITY, num_resamples=20, **arguments
    )


def test_perfect_embeddings_score_one():
    records, table = text(np.eye(12), np.repeat(np.eye(12), 5, axis=0))
    for direction in ("audio_to_text", "text_to_audio"):
        assert values(records, "full_gallery", direction) == {
            "R@1": 1.0,
            "R@5": 1.0,
            "R@10": 1.0,
            "median_rank": 1.0,
            "mAP@10": 1.0,
        }
    assert tuple(table.columns) == RANK_COLUMNS
    assert len(table) == 12 + 60
    assert set(table["seed"]) == {2}
    assert table.loc[table["direction"] == "text_to_audio", "query_id"].tolist() == CAPTIONS


def test_a_dead_model_scores_at_the_bottom_and_not_at_the_top():
    records, table = text(np.ones((12, 4)), np.ones((60, 4)))
    assert values(records, "full_gallery", "text_to_audio")["R@10"] == 0.0
    assert values(records, "full_gallery", "text_to_audio")["median_rank"] == 12.0
    # 55 captions of other clips stand before a clip's own five.
    assert set(table.loc[table["direction"] == "audio_to_text", "rank"]) == {56}


def test_the_best_caption_of_a_clip_counts():
    captions = np.zeros((60, 12))
    captions[3::5] = np.eye(12)  # one good caption a clip; the others are opposite to everything
    captions[captions.sum(axis=1) == 0] = -1
    records, _ = text(np.eye(12), captions)
    assert values(records, "full_gallery", "audio_to_text")["R@1"] == 1.0
    assert values(records, "full_gallery", "text_to_audio")["R@1"] == pytest.approx(1 / 5)


def test_records_tell_galleries_chance_and_interval():
    generator = np.random.default_rng(0)
    records, _ = text(generator.normal(size=(12, 6)), generator.normal(size=(60, 6)))
    first = records[0]
    assert (first["num_queries"], first["num_candidates"]) == (12, 60)
    assert first["chance"] == pytest.approx(5 / 60)
    assert first["seed"] == 2
    assert first["availability"] == "abc"
    assert all(r["ci_low"] <= r["value"] <= r["ci_high"] for r in records)


def test_segments_count_by_their_normalised_mean():
    generator = np.random.default_rng(0)
    segments, captions = generator.normal(size=(12, 4, 6)), generator.normal(size=(60, 6))
    mean = unit_rows(segments).mean(axis=1)
    assert text(segments, captions)[0] == text(mean, captions)[0]


def naive_image_scores(audio, images, protocol):
    """Loop over pairs, as the protocols are defined."""

    def unit(vector):
        return vector / np.linalg.norm(vector)

    scores = np.zeros((len(audio), len(images)))
    for a in range(len(audio)):
        segments = audio[a] if audio.ndim == 3 else np.tile(audio[a], (images.shape[1], 1))
        whole = unit(sum(unit(segment) for segment in segments))
        for b in range(len(images)):
            pictures = [unit(image) for image in images[b]]
            scores[a, b] = {
                "second_image": lambda p, w=whole: w @ p[1],
                "mean_image": lambda p, w=whole: w @ unit(sum(p)),
                "max_image": lambda p, w=whole: max(w @ image for image in p),
                "flat_images": lambda p, s=segments: (
                    unit(np.concatenate(list(s))) @ unit(np.concatenate(p))
                ),
            }[protocol](pictures)
    return scores


@pytest.mark.parametrize("protocol", IMAGE_PROTOCOLS)
@pytest.mark.parametrize("audio_shape", [(9, 6), (9, 4, 6)])
def test_image_protocols_equal_their_definitions(protocol, audio_shape):
    generator = np.random.default_rng(5)
    audio, images = generator.normal(size=audio_shape), generator.normal(size=(9, 4, 6))
    expected = naive_image_scores(audio, images, protocol)
    to_image, to_audio = image_scores(audio, images, protocol)
    assert to_image(slice(2, 7)) == pytest.approx(expected[2:7], abs=1e-5)
    assert to_audio(slice(2, 7)) == pytest.approx(expected.T[2:7], abs=1e-5)


def test_the_second_of_four_images_is_tested():
    assert [second_image_index(n) for n in (1, 2, 3, 4, 5)] == [0, 0, 1, 1, 2]
    images = np.zeros((12, 4, 12))
    images[:, 1] = np.eye(12)
    records, _ = score_audio_image(np.eye(12), images, CLIPS, IDENTITY, num_resamples=5)
    assert values(records, "second_image", "audio_to_image")["R@1"] == 1.0
    images = np.roll(images, 1, axis=1)
    records, _ = score_audio_image(np.eye(12), images, CLIPS, IDENTITY, num_resamples=5)
    assert values(records, "second_image", "audio_to_image")["R@1"] == 0.0
    assert values(records, "max_image", "image_to_audio")["R@1"] == 1.0


def test_every_image_protocol_and_direction_is_scored():
    generator = np.random.default_rng(0)
    records, table = score_audio_image(
        generator.normal(size=(12, 6)),
        generator.normal(size=(12, 4, 6)),
        CLIPS,
        IDENTITY,
        num_resamples=5,
    )
    assert len(records) == 4 * 2 * 5
    assert len(table) == 4 * 2 * 12
    assert {(r["num_queries"], r["num_candidates"]) for r in records} == {(12, 12)}
    assert {r["chance"] for r in records if r["metric"] == "R@1"} == {1 / 12}


def test_a_zero_vector_stays_zero():
    assert not unit_rows(np.zeros((2, 3))).any()
    assert clip_embedding(np.ones((1, 4, 4))) == pytest.approx(np.full((1, 4), 0.5))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clip_ids": CLIPS[:-1]}, "12 embeddings for 11 ids"),
        ({"clip_ids": [*CLIPS[:-1], CLIPS[0]]}, "11 of them different"),
        ({"caption_clip_ids": ["clip0"] * 60}, "clip clip1 has no caption"),
        ({"caption_clip_ids": [*CAPTION_CLIPS[:-1], "other"]}, "clip other, which is not scored"),
    ],
)
def test_ids_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(HearsayError, match=message):
        text(np.eye(12), np.repeat(np.eye(12), 5, axis=0), **changes)


def test_a_broken_embedding_names_its_clip():
    broken = np.eye(12)
    broken[4, 4] = np.nan
    with pytest.raises(HearsayError, match="clip4 is not finite"):
        text(broken, np.ones((60, 12)))


def test_images_that_do_not_match_the_segments_are_refused():
    with pytest.raises(HearsayError, match="do not match"):
        score_audio_image(
            np.ones((12, 3, 6)), np.ones((12, 4, 6)), CLIPS, IDENTITY, num_resamples=5
        )
    with pytest.raises(HearsayError, match="unknown"):
        image_scores(np.ones((2, 6)), np.ones((2, 4, 6)), "third_image")
