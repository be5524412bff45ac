from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from hearsay.annotations.index import READERS
from hearsay.config import (
    fetch_minutes,
    merge,
    reference_method,
    runnable_methods,
    shards,
    stage_options,
    tasks_not_asked,
    used_datasets,
    word_options,
)
from hearsay.config_checks import check_config
from hearsay.errors import HearsayError

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"


@pytest.fixture
def config():
    return yaml.safe_load((ROOT / "config.yaml").read_text())


def change(config, key, value):
    changed = deepcopy(config)
    *parents, last = key.split(".")
    section = changed
    for parent in parents:
        section = section[parent]
    section[last] = value
    return changed


def test_tasks_are_asked_of_all_where_captions_and_labels_are_of_one_data_set(config):
    assert tasks_not_asked(config) == {}
    apart = change(config, "benchmark.stages.audio_label", "esc50")
    why = "captions are of data set demo and labels of esc50"
    tasks = ("audio_text_retrieval", "label_knn", "label_retrieval")
    assert tasks_not_asked(apart) == dict.fromkeys(tasks, why)
    captions = change(config, "benchmark.methods", ["word_align", "vip_ant"])
    none = "no method of this run was trained on labels, so none are prepared"
    assert tasks_not_asked(captions) == dict.fromkeys(tasks[1:], none)
    silent = change(config, "benchmark.phrase_grounding", False)
    assert tasks_not_asked(silent) == {"phrase_grounding": "benchmark.phrase_grounding is false"}
    unheard = change(config, "datasets.demo.reader", "clotho")
    assert list(tasks_not_asked(unheard)) == ["phrase_grounding"]


def test_the_default_config_is_valid(config):
    check_config(config, SCHEMA)


@pytest.mark.parametrize("path", sorted((ROOT / "workflow" / "configs").glob("*.yaml")), ids=str)
def test_each_config_of_a_paper_overrides_known_keys_with_valid_values(config, path):
    check_config(merge(config, yaml.safe_load(path.read_text())), SCHEMA)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("benchmark.sedes", [1], "config: benchmark: unknown key 'sedes'"),
        ("datasets.demo.demo.loudness", 1, "config: datasets.demo.demo: unknown key 'loudness'"),
        ("datasets.demo.num_clips", "many", "config: datasets.demo.num_clips: 'many' is not"),
        ("datasets.demo.demo.disagreement", 1.5, "config: datasets.demo.demo.disagreement: 1.5"),
        ("benchmark.methods", ["vip_aunt"], "config: benchmark.methods: 'vip_aunt' is not defined"),
        ("search.methods", ["vip_aunt"], "config: search.methods: 'vip_aunt' is not defined"),
        ("benchmark.reference", "vip_aunt", "config: benchmark.reference: 'vip_aunt' is not defin"),
        (
            "benchmark.reference",
            "multiframe_whole",
            "config: benchmark.reference 'multiframe_whole' is not one of benchmark.methods",
        ),
        ("benchmark.stages.audio_text", "clotho", "config: benchmark.stages.audio_text: 'clotho'"),
        ("datasets.demo.reader", "folder", "config: datasets.demo has reader folder, but no"),
        ("datasets.demo.reader", "audiogrounding", "config: datasets.demo has reader audiogroundi"),
        ("datasets.demo.reader", "audioground", "config: datasets.demo.reader: 'audioground' is n"),
        ("datasets.demo.exclude", {"audiocaps": ["dev"]}, "config: datasets.demo.exclude.audiocap"),
        (
            "datasets.demo.exclude",
            {"audiocaps": ["val"]},
            "config: datasets.demo.exclude: 'audiocap",
        ),
        (
            "datasets.demo.exclude",
            {"demo": ["val"]},
            "config: datasets.demo.exclude: demo excludes v",
        ),
        ("datasets.demo.max_missing.val", 1.5, "config: datasets.demo.max_missing.val: 1.5 is gre"),
        ("features.logmel.fmax", 8000, "config: features.logmel: unknown key 'fmax'"),
        ("clip.model", "ViT-B-32", "config: clip.model 'ViT-B-32' needs clip.pretrained"),
        ("words.skipgram.vectors", "x", "config: words.skipgram: unknown key 'vectors'"),
        ("words.vectors", "two words", "config: words.vectors: 'two words' does not match"),
        ("words.skipgram.dataset", "clotho", "config: words.skipgram.dataset: 'clotho' is not def"),
        (
            "words.skipgram.final_learning_rate",
            0.5,
            "config: words.skipgram.final_learning_rate 0.5 exceeds learning_rate 0.05",
        ),
        ("methods.vip_ant.image_choice", "best", "config: methods.vip_ant.image_choice: 'best'"),
        (
            "families.frame_match.audio_text.warmup_epochs",
            99,
            "config: methods.vip_ant.audio_text: warmup_epochs 99 exceeds epochs",
        ),
        (
            "methods.nearest_match_half.nearest_from_epoch",
            99,
            "config: methods.nearest_match_half.nearest_from_epoch 99 is not below epochs",
        ),
        (
            "methods.multiframe_match.segments",
            2,
            "config: methods.multiframe_match.segments 2: image_choice all matches each segment",
        ),
        (
            "features.fbank.num_frames",
            501,
            "config: methods.multiframe_match.segments 4 does not divide features.fbank.num_frames",
        ),
    ],
)
def test_a_wrong_value_gets_one_line_that_names_its_key(config, key, value, message):
    with pytest.raises(HearsayError) as error:
        check_config(change(config, key, value), SCHEMA)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_data_sets_that_exclude_each_other_are_refused(config):
    datasets = {name: deepcopy(config["datasets"]["demo"]) for name in ("demo", "b", "c")}
    for name, other in (("demo", "b"), ("b", "c")):
        datasets[name]["exclude"] = {other: ["test"]}
    check_config(change(config, "datasets", datasets), SCHEMA)
    datasets["c"]["exclude"] = {"b": ["val"]}
    with pytest.raises(HearsayError) as error:
        check_config(change(config, "datasets", datasets), SCHEMA)
    assert str(error.value) == (
        "config: datasets.c.exclude: b excludes videos of c, which excludes videos of b: no index "
        "could be built before the other; drop one of these"
    )


def test_published_weights_of_wal_net_take_the_papers_spectrogram_alone(config):
    paper = {"frame_length_ms": 23.22, "frame_shift_ms": 11.61}
    published = merge(
        config,
        {
            "wal_net": {"file": "public.pkl"},
            "datasets": {"demo": {"sample_rate_hz": 44100}},
            "features": {"wal_logmel": paper},
        },
    )
    check_config(published, SCHEMA)
    check_config(change(published, "features.wal_logmel.frame_length_ms", 23.2199), SCHEMA)
    for key, value, message in (
        ("features.wal_logmel.frame_length_ms", 46.44, "46.44: .* 1024 samples .* give 23.22"),
        ("features.wal_logmel.frame_shift_ms", 11.65, "11.65: .* 512 samples .* give 11.61"),
        ("datasets.demo.sample_rate_hz", 16000, "16000: .* 44100 Hz"),
    ):
        wrong = change(published, key, value)
        with pytest.raises(HearsayError, match=f"^config: {key} {message}"):
            check_config(wrong, SCHEMA)
        # Who hears no WAL-Net may have any spectrogram.
        check_config(change(wrong, "benchmark.methods", ["vip_ant", "joint_mfcc"]), SCHEMA)


def test_one_method_alone_is_compared_with_nothing_whatever_the_reference(config):
    alone = change(config, "benchmark.methods", ["multiframe_match"])
    check_config(alone, SCHEMA)
    assert reference_method(alone) is None
    assert reference_method(config) == "vip_ant"
    assert reference_method(change(config, "benchmark.reference", None)) is None
    assert reference_method(change(config, "datasets.demo.num_images", 0)) is None
    # Of two on different frozen weights neither is the other's reference.
    other_weights = change(config, "benchmark.methods", ["vip_ant", "word_align"])
    assert reference_method(other_weights) is None


def test_every_option_of_the_default_config_is_explained():
    """A line that sets a value has a comment, or stands below a section that has one."""
    unexplained, sections = [], {}  # section headings above the line, by indentation
    for line in (ROOT / "config.yaml").read_text().splitlines():
        setting, _, comment = line.partition("#")
        if ":" not in setting:
            continue
        indent = len(setting) - len(setting.lstrip())
        sections = {depth: text for depth, text in sections.items() if depth < indent}
        if setting.strip().endswith(":"):
            sections[indent] = comment
        elif not comment and not sections.get(max(sections, default=0)):
            unexplained.append(line)
    assert unexplained == []


@pytest.mark.parametrize("reader", sorted(set(READERS) - {"demo", "folder"}))
def test_each_reader_of_public_lists_takes_an_address_per_split(config, reader):
    lists = {"train": "https://a/train", "val": "val.json", "test": "https://a/test"}
    own = merge(config, {"datasets": {"demo": {"reader": reader, reader: lists}}})
    check_config(own, SCHEMA)
    del own["datasets"]["demo"][reader]["val"]
    with pytest.raises(HearsayError, match=f"datasets.demo.{reader}: 'val' is a required property"):
        check_config(own, SCHEMA)


def test_the_last_shard_may_be_smaller(config):
    changed = change(
        change(config, "datasets.demo.num_clips", 401), "datasets.demo.shard_size", 200
    )
    assert shards(changed, "demo") == ["00000", "00001", "00002"]


def test_options_of_one_stage_do_not_hold_those_of_the_other(config):
    changed = change(config, "families.frame_match.audio_text.epochs", 99)
    assert stage_options(changed, "vip_ant", "audio_image") == stage_options(
        config, "vip_ant", "audio_image"
    )
    assert stage_options(changed, "vip_ant", "audio_text")["epochs"] == 99


def test_a_method_overrides_its_family(config):
    changed = deepcopy(config)
    changed["methods"]["vip_ant"]["audio_image"] = {"epochs": 7}
    options = stage_options(changed, "vip_ant", "audio_image")
    assert options["epochs"] == 7
    batch_size = config["families"]["frame_match"]["audio_image"]["batch_size"]
    assert options["batch_size"] == batch_size


def test_a_method_of_clip_vectors_hangs_on_its_form_and_the_network_behind_it(config):
    of_net = stage_options(config, "joint_wal_net", "audio_label")
    assert of_net["forms"] == {**config["forms"]["wal_net"], "weights": "demo-wal-net"}
    of_cepstra = stage_options(config, "joint_mfcc", "audio_label")
    assert of_cepstra["forms"] == {"vectors": "mfcc", "transform": "none", "weights": None}
    renamed = change(config, "wal_net.weights", "other")
    assert stage_options(renamed, "joint_wal_net", "audio_label") != of_net
    assert stage_options(renamed, "joint_mfcc", "audio_label") == of_cepstra


def test_methods_that_tell_labels_apart_are_compared_with_no_reference(config):
    one_left = change(config, "benchmark.methods", ["vip_ant", "joint_wal_net", "joint_mfcc"])
    assert reference_method(one_left) is None
    check_config(one_left, SCHEMA)


def test_methods_that_need_pictures_are_left_out_with_a_reason(config):
    methods, reasons = runnable_methods(change(config, "datasets.demo.num_images", 0))
    listed, defined = config["benchmark"]["methods"], config["methods"]
    assert methods == [name for name in listed if defined[name]["family"] != "frame_match"]
    assert len(reasons) == 1 and "vip_ant, nearest_match_0" in reasons[0]
    assert reasons[0].endswith("need pictures, and data set demo has num_images: 0")
    assert used_datasets(config) == ["demo"]


def test_word_vectors_of_a_file_do_not_hang_on_skipgrams_options(config):
    own = word_options(config, "demo")
    assert own["skipgram"] == {**config["words"]["skipgram"], "dataset": "demo"}
    named = word_options(change(config, "words.skipgram.dataset", "esc10"), "demo")
    assert named["skipgram"]["dataset"] == "esc10"
    from_file = word_options(change(config, "words.file", "vectors.bin"), "demo")
    assert "skipgram" not in from_file and from_file["file"] == "vectors.bin"


@pytest.mark.parametrize(
    ("clips_per_hour", "shard_size", "minutes"),
    [
        (None, 10_000, 720),
        (300, 1500, 24 * 60),  # 5 h alone, 20 h as one of four, and a fifth on top
        (2000, 1500, 720),
        (0.7, 1, 720),
        (7, 1000, 41_143),  # 1.2 * 4 * 60 * 1000 / 7 = 41,142.86
    ],
)
def test_a_shard_may_be_fetched_for_as_long_as_four_jobs_need_at_the_rate(
    config, clips_per_hour, shard_size, minutes
):
    config["datasets"]["demo"]["fetch"]["clips_per_hour"] = clips_per_hour
    config["datasets"]["demo"]["shard_size"] = shard_size
    assert fetch_minutes(config, "demo") == minutes
