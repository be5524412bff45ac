"""How much of each data set a run is expected to hold, and what that takes on the disk."""

from dataclasses import dataclass
from typing import Any

from hearsay.config import (
    Config,
    family_of,
    form_of,
    has_phrases,
    runnable_methods,
    stages_of,
    used_datasets,
)
from hearsay.estimate.rates import Rates
from hearsay.families import FORMS

HALF, SINGLE = 2, 4  # bytes of a float16 and of a float32
MFCC_VALUES = 300
WAL_NET_VALUES = 1024


@dataclass(frozen=True)
class DataAmount:
    """What is expected of one data set.

    Attributes:
        name: of the data set.
        media: what is fetched: `video`, `sound`, `demo`, `archive` or `files`.
        listed: clips of its lists.
        available: clips that are found and decoded, as far as is known beforehand.
        train, val, test: the same by split.
        captions: of the available clips.
        duration_s: of a clip as it is stored, on average.
        num_images: pictures of a clip.
    """

    name: str
    media: str
    listed: int
    available: float
    train: float
    val: float
    test: float
    captions: float
    duration_s: float
    num_images: int


def data_amount(config: Config, name: str, rates: Rates) -> DataAmount:
    """Say what is expected of a data set: counts from the config, shares from the rates."""
    section = config["datasets"][name]
    reader = section["reader"]
    facts = rates.readers.get(reader, rates.readers["folder"])
    listed = section["num_clips"]
    if reader == "demo":
        own = section["demo"]
        shares = {split: own[f"num_{split}"] / listed for split in ("val", "test")}
        shares["train"] = 1 - shares["val"] - shares["test"]
        available = 1 - sum(own["broken"].values())
    else:
        counts = {split: facts[split] for split in ("train", "val", "test")}
        shares = {split: count / sum(counts.values()) for split, count in counts.items()}
        available = facts["available"]
    found = {split: listed * available * share for split, share in shares.items()}
    longest = section["clip_duration_s"]
    duration_s = facts["duration_s"] if longest is None else min(longest, facts["duration_s"])
    media = facts["media"]
    if media == "video" and section["num_images"] == 0:
        media = "sound"  # then the picture is not asked for
    return DataAmount(
        name=name,
        media=media,
        listed=listed,
        available=listed * available,
        **found,
        captions=sum(found[split] * facts["captions"][split] for split in found),
        duration_s=duration_s,
        num_images=section["num_images"],
    )


def data_amounts(config: Config, rates: Rates) -> list[DataAmount]:
    """Say what is expected of every data set that the config's methods use."""
    return [data_amount(config, name, rates) for name in used_datasets(config)]


def stores(config: Config, dataset: str) -> list[str]:
    """Name what is computed of a data set for the methods of the config, sorted."""
    named: set[str] = set()
    stages = config["benchmark"]["stages"]
    for method in runnable_methods(config)[0]:
        needs = family_of(config, method)
        for stage in stages_of(config, method):
            if stages[stage] != dataset:
                continue
            if needs.features == FORMS:
                named |= _behind(config["forms"][form_of(config, method)]["vectors"])
                continue
            named.add(needs.features)
            if stage == "audio_image":
                named.add("image_embeddings")
            if stage == "audio_text" and grounds_phrases(config):
                named.add("logmel")
    return sorted(named)


def grounds_phrases(config: Config) -> bool:
    """Say whether phrases are scored over time."""
    dataset = config["benchmark"]["stages"]["audio_text"]
    return bool(config["benchmark"]["phrase_grounding"]) and has_phrases(config, dataset)


def clip_values(config: Config, store: str, embed_dim: int, data: DataAmount) -> tuple[float, int]:
    """Say how many numbers a store holds of a clip, and how many bytes one of them takes."""
    features: dict[str, Any] = config["features"]
    if store == "image_embeddings":
        return data.num_images * embed_dim, HALF
    if store == "mfcc":
        return MFCC_VALUES, SINGLE
    if store == "wal_net":
        return WAL_NET_VALUES, SINGLE
    return features[store]["num_frames"] * features[store]["num_mel_bins"], HALF


def disk_bytes(
    config: Config, data: list[DataAmount], embed_dim: int, rates: Rates
) -> dict[str, float]:
    """Say what lies on the disk at the end, by kind, but for models: bytes."""
    stored = rates.values["stored_bytes"]
    total: dict[str, float] = {}

    def add(kind: str, amount: float) -> None:
        total[kind] = total.get(kind, 0.0) + amount

    for each in data:
        section = config["datasets"][each.name]
        seconds = each.available * each.duration_s
        if each.media != "files":
            add("media", seconds * rates.values["media_bytes_per_s"][each.media])
        add("sound (FLAC)", seconds * section["sample_rate_hz"] * stored["flac_per_sample"])
        add("pictures (JPEG)", each.available * each.num_images * stored["jpeg"])
        for store in stores(config, each.name):
            values, size = clip_values(config, store, embed_dim, each)
            add(store.replace("_", " "), each.available * values * size)
    return {kind: amount for kind, amount in total.items() if amount}


def _behind(vectors: str) -> set[str]:
    return {"wal_logmel", "wal_net"} if vectors == "wal_net" else {vectors}
