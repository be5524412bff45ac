"""The subcommands: each imports what it needs, calls one function, and does nothing else.

Imports stand inside the functions, so that `hearsay --help` answers at once.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hearsay.layout import DatasetFiles

Options = dict[str, Any]  # one JSON text on the command line


def make_demo(
    folder: Path, num_clips: int, clip_duration_s: float, options: Options, num_workers: int
) -> None:
    """Generate the demo data set: media and annotations with known truth."""
    from hearsay.annotations.demo import generate

    generate.make_demo(options, num_clips, clip_duration_s, folder, num_workers)


def fetch_annotations(address: str, file: Path) -> None:
    """Bring one annotation file of a data set from its public address or a local path."""
    from hearsay.annotations import download

    download.fetch_annotations(address, file)


def build_index(
    dataset: str,
    reader: str,
    source: Path,
    num_clips: int,
    shuffle_seed: int,
    clips: Path,
    captions: Path,
    phrases: Path,
) -> None:
    """Read the annotations of a data set into the index tables, shuffled once."""
    from hearsay.annotations import index

    index.build_index(dataset, reader, source, num_clips, shuffle_seed, clips, captions, phrases)


def fetch_clips(
    clips: Path,
    shard: int,
    shard_size: int,
    media_folder: Path,
    status: Path,
    options: Options,
    run_folder: Path,
    serve_folder: Path | None,
    num_workers: int,
) -> None:
    """Fetch the clips of one shard and record what became of each."""
    from hearsay.clips import fetch

    fetch.fetch_clips(
        clips,
        shard,
        shard_size,
        media_folder,
        status,
        options,
        run_folder,
        serve_folder,
        num_workers,
    )


def decode_clips(
    clips: Path,
    shard: int,
    shard_size: int,
    fetch_status: Path,
    audio: Path,
    images: Path,
    status: Path,
    options: Options,
    num_workers: int,
) -> None:
    """Decode the fetched clips of one shard to sound and pictures."""
    from hearsay.clips import decode

    decode.decode_clips(
        clips, shard, shard_size, fetch_status, audio, images, status, options, num_workers
    )


def collect_availability(data: Path, num_shards: int, table: Path, summary: Path) -> None:
    """Join all status tables: what became of every clip, with a fingerprint."""
    from hearsay.clips import availability

    files = DatasetFiles(data, num_shards)
    availability.collect_availability(
        files.name,
        files.clips,
        files.shards("clips", ".status.parquet"),
        files.shards("decode", ".status.parquet"),
        table,
        summary,
    )


def extract_fbank(audio: Path, array: Path, index: Path, options: Options) -> None:
    """Compute the Kaldi filter banks of one shard."""
    from hearsay.features import fbank

    fbank.extract_fbank(audio, array, index, options)


def extract_logmel(audio: Path, array: Path, index: Path, options: Options) -> None:
    """Compute the log-mel spectrograms of one shard."""
    from hearsay.features import logmel

    logmel.extract_logmel(audio, array, index, options)


def measure_fbank(data: Path, options: Options, statistics: Path, subset: Path | None) -> None:
    """Measure mean and standard deviation of the filter banks over the train split."""
    from hearsay.features import statistics as measure

    files = DatasetFiles.open(data)
    measure.measure_features(
        files.clips, files.shards("fbank", ".parquet"), statistics, options, subset
    )


def draw_corpus(
    options: Options,
    num_pictures: int,
    clip_duration_s: float,
    images: Path,
    captions: Path,
    clips: Path,
) -> None:
    """Draw pictures with captions for training the demo's towers."""
    from hearsay.annotations.demo import corpus

    corpus.draw_corpus(options, num_pictures, clip_duration_s, images, captions, clips)


def prepare_clip(
    options: Options,
    weights: Path,
    device: str,
    threads: int,
    images: list[Path] | None,
    captions: Path | None,
    clips: Path | None,
) -> None:
    """Load the frozen image and text towers, or train small ones on pictures and captions."""
    from hearsay.encoders import clip

    clip.prepare_clip(options, weights, device, images or [], captions, clips, threads)


def embed_images(weights: Path, images: Path, array: Path, index: Path, device: str) -> None:
    """Embed the pictures of one shard with the frozen image tower."""
    from hearsay.encoders import embed

    embed.embed_images(weights, images, array, index, device)


def embed_captions(weights: Path, captions: Path, array: Path, index: Path, device: str) -> None:
    """Embed the captions of a data set with the frozen text tower."""
    from hearsay.encoders import embed

    embed.embed_captions(weights, captions, array, index, device)


def embed_words(
    dataset: str,
    options: Options,
    clips: Path,
    captions: Path,
    phrases: Path,
    training_clips: Path | None,
    training_captions: Path | None,
    array: Path,
    index: Path,
    caption_words: Path,
    phrase_words: Path,
    summary: Path,
) -> None:
    """Embed the words of captions and phrases, by a file of vectors or by skip-gram."""
    from hearsay.encoders import words
    from hearsay.encoders.word_store import WordFiles

    files = WordFiles(array, index, caption_words, phrase_words, summary)
    words.embed_words(
        dataset, options, clips, captions, phrases, training_clips, training_captions, files
    )


def train_run(
    method: str,
    stage: str,
    seed: int,
    options: Options,
    data: Path,
    weights: Path,
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

    own_readers = max(1, readers // processes)
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
    image_data: Path,
    text_data: Path,
    weights: Path,
    model: Path,
    subset: Path | None,
    folder: Path,
    num_resamples: int,
    device: str,
    threads: int,
) -> None:
    """Score one trained stage on every task that it can do."""
    from hearsay.scoring import run

    run.score_run(
        method,
        stage,
        seed,
        DatasetFiles.open(image_data),
        DatasetFiles.open(text_data),
        weights,
        model,
        subset,
        folder,
        num_resamples,
        device,
        threads,
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


def collect_scores(scores: list[Path], table: Path) -> None:
    """Join all score files to the one tidy table."""
    from hearsay.report import scores as report_scores

    report_scores.collect_scores(scores, table)


def compare_methods(
    scores: list[Path],
    reference: str,
    methods: list[str],
    num_resamples: int,
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Compare every method with a reference, over the queries and over the seeds."""
    from hearsay.report import compare

    compare.compare_methods(scores, reference, methods, num_resamples, csv, markdown, latex)


def make_table_clips(availability: list[Path], csv: Path, markdown: Path, latex: Path) -> None:
    """Make Table II: clips listed and found per split."""
    from hearsay.report import table_clips

    table_clips.make_table_clips(availability, csv, markdown, latex)


def make_table_words(summaries: list[Path], csv: Path, markdown: Path, latex: Path) -> None:
    """Make the table of words without a vector, per data set and split."""
    from hearsay.report import table_words

    table_words.make_table_words(summaries, csv, markdown, latex)


def make_table_audio_image(
    scores: Path,
    comparisons: Path | None,
    methods: list[str],
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Make Table III: audio-image retrieval."""
    from hearsay.report import tables

    tables.make_table_audio_image(scores, comparisons, methods, csv, markdown, latex)


def make_table_audio_text(
    scores: Path,
    comparisons: Path | None,
    methods: list[str],
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Make Table IV: audio-text retrieval."""
    from hearsay.report import tables

    tables.make_table_audio_text(scores, comparisons, methods, csv, markdown, latex)


def plot_recall(scores: Path, task: str, methods: list[str], svg: Path, png: Path) -> None:
    """Plot recall per method, with a point per seed, chance and the oracle."""
    from hearsay.report import plot_recall

    plot_recall.plot_recall(scores, task, methods, svg, png)


def plot_training(histories: list[Path], methods: list[str], svg: Path, png: Path) -> None:
    """Plot the training curves of all runs."""
    from hearsay.report import plot_training

    plot_training.plot_training(histories, methods, svg, png)


def plot_choices(
    counts: Path,
    methods: list[str],
    svg: Path,
    png: Path,
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Plot and tabulate how often trainings chose a picture of what sounds."""
    from hearsay.report import plot_choices

    plot_choices.plot_choices(counts, methods, svg, png, csv, markdown, latex)


def plot_clips(
    images: Path,
    fbank: Path,
    fbank_index: Path,
    captions: Path,
    phrases: Path,
    number: int,
    frame_shift_ms: float,
    svg: Path,
    png: Path,
) -> None:
    """Plot a few clips: pictures, filter bank, captions and events."""
    from hearsay.report import plot_clips

    plot_clips.plot_clips(
        images, fbank, fbank_index, captions, phrases, number, frame_shift_ms, svg, png
    )


def make_table_disagreement(
    disagreements: list[float],
    scores: list[Path],
    comparisons: list[Path] | None,
    reference: str | None,
    methods: list[str],
    csv: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Make the sweep's table: recall at each disagreement of pictures and sounds."""
    from hearsay.report import table_disagreement

    table_disagreement.make_table_disagreement(
        disagreements, scores, comparisons or [], reference, methods, csv, markdown, latex
    )


def plot_disagreement(table: Path, methods: list[str], svg: Path, png: Path) -> None:
    """Plot R@1 against the disagreement of pictures and sounds."""
    from hearsay.report import plot_disagreement

    plot_disagreement.plot_disagreement(table, methods, svg, png)


COMMANDS: list[Callable[..., None]] = [
    make_demo,
    fetch_annotations,
    build_index,
    fetch_clips,
    decode_clips,
    collect_availability,
    extract_fbank,
    extract_logmel,
    measure_fbank,
    draw_corpus,
    prepare_clip,
    embed_images,
    embed_captions,
    embed_words,
    train_run,
    score_run,
    score_oracle,
    count_choices,
    collect_scores,
    compare_methods,
    make_table_clips,
    make_table_words,
    make_table_audio_image,
    make_table_audio_text,
    plot_recall,
    plot_training,
    plot_choices,
    plot_clips,
    make_table_disagreement,
    plot_disagreement,
]
