"""Score one run from files to files: on the test split, on every task."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hearsay.device import reproducible, resolve_device
from hearsay.encoders.clip import load_clip
from hearsay.features.store import ShardedArrays
from hearsay.layout import DatasetFiles
from hearsay.scoring.gallery import SPLIT, Gallery, open_gallery, subset_name
from hearsay.scoring.records import Record, ScoreIdentity, join_ranks, write_scores
from hearsay.scoring.retrieval import Scores, score_audio_image, score_audio_text
from hearsay.training.load import TrainedRun, embed_clips, load_run

# The last epoch is the headline; the best on validation is told apart by its protocol.
CHECKPOINTS = {"last": "", "best": "_best_val"}


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
                    data.name, SPLIT, subset_name(subset), method, stage, towers, seed, ""
                )
                scored, ranked = score(run, open_gallery(data, subset, identity), num_resamples)
                records += [{**row, "protocol": row["protocol"] + suffix} for row in scored]
                ranks.append(ranked.assign(protocol=ranked["protocol"] + suffix))
    write_scores(records, join_ranks(ranks), folder)


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
