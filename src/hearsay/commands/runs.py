"""The steps that train and score runs."""

import os
from collections.abc import Callable
from pathlib import Path

from hearsay.commands.options import Options
from hearsay.layout import DatasetFiles


def train_run(
    method: str,
    stage: str,
    seed: int,
    options: Options,
    data: Path,
    weights: Path | None,
    init: Path | None,
    subset: Path | None,
    folder: Path,
    device: str,
    threads: int,
    readers: int,
    checkpoint_minutes: float,
    compile_network: bool,
    processes: int,
) -> None:
    """Train one stage of a method with one seed; goes on from its last checkpoint."""
    from hearsay.training import run
    from hearsay.training.options import Machine

    # Of several machines each has its own readers, for the processes that torchrun starts there.
    here = int(os.environ.get("LOCAL_WORLD_SIZE", max(1, processes)))
    own_readers = max(1, readers // here)
    machine = Machine(device, threads, own_readers, checkpoint_minutes, compile_network)
    run.train_run(
        method,
        stage,
        seed,
        options,
        DatasetFiles.open(data),
        weights,
        init,
        subset,
        folder,
        machine,
    )


def score_run(
    method: str,
    stage: str,
    seed: int,
    image_data: Path | None,
    text_data: Path,
    weights: Path | None,
    model: Path,
    subset: Path | None,
    folder: Path,
    label_data: Path | None,
    neighbours: int,
    num_resamples: int,
    device: str,
    threads: int,
) -> None:
    """Score one trained stage on every retrieval task that it can do, and on labels."""
    from hearsay.scoring import run

    run.score_run(
        method,
        stage,
        seed,
        DatasetFiles.open(image_data) if image_data else None,
        DatasetFiles.open(text_data),
        weights,
        model,
        subset,
        folder,
        DatasetFiles.open(label_data) if label_data else None,
        neighbours,
        num_resamples,
        device,
        threads,
    )


def ground_run(
    method: str,
    stage: str,
    seed: int,
    data: Path,
    weights: Path | None,
    model: Path,
    subset: Path | None,
    folder: Path,
    frame_shift_ms: float,
    num_resamples: int,
    device: str,
    threads: int,
) -> None:
    """Score when one trained stage hears each phrase."""
    from hearsay.scoring import ground_run

    ground_run.ground_run(
        method,
        stage,
        seed,
        DatasetFiles.open(data),
        weights,
        model,
        subset,
        folder,
        frame_shift_ms,
        num_resamples,
        device,
        threads,
    )


def ground_controls(
    stage: str,
    data: Path,
    subset: Path | None,
    folder: Path,
    frame_shift_ms: float,
    num_resamples: int,
) -> None:
    """Score phrases by what knows nothing of them: the floor of grounding."""
    from hearsay.scoring import ground_controls

    files = DatasetFiles.open(data)
    ground_controls.ground_controls(stage, files, subset, folder, frame_shift_ms, num_resamples)


def score_labels(
    method: str,
    stage: str,
    seed: int,
    data: Path,
    model: Path,
    subset: Path | None,
    folder: Path,
    captioned: bool,
    neighbours: int,
    permutations: int,
    num_resamples: int,
    device: str,
    threads: int,
) -> None:
    """Score how one trained stage tells labels apart: k-NN classification, retrieval by label."""
    from hearsay.scoring import score_labels
    from hearsay.scoring.label_cells import LabelScoring

    score_labels.score_labels(
        method,
        stage,
        seed,
        DatasetFiles.open(data),
        model,
        subset,
        folder,
        captioned,
        LabelScoring(neighbours, permutations, num_resamples),
        device,
        threads,
    )


def score_label_controls(
    form: str,
    form_options: Options,
    stage: str,
    data: Path,
    subset: Path | None,
    folder: Path,
    neighbours: int,
    permutations: int,
    num_resamples: int,
    ridge_alphas: list[float],
) -> None:
    """Score how base features, and ridge regression on them, tell labels apart."""
    from hearsay.scoring import score_label_controls
    from hearsay.scoring.label_cells import LabelScoring

    score_label_controls.score_label_controls(
        form,
        form_options,
        stage,
        DatasetFiles.open(data),
        subset,
        folder,
        LabelScoring(neighbours, permutations, num_resamples),
        ridge_alphas,
    )


def score_oracle(
    stage: str,
    data: Path,
    facts: Path,
    num_images: int,
    subset: Path | None,
    folder: Path,
    num_resamples: int,
) -> None:
    """Score retrieval by the true scene description: the ceiling beside chance."""
    from hearsay.scoring.oracle import run_oracle

    files = DatasetFiles.open(data)
    run_oracle(stage, files, facts, num_images, subset, folder, num_resamples)


def count_choices(
    choices: list[Path], facts: Path, dataset: str, weights: str, counts: Path
) -> None:
    """Count how often trainings on the demo chose a picture of what sounds."""
    from hearsay.scoring.choices import count_choices

    count_choices(choices, facts, dataset, weights, counts)


COMMANDS: list[Callable[..., None]] = [
    train_run,
    score_run,
    ground_run,
    ground_controls,
    score_labels,
    score_label_controls,
    score_oracle,
    count_choices,
]
