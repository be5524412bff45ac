"""A results folder of small runs that tell labels apart, scored by the real functions."""

from dataclasses import dataclass, replace

import numpy as np

from hearsay.files import write_json, write_parquet
from hearsay.report.scores import collect_scores
from hearsay.scoring.label_cells import LabelScoring
from hearsay.scoring.label_clips import LabelledClips, LabelQuestion
from hearsay.scoring.label_files import embedding_table, write_label_scores
from hearsay.scoring.label_scores import score_space
from hearsay.scoring.label_space import Embedded, Embedder, LabelSpace
from hearsay.scoring.records import ScoreIdentity

LABELS = [f"class_{number}" for number in range(6)]
WIDTH = 12
SEEDS = (0, 1)
HOW = LabelScoring(neighbours=5, permutations=100, num_resamples=20)
IDENTITY = ScoreIdentity("toy", "test", "all", "", "audio_label", "glove", 0, "abcdefabcdef")
OPTIONS = {
    "family": "joint_embedding",
    "form": "wal_net",
    "num_pairs": 500,
    "pairs": "fixed",
    "loss": "bce",
    "measure": "exp_l2",
    "margin": 1.0,
    "output": "relu",
    "text_noise": 0.0,
}


@dataclass(frozen=True)
class Toy:
    """A system: how strongly its sounds lie at the texts of their labels, and its options."""

    hearing: float
    options: dict


METHODS = {
    "joint_best": Toy(6.0, {}),
    "joint_contrastive_l1": Toy(0.7, {"loss": "contrastive", "measure": "l1", "margin": 0.5}),
    "joint_noise_1": Toy(1.2, {"text_noise": 1.0}),
    "joint_noise_2": Toy(0.8, {"text_noise": 2.0}),
    "joint_pairs_2000": Toy(1.5, {"num_pairs": 2000}),
    "joint_deaf": Toy(0.0, {"form": "mfcc"}),
}
ORDER = list(METHODS)
CONTROLS = {"wal_net": {"features_only": 0.0, "ridge": 1.6}, "mfcc": {"ridge": 1.0}}


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


TEXT = unit(np.random.default_rng(1).normal(size=(len(LABELS), WIDTH)))
BASE = unit(np.random.default_rng(2).normal(size=(len(LABELS), WIDTH)))  # centres of the features


def make_label_results(folder):
    """Write a results folder and return it: runs, controls and scores.csv."""
    files = []
    for method, toy in METHODS.items():
        for seed in SEEDS:
            run = folder / "runs" / method / f"seed{seed}" / "audio_label"
            files.append(_write_run(run, method, seed, toy))
    for form, controls in CONTROLS.items():
        target = folder / "runs" / "controls" / "seed0" / "audio_label" / form
        scores = [
            (f"{name}.{form}", _score(f"{name}.{form}", 0, split, hearing))
            for name, hearing in controls.items()
            for split in ("test", "val")
        ]
        write_label_scores(scores, target)
        files.append(target / "scores.json")
    collect_scores(files, folder / "tables" / "scores.csv")
    return folder


def _write_run(folder, method, seed, toy):
    scores = [(method, _score(method, seed, split, toy.hearing)) for split in ("test", "val")]
    write_label_scores(scores, folder)
    record = {"method": method, "seed": seed, "options": {**OPTIONS, **toy.options}}
    write_json(record, folder / "run.json")
    write_parquet(toy_embeddings(method, seed, toy.hearing), folder / "embeddings.parquet")
    return folder / "scores.json"


def _score(method, seed, split, hearing):
    identity = replace(IDENTITY, method=method, seed=seed)
    return score_space(toy_space(method, seed, split, hearing), identity, HOW)


def toy_space(method, seed, split, hearing):
    generator = np.random.default_rng([seed, len(method), split == "val"])
    own = BASE if method.startswith("features_only") else TEXT
    strength = 2.5 if method.startswith("features_only") else hearing

    def clips(number):
        classes = np.arange(number) % len(LABELS)
        noise = generator.normal(size=(number, WIDTH)) / np.sqrt(WIDTH)
        names = [f"{split}{number}_{row:02d}" for row in range(number)]
        return Embedded(names, classes, unit(strength * own[classes] + noise), TEXT[classes])

    return LabelSpace(split, clips(48), clips(24), LABELS, TEXT)


def toy_embeddings(method, seed, hearing):
    space = toy_space(method, seed, "test", hearing)
    generator = np.random.default_rng(seed)
    noise = 0.3 * generator.normal(size=(25, WIDTH))
    features = unit(BASE[np.append(space.queries.classes, 5)] + noise)
    asked = LabelledClips(space.queries.clip_ids, space.queries.classes, features[:24])
    stranger = LabelledClips(["stranger"], np.array([5]), features[24:])
    question = LabelQuestion("test", asked, asked, stranger)
    embedder = Embedder(
        lambda rows: space.queries.audio if len(rows) == 24 else TEXT[5:], lambda rows: rows
    )
    texts = [("label", LABELS, TEXT, TEXT), ("query", ["puppy"], TEXT[2:3], TEXT[2:3])]
    return embedding_table(question, texts, LABELS, embedder)
