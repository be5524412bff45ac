"""Ground phrases with one run, from files to files: thresholds from val, scores of test."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from hearsay.clips.availability import fingerprint
from hearsay.device import reproducible, resolve_device
from hearsay.encoders.frozen import FrozenEncoders, read_frozen
from hearsay.encoders.word_store import usable_rows
from hearsay.errors import HearsayError
from hearsay.layout import DatasetFiles
from hearsay.methods.family import GroundsPhrases
from hearsay.scoring.gallery import SPLIT, subset_name
from hearsay.scoring.grounding import PHRASE_VARIANTS, choose_thresholds, score_grounding
from hearsay.scoring.grounding_controls import control_identity, shuffle_phrases
from hearsay.scoring.grounding_files import write_grounding
from hearsay.scoring.grounding_grid import Grid
from hearsay.scoring.grounding_queries import PhraseQuery, ScoredPhrases
from hearsay.scoring.grounding_tables import frame_table
from hearsay.scoring.records import ScoreIdentity
from hearsay.training.load import TrainedRun, listen, load_run, read_needs

logger = logging.getLogger(__name__)

SHUFFLE_SEED = 0


def ground_run(
    method: str,
    stage: str,
    seed: int,
    data: DatasetFiles,
    weights: Path | None,
    model: Path,
    subset: Path | None,
    folder: Path,
    frame_shift_ms: float,
    num_resamples: int,
    device: str,
    threads: int,
) -> None:
    """Score every phrase of the test split, and the same run asked for another phrase.

    Args:
        method: its name in config.
        stage: the stage that was trained last.
        seed: of the training.
        data: the data set whose phrases are grounded.
        weights: clip.pt of the frozen towers; None where the method has none.
        model: model.pt of the run.
        subset: a text file of clip ids; None: all available clips.
        folder: where scores.json, queries.parquet, curves.parquet and frames.parquet go.
        frame_shift_ms: of the log-mel.
        num_resamples: of the clips, behind each 95 % interval.
        device: auto, cpu or cuda.
        threads: of the CPU.

    Raises:
        HearsayError: an input is absent or does not fit, or a split has no phrase.
    """
    torch_device = resolve_device(device)
    needs = read_needs(model)
    frozen = read_frozen(needs, data, weights)
    grid = Grid.of(data, frame_shift_ms)
    with reproducible(torch_device, threads):
        run = load_run(model, frozen, torch_device, needs.headline)
        vectors = phrase_vectors(data, frozen, run)
        val, test = (
            score_phrases(run, data, grid.queries(data, split, subset), vectors, grid)
            for split in ("val", SPLIT)
        )
    clips = fingerprint(np.unique(test.clip_ids).tolist())
    identity = ScoreIdentity(
        data.name, SPLIT, subset_name(subset), method, stage, frozen.name, seed, clips
    )
    variants = [variant for variant in PHRASE_VARIANTS if variant.words in test.scores]
    thresholds = choose_thresholds(val, variants)
    scores = [
        score_grounding(test, thresholds, identity, variants=variants, num_resamples=num_resamples)
    ]
    shuffled, _ = shuffle_phrases(test, SHUFFLE_SEED)
    if shuffled is not None:
        named = control_identity(identity, "shuffled_phrase")
        first = variants[:1]
        scores.append(
            score_grounding(
                shuffled, thresholds, named, variants=first, num_resamples=num_resamples
            )
        )
    write_grounding(scores, frame_table(test), folder)


def phrase_vectors(
    data: DatasetFiles, frozen: FrozenEncoders, run: TrainedRun
) -> dict[str, NDArray[np.float32]]:
    """Read the vectors of every phrase, [K, W] each, by the id of its query.

    Of a method with words those of its usable words; a phrase without any is left out. Else the
    one vector of the frozen text tower.
    """
    if frozen.words is None:
        rows = pd.read_parquet(data.phrase_embeddings.with_suffix(".parquet"))
        embeddings = np.load(data.phrase_embeddings, mmap_mode="r")
        blocks = [np.asarray(embeddings[row : row + 1], np.float32) for row in rows["row"]]
    else:
        rows, mode = frozen.words.phrases, run.options["unknown_words"]
        blocks = [frozen.words.vectors[usable_rows(row, mode)] for row in rows["rows"]]
    ids = [
        f"{caption}#{number}"
        for caption, number in zip(rows["caption_id"], rows["phrase_number"], strict=True)
    ]
    return {key: block for key, block in zip(ids, blocks, strict=True) if len(block)}


def score_phrases(
    run: TrainedRun,
    data: DatasetFiles,
    queries: Sequence[PhraseQuery],
    vectors: dict[str, NDArray[np.float32]],
    grid: Grid,
) -> ScoredPhrases:
    """Score every frame of the grid against every query's phrase; wordless queries are left out.

    Raises:
        HearsayError: the run's family cannot ground phrases, or no query has a usable word.
    """
    family = run.family
    if not isinstance(family, GroundsPhrases):
        raise HearsayError(f"family {run.options['family']} cannot ground phrases")
    kept = [query for query in queries if query.query_id in vectors]
    if not kept:
        raise HearsayError(
            f"data set {data.name}: none of the {len(queries)} phrases of a split has a word that "
            "the vectors know; see table_words, or name others in words.file"
        )
    if len(kept) < len(queries):
        logger.warning("%d phrases have no known word: left out", len(queries) - len(kept))
    by_clip: dict[str, list[PhraseQuery]] = {}
    for query in kept:
        by_clip.setdefault(query.clip_id, []).append(query)
    scores: dict[str, dict[str, NDArray[np.float32]]] = {}  # query → words → [T]
    with torch.inference_mode():
        for clip_id, frames in _frames(run, family, data, list(by_clip), grid):
            for query in by_clip[clip_id]:
                phrase = torch.from_numpy(vectors[query.query_id]).to(run.device)
                found = family.score_phrase(frames, phrase)
                scores[query.query_id] = {
                    words: row.float().cpu().numpy() for words, row in found.items()
                }
    names = list(next(iter(scores.values()), {}))
    rows = {words: [scores[query.query_id][words] for query in kept] for words in names}
    return ScoredPhrases(kept, rows, grid.shift_s)


def _frames(
    run: TrainedRun, family: GroundsPhrases, data: DatasetFiles, clip_ids: list[str], grid: Grid
) -> Iterator[tuple[str, Tensor]]:
    """Yield the embedded frames [T, W] of every clip, at the times of the grid."""
    own_shift_s = run.options[run.needs.features]["frame_shift_ms"] / 1000
    for of_batch, batch in listen(run, data, clip_ids):
        for clip_id, frames in zip(of_batch, family.embed_frames(run.network, batch), strict=True):
            yield clip_id, frames[grid.place(clip_id, own_shift_s, len(frames))]
