"""Build the index of a trained run, from files to files: what `hearsay search` asks."""

import logging
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from hearsay.device import reproducible, resolve_device
from hearsay.encoders.frozen import read_frozen
from hearsay.errors import HearsayError
from hearsay.families import FORMS
from hearsay.layout import DatasetFiles
from hearsay.methods.family import GroundsPhrases
from hearsay.search.entries import CLIPS_SCHEMA, list_clips, write_entries
from hearsay.search.record import RECORD, Description, IndexRecord, write_record
from hearsay.search.vectors import IndexOptions
from hearsay.search.writers import Source, Target, write_answers
from hearsay.training.load import TrainedRun, load_run, read_model, read_needs

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
    words: tuple[dict[str, Any], Path | None, Path | None],
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
        words: of a method whose texts are means of word vectors: their options, and the tables of
            clips and captions that skip-gram learns.
        subset: of the run: a text file of clip ids, which forms were fitted on; None: all.
        device: auto, cpu or cuda.
        threads: of the CPU.

    Raises:
        HearsayError: an input is absent or does not fit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD).unlink(missing_ok=True)
    torch_device = resolve_device(device)
    needs, stage = read_needs(model), read_model(model)["stage"]
    frozen = read_frozen(needs, data, towers)
    with reproducible(torch_device, threads):
        run = load_run(model, frozen, torch_device, needs.headline)
        clips = list_clips(data)
        clips = clips[clips["clip_id"].isin(_heard(run, data))]
        if clips.empty:
            raise HearsayError(
                f"data set {data.name}: no clip has {needs.features}; compute them again"
            )
        clip_ids = clips["clip_id"].tolist()
        source = Source(run, frozen, data, clip_ids, features, words, subset)
        written = write_answers(source, Target(folder, options, threads))
    write_entries(clips, CLIPS_SCHEMA, folder / "clips.parquet")
    description = Description(
        method=method,
        seed=seed,
        stage=stage,
        dataset=data.name,
        weights=frozen.name,
        num_clips=len(clips),
        num_captions=written.num_captions,
        num_labels=written.num_labels,
        kind=written.kind,
        can_ground=isinstance(run.family, GroundsPhrases),
        finds=written.finds,
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
    logger.info(
        "%d clips, %d captions, %d labels; %s",
        len(clips), written.num_captions, written.num_labels, written.kind,
    )  # fmt: skip


def _heard(run: TrainedRun, data: DatasetFiles) -> set[str]:
    """Return the clips that have the features that a run hears."""
    name = run.needs.features
    arrays = [data.form(run.options["form"])] if name == FORMS else data.shards(name, ".npy")
    found: set[str] = set()
    for array in arrays:
        index = pq.read_table(array.with_suffix(".parquet"), columns=["clip_id"])
        found.update(index["clip_id"].to_pylist())
    return found
