"""The steps from clips to features and frozen embeddings."""

from collections.abc import Callable
from pathlib import Path

from hearsay.commands.options import Options
from hearsay.layout import DatasetFiles


def extract_fbank(audio: Path, array: Path, index: Path, options: Options) -> None:
    """Compute the Kaldi filter banks of one shard."""
    from hearsay.features import fbank

    fbank.extract_fbank(audio, array, index, options)


def extract_logmel(audio: Path, array: Path, index: Path, options: Options) -> None:
    """Compute the log-mel spectrograms of one shard."""
    from hearsay.features import logmel

    logmel.extract_logmel(audio, array, index, options)


def extract_mfcc(audio: Path, array: Path, index: Path, options: Options) -> None:
    """Compute the mean cepstral coefficients of one shard."""
    from hearsay.features import mfcc

    mfcc.extract_mfcc(audio, array, index, options)


def extract_wal_logmel(audio: Path, array: Path, index: Path, options: Options) -> None:
    """Compute WAL-Net's log-mel spectrograms of one shard."""
    from hearsay.features import wal_logmel

    wal_logmel.extract_wal_logmel(audio, array, index, options)


def measure_fbank(data: Path, options: Options, statistics: Path, subset: Path | None) -> None:
    """Measure mean and standard deviation of the filter banks over the train split."""
    from hearsay.features import statistics as measure

    files = DatasetFiles.open(data)
    measure.measure_features(
        files.clips, files.shards("fbank", ".parquet"), statistics, options, subset
    )


def check_shards(folder: Path, num_shards: int, record: Path) -> None:
    """Check that the shards of a store are complete and fit together, and record them."""
    from hearsay.features import shards

    shards.check_shards(folder, num_shards, record)


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


def embed_captions(
    weights: Path,
    clips: Path,
    captions: Path,
    phrases: Path,
    array: Path,
    index: Path,
    phrase_array: Path,
    phrase_index: Path,
    label_array: Path,
    label_index: Path,
    device: str,
) -> None:
    """Embed captions, phrases and labels of a data set with the frozen text tower."""
    from hearsay.encoders import embed

    files = embed.TextFiles(array, index, phrase_array, phrase_index, label_array, label_index)
    embed.embed_captions(weights, clips, captions, phrases, files, device)


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


def embed_labels(
    dataset: str,
    options: Options,
    clips: Path,
    captions: Path,
    training_clips: Path | None,
    training_captions: Path | None,
    array: Path,
    index: Path,
    summary: Path,
    caption_array: Path,
    caption_index: Path,
) -> None:
    """Embed the labels of a data set by the words in them, and its captions in the same way."""
    from hearsay.encoders import embed_labels
    from hearsay.encoders.label_store import LabelFiles

    files = LabelFiles(array, index, summary, caption_array, caption_index)
    embed_labels.embed_labels(
        dataset, options, clips, captions, training_clips, training_captions, files
    )


def prepare_wal_net(
    options: Options,
    weights: Path,
    device: str,
    threads: int,
    arrays: list[Path] | None,
    clips: Path | None,
) -> None:
    """Load published weights of WAL-Net, or train it on the weak labels of a data set."""
    from hearsay.encoders import wal_net

    wal_net.prepare_wal_net(options, weights, device, arrays or [], clips, threads)


def embed_wal_net(weights: Path, features: Path, array: Path, index: Path, device: str) -> None:
    """Embed the sound of one shard with the frozen WAL-Net."""
    from hearsay.encoders import wal_net

    wal_net.embed_wal_net(weights, features, array, index, device)


def form_vectors(
    clips: Path,
    arrays: list[Path],
    options: Options,
    array: Path,
    index: Path,
    subset: Path | None,
) -> None:
    """Bring the vectors of a data set into a form: raw, standardised or reduced, of unit norm."""
    from hearsay.features import forms

    forms.form_vectors(clips, arrays, options, array, index, subset)


COMMANDS: list[Callable[..., None]] = [
    extract_fbank,
    extract_logmel,
    extract_mfcc,
    extract_wal_logmel,
    measure_fbank,
    check_shards,
    draw_corpus,
    prepare_clip,
    embed_images,
    embed_captions,
    embed_words,
    embed_labels,
    prepare_wal_net,
    embed_wal_net,
    form_vectors,
]
