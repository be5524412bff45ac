"""What the sweep asks for, and the config at each of its values."""

from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from hearsay.config import merge
from hearsay.config_checks import check_config
from hearsay.errors import HearsayError
from hearsay.sweep import at_disagreement, find_obstacle, module_name, swept_values

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"


@pytest.fixture
def config():
    return yaml.safe_load((ROOT / "config.yaml").read_text())


def test_the_default_sweep_has_no_obstacle(config):
    assert find_obstacle(config, SCHEMA) is None


def test_values_are_named_as_they_are_written_and_rules_without_points(config):
    config["sweep"]["disagreement"] = [0, 0.0625, 1.0]
    assert swept_values(config) == {"0": 0, "0.0625": 0.0625, "1": 1.0}
    assert [module_name(label) for label in ("0", "0.0625", "1e-05")] == [
        "disagreement_0_",
        "disagreement_0_0625_",
        "disagreement_1e_05_",
    ]


def test_the_config_at_a_value_differs_in_its_knob_and_its_methods_alone(config):
    config["pathvars"] = {"results": "elsewhere"}
    before = deepcopy(config)
    turned = at_disagreement(config, 0.5)
    assert config == before
    expected = merge(before, {"datasets": {"demo": {"demo": {"disagreement": 0.5}}}})
    expected["benchmark"]["methods"] = ["vip_ant", "nearest_match_half", "multiframe_match"]
    expected["benchmark"]["phrase_grounding"] = False  # the sweep is about retrieval
    expected["sweep"]["disagreement"] = []  # no sweep inside a sweep
    del expected["pathvars"]  # they would outrank the module's own
    assert turned == expected


def test_the_knob_is_turned_for_every_demo_that_a_stage_names_and_for_no_other(config):
    for name in ("spoken", "spare"):
        config["datasets"][name] = deepcopy(config["datasets"]["demo"])
    config["benchmark"]["stages"]["audio_text"] = "spoken"
    turned = at_disagreement(config, 0.5)["datasets"]
    knobs = {name: turned[name]["demo"]["disagreement"] for name in turned}
    assert knobs == {"demo": 0.5, "spoken": 0.5, "spare": 0.15}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"sweep": {"disagreement": []}}, "sweep.disagreement is empty"),
        ({"datasets": {"demo": {"num_images": 0}}}, "needs pictures, and data set demo has"),
        (
            {"benchmark": {"methods": ["nearest_match_0"], "reference": "nearest_match_0"}},
            "'nearest_match_0' is not one of benchmark.methods (vip_ant, nearest_match_half, "
            "multiframe_match)",
        ),
        (
            {
                "benchmark": {"methods": ["vip_ant"]},
                "families": {"frame_match": {"audio_image": {"epochs": 6}}},
                "methods": {"nearest_match_half": {"nearest_from_epoch": 6}},
            },
            "nearest_from_epoch 6 is not below epochs 6",
        ),
    ],
)
def test_what_stands_in_the_way_of_the_sweep_is_no_fault_of_the_default_run(config, change, line):
    changed = merge(config, change)
    check_config(changed, SCHEMA)
    assert line in find_obstacle(changed, SCHEMA)


def test_methods_that_see_no_picture_cannot_be_swept(config):
    changed = merge(config, {"sweep": {"methods": ["vip_ant", "joint_mfcc"]}})
    assert "sweep.methods: joint_mfcc tells labels apart" in find_obstacle(changed, SCHEMA)


def test_data_without_the_knob_cannot_be_swept(config):
    paper = yaml.safe_load((ROOT / "workflow" / "configs" / "tsubaki2024.yaml").read_text())
    assert "audioset, which is no demo" in find_obstacle(merge(config, paper), SCHEMA)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"methods": ["vip_aunt"]}, "config: sweep.methods: 'vip_aunt' is not defined"),
        ({"methods": []}, "config: sweep.methods: \\[\\] should be non-empty"),
        ({"disagreement": [0.5, 1.5]}, "config: sweep.disagreement.1: 1.5 is greater"),
        ({"disagreement": [0.5, 0.5]}, "config: sweep.disagreement: .* has non-unique elements"),
        ({"seeds": [0]}, "config: sweep: unknown key 'seeds'"),
    ],
)
def test_a_wrong_section_stops_everything(config, change, line):
    with pytest.raises(HearsayError, match=line):
        check_config(merge(config, {"sweep": change}), SCHEMA)
