"""Score one run, or the oracle, from files to files: on the test split, on every task."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hearsay.clips.availability import fingerprint, read_subset
from hearsay.device import reproducible, resolve_device
from hearsay.encoders.clip import load_clip
from hearsay.errors import HearsayError
from hearsay.features.store import ShardedArrays
from hearsay.layout import DatasetFiles
from hearsay.scoring import oracle
from hearsay.scoring.records import Record, ScoreIdentity, join_ranks, write_scores
from hearsay.scoring.retrieval import Scores, score_audio_image, score_audio_text
from hearsay.training.load import TrainedRun, embed_clips, load_run

SPLIT = "test"
# The last epoch is the headline; the best on validation is told apart by its protocol.
CHECKPOINTS = {"last": "", "best": "_best_val"}


@dataclass(frozen=True)
class Gallery:
    """The clips of a data set that are scored, and what every record says of them."""

    files: DatasetFiles
    clip_ids: Sequence[str]
    identity: ScoreIdentity


def score_run(
    method: str,
    stage: str,
    seed: int,
    image_data: DatasetFiles,
    text_data: DatasetFiles,
    weights: Path,
    model: Path,
    subset: Path | None,
    folder: Path,
    num_resamples: int,
    device: str,
    threads: int,
) -> None:
    """Score a trained stage on audio-image and audio-text retrieval; write scores and ranks.

    Both stages are scored on both tasks: the audio_image stage knows no captions, so its
    audio-text scores are zero-shot.

    Args:
        method: its name in config.
        stage: the stage that was trained last.
        seed: of the training.
        image_data: the data set whose pictures are retrieved.
        text_data: the data set whose captions are retrieved.
        weights: clip.pt of the frozen towers.
        model: model.pt of the run.
        subset: a text file of clip ids; None: all available test clips.
        folder: where scores.json and ranks.parquet go.
        num_resamples: of the clips, behind each 95 % interval.
        device: auto, cpu or cuda.
        threads: of the CPU.

    Raises:
        HearsayError: an input is absent or does not fit, or no test clip is available.
    """
    torch_device = resolve_device(device)
    towers = load_clip(weights, torch_device).name
    records: list[Record] = []
    ranks: list[pd.DataFrame] = []
    with reproducible(torch_device, threads):
        for which, suffix in CHECKPOINTS.items():
            run = load_run(model, weights, torch_device, which)
            for data, score in ((image_data, _score_images), (text_data, _score_texts)):
                identity = ScoreIdentity(
                    data.name, SPLIT, _subset_name(subset), method, stage, towers, seed, ""
                )
                scored, ranked = score(run, open_gallery(data, subset, identity), num_resamples)
                records += [{**row, "protocol": row["protocol"] + suffix} for row in scored]
                ranks.append(ranked.assign(protocol=ranked["protocol"] + suffix))
    write_scores(records, join_ranks(ranks), folder)


def score_oracle(
    stage: str,
    data: DatasetFiles,
    facts: Path,
    num_images: int,
    subset: Path | None,
    folder: Path,
    num_resamples: int,
) -> None:
    """Score retrieval by true facts on the task of one stage: the ceiling beside chance."""
    identity = ScoreIdentity(data.name, SPLIT, _subset_name(subset), "oracle", stage, "none", 0, "")
    gallery = open_gallery(data, subset, identity)
    records, ranks = oracle.score_oracle(
        facts,
        gallery.clip_ids,
        f"{stage}_retrieval",
        gallery.identity,
        num_images=num_images,
        num_resamples=num_resamples,
    )
    write_scores(records, ranks, folder)


def open_gallery(data: DatasetFiles, subset: Path | None, identity: ScoreIdentity) -> Gallery:
    """Choose the available test clips, in the subset if there is one; sign them.

    Raises:
        HearsayError: none is left.
    """
    table = pd.read_parquet(data.availability_table)
    chosen = table["available"] & (table["split"] == SPLIT)
    if subset is not None:
        chosen &= table["clip_id"].isin(read_subset(subset))
    clip_ids = sorted(table.loc[chosen, "clip_id"])
    if not clip_ids:
        where = f" and in {subset}" if subset else ""
        raise HearsayError(
            f"data set {data.name}: no clip of split {SPLIT} is available{where}; "
            f"see {data.availability_table}"
        )
    return Gallery(data, clip_ids, replace(identity, availability=fingerprint(clip_ids)))


def _score_images(run: TrainedRun, gallery: Gallery, num_resamples: int) -> Scores:
    audio = _embed(run, gallery)
    store = ShardedArrays(gallery.files.shards("image_embeddings", ".npy"))
    images = store.gather(gallery.clip_ids)  # [N, L, D]
    return score_audio_image(
        audio, images, gallery.clip_ids, gallery.identity, num_resamples=num_resamples
    )


def _score_texts(run: TrainedRun, gallery: Gallery, num_resamples: int) -> Scores:
    path = gallery.files.caption_embeddings
    index = pd.read_parquet(path.with_suffix(".parquet"))
    index = index[index["clip_id"].isin(gallery.clip_ids)]
    captions = np.load(path, mmap_mode="r")[index["row"].to_numpy()]  # [M, D]
    return score_audio_text(
        _embed(run, gallery),
        gallery.clip_ids,
        captions,
        index["caption_id"].tolist(),
        index["clip_id"].tolist(),
        gallery.identity,
        num_resamples=num_resamples,
    )


def _embed(run: TrainedRun, gallery: Gallery) -> Any:
    return embed_clips(run, gallery.files.shards("fbank", ".npy"), gallery.clip_ids)


def _subset_name(subset: Path | None) -> str:
    return subset.stem if subset else "all"
