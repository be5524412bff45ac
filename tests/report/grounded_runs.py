"""A results folder of small grounded runs, scored by the real functions: demo, two seeds."""

from dataclasses import replace

import numpy as np
import pandas as pd

from hearsay.files import write_json, write_parquet
from hearsay.report.scores import collect_scores
from hearsay.scoring.candidates import score_candidates
from hearsay.scoring.grounding import (
    AS_IS,
    PHRASE_VARIANTS,
    GroundingScores,
    choose_thresholds,
    score_grounding,
)
from hearsay.scoring.grounding_analytic import score_random_analytically
from hearsay.scoring.grounding_controls import (
    all_active_scores,
    control_identity,
    energy_scores,
    random_scores,
    shuffle_phrases,
)
from hearsay.scoring.grounding_files import write_grounding
from hearsay.scoring.grounding_queries import ScoredPhrases, phrase_queries
from hearsay.scoring.grounding_tables import frame_table
from hearsay.scoring.records import ScoreIdentity, join_ranks, write_scores
from hearsay.scoring.retrieval import score_pairs

SHIFT_S = 0.1
END_S = 10.0
FRAMES = 101
SEEDS = (0, 1)
METHODS = {  # how much a run hears, and how it was trained
    "word_align": (1.0, {"family": "word_align", "loss": "info_nce", "over_frames": "max"}),
    "word_align_paper": (
        0.05,
        {"family": "word_align", "loss": "random_imposters", "over_frames": "mean"},
    ),
    "vip_ant": (0.2, {"family": "frame_match"}),
}
IDENTITY = ScoreIdentity("demo", "test", "all", "", "audio_text", "none", 0, "abcdefabcdef")
SOUNDS = ("a dog barks loudly", "a bell rings", "rain falls on a tin roof")


def make_results(folder):
    """Write a results folder and return it: index, log-mel, runs, controls and scores.csv."""
    captions, phrases = write_data(folder / "data" / "demo")
    queries = phrase_queries(phrases, dict.fromkeys(phrases["clip_id"], END_S))
    files = []
    for method, (hearing, options) in METHODS.items():
        for seed in SEEDS:
            identity = replace(IDENTITY, method=method, seed=seed)
            run = folder / "runs" / method / f"seed{seed}" / "audio_text"
            _score_retrieval(captions, hearing, identity, run)
            write_json(_run_record(identity, options), run / "run.json")
            has_words = options["family"] == "word_align"
            variants = PHRASE_VARIANTS if has_words else PHRASE_VARIANTS[:2]
            _ground(queries, hearing, identity, variants, run / "grounding")
            files += [run / "scores.json", run / "grounding" / "scores.json"]
    controls = folder / "runs" / "controls" / "seed0" / "audio_text" / "grounding"
    _ground_controls(queries, controls)
    collect_scores([*files, controls / "scores.json"], folder / "tables" / "scores.csv")
    return folder


def write_data(folder):
    """Write 32 test clips; every third has one sound, another has a phrase that is not heard."""
    generator = np.random.default_rng(5)
    clips, captions, phrases = [], [], []
    for number in range(32):
        clip_id = f"clip{number:02d}"
        clips.append({"clip_id": clip_id, "split": "test"})
        middle = 2 + 5 * generator.random()
        heard = [([0.4], [middle]), ([middle + 0.3, middle + 1.5], [middle + 1, END_S])]
        for caption in range(2):
            own = SOUNDS[: 1 if number % 3 == 2 else 2]
            key = {"caption_id": f"{clip_id}-{caption}", "clip_id": clip_id}
            captions.append({**key, "text": f"{', then '.join(own)} <{caption}>"})
            for place, phrase in enumerate(own):
                onsets, offsets = heard[place] if number % 8 or not place else ([], [])
                phrases.append(
                    {**key, "phrase": phrase, "first_word": 5 * place}
                    | {"onsets_s": onsets, "offsets_s": offsets}
                )
    tables = {"clips": clips, "captions": captions, "phrases": phrases}
    tables = {name: pd.DataFrame(rows) for name, rows in tables.items()}
    for name, table in tables.items():
        write_parquet(table, folder / "index" / f"{name}.parquet")
    write_parquet(tables["clips"].assign(available=True), folder / "availability.parquet")
    write_json({"dataset": "demo", "num_shards": 2}, folder / "availability.json")
    _write_logmel(tables["clips"]["clip_id"].tolist(), folder / "logmel", generator)
    return tables["captions"], tables["phrases"]


def _write_logmel(clip_ids, folder, generator):
    folder.mkdir(parents=True)
    for shard, names in enumerate((clip_ids[:20], clip_ids[20:])):
        array = generator.normal(-8, 2, size=(len(names), FRAMES + 4, 16))
        np.save(folder / f"{shard:05d}.npy", array.astype(np.float16))
        index = pd.DataFrame({"clip_id": names, "row": range(len(names)), "num_frames": FRAMES})
        write_parquet(index, folder / f"{shard:05d}.parquet")


def _run_record(identity, options):
    rest = {"margin": 1.0, "over_words": "mean"}
    return {"method": identity.method, "stage": identity.stage, "seed": identity.seed} | {
        "options": {**rest, **options}
    }


def _score_retrieval(captions, hearing, identity, folder):
    clip_ids = captions["clip_id"].unique().tolist()
    owners = captions["clip_id"].tolist()
    right = np.array(clip_ids)[:, None] == np.array(owners)
    noise = np.random.default_rng([3, identity.seed, len(identity.method)])
    scores = hearing * right + 0.3 * noise.normal(size=right.shape)
    arguments = (clip_ids, captions["caption_id"].tolist(), owners, identity)
    full = score_pairs(scores, *arguments, num_resamples=20)
    drawn = score_candidates(scores, clip_ids, owners, identity, draw_seed=0, num_resamples=20)
    write_scores(full[0] + drawn[0], join_ranks([full[1], drawn[1]]), folder)


def _hear(queries, hearing, generator):
    blank = ScoredPhrases(queries, {"mean": [np.zeros(FRAMES)] * len(queries)}, SHIFT_S)
    rows = [
        np.clip(
            0.2
            + 0.4 * hearing * label
            + 0.3 * np.convolve(generator.normal(size=FRAMES + 8), np.ones(9) / 9, "valid"),
            0,
            1,
        )
        for label in blank.labels
    ]
    rows[0] = np.full(FRAMES, 0.5)  # one constant row
    return ScoredPhrases(queries, {"mean": rows, "max": rows}, SHIFT_S)


def _ground(queries, hearing, identity, variants, folder):
    generator = np.random.default_rng([9, identity.seed, len(identity.method)])
    val, test = (_hear(queries, hearing, generator) for _ in range(2))
    thresholds = choose_thresholds(val, variants)
    own = score_grounding(test, thresholds, identity, variants=variants, num_resamples=20)
    shuffled = score_grounding(
        shuffle_phrases(test, 0)[0],
        thresholds,
        control_identity(identity, "shuffled_phrase"),
        variants=variants[:1],
        num_resamples=20,
    )
    write_grounding([own, shuffled], frame_table(test), folder)


def _ground_controls(queries, folder):
    generator = np.random.default_rng(1)
    clips = {query.clip_id for query in queries}
    energy = {clip_id: generator.normal(size=FRAMES) for clip_id in sorted(clips)}
    frames = [FRAMES] * len(queries)
    systems = {
        "random": random_scores(queries, frames, SHIFT_S, 0),
        "all_active": all_active_scores(queries, frames, SHIFT_S),
        "energy": energy_scores(queries, energy, SHIFT_S),
    }
    scores = [
        score_grounding(
            scored,
            choose_thresholds(scored, AS_IS),
            control_identity(IDENTITY, name),
            variants=AS_IS,
            num_resamples=20,
        )
        for name, scored in systems.items()
    ]
    records, curves = score_random_analytically(systems["random"], IDENTITY, num_resamples=20)
    analytic = GroundingScores(records, scores[0].queries.iloc[:0], curves)
    write_grounding([*scores, analytic], None, folder)
