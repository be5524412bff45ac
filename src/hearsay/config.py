"""What a config asks for: data sets, shards, methods, options.

Light enough for the Snakefile, which every cluster job parses again: no table is read.
"""

from copy import deepcopy
from math import ceil
from typing import Any

from hearsay.errors import HearsayError
from hearsay.families import FAMILIES, FORMS, FamilyNeeds

Config = dict[str, Any]

STAGES = ("audio_image", "audio_text", "audio_label")
FETCH_JOBS = 4  # at once under a rate, which they share
FETCH_MINUTES = 720  # a shard may take so long at least
FETCH_MARGIN = 1.2  # for second tries, which take their place in the rate, and for pauses
PHRASE_READERS = ("demo", "folder", "audiogrounding", "audiogrounding_v2")  # may have phrases


def used_datasets(config: Config) -> list[str]:
    """Name the data sets that the methods' stages train on and are scored on, sorted.

    Without a method, those of all stages: then only data and features are made.
    """
    methods = config["benchmark"]["methods"]
    stages = {stage for method in methods for stage in stages_of(config, method)} or STAGES
    return sorted({config["benchmark"]["stages"][stage] for stage in stages})


def num_shards(config: Config, dataset: str) -> int:
    """Count the shards of a data set; the last one may be smaller."""
    section = config["datasets"][dataset]
    return ceil(section["num_clips"] / section["shard_size"])


def fetch_minutes(config: Config, dataset: str) -> int:
    """Return the minutes that a job which fetches a shard may take.

    Its clips come at the rate of the run, of which FETCH_JOBS jobs have a share each.
    """
    section = config["datasets"][dataset]
    clips_per_hour = section["fetch"]["clips_per_hour"]
    if clips_per_hour is None:
        return FETCH_MINUTES
    minutes = 60.0 * section["shard_size"] / clips_per_hour
    return max(FETCH_MINUTES, ceil(FETCH_MARGIN * FETCH_JOBS * minutes))


def is_rate_limited(config: Config) -> bool:
    """Say whether any data set is fetched under a rate, in use or asked for by its files alone."""
    sections = (section["fetch"] for section in config["datasets"].values())
    return any(section["clips_per_hour"] is not None for section in sections)


def shards(config: Config, dataset: str) -> list[str]:
    """Name the shards of a data set: five digits each."""
    return [f"{shard:05d}" for shard in range(num_shards(config, dataset))]


def annotation_list(dataset: Config, split: str) -> Config:
    """Return `address` and `sha256` (null: not known) of a data set's list of a split."""
    place = dataset[dataset["reader"]][split]
    return {"address": place, "sha256": None} if isinstance(place, str) else place


def is_address(place: str) -> bool:
    """Say whether a file comes from an http(s) address; else it is a path."""
    return place.startswith(("http://", "https://"))


def family_of(config: Config, method: str) -> FamilyNeeds:
    """Return what the family of a method needs.

    Raises:
        HearsayError: config has no such method.
    """
    if method not in config["methods"]:
        raise HearsayError(f"config: no method {method!r}; it has {', '.join(config['methods'])}")
    return FAMILIES[config["methods"][method]["family"]]


def stages_of(config: Config, method: str) -> tuple[str, ...]:
    """Name the stages that a method trains, in order."""
    return family_of(config, method).stages


def gpus_of(config: Config, method: str) -> int:
    """Say on how many cards a training of a method runs."""
    gpus: int = config["training"]["gpus"]
    return gpus if family_of(config, method).shares_batches else 1


def runnable_methods(config: Config) -> tuple[list[str], list[str]]:
    """Split the benchmark's methods into those that can run and reasons for those left out."""
    dataset = config["benchmark"]["stages"]["audio_image"]
    has_pictures = config["datasets"][dataset]["num_images"] > 0
    can_run: list[str] = []
    left_out: list[str] = []
    for method in config["benchmark"]["methods"]:
        lacks = family_of(config, method).needs_pictures and not has_pictures
        (left_out if lacks else can_run).append(method)
    if not left_out:
        return can_run, []
    return can_run, [
        f"left out: {', '.join(left_out)}; these methods need pictures, and data set {dataset} has "
        "num_images: 0"
    ]


def reference_method(config: Config) -> str | None:
    """Name the method that the others are compared with; None where there is nothing to compare.

    A single method is compared with nothing, whatever the reference, so that one may run a
    method alone without touching the reference. Only methods on the same frozen weights are
    compared (towers, or vectors of words); those that tell labels apart answer other questions.
    """
    reference: str | None = config["benchmark"]["reference"]
    runnable, _ = runnable_methods(config)
    if reference is None or reference not in runnable or family_of(config, reference).needs_labels:
        return None
    needs = {name: family_of(config, name) for name in runnable}
    alike = [name for name in runnable if needs[name].needs_words == needs[reference].needs_words]
    others = [name for name in alike if name != reference and not needs[name].needs_labels]
    return reference if others else None


def has_phrases(config: Config, dataset: str) -> bool:
    """Say whether phrases of a data set can be grounded: its reader knows when they are heard."""
    return config["datasets"][dataset]["reader"] in PHRASE_READERS


def tasks_not_asked(config: Config) -> dict[str, str]:
    """Say why tasks are asked of nobody but those trained for them: task → reason.

    A method of labels hears vectors that are fitted to one data set, and others have their
    features of theirs; so captions and labels are asked of all where both are of one data set.
    """
    stages, methods = config["benchmark"]["stages"], runnable_methods(config)[0]
    captions, labels = stages["audio_text"], stages["audio_label"]
    reasons: dict[str, str] = {}
    if captions != labels:
        why = f"captions are of data set {captions} and labels of {labels}"
        reasons = dict.fromkeys(("audio_text_retrieval", "label_knn", "label_retrieval"), why)
    elif not any(family_of(config, method).needs_labels for method in methods):
        why = "no method of this run was trained on labels, so none are prepared"
        reasons = dict.fromkeys(("label_knn", "label_retrieval"), why)
    if not config["benchmark"]["phrase_grounding"]:
        reasons["phrase_grounding"] = "benchmark.phrase_grounding is false"
    elif not has_phrases(config, captions):
        reasons["phrase_grounding"] = f"data set {captions} does not say when phrases are heard"
    return reasons


def stage_options(config: Config, method: str, stage: str) -> Config:
    """Gather all that changes the result of one stage of one method, and nothing else.

    The options of the method lie over those of its family; the stage's own options come up
    to the top level, so that a change of another stage changes nothing here. What the method
    hears comes under the name of its features.
    """
    own = config["methods"][method]
    merged = merge(config["families"][own["family"]], own)
    options = {key: value for key, value in merged.items() if key not in STAGES}
    features = family_of(config, method).features
    if features == FORMS:
        return {**options, **merged[stage], FORMS: form_options(config, options["form"])}
    return {**options, **merged[stage], features: dict(config["features"][features])}


def form_of(config: Config, method: str) -> str | None:
    """Name the form of clip vectors that a method hears; None where it hears something else."""
    own = config["methods"][method]
    return merge(config["families"][own["family"]], own).get("form")


def form_options(config: Config, form: str) -> Config:
    """Return how a form is made, and the name of the network it comes from; null: of none."""
    options = config["forms"][form]
    encoder = config.get(options["vectors"])  # a section such as wal_net
    return {**options, "weights": encoder["weights"] if encoder else None}


def label_options(config: Config, dataset: str) -> Config:
    """Return what changes the text features of a data set's labels."""
    queries = config["benchmark"]["label_scores"]["queries"]
    return {**word_options(config, dataset), "queries": queries}


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
