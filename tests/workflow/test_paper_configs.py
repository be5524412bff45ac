"""The configs at the papers' scale say all that they use: nothing of the demo's sizes leaks."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from hearsay.config import form_of, merge, reference_method, stages_of, used_datasets
from hearsay.families import FAMILIES, FORMS
from tests.workflow.conftest import ROOT

PAPERS = ("tsubaki2024", "xie2022", "elizalde2019")
# What such a file may take from config.yaml, and why that is right at any scale.
MAY_INHERIT = {
    "benchmark.subset": "null: all clips",
    "benchmark.device": "of the machine",
    "benchmark.label_scores": "only methods that tell labels apart use it",
    "training": "of the machine; changes no result beyond rounding",
    "clip.training": "pretrained towers are not trained",
    "words.skipgram": "vectors of a file are not trained",
    ".cut_after": "only the schedule plateau uses it",
    ".cut_factor": "only the schedule plateau uses it",
    ".final_fraction": "only the schedule cosine uses it",
}


def used_options(config: dict[str, Any]) -> dict[str, Any]:
    """Gather the sections that the config's own methods use."""
    methods = config["benchmark"]["methods"]
    families = {config["methods"][method]["family"] for method in methods}
    needs = [FAMILIES[family] for family in families]
    used = {
        "benchmark": config["benchmark"],
        "training": config["training"],
        "datasets": {name: config["datasets"][name] for name in used_datasets(config)},
        "families": {family: config["families"][family] for family in families},
        "methods": {method: config["methods"][method] for method in methods},
    }
    heard = {family.features for family in needs}
    if config["benchmark"]["phrase_grounding"]:
        heard.add("logmel")  # phrases are grounded on its frames
    if FORMS in heard:
        forms = {form_of(config, method) for method in methods}
        used["forms"] = {form: config["forms"][form] for form in forms}
        vectors = {form["vectors"] for form in used["forms"].values()}
        heard |= {"wal_logmel" if name == "wal_net" else name for name in vectors}
        if "wal_net" in vectors:
            used["wal_net"] = config["wal_net"]
    used["features"] = {name: config["features"][name] for name in heard - {FORMS}}
    if any(family.needs_towers for family in needs):
        used["clip"] = config["clip"]
    if any(family.needs_words or family.needs_labels for family in needs):
        used["words"] = config["words"]
    return used


def leaves(section: dict[str, Any], path: str = "") -> Iterator[str]:
    for key, value in section.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}"


def may_inherit(path: str, config: dict[str, Any]) -> bool:
    allowed = set(MAY_INHERIT)
    if config["clip"]["pretrained"] is None:
        allowed.discard("clip.training")
    if config["words"]["file"] is None:
        allowed.discard("words.skipgram")
    if any(FAMILIES[config["methods"][m]["family"]].needs_labels for m in methods_of(config)):
        allowed.discard("benchmark.label_scores")
    *parents, _ = path.split(".")
    stage = config
    for key in parents:
        stage = stage[key]
    plateau = stage.get("schedule") == "plateau"
    allowed -= {".final_fraction"} if not plateau else {".cut_after", ".cut_factor"}
    return any(
        path.endswith(name) if name.startswith(".") else f"{path}.".startswith(f"{name}.")
        for name in allowed
    )


def methods_of(config: dict[str, Any]) -> list[str]:
    methods: list[str] = config["benchmark"]["methods"]
    return methods


def leaked(default: dict[str, Any], own: dict[str, Any]) -> list[str]:
    """Name the options that the config uses, but takes from the demo's without leave."""
    config = merge(default, own)
    taken = set(leaves(used_options(config))) - set(leaves(own))
    return sorted(path for path in taken if not may_inherit(path, config))


@pytest.fixture(scope="module")
def default() -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text())
    return config


def read(name: str) -> dict[str, Any]:
    own: dict[str, Any] = yaml.safe_load((ROOT / f"workflow/configs/{name}.yaml").read_text())
    return own


@pytest.mark.parametrize("name", PAPERS)
def test_nothing_of_the_demos_sizes_reaches_a_paper(default: dict[str, Any], name: str) -> None:
    assert leaked(default, read(name)) == []


@pytest.mark.parametrize(
    ("name", "section", "option"),
    [
        ("tsubaki2024", "families.frame_match.masks", "max_bins"),
        ("tsubaki2024", "families.frame_match.audio_text", "schedule"),
        ("tsubaki2024", "features.fbank", "num_frames"),
        ("xie2022", "families.word_align.audio_text", "cut_after"),
        ("xie2022", "words", "file"),
        ("elizalde2019", "wal_net.training", "epochs"),
        ("elizalde2019", "benchmark.label_scores", "neighbours"),
    ],
)
def test_an_option_left_out_would_be_found(
    default: dict[str, Any], name: str, section: str, option: str
) -> None:
    own = read(name)
    place = own
    for key in section.split("."):
        place = place[key]
    del place[option]
    assert f"{section}.{option}" in leaked(default, own)


@pytest.mark.parametrize("name", PAPERS)
def test_the_papers_numbers_stand_in_their_configs(default: dict[str, Any], name: str) -> None:
    """Those that tables, or the authors' code, state (docs/methods.md)."""
    config = merge(default, read(name))
    data = config["datasets"]
    if name == "tsubaki2024":
        stages = [
            config["families"]["frame_match"][stage] for stage in ("audio_image", "audio_text")
        ]
        of_stages = [
            [stage[key] for stage in stages]
            for key in ("batch_size", "epochs", "warmup_epochs", "learning_rate")
        ]
        assert of_stages == [[128, 64], [30, 20], [10, 10], [0.2, 1.0]]
        assert [stage["bias_learning_rate"] for stage in stages] == [0.0048, 0.024]
        starts = [config["methods"][m].get("nearest_from_epoch") for m in methods_of(config)]
        assert starts == [None, 0, 5, 10, 15, None]
        assert data["audioset"]["num_clips"] == 2_041_789 + 22_160 + 20_371
        assert data["audiocaps"]["num_clips"] == 49_838 + 495 + 975
    elif name == "xie2022":
        assert data["audiogrounding"]["num_clips"] == 4_489 + 31 + 70
        stage = config["families"]["word_align"]["audio_text"]
        assert (stage["batch_size"], stage["epochs"], stage["stop_after"]) == (32, 100, 10)
        assert reference_method(config) == "word_align_paper"
    else:
        assert data["fsdkaggle2018"]["num_clips"] == 9_473 + 1_600
        family = config["families"]["joint_embedding"]
        assert (family["num_pairs"], family["audio_label"]["epochs"]) == (500, 100)
        assert stages_of(config, "joint_mfcc") == ("audio_label",)
