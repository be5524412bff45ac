"""The ceiling of the demo: retrieval by the true scene description.

A clip, a caption and a picture are each a multi-hot vector of their true facts, and their cosine
is the score. No system that hears, reads or sees can know more than that, so a method's distance
to the oracle is what is left to win; the oracle itself stays below 100 % where clips share a
scene, captions omit events or pictures show something else.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hearsay.errors import HearsayError
from hearsay.layout import DatasetFiles
from hearsay.scoring.directions import Scores
from hearsay.scoring.gallery import SPLIT, open_gallery, subset_name
from hearsay.scoring.records import ScoreIdentity, write_scores
from hearsay.scoring.retrieval import score_audio_image, score_audio_text

ORACLE_TASKS = ("audio_text_retrieval", "audio_image_retrieval")


def run_oracle(
    stage: str,
    data: DatasetFiles,
    facts: Path,
    num_images: int,
    subset: Path | None,
    folder: Path,
    num_resamples: int,
) -> None:
    """Score retrieval by true facts on the task of one stage, from files to files."""
    identity = ScoreIdentity(data.name, SPLIT, subset_name(subset), "oracle", stage, "none", 0, "")
    gallery = open_gallery(data, subset, identity)
    records, ranks = score_oracle(
        facts,
        gallery.clip_ids,
        f"{stage}_retrieval",
        gallery.identity,
        num_images=num_images,
        num_resamples=num_resamples,
    )
    write_scores(records, ranks, folder)


def score_oracle(
    facts: Path,
    clip_ids: Sequence[str],
    task: str,
    identity: ScoreIdentity,
    *,
    num_images: int,
    num_resamples: int,
    bootstrap_seed: int = 0,
    chunk_size: int = 256,
) -> Scores:
    """Score retrieval by true facts, in the protocols of the methods.

    Args:
        facts: facts.parquet of the demo: kind (clip, caption, image), id, clip_id, facts.
        clip_ids: the clips to score, e.g. the available test clips.
        task: audio_text_retrieval or audio_image_retrieval.
        identity: of the data; method, weights and seed become `oracle`, `none` and 0.
        num_images: L; a picture without a row or without facts shows no object and scores 0.
        num_resamples: of the clips, behind each 95 % interval.
        bootstrap_seed: of the resamples.
        chunk_size: queries per block.

    Returns:
        Records and the table of ranks, as `score_audio_text` and `score_audio_image`.

    Raises:
        HearsayError: the file is absent or lacks columns, a clip has no facts, or another task.
    """
    table = _read_facts(Path(facts))
    identity = replace(identity, method="oracle", weights="none", seed=0)
    clip_ids = list(clip_ids)
    vocabulary = sorted({fact for row in table["facts"] for fact in row})
    sounds = _rows_of(table, "clip")
    missing = [clip for clip in clip_ids if clip not in sounds]
    if missing:
        raise HearsayError(f"{facts} has no facts of clip {missing[0]}; make the demo again")
    audio = multi_hot([sounds[clip] for clip in clip_ids], vocabulary)  # [N, K]
    if task == "audio_text_retrieval":
        wanted = set(clip_ids)
        captions = table[(table["kind"] == "caption") & table["clip_id"].isin(wanted)]
        return score_audio_text(
            audio,
            clip_ids,
            multi_hot(captions["facts"].tolist(), vocabulary),  # [M, K]
            captions["id"].tolist(),
            captions["clip_id"].tolist(),
            identity,
            num_resamples=num_resamples,
            bootstrap_seed=bootstrap_seed,
            chunk_size=chunk_size,
        )
    if task == "audio_image_retrieval":
        pictures = _rows_of(table, "image")
        shown = [
            pictures.get(f"{clip}#{image}", []) for clip in clip_ids for image in range(num_images)
        ]
        images = multi_hot(shown, vocabulary).reshape(len(clip_ids), num_images, -1)  # [N, L, K]
        return score_audio_image(
            audio,
            images,
            clip_ids,
            identity,
            num_resamples=num_resamples,
            bootstrap_seed=bootstrap_seed,
            chunk_size=chunk_size,
        )
    raise HearsayError(f"the oracle knows the tasks {' and '.join(ORACLE_TASKS)}, not {task!r}")


def multi_hot(
    fact_lists: Sequence[Sequence[str]], vocabulary: Sequence[str]
) -> NDArray[np.float32]:
    """Return [rows, facts] with a 1 for each fact that a row states.

    Raises:
        HearsayError: a fact is not in the vocabulary.
    """
    column = {fact: number for number, fact in enumerate(vocabulary)}
    vectors = np.zeros((len(fact_lists), len(vocabulary)), dtype=np.float32)
    for row, facts in enumerate(fact_lists):
        for fact in facts:
            if fact not in column:
                raise HearsayError(f"the fact {fact!r} is not in the vocabulary")
            vectors[row, column[fact]] = 1.0
    return vectors


def _rows_of(table: pd.DataFrame, kind: str) -> dict[str, Sequence[str]]:
    rows = table[table["kind"] == kind]
    return dict(zip(rows["id"], rows["facts"], strict=True))


def _read_facts(path: Path) -> pd.DataFrame:
    columns = ["kind", "id", "clip_id", "facts"]
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError:
        raise HearsayError(f"{path} does not exist; make the demo first") from None
    if not set(columns) <= set(table.columns):
        raise HearsayError(f"{path} lacks one of the columns {', '.join(columns)}")
    return table[columns].sort_values(["kind", "id"], ignore_index=True)
