"""Build the index of a trained run, from files to files: what `hearsay search` asks."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from hearsay.device import reproducible, resolve_device
from hearsay.encoders.frozen import FrozenEncoders, read_frozen
from hearsay.encoders.label_store import read_labels
from hearsay.errors import HearsayError
from hearsay.families import FORMS
from hearsay.layout import DatasetFiles
from hearsay.methods.family import EmbedsAudio, GroundsPhrases
from hearsay.scoring.retrieval import clip_embedding
from hearsay.search.entries import (
    CAPTIONS_SCHEMA,
    CLIPS_SCHEMA,
    LABELS_SCHEMA,
    list_clips,
    write_entries,
)
from hearsay.search.record import FINDS, RECORD, Description, IndexRecord, write_record
from hearsay.search.vectors import IndexOptions, write_vectors
from hearsay.training.load import TrainedRun, listen, load_run, read_model, read_needs

logger = logging.getLogger(__name__)


def build_search_index(
    method: str,
    seed: int,
    data: DatasetFiles,
    model: Path,
    towers: Path | None,
    wal_net: Path | None,
    folder: Path,
    options: IndexOptions,
    sound: dict[str, Any],
    features: dict[str, Any],
    subset: Path | None,
    device: str,
    threads: int,
) -> None:
    """Write vectors and entries of all available clips, captions and labels; index.json last.

    Without index.json a folder is no index, so that a killed build leaves none.

    Args:
        method: of the run.
        seed: of the run.
        data: data set of the run's last stage.
        model: model.pt of that stage.
        towers: clip.pt; None where the method builds on none.
        wal_net: wal_net.pt that clip vectors come from; None where they do not.
        folder: to write into.
        options: see `IndexOptions`.
        sound: how the data set's clips were decoded; see `IndexRecord`.
        features: options of clip vectors; see `IndexRecord`.
        subset: of the run: a text file of clip ids, which forms were fitted on; None: all.
        device: auto, cpu or cuda.
        threads: of the CPU.

    Raises:
        HearsayError: an input is absent or does not fit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD).unlink(missing_ok=True)
    torch_device = resolve_device(device)
    saved = read_model(model)
    with reproducible(torch_device, threads):
        run, frozen = _load(model, data, towers, torch_device)
        clips = list_clips(data)
        clips = clips[clips["clip_id"].isin(_heard(run, data))].reset_index(drop=True)
        if clips.empty:
            raise HearsayError(f"data set {data.name}: no clip has features; run it again")
        builder = _Builder(run, frozen, data, towers, folder, options, threads)
        kind, num_captions, num_labels, finds = builder.write(clips["clip_id"].tolist(), subset)
    write_entries(clips, CLIPS_SCHEMA, folder / "clips.parquet")
    description = Description(
        method=method,
        seed=seed,
        stage=saved["stage"],
        dataset=data.name,
        weights=frozen.name,
        num_clips=len(clips),
        num_captions=num_captions,
        num_labels=num_labels,
        kind=kind,
        can_ground=isinstance(run.family, GroundsPhrases),
        finds=finds,
    )
    record = IndexRecord(
        description=description,
        data=data.root.resolve(),
        model=model.resolve(),
        towers=towers.resolve() if towers else None,
        wal_net=wal_net.resolve() if wal_net else None,
        sound=sound,
        features=features,
    )
    write_record(record, folder)
    logger.info("%d clips, %d captions, %d labels; %s", len(clips), num_captions, num_labels, kind)


def _load(
    model: Path, data: DatasetFiles, towers: Path | None, device: torch.device
) -> tuple[TrainedRun, FrozenEncoders]:
    needs = read_needs(model)
    frozen = read_frozen(needs, data, towers)
    return load_run(model, frozen, device, needs.headline), frozen


def _heard(run: TrainedRun, data: DatasetFiles) -> set[str]:
    """Return the clips that have the features that a run hears."""
    name = run.needs.features
    arrays = [data.form(run.options["form"])] if name == FORMS else data.shards(name, ".npy")
    found: set[str] = set()
    for array in arrays:
        index = pq.read_table(array.with_suffix(".parquet"), columns=["clip_id"])
        found.update(index["clip_id"].to_pylist())
    return found


Written = tuple[str, int, int, tuple[str, ...]]
"""Kind of the clips' vectors, numbers of captions and labels, what can be found."""


class _Builder:
    """Writes what a family's finder reads."""

    def __init__(
        self,
        run: TrainedRun,
        frozen: FrozenEncoders,
        data: DatasetFiles,
        towers: Path | None,
        folder: Path,
        options: IndexOptions,
        threads: int,
    ) -> None:
        self.run = run
        self.frozen = frozen
        self.data = data
        self.towers = towers
        self.folder = folder
        self.options = options
        self.threads = threads

    def write(self, clip_ids: Sequence[str], subset: Path | None) -> Written:
        """Write what clips, captions and labels are found by."""
        if self.run.needs.needs_towers:
            return self._write_of_towers(clip_ids)
        raise HearsayError(f"family {self.run.options['family']} cannot be searched")

    def _write_of_towers(self, clip_ids: Sequence[str]) -> Written:
        kind = self.write_clips(clip_ids)
        captions = pd.read_parquet(self.data.caption_embeddings.with_suffix(".parquet"))
        array = np.load(self.data.caption_embeddings, mmap_mode="r")
        captions = captions[captions["clip_id"].isin(set(clip_ids))]
        self.write_captions(captions, array[captions["row"].to_numpy()])
        labels = read_labels(self.data.clips)
        if labels and self.towers is not None:
            from hearsay.search.towers import TowerEncoder

            texts = [label.replace("_", " ") for label in labels]
            encoder = TowerEncoder(self.towers, self.run.device)
            self.write_labels(labels, encoder.embed_texts(texts))
        finds = ["text_to_clips", "sound_to_clips", "picture_to_clips"]
        return kind, len(captions), len(labels), self.add_finds(finds, len(captions), len(labels))

    def add_finds(self, finds: list[str], num_captions: int, num_labels: int) -> tuple[str, ...]:
        """Add what can be found where there are captions and labels, in the order of FINDS."""
        found = {*finds}
        found |= {"sound_to_captions"} if num_captions else set()
        found |= {"sound_to_labels"} if num_labels else set()
        return tuple(find for find in FINDS if find in found)

    def write_clips(self, clip_ids: Sequence[str]) -> str:
        vectors = stack_halves(self._embed(clip_ids), len(clip_ids))
        return write_vectors(vectors, self.folder / "clips.faiss", self.options, self.threads)

    def _embed(self, clip_ids: Sequence[str]) -> Iterator[NDArray[np.float32]]:
        family = self.run.family
        if not isinstance(family, EmbedsAudio):
            raise HearsayError(f"family {self.run.options['family']} gives clips no vectors")
        with torch.inference_mode():
            for _, batch in listen(self.run, self.data, clip_ids):
                yield clip_embedding(
                    family.embed_audio(self.run.network, batch).float().cpu().numpy()
                )

    def write_captions(self, captions: pd.DataFrame, vectors: NDArray[Any]) -> None:
        """Write captions, clip_id and text, and their vectors in the same order; none: nothing."""
        if len(captions):
            write_entries(captions, CAPTIONS_SCHEMA, self.folder / "captions.parquet")
            path = self.folder / "captions.faiss"
            write_vectors(vectors, path, self.options, self.threads)

    def write_labels(self, labels: Sequence[str], vectors: NDArray[Any]) -> None:
        """Write labels and their vectors."""
        write_entries({"text": labels}, LABELS_SCHEMA, self.folder / "labels.parquet")
        write_vectors(vectors, self.folder / "labels.faiss", self.options, self.threads)


def stack_halves(blocks: Iterator[NDArray[np.float32]], number: int) -> NDArray[np.float16]:
    """Gather blocks [B, D] in float16, so that no float32 copy of all is held: [number, D]."""
    stacked = np.zeros((0, 0), np.float16)
    start = 0
    for block in blocks:
        if start == 0:
            stacked = np.empty((number, block.shape[1]), np.float16)
        stacked[start : start + len(block)] = block
        start += len(block)
    return stacked
