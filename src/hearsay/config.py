"""Check a config and answer what it asks for: data sets, shards, methods, options.

Light enough for the Snakefile, which every cluster job parses again: nothing is read but
the schema, and no table.
"""

import re
from copy import deepcopy
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from hearsay.errors import HearsayError

Config = dict[str, Any]

STAGES = ("audio_image", "audio_text")  # in the order of training
DEMO_PICTURES = 4  # hearsay.annotations.demo.scenes.NUM_PICTURES
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
    for method in config["sweep"]["methods"]:
        _check_known("sweep.methods", method, config["methods"], "methods")
    _check_reference(config)
    for stage, dataset in benchmark["stages"].items():
        _check_known(f"benchmark.stages.{stage}", dataset, config["datasets"], "datasets")
    for name in used_datasets(config):
        _check_reader(config, name)
        dataset = config["datasets"][name]
        lowest_hz = config["features"]["fbank"]["low_freq_hz"]
        if lowest_hz >= dataset["sample_rate_hz"] / 2:
            raise HearsayError(
                f"config: features.fbank.low_freq_hz {lowest_hz:g} is not below half the "
                f"sample_rate_hz {dataset['sample_rate_hz']} of datasets.{name}"
            )
        if dataset["reader"] == "demo" and dataset["clip_duration_s"] is None:
            raise HearsayError(
                f"config: datasets.{name}.clip_duration_s null: the demo's scenes need a length; "
                "give one in seconds"
            )
        if dataset["reader"] == "demo" and dataset["num_images"] not in (0, DEMO_PICTURES):
            raise HearsayError(
                f"config: datasets.{name}.num_images {dataset['num_images']}: the demo shows "
                f"{DEMO_PICTURES} pictures a clip, and its truth is known of these; give "
                f"{DEMO_PICTURES} or 0"
            )
    subset = benchmark["subset"]
    if subset is not None and not SUBSET_NAME.fullmatch(Path(subset).stem):
        raise HearsayError(
            f"config: benchmark.subset {subset!r}: the file's name stands in every score, so it "
            "takes letters, digits and _.@+- alone; rename the file"
        )
    if config["clip"]["pretrained"] is not None:
        if not isinstance(config["clip"]["model"], str):
            raise HearsayError(
                "config: clip.pretrained needs the name of an open_clip model in clip.model, "
                "such as ViT-B-32-quickgelu; sizes are for training here (pretrained: null)"
            )
    else:
        if isinstance(config["clip"]["model"], str):
            raise HearsayError(
                f"config: clip.model {config['clip']['model']!r} needs clip.pretrained; to train "
                "here, give the sizes of the model"
            )
        trained_on = config["clip"]["training"]["dataset"]
        _check_known("clip.training.dataset", trained_on, config["datasets"], "datasets")
        _check_reader(config, trained_on)
    _check_words(config)
    for method in config["methods"]:
        for stage in STAGES:
            _check_stage(method, stage, stage_options(config, method, stage))
    for method in benchmark["methods"]:
        _check_images(config, method)
        for stage in STAGES:
            _check_processes(config, method, stage)


def used_datasets(config: Config) -> list[str]:
    """Name the data sets that the stages train on and are scored on, sorted."""
    return sorted(set(config["benchmark"]["stages"].values()))


def num_shards(config: Config, dataset: str) -> int:
    """Count the shards of a data set; the last one may be smaller."""
    section = config["datasets"][dataset]
    return ceil(section["num_clips"] / section["shard_size"])


def shards(config: Config, dataset: str) -> list[str]:
    """Name the shards of a data set: five digits each."""
    return [f"{shard:05d}" for shard in range(num_shards(config, dataset))]


def runnable_methods(config: Config) -> tuple[list[str], list[str]]:
    """Split the benchmark's methods into those that can run and reasons for those left out.

    Both stages of the methods of today need pictures of the audio_image data set.
    """
    dataset = config["benchmark"]["stages"]["audio_image"]
    methods = list(config["benchmark"]["methods"])
    if config["datasets"][dataset]["num_images"] > 0:
        return methods, []
    return [], [
        f"left out: {', '.join(methods)}; these methods need pictures, and data set {dataset} has "
        "num_images: 0"
    ]


def reference_method(config: Config) -> str | None:
    """Name the method that the others are compared with; None where there is nothing to compare.

    A single method is compared with nothing, whatever the reference, so that one may run a
    method alone without touching the reference.
    """
    reference: str | None = config["benchmark"]["reference"]
    methods, _ = runnable_methods(config)
    return reference if len(methods) > 1 else None


def stage_options(config: Config, method: str, stage: str) -> Config:
    """Gather all that changes the result of one stage of one method, and nothing else.

    The options of the method lie over those of its family; the stage's own options come up
    to the top level, so that a change of another stage changes nothing here.
    """
    own = config["methods"][method]
    merged = merge(config["families"][own["family"]], own)
    options = {key: value for key, value in merged.items() if key not in STAGES}
    return {**options, **merged[stage], "fbank": dict(config["features"]["fbank"])}


def word_options(config: Config, dataset: str) -> Config:
    """Return what changes the word vectors of a data set: those of a file, or skip-gram's."""
    options = {key: value for key, value in config["words"].items() if key != "skipgram"}
    if options["file"] is None:
        skipgram = config["words"]["skipgram"]
        options["skipgram"] = {**skipgram, "dataset": skipgram["dataset"] or dataset}
    return options


def merge(below: Config, above: Config) -> Config:
    """Lay one nested mapping over another; neither is changed."""
    merged = deepcopy(below)
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = deepcopy(value)
    return merged


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
    if skipgram["final_learning_rate"] > skipgram["learning_rate"]:
        raise HearsayError(
            f"config: words.skipgram.final_learning_rate {skipgram['final_learning_rate']:g} "
            f"exceeds learning_rate {skipgram['learning_rate']:g}; the rate falls"
        )


def _check_stage(method: str, stage: str, options: Config) -> None:
    if options["warmup_epochs"] > options["epochs"]:
        raise HearsayError(
            f"config: methods.{method}.{stage}: warmup_epochs {options['warmup_epochs']} "
            f"exceeds epochs {options['epochs']}"
        )


def _check_processes(config: Config, method: str, stage: str) -> None:
    batch_size, gpus = (
        stage_options(config, method, stage)["batch_size"],
        config["training"]["gpus"],
    )
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
