"""Phrases of a few clips with scores of known quality, for the tests of grounding."""

import numpy as np

from hearsay.scoring.grounding_queries import PhraseQuery, ScoredPhrases
from hearsay.scoring.records import ScoreIdentity

IDENTITY = ScoreIdentity("demo", "test", "all", "word_align", "audio_text", "none", 1, "abc")
SHIFT_S = 0.1
CLIP_END_S = 5.0
FRAMES = 51


def query(name, onsets_s, offsets_s, phrase=None, clip_end_s=CLIP_END_S):
    """Make the query clip/caption/phrase, heard from onsets to offsets."""
    clip, caption, number = name.split("/")
    return PhraseQuery(
        f"{clip}_{caption}#{number}",
        clip,
        f"{clip}_{caption}",
        phrase or f"phrase {number}",
        tuple(onsets_s),
        tuple(offsets_s),
        clip_end_s,
    )


def some_queries(num_clips=12, seed=0):
    """Two captions a clip; the second phrase of a caption sounds after the first, or not at all."""
    generator = np.random.default_rng(seed)
    queries = []
    for clip in range(num_clips):
        middle = 1.5 + 2 * generator.random()
        for caption in range(2):
            queries.append(query(f"clip{clip}/{caption}/0", [0.13], [middle]))
            if clip % 3 == 2:
                continue
            heard = clip % 3 == 0
            times = ([middle + 0.2], [CLIP_END_S]) if heard else ([], [])
            queries.append(query(f"clip{clip}/{caption}/1", *times))
    return queries


def scored(queries, rows, frame_shift_s=SHIFT_S):
    """Put the same rows in for both ways to put words together."""
    return ScoredPhrases(queries, {"mean": rows, "max": rows}, frame_shift_s)


def good_scores(queries, seed=0, noise=0.4):
    """Score labelled frames higher than others, with noise over half a second."""
    generator = np.random.default_rng(seed)

    def smooth(row):
        return np.convolve(row, np.ones(5) / 5, "valid")

    blank = scored(queries, [np.zeros(FRAMES)] * len(queries))
    rows = {
        words: [
            np.clip(0.3 + 0.3 * label + noise * smooth(generator.normal(size=FRAMES + 4)), 0, 1)
            for label in blank.labels
        ]
        for words in ("mean", "max")
    }
    return ScoredPhrases(queries, rows, SHIFT_S)


def value(records, metric, protocol, subset="all", field="value"):
    """Find the one record of a metric, protocol and subset."""
    found = [
        record[field]
        for record in records
        if (record["metric"], record["protocol"], record["subset"]) == (metric, protocol, subset)
    ]
    assert len(found) == 1
    return found[0]
