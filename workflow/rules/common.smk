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
    num_shards,
    reference_method,
    runnable_methods,
    shards,
    stage_options,
    stages_of,
    used_datasets,
    word_options,
)
from hearsay.config_checks import check_config
from hearsay.config_files import absent_vectors, check_fetch_files
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
try:
    check_config(config, SCHEMA)
    check_fetch_files(config)
except HearsayError as error:
    raise WorkflowError(str(error))

METHODS, LEFT_OUT = runnable_methods(config)
REFERENCE = reference_method(config)  # None: nothing to compare
for line in LEFT_OUT + absent_vectors(config, METHODS):
    logger.warning(line)

put_commands_on_path()

# Jobs that ask for a GPU share the cards one each, unless the user set a limit of their own.
# Without a card there is nothing to share: then only the cores count.
if count_gpus() and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", count_gpus())
if "gpu" in workflow.global_resources:
    allowed = workflow.global_resources["gpu"].value
    wanted = config["training"]["gpus"]
    if wanted > allowed:  # Snakemake would quietly give fewer
        raise WorkflowError(
            f"config: training.gpus {wanted} is more than the {allowed} that this run may use; "
            "lower it, or give --resources gpu=N where jobs run elsewhere"
        )

# Jobs that fetch under one rate share it: each of many would outlast its runtime.
if "fetching" not in workflow.global_resources:
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
        pattern = f"<results>/data/{{dataset}}/{wildcards.store}/{{shard}}.{suffix}"
        return per_shard(pattern)(wildcards)

    return files


ARCHIVE_READERS = ("fsdkaggle2018", "esc50", "clotho", "audiogrounding_v2")
# The keys of their sections that say where archives come from; the others make splits.
ARCHIVE_OPTIONS = ("record", "files", "address", "md5", "max_bytes")


def reader_inputs(wildcards):
    """What the reader of {dataset} reads: tables, the user's CSV, an archive, or fetched lists."""
    reader = config["datasets"][wildcards.dataset]["reader"]
    if reader == "folder":
        return config["datasets"][wildcards.dataset]["folder"]["csv"]
    if reader == "demo":
        tables = ("clips", "captions", "phrases")
        names = [f"source/{table}.parquet" for table in tables]
    elif reader in ARCHIVE_READERS:
        names = ["archive.json"]
    else:
        suffix = "json" if reader == "audiogrounding" else "csv"
        names = [f"annotations/{split}.{suffix}" for split in ("train", "val", "test")]
    return [f"<results>/data/{wildcards.dataset}/{name}" for name in names]


def reader_source(wildcards, input):
    """What `build_index --source` gets: the CSV, what was unpacked, or the folder of the files."""
    reader = config["datasets"][wildcards.dataset]["reader"]
    if reader == "folder":
        return input[0]
    if reader in ARCHIVE_READERS:
        return str(Path(input[0]).with_suffix(""))
    return str(Path(input[0]).parent)


def reader_options(wildcards):
    """How the reader of an archive makes splits, as an option with JSON; others take nothing."""
    dataset = config["datasets"][wildcards.dataset]
    if dataset["reader"] not in ARCHIVE_READERS:
        return []
    section = dataset[dataset["reader"]]
    options = {key: section[key] for key in section if key not in ARCHIVE_OPTIONS}
    return ["--options", json.dumps(options)]


def excluded_indexes(wildcards):
    """The clips of the data sets of which {dataset} may not use all videos."""
    names = config["datasets"][wildcards.dataset]["exclude"]
    return [f"<results>/data/{name}/index/clips.parquet" for name in names]


def index_version(wildcards):
    """Of the index: version 2 finds videos in archives, which changes nothing where none is excluded."""
    return 2 if config["datasets"][wildcards.dataset]["exclude"] else 1


def exclude_options(wildcards, input):
    """Whose videos {dataset} may not use, as options; nothing where it may use all."""
    splits = config["datasets"][wildcards.dataset]["exclude"]
    if not splits:
        return []
    given = ["--excluded-splits", json.dumps(splits)]
    return [*given, *options("--excluded-clips", input.excluded_clips)]


def archive_options(wildcards):
    """Where the archives of {dataset} come from, as JSON."""
    dataset = config["datasets"][wildcards.dataset]
    section = dataset[dataset["reader"]]
    return json.dumps({key: section[key] for key in ARCHIVE_OPTIONS if key in section})


def archive_files(wildcards):
    """What of the archives of {dataset} lies here: a copy of the record, or the zip."""
    dataset = config["datasets"][wildcards.dataset]
    section = dataset[dataset["reader"]]
    places = [section[key] for key in ("record", "address") if key in section]
    return [place for place in places if not is_address(place)]


def archive_folder(wildcards, input):
    """Where `fetch_clips` finds the clips of an archive, as an option; others need nothing."""
    if config["datasets"][wildcards.dataset]["reader"] not in ARCHIVE_READERS:
        return []
    return ["--archive-folder", str(Path(input.clips).parents[1] / "archive")]


def annotation_options(wildcards):
    """Where the list of {split} comes from, as JSON."""
    dataset = config["datasets"][wildcards.dataset]
    return json.dumps(annotation_list(dataset, wildcards.split))


def annotation_files(wildcards):
    """The list of {split}, where it lies here."""
    dataset = config["datasets"][wildcards.dataset]
    place = annotation_list(dataset, wildcards.split)["address"]
    return [] if is_address(place) else place


def fetch_options(wildcards):
    """What is fetched of {dataset}, and what a clip must have to count as fetched, as JSON."""
    dataset = config["datasets"][wildcards.dataset]
    wanted = {
        "format": dataset["fetch"]["format"],
        "min_duration_s": dataset["min_duration_s"],
        "require_video": dataset["num_images"] > 0,
    }
    return json.dumps(wanted)


def fetch_access(wildcards):
    """How {dataset} is asked for: what of its section fetch changes no result, as JSON."""
    fetch = config["datasets"][wildcards.dataset]["fetch"]
    return json.dumps({key: fetch[key] for key in fetch if key != "format"})


def is_rate_limited(wildcards):
    """1 where {dataset} is fetched under a rate, which few jobs at once use up; else 0."""
    return int(
        config["datasets"][wildcards.dataset]["fetch"]["clips_per_hour"] is not None
    )


def retry_mark(wildcards):
    """What `hearsay retry-clips` has left at {shard}, so that it is looked through again.

    A function of the wildcards alone: Snakemake compares no parameter that hangs on the output.
    """
    folder = Path(DATA) / wildcards.dataset / "clips"
    return read_mark(folder / f"{wildcards.shard}.status.parquet")


def serve_option(wildcards, input):
    """The demo's media are served on loopback by the job itself; other data sets need nothing."""
    if config["datasets"][wildcards.dataset]["reader"] != "demo":
        return []
    return ["--serve-folder", str(Path(input.clips).parents[1] / "source" / "media")]


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
            return per_shard(
                "<results>/data/{dataset}/images/{shard}.parquet", dataset
            )(None)
        return f"<results>/data/{dataset}/index/{table}.parquet"

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
        return f"<results>/data/{options['skipgram']['dataset']}/index/{table}.parquet"

    return file


def wal_net_training_files(name):
    """Return a function of the wildcards: files of the data set WAL-Net learns, or nothing."""

    def files(wildcards):
        if config["wal_net"]["file"] is not None:
            return []
        dataset = config["wal_net"]["training"]["dataset"]
        return per_shard(f"<results>/data/{{dataset}}/{name}", dataset)(wildcards)

    return files


def wal_net_training_clips(wildcards):
    """The index of the data set that WAL-Net learns, or nothing."""
    if config["wal_net"]["file"] is not None:
        return []
    dataset = config["wal_net"]["training"]["dataset"]
    return f"<results>/data/{dataset}/index/clips.parquet"


def form_files(suffix):
    """Return a function of the wildcards: the files of the vectors that {form} is made of."""

    def files(wildcards):
        vectors = config["forms"][wildcards.form]["vectors"]
        return per_shard(f"<results>/data/{{dataset}}/{vectors}/{{shard}}.{suffix}")(
            wildcards
        )

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


DATA = workflow.pathvars.apply("<results>/data")
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
SWEPT_REFERENCE = reference_method(at_disagreement(config, 0)) if SWEPT else None
