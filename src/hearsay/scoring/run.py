"""Score one run from files to files: on the test split, on every task."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hearsay.device import reproducible, resolve_device
from hearsay.encoders.image_tower import read_image_tower
from hearsay.features.store import ShardedArrays
from hearsay.layout import DatasetFiles
from hearsay.scoring.gallery import SPLIT, Gallery, open_gallery, subset_name
from hearsay.scoring.records import Record, ScoreIdentity, join_ranks, write_scores
from hearsay.scoring.retrieval import Scores, score_audio_image, score_audio_text
from hearsay.training.load import embed_clips, load_run

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
    towers = read_image_tower(weights).name
    records: list[Record] = []
    ranks: list[pd.DataFrame] = []
    with reproducible(torch_device, threads):
        for which, suffix in CHECKPOINTS.items():
            run = load_run(model, weights, torch_device, which)
            audio: dict[str, Any] = {}  # both tasks may have the same clips
            for data, task in ((image_data, "image"), (text_data, "text")):
                identity = ScoreIdentity(
                    data.name, SPLIT, subset_name(subset), method, stage, towers, seed, ""
                )
                captions = read_captions(data) if task == "text" else None
                captioned = None if captions is None else set(captions["clip_id"])
                gallery = open_gallery(data, subset, identity, captioned)
                clips = f"{data.name} {gallery.identity.availability}"
                if clips not in audio:
                    arrays = data.shards("fbank", ".npy")
                    audio[clips] = embed_clips(run, arrays, gallery.clip_ids)
                if captions is None:
                    scored, ranked = _score_images(audio[clips], gallery, num_resamples)
                else:
                    scored, ranked = _score_texts(audio[clips], gallery, captions, num_resamples)
                records += [{**row, "protocol": row["protocol"] + suffix} for row in scored]
                ranks.append(ranked.assign(protocol=ranked["protocol"] + suffix))
    write_scores(records, join_ranks(ranks), folder)


def read_captions(data: DatasetFiles) -> pd.DataFrame:
    """Read which captions are embedded: caption_id, clip_id, row."""
    return pd.read_parquet(data.caption_embeddings.with_suffix(".parquet"))


def _score_images(audio: Any, gallery: Gallery, num_resamples: int) -> Scores:
    store = ShardedArrays(gallery.files.shards("image_embeddings", ".npy"))
    images = store.gather(gallery.clip_ids)  # [N, L, D]
    return score_audio_image(
        audio, images, gallery.clip_ids, gallery.identity, num_resamples=num_resamples
    )


def _score_texts(
    audio: Any, gallery: Gallery, captions: pd.DataFrame, num_resamples: int
) -> Scores:
    captions = captions[captions["clip_id"].isin(gallery.clip_ids)]
    embeddings = np.load(gallery.files.caption_embeddings, mmap_mode="r")
    return score_audio_text(
        audio,
        gallery.clip_ids,
        embeddings[captions["row"].to_numpy()],  # [M, D]
        captions["caption_id"].tolist(),
        captions["clip_id"].tolist(),
        gallery.identity,
        num_resamples=num_resamples,
    )
