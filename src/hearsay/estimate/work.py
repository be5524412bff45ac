"""What there is to compute: by stage, on cores and on cards."""

from dataclasses import dataclass
from math import ceil

from hearsay.config import (
    Config,
    family_of,
    form_of,
    runnable_methods,
    stage_options,
    stages_of,
)
from hearsay.estimate import flops
from hearsay.estimate.data import SINGLE, DataAmount, grounds_phrases, stores
from hearsay.estimate.flops import TRAINING, Network
from hearsay.estimate.rates import Rates

STAGE_OF = {  # rule → stage; all others make tables and plots
    "make_demo": "fetch",
    "draw_corpus": "fetch",
    "fetch_annotations": "fetch",
    "fetch_archive": "fetch",
    "build_index": "fetch",
    "fetch_clips": "fetch",
    "decode_clips": "decode",
    "collect_availability": "decode",
    "check_missing": "decode",
    "extract_fbank": "features",
    "extract_logmel": "features",
    "extract_mfcc": "features",
    "extract_wal_logmel": "features",
    "measure_fbank": "features",
    "check_shards": "features",
    "check_subset": "features",
    "form_vectors": "features",
    "prepare_clip": "embed",
    "embed_images": "embed",
    "embed_captions": "embed",
    "embed_words": "embed",
    "embed_labels": "embed",
    "prepare_wal_net": "embed",
    "embed_wal_net": "embed",
    "train_run": "train",
    "score_run": "score",
    "score_labels": "score",
    "score_label_controls": "score",
    "score_oracle": "score",
    "ground_run": "score",
    "ground_controls": "score",
    "build_search_index": "score",
}
TABLES = "tables, plots"
WEIGHTS_KEPT = 2  # those of the last epoch and of the best
WAL_NET_CLASSES = 527  # at most; they cost next to nothing


@dataclass(frozen=True)
class Compute:
    """A share of a stage: operations of one kind of network, and training steps.

    Attributes:
        stage: one that STAGE_OF names.
        kind: of the network: which rate holds.
        flops: all of them.
        steps: training steps, each of which costs something beside its operations.
    """

    stage: str
    kind: str
    flops: float
    steps: float = 0.0


@dataclass(frozen=True)
class Work:
    """What one stage takes.

    Attributes:
        stage: its name.
        jobs: how many Snakemake starts.
        core_s: seconds of one core where there is no card.
        card_core_s: the same where cards take the networks.
        card_s: seconds of one card then.
    """

    stage: str
    jobs: int
    core_s: float
    card_core_s: float
    card_s: float


def embedding(config: Config, data: list[DataAmount], model: flops.Sizes) -> list[Compute]:
    """Count the frozen encoders: their training where they are trained, and what they embed."""
    parts: list[Compute] = []
    methods = runnable_methods(config)[0]
    if any(family_of(config, method).needs_towers for method in methods):
        image, text = flops.image_tower(model), flops.text_tower(model)
        training = config["clip"]["training"]
        if config["clip"]["pretrained"] is None:
            seen = training["epochs"] * training["num_pictures"]
            cost = TRAINING * seen * (image.flops + text.flops)
            parts.append(Compute("embed", image.kind, cost, seen / training["batch_size"]))
        for each in data:
            if "image_embeddings" in stores(config, each.name):
                cost = each.available * each.num_images * image.flops
                parts.append(Compute("embed", image.kind, cost))
        captioned = config["benchmark"]["stages"]["audio_text"]
        captions = sum(each.captions for each in data if each.name == captioned)
        parts.append(Compute("embed", text.kind, captions * text.flops))
    for each in data:
        if "wal_net" in stores(config, each.name):
            parts += _wal_net(config, each)
    return parts


def encoder_bytes(
    config: Config,
    data: list[DataAmount],
    jobs: dict[str, int],
    model: flops.Sizes,
    rates: Rates,
) -> float:
    """Say what the frozen encoders take on the disk, with the pictures that they learn from."""
    parameters, drawn = 0, 0
    if jobs.get("prepare_clip"):
        parameters += flops.image_tower(model).parameters + flops.text_tower(model).parameters
    if any("wal_net" in stores(config, each.name) for each in data):
        parameters += flops.wal_net(0, 0, WAL_NET_CLASSES).parameters
    if jobs.get("draw_corpus"):
        drawn = config["clip"]["training"]["num_pictures"]
    return SINGLE * parameters + drawn * rates.values["stored_bytes"]["jpeg"]


def trainings(
    config: Config, data: list[DataAmount], model: flops.Sizes
) -> tuple[list[Compute], float]:
    """Count every training, and its scoring's networks: shares of stages, and bytes of models.

    All epochs are counted, though a training that stops early takes fewer.
    """
    by_name = {each.name: each for each in data}
    seeds = len(config["benchmark"]["seeds"])
    parts, model_bytes = [], 0.0
    for method in runnable_methods(config)[0]:
        for stage in stages_of(config, method):
            each = by_name[config["benchmark"]["stages"][stage]]
            options = stage_options(config, method, stage)
            network = network_of(config, method, stage, model)
            train = options["num_pairs"] * 2 if "num_pairs" in options else each.train
            val = options["num_pairs"] / 2 if "num_pairs" in options else each.val
            batch = options["batch_size"] * (2 if "num_pairs" in options else 1)
            cost = options["epochs"] * (TRAINING * train + val) * network.flops
            steps = options["epochs"] * ceil(train / batch)
            parts.append(Compute("train", network.kind, seeds * cost, seeds * steps))
            heard = sum(by_name[name].test for name in _scored_on(config, method))
            cost = WEIGHTS_KEPT * heard * network.flops
            parts.append(Compute("score", network.kind, seeds * cost))
            if method in config["search"]["methods"] and stage == stages_of(config, method)[-1]:
                parts.append(Compute("score", network.kind, each.available * network.flops))
            model_bytes += seeds * WEIGHTS_KEPT * SINGLE * network.parameters
    return parts, model_bytes


def network_of(config: Config, method: str, stage: str, model: flops.Sizes) -> Network:
    """Return what a stage of a method trains."""
    options = stage_options(config, method, stage)
    family = config["methods"][method]["family"]
    if family == "frame_match":
        segments = options["segments"]
        if stage == "audio_text" and options["caption_audio"] == "whole":
            segments = 1
        return flops.audio_vit(model, options["fbank"], options["tower"], segments)
    if family == "word_align":
        words = config["words"]
        width = words["skipgram"]["dimensions"] if words["file"] is None else 300
        return flops.crnn(options["crnn"], options["logmel"], width)
    return flops.joint_mlp()


def work(
    config: Config,
    data: list[DataAmount],
    jobs: dict[str, int],
    parts: list[Compute],
    rates: Rates,
) -> list[Work]:
    """Put together what each stage takes: starts of jobs, clips, networks."""
    values = rates.values
    by_clip = {
        "fetch": _fetch_s(config, data, jobs, rates),
        "decode": sum(
            each.available
            * (
                each.num_images * values["picture_s"].get(each.media, 0.0)
                + each.duration_s * values["sound_s"][each.media]
            )
            for each in data
        ),
        "features": sum(
            each.available * _num_frames(config, store, each) * values["frame_s"][store]
            for each in data
            for store in stores(config, each.name)
            if store in values["frame_s"]
        ),
        "score": _query_s(config, data, jobs, rates),
    }
    found = []
    for stage in (*dict.fromkeys(STAGE_OF.values()), TABLES):
        number = sum(count for rule, count in jobs.items() if STAGE_OF.get(rule, TABLES) == stage)
        own = [part for part in parts if part.stage == stage]
        started = number * values["start_s"][stage] + by_clip.get(stage, 0.0)
        on_cores = sum(
            part.flops / values["cpu_flops"][part.kind] + part.steps * values["step_s"]["cpu"]
            for part in own
        )
        on_cards = sum(
            part.flops / values["gpu_flops"][part.kind] + part.steps * values["step_s"]["gpu"]
            for part in own
        )
        found.append(Work(stage, number, started + on_cores, started + on_cards, on_cards))
    return found


def _wal_net(config: Config, each: DataAmount) -> list[Compute]:
    features, options = config["features"]["wal_logmel"], config["wal_net"]
    frames = min(features["num_frames"], 1000 * each.duration_s / features["frame_shift_ms"])
    bins = features["num_mel_bins"]
    network = flops.wal_net(int(frames), bins, WAL_NET_CLASSES)
    parts = [Compute("embed", network.kind, each.available * network.flops)]
    training = options["training"]
    if options["file"] is None and training["dataset"] == each.name:
        crop = flops.wal_net(training["crop_frames"], bins, WAL_NET_CLASSES)
        seen = training["epochs"] * each.train
        cost = TRAINING * seen * crop.flops
        parts.append(Compute("embed", crop.kind, cost, seen / training["batch_size"]))
    return parts


def _scored_on(config: Config, method: str) -> set[str]:
    return {config["benchmark"]["stages"][stage] for stage in stages_of(config, method)}


def _num_frames(config: Config, store: str, each: DataAmount) -> float:
    options = config["features"][store]
    frames = 1000 * each.duration_s / options["frame_shift_ms"]
    return min(frames, options["num_frames"]) if "num_frames" in options else frames


def _fetch_s(config: Config, data: list[DataAmount], jobs: dict[str, int], rates: Rates) -> float:
    seconds = sum(each.listed * rates.values["fetch_s"][each.media] for each in data)
    made = sum(each.listed for each in data if each.media == "demo")
    drawn = config["clip"]["training"]["num_pictures"] if jobs.get("draw_corpus") else 0
    making = rates.values["demo_s"]
    return seconds + made * making["clip"] + drawn * making["picture"]


def _query_s(config: Config, data: list[DataAmount], jobs: dict[str, int], rates: Rates) -> float:
    """Ranks and bootstraps of all runs: seconds for each query and pair of queries."""
    by_name = {each.name: each for each in data}
    seeds, values = len(config["benchmark"]["seeds"]), rates.values["query_s"]
    seconds = 0.0
    for method in runnable_methods(config)[0]:
        stages = stages_of(config, method)
        tests = sum(by_name[name].test for name in _scored_on(config, method))
        if form_of(config, method) is not None:
            seconds += seeds * tests * values["label"]
            continue
        seconds += seeds * len(stages) * tests * values["retrieval"]
        if grounds_phrases(config) and "audio_text" in stages:
            test = by_name[config["benchmark"]["stages"]["audio_text"]].test
            seconds += seeds * test * values["grounding"]
    return seconds
