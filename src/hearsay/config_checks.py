"""Check a config before anything runs: types, ranges, unknown keys, references, what fits what.

Nothing is read but the schema.
"""

import re
from functools import cache
from pathlib import Path

import jsonschema
import yaml

from hearsay.config import (
    Config,
    family_of,
    form_of,
    gpus_of,
    stage_options,
    stages_of,
    used_datasets,
)
from hearsay.errors import HearsayError
from hearsay.families import FORMS

CRNN_BINS = 64  # hearsay.models.crnn
DEMO_PICTURES = 4  # hearsay.annotations.demo.scenes.NUM_PICTURES
PUBLISHED_RATE_HZ = 44_100  # of the authors' WAL-Net
# Their spectrogram: what stands under features.wal_logmel, in samples; the schema has the 128 bins.
PUBLISHED_SAMPLES = {"frame_length_ms": 1024, "frame_shift_ms": 512}
SUBSET_NAME = re.compile(r"[A-Za-z0-9_.@+-]+")  # as hearsay.scoring.records wants a name


def check_config(config: Config, schema: Path) -> None:
    """Check types, ranges, unknown keys and references between sections.

    Raises:
        HearsayError: one line that names the key and says what is wrong.
    """
    _check_schema(config, _load_schema(schema))
    benchmark = config["benchmark"]
    for method in benchmark["methods"]:
        _check_known("benchmark.methods", method, config["methods"], "methods")
    for method in config["search"]["methods"]:
        _check_known("search.methods", method, config["methods"], "methods")
    for method in config["sweep"]["methods"]:
        _check_known("sweep.methods", method, config["methods"], "methods")
    _check_reference(config)
    for stage, dataset in benchmark["stages"].items():
        _check_known(f"benchmark.stages.{stage}", dataset, config["datasets"], "datasets")
    for name in used_datasets(config):
        _check_dataset(config, name)
    for name in config["datasets"]:
        _check_exclude(config, name, [name])
    subset = benchmark["subset"]
    if subset is not None and not SUBSET_NAME.fullmatch(Path(subset).stem):
        raise HearsayError(
            f"config: benchmark.subset {subset!r}: the file's name stands in every score, so it "
            "takes letters, digits and _.@+- alone; rename the file"
        )
    _check_towers(config)
    _check_words(config)
    _check_wal_net(config)
    for method in config["methods"]:
        _check_form(config, method)
        for stage in stages_of(config, method):
            _check_stage(method, stage, stage_options(config, method, stage))
    for method in benchmark["methods"]:
        if family_of(config, method).needs_pictures:
            _check_images(config, method)
        for stage in stages_of(config, method):
            _check_processes(config, method, stage)


def _check_dataset(config: Config, name: str) -> None:
    _check_reader(config, name)
    _check_rates(config, name)
    _check_address(config, name)
    dataset = config["datasets"][name]
    if dataset["reader"] != "demo":
        return
    if dataset["clip_duration_s"] is None:
        raise HearsayError(
            f"config: datasets.{name}.clip_duration_s null: the demo's scenes need a length; "
            "give one in seconds"
        )
    if dataset["num_images"] not in (0, DEMO_PICTURES):
        raise HearsayError(
            f"config: datasets.{name}.num_images {dataset['num_images']}: the demo shows "
            f"{DEMO_PICTURES} pictures a clip, and its truth is known of these; give "
            f"{DEMO_PICTURES} or 0"
        )


def _check_address(config: Config, name: str) -> None:
    address = config["datasets"][name]["fetch"]["address"]
    rest = address.replace("{video_id}", "", 1)
    if rest == address or set("{}") & set(rest) or not rest.startswith(("http://", "https://")):
        raise HearsayError(
            f"config: datasets.{name}.fetch.address {address!r}: give an http(s) address that "
            "holds {video_id} once"
        )


def _check_exclude(config: Config, name: str, path: list[str]) -> None:
    """Refuse to exclude the videos of unknown data sets, and data sets that exclude each other's.

    Args:
        name: of the last data set of `path`.
        path: data sets, each of which excludes videos of the next.
    """
    for other in config["datasets"][name]["exclude"]:
        key = f"datasets.{name}.exclude"
        _check_known(key, other, config["datasets"], "datasets")
        _check_reader(config, other)
        if other in path:
            first, *ring = [*path[path.index(other) :], other]
            links = ", which excludes videos of ".join(ring)
            raise HearsayError(
                f"config: {key}: {first} excludes videos of {links}: no index could be built "
                "before the other; drop one of these"
            )
        _check_exclude(config, other, [*path, other])


def _check_rates(config: Config, name: str) -> None:
    """Refuse features of frequencies that the stored sound does not have."""
    rate_hz = config["datasets"][name]["sample_rate_hz"]
    heard = {family_of(config, method).features for method in config["benchmark"]["methods"]}
    if config["benchmark"]["phrase_grounding"]:
        heard.add("logmel")  # phrases are grounded on its frames
    for feature in sorted(heard - {FORMS}):
        options = config["features"][feature]
        if options["low_freq_hz"] >= rate_hz / 2:
            raise HearsayError(
                f"config: features.{feature}.low_freq_hz {options['low_freq_hz']:g} is not below "
                f"half the sample_rate_hz {rate_hz} of datasets.{name}"
            )
        if options.get("high_freq_hz", 0) > rate_hz / 2:
            raise HearsayError(
                f"config: features.{feature}.high_freq_hz {options['high_freq_hz']:g} is above "
                f"half the sample_rate_hz {rate_hz} of datasets.{name}"
            )


def _check_towers(config: Config) -> None:
    model, training = config["clip"]["model"], config["clip"]["training"]
    if config["clip"]["pretrained"] is not None:
        if not isinstance(model, str):
            raise HearsayError(
                "config: clip.pretrained needs the name of an open_clip model in clip.model, "
                "such as ViT-B-32-quickgelu; sizes are for training here (pretrained: null)"
            )
        return
    if isinstance(model, str):
        raise HearsayError(
            f"config: clip.model {model!r} needs clip.pretrained; to train here, give the sizes "
            "of the model"
        )
    _check_known("clip.training.dataset", training["dataset"], config["datasets"], "datasets")
    _check_reader(config, training["dataset"])


def _check_reader(config: Config, name: str) -> None:
    reader = config["datasets"][name]["reader"]
    if reader not in config["datasets"][name]:
        raise HearsayError(
            f"config: datasets.{name} has reader {reader}, but no section {reader} with its options"
        )


def _check_reference(config: Config) -> None:
    reference, methods = config["benchmark"]["reference"], config["benchmark"]["methods"]
    if reference is None:
        return
    _check_known("benchmark.reference", reference, config["methods"], "methods")
    if len(methods) > 1 and family_of(config, reference).needs_labels:
        raise HearsayError(
            f"config: benchmark.reference {reference!r} tells labels apart, and only retrieval is "
            "compared with a reference; name another one, or give null"
        )
    if len(methods) > 1 and reference not in methods:
        raise HearsayError(
            f"config: benchmark.reference {reference!r} is not one of benchmark.methods "
            f"({', '.join(methods)}), so nothing could be compared with it; add it there, name "
            "another one, or give null"
        )


def _check_words(config: Config) -> None:
    skipgram = config["words"]["skipgram"]
    if skipgram["dataset"] is not None:
        _check_known("words.skipgram.dataset", skipgram["dataset"], config["datasets"], "datasets")
        _check_reader(config, skipgram["dataset"])
    bins, width = config["features"]["logmel"]["num_mel_bins"], skipgram["dimensions"]
    if any(config["methods"][m]["family"] == "word_align" for m in config["benchmark"]["methods"]):
        if bins != CRNN_BINS:
            raise HearsayError(
                f"config: features.logmel.num_mel_bins {bins}: the network of family word_align "
                f"pools {CRNN_BINS} of them to one; give {CRNN_BINS}"
            )
        if config["words"]["file"] is None and width % 2:
            raise HearsayError(
                f"config: words.skipgram.dimensions {width}: half of them go to each direction of "
                "the network of family word_align; give an even number"
            )
    if skipgram["final_learning_rate"] > skipgram["learning_rate"]:
        raise HearsayError(
            f"config: words.skipgram.final_learning_rate {skipgram['final_learning_rate']:g} "
            f"exceeds learning_rate {skipgram['learning_rate']:g}; the rate falls"
        )


def _check_wal_net(config: Config) -> None:
    """Refuse a network that nothing is there to train on, or that has learned other spectra."""
    options, features = config["wal_net"], config["features"]["wal_logmel"]
    if options["file"] is None:
        training = options["training"]
        name = training["dataset"]
        _check_known("wal_net.training.dataset", name, config["datasets"], "datasets")
        _check_reader(config, name)
        if training["crop_frames"] > features["min_frames"]:
            raise HearsayError(
                f"config: wal_net.training.crop_frames {training['crop_frames']} exceeds "
                f"features.wal_logmel.min_frames {features['min_frames']}, to which short sounds "
                "are repeated: a crop would not fit; raise the latter"
            )
        return
    _check_published(config)


def _check_published(config: Config) -> None:
    """Refuse spectra that published weights of WAL-Net do not know, where a method hears them."""
    for method in config["benchmark"]["methods"]:
        form = form_of(config, method)
        if form is None or config["forms"].get(form, {}).get("vectors") != "wal_net":
            continue
        for name in {config["benchmark"]["stages"][stage] for stage in stages_of(config, method)}:
            rate_hz = config["datasets"][name]["sample_rate_hz"]
            if rate_hz != PUBLISHED_RATE_HZ:
                raise HearsayError(
                    f"config: datasets.{name}.sample_rate_hz {rate_hz}: the weights of "
                    f"wal_net.file have learned sound of {PUBLISHED_RATE_HZ} Hz; store it at that "
                    "rate, or train here (file: null)"
                )
        _check_published_spectrogram(config["features"]["wal_logmel"])


def _check_published_spectrogram(features: Config) -> None:
    for name, samples in PUBLISHED_SAMPLES.items():
        if round(features[name] * PUBLISHED_RATE_HZ / 1000) != samples:
            raise HearsayError(
                f"config: features.wal_logmel.{name} {features[name]:g}: the weights of "
                f"wal_net.file have learned {samples} samples at {PUBLISHED_RATE_HZ} Hz; give "
                f"{1000 * samples / PUBLISHED_RATE_HZ:.2f}, or train here (file: null)"
            )


def _check_form(config: Config, method: str) -> None:
    form = form_of(config, method)
    if form is not None:
        _check_known(f"methods.{method}: form", form, config["forms"], "forms")


def _check_stage(method: str, stage: str, options: Config) -> None:
    if options["warmup_epochs"] > options["epochs"]:
        raise HearsayError(
            f"config: methods.{method}.{stage}: warmup_epochs {options['warmup_epochs']} "
            f"exceeds epochs {options['epochs']}"
        )


def _check_processes(config: Config, method: str, stage: str) -> None:
    batch_size, gpus = stage_options(config, method, stage)["batch_size"], gpus_of(config, method)
    if batch_size % gpus:
        raise HearsayError(
            f"config: training.gpus {gpus} does not divide batch_size {batch_size} of "
            f"methods.{method}.{stage}, and each card takes an equal part of a batch"
        )


def _check_images(config: Config, method: str) -> None:
    options = stage_options(config, method, "audio_image")
    dataset = config["benchmark"]["stages"]["audio_image"]
    num_images = config["datasets"][dataset]["num_images"]
    chooses_nearest = options["image_choice"] in ("nearest", "nearest_of_pairs")
    if chooses_nearest and options["nearest_from_epoch"] >= options["epochs"]:
        raise HearsayError(
            f"config: methods.{method}.nearest_from_epoch {options['nearest_from_epoch']} is not "
            f"below epochs {options['epochs']} of audio_image: the nearest image would never be "
            "taken"
        )
    if num_images == 0:
        return
    num_frames = options["fbank"]["num_frames"]
    if num_frames % options["segments"]:
        raise HearsayError(
            f"config: methods.{method}.segments {options['segments']} does not divide "
            f"features.fbank.num_frames {num_frames}"
        )
    takes_all = options["image_choice"] in ("all", "all_unnormalised")
    if takes_all and options["segments"] != num_images:
        raise HearsayError(
            f"config: methods.{method}.segments {options['segments']}: image_choice "
            f"{options['image_choice']} matches each segment with an image, and data set {dataset} "
            f"has num_images {num_images}; give {num_images}"
        )


def _check_known(key: str, name: str, known: Config, section: str) -> None:
    if name not in known:
        raise HearsayError(
            f"config: {key}: {name!r} is not defined under {section}; known: {', '.join(known)}"
        )


@cache
def _load_schema(schema: Path) -> Config:
    """Read the schema once: the sweep checks a config a value."""
    return yaml.safe_load(schema.read_text())


def _check_schema(config: Config, schema: Config) -> None:
    validator = jsonschema.Draft202012Validator(schema)
    error = jsonschema.exceptions.best_match(validator.iter_errors(config))
    if error is None:
        return
    where = ".".join(str(part) for part in error.absolute_path) or "top level"
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = [key for key in error.instance if key not in known]
        raise HearsayError(
            f"config: {where}: unknown key {unknown[0]!r}; known: {', '.join(known)}"
        )
    raise HearsayError(f"config: {where}: {error.message}")
