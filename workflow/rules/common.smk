# What the rules share: constraints, target lists, small input functions.
# Whatever can be tested without Snakemake lies in src/hearsay/config.py.

import json
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from hearsay.config import (
    FETCH_JOBS,
    annotation_list,
    family_of,
    fetch_minutes,
    form_of,
    form_options,
    gpus_of,
    label_options,
    has_phrases,
    is_address,
    is_rate_limited,
    num_shards,
    reference_method,
    runnable_methods,
    shards,
    stage_options,
    stages_of,
    tasks_not_asked,
    used_datasets,
    word_options,
)
from hearsay.config_checks import check_config
from hearsay.config_files import absent_vectors, check_fetch_files
from hearsay.environments import find_image, name_checkout
from hearsay.errors import HearsayError
from hearsay.families import FAMILIES, FORMS
from hearsay.layout import read_mark
from hearsay.report.joint_runs import label_reports
from hearsay.machine import count_gpus, put_commands_on_path
from hearsay.sweep import at_disagreement, find_obstacle, module_name, swept_values


wildcard_constraints:
    dataset="[a-z][a-z0-9_]*",
    form="[a-z][a-z0-9_]*",
    shard=r"\d{5}",
    method="(?!(oracle|controls)/)[a-z][a-z0-9_]*",  # those two have rules of their own
    seed=r"\d+",
    stage="audio_image|audio_text|audio_label",
    subset="[A-Za-z0-9_.@+-]+",
    split="train|val|test",
    store="fbank|logmel|image_embeddings",
    suffix="csv|json",
    task="audio_image|audio_text",
    weights="[A-Za-z0-9_.-]+",


SCHEMA = Path(workflow.basedir) / "workflow/schemas/config.schema.yaml"
DEPLOYMENT = {
    method.name.lower() for method in workflow.deployment_settings.deployment_method
}
try:
    check_config(config, SCHEMA)
    check_fetch_files(config)
    IMAGE = find_image(workflow.basedir, DEPLOYMENT)
except HearsayError as error:
    raise WorkflowError(str(error))

METHODS, LEFT_OUT = runnable_methods(config)
REFERENCE = reference_method(config)  # None: nothing to compare
for line in LEFT_OUT + absent_vectors(config, METHODS):
    logger.warning(line)

put_commands_on_path()
name_checkout(workflow.basedir)


# Here and not in the Snakefile, so that the rules of modules have it too.
container: IMAGE


# What the main process gives to a job elsewhere is not for that job to limit.
if workflow.is_main_process:
    # Jobs that ask for a GPU share the cards one each, unless the user set a limit of their own.
    # Without a card there is nothing to share: then only the cores count.
    if count_gpus() and "gpu" not in workflow.global_resources:
        workflow.register_resource("gpu", count_gpus())
    if "gpu" in workflow.global_resources:
        allowed = workflow.global_resources["gpu"].value
        wanted = config["training"]["gpus"]
        if 0 < allowed < wanted:  # Snakemake would quietly give fewer; 0: all on cores
            raise WorkflowError(
                f"config: training.gpus {wanted} is more than the {allowed} that this run may use; "
                "lower it, or give --resources gpu=N where jobs run elsewhere"
            )
    # Jobs that fetch under one rate share it: each of many would outlast its runtime.
    if is_rate_limited(config) and "fetching" not in workflow.global_resources:
        workflow.register_resource("fetching", FETCH_JOBS)


def dataset_option(*keys):
    """Return a function of the wildcards that looks up an option of {dataset}."""

    def look_up(wildcards):
        value = config["datasets"][wildcards.dataset]
        for key in keys:
            value = value[key]
        return value

    return look_up


def dataset_options(section, *keys):
    """Return a function of the wildcards: a section of {dataset} plus some keys, as JSON."""

    def gather(wildcards):
        dataset = config["datasets"][wildcards.dataset]
        options = dict(dataset[section]) if section else {}
        return json.dumps({**options, **{key: dataset[key] for key in keys}})

    return gather


def per_shard(pattern, dataset=None):
    """Return a function of the wildcards: `pattern` for every shard of the data set."""

    def files(wildcards):
        name = dataset or wildcards.dataset
        return expand(pattern, dataset=name, shard=shards(config, name))

    return files


def store_files(suffix):
    """Return a function of the wildcards: the files of {store} for every shard."""

    def files(wildcards):
        pattern = f"<data>/{{dataset}}/{wildcards.store}/{{shard}}.{suffix}"
        return per_shard(pattern)(wildcards)

    return files


def clip_training_files(table):
    """Return a function of the wildcards: what the towers are trained on, or nothing.

    The demo's towers get pictures drawn for them, others the data set's own train split;
    pretrained ones are loaded.
    """

    def files(wildcards):
        dataset = config["clip"]["training"]["dataset"]
        if config["clip"]["pretrained"] is not None:
            return []
        if config["datasets"][dataset]["reader"] == "demo":
            return f"<encoders>/{wildcards.weights}/corpus/{table}.parquet"
        if table == "images":
            return per_shard("<data>/{dataset}/images/{shard}.parquet", dataset)(None)
        return f"<data>/{dataset}/index/{table}.parquet"

    return files


def clip_training_option(wildcards, input):
    """The pictures and captions that `prepare_clip` trains on, if it trains."""
    if config["clip"]["pretrained"] is not None:
        return []
    tables = ["--captions", input.captions, "--clips", input.clips, "--images"]
    return [
        *tables,
        *([input.images] if isinstance(input.images, str) else input.images),
    ]


def corpus_options(wildcards):
    """What pictures and captions for training the demo's towers hang on, as JSON: the world alone.

    So that towers stay as they are whatever the clips show, how many there are or what breaks.
    """
    options = CORPUS_DATASET["demo"]
    return json.dumps(
        {key: options[key] for key in ("seed", "unmentioned", "sound_bank")}
    )


def feature_options(name):
    """Return a function of the wildcards: a section of features and the rate of the sound."""

    def gather(wildcards):
        rate = config["datasets"][wildcards.dataset]["sample_rate_hz"]
        return json.dumps({**config["features"][name], "sample_rate_hz": rate})

    return gather


def word_training_file(table):
    """Return a function of the wildcards: what skip-gram vectors learn from, or nothing."""

    def file(wildcards):
        options = word_options(config, wildcards.dataset)
        if options["file"] is not None:
            return []
        return f"<data>/{options['skipgram']['dataset']}/index/{table}.parquet"

    return file


def wal_net_training_files(name):
    """Return a function of the wildcards: files of the data set WAL-Net learns, or nothing."""

    def files(wildcards):
        if config["wal_net"]["file"] is not None:
            return []
        dataset = config["wal_net"]["training"]["dataset"]
        return per_shard(f"<data>/{{dataset}}/{name}", dataset)(wildcards)

    return files


def wal_net_training_clips(wildcards):
    """The index of the data set that WAL-Net learns, or nothing."""
    if config["wal_net"]["file"] is not None:
        return []
    dataset = config["wal_net"]["training"]["dataset"]
    return f"<data>/{dataset}/index/clips.parquet"


def form_files(suffix):
    """Return a function of the wildcards: the files of the vectors that {form} is made of."""

    def files(wildcards):
        vectors = config["forms"][wildcards.form]["vectors"]
        return per_shard(f"<data>/{{dataset}}/{vectors}/{{shard}}.{suffix}")(wildcards)

    return files


def swept_tables(name):
    """Return a function of the wildcards: a table of each value of the sweep, if it can be swept."""

    def files(wildcards):
        if OBSTACLE:
            raise WorkflowError(OBSTACLE)
        return expand(f"<results>/disagreement/{{value}}/tables/{name}", value=SWEPT)

    return files


def option(name, value):
    """An option and its value where there is a value, else nothing."""
    return [name, str(value)] if value else []


def options(name, values):
    """An option and its values where there are values, else nothing."""
    return [name, *values] if values else []


DATA = workflow.pathvars.apply("<data>")
STAGE_DATASETS = config["benchmark"]["stages"]
IMAGE_DATASET = STAGE_DATASETS["audio_image"]
TEXT_DATASET = STAGE_DATASETS["audio_text"]
CORPUS_DATASET = config["datasets"].get(config["clip"]["training"]["dataset"])
CLIP_WEIGHTS = f"<encoders>/{config['clip']['weights']}/clip.pt"
WAL_NET_WEIGHTS = f"<encoders>/{config['wal_net']['weights']}/wal_net.pt"
SUBSET = config["benchmark"]["subset"] or []
if SUBSET:  # every run takes the list that check_subset has found to be available
    SUBSET = f"<results>/subset/{Path(SUBSET).stem}.txt"
OBSTACLE = find_obstacle(config, SCHEMA)  # None: the sweep can be run
SWEPT = {} if OBSTACLE else swept_values(config)
NOT_ASKED = tasks_not_asked(config)  # of methods that were trained for another task
SWEPT_REFERENCE = reference_method(at_disagreement(config, 0)) if SWEPT else None
