"""What Snakemake would do for methods that tell labels apart."""

import pytest
import yaml

from tests.workflow.conftest import ROOT, Workflow

ALONE = {"benchmark": {"methods": ["joint_wal_net", "joint_mfcc"], "reference": None}}


def test_methods_of_labels_need_sound_and_labels_alone(workflow: Workflow) -> None:
    workflow.configure(ALONE, {"datasets": {"demo": {"num_images": 0}}})
    planned = workflow.planned("runs")
    per_shard = ("fetch_clips", "decode_clips", "extract_mfcc", "extract_wal_logmel")
    once = ("make_demo", "build_index", "prepare_wal_net", "embed_labels", "collect_availability")
    expected = dict.fromkeys((*per_shard, "embed_wal_net"), 2) | dict.fromkeys(once, 1)
    expected["check_missing"] = 1
    expected |= {"form_vectors": 2, "score_label_controls": 2, "train_run": 6, "score_labels": 6}
    assert planned == expected


def test_they_are_tabulated_without_tables_of_retrieval(workflow: Workflow) -> None:
    workflow.configure(ALONE)
    planned = workflow.planned()
    assert planned["collect_scores"] == planned["plot_training"] == 1
    assert planned["make_table_systems"] == 1
    retrieval = {"make_table_audio_text", "plot_recall", "compare_methods", "score_oracle"}
    assert not retrieval & set(planned)


def test_the_report_asks_for_no_clips_of_a_data_set_of_which_nobody_knows_captions(
    workflow: Workflow,
) -> None:
    demo = yaml.safe_load((ROOT / "config.yaml").read_text())["datasets"]["demo"]
    workflow.configure(
        ALONE, {"benchmark": {"stages": {"audio_text": "other"}}}, {"datasets": {"other": demo}}
    )
    planned = workflow.planned("results/report/index.html")
    assert planned["make_report_page"] == planned["make_demo"] == 1
    assert planned["decode_clips"] == 2


def commands(workflow: Workflow, rule: str) -> list[str]:
    """Return the command of every job of a rule that is planned."""
    result = workflow.run("--dry-run", "--printshellcmds", "runs")
    assert result.returncode == 0, result.stdout
    return [line for line in result.stdout.splitlines() if f" {rule} --method" in line]


def test_every_method_is_asked_for_captions_and_labels_after_its_last_stage(
    workflow: Workflow,
) -> None:
    asked = {"benchmark": {"methods": ["vip_ant", "word_align", "joint_mfcc"], "seeds": [0]}}
    workflow.configure(asked)
    scored = {
        line.split("--stage ")[1].split()[0]: line for line in commands(workflow, "score_run")
    }
    assert "--label-data results/data/demo" in scored["audio_text"]
    assert "--label-data" not in scored["audio_image"]
    assert all("--captioned true" in line for line in commands(workflow, "score_labels"))
    # Without a method of labels none are prepared, and of two data sets none are asked for.
    workflow.configure(asked, {"benchmark": {"methods": ["vip_ant", "word_align"]}})
    assert not any("--label-data" in line for line in commands(workflow, "score_run"))
    other = {"benchmark": {"stages": {"audio_label": "other"}}}
    demo = yaml.safe_load((ROOT / "config.yaml").read_text())["datasets"]["demo"]
    workflow.configure(asked, other, {"datasets": {"other": demo}})
    assert not any("--label-data" in line for line in commands(workflow, "score_run"))
    assert all("--captioned false" in line for line in commands(workflow, "score_labels"))


def test_one_form_has_its_controls_once_whatever_the_seeds(workflow: Workflow) -> None:
    workflow.configure(
        {"benchmark": {"methods": ["joint_mfcc", "joint_mfcc_redrawn"], "reference": None}}
    )
    planned = workflow.planned("runs")
    assert planned["score_label_controls"] == planned["form_vectors"] == 1
    assert "prepare_wal_net" not in planned


@pytest.mark.parametrize(
    ("override", "line"),
    [
        (
            {"methods": {"joint_mfcc": {"form": "mfc"}}},
            "config: methods.joint_mfcc: form: 'mfc' is not defined under forms",
        ),
        (
            {"wal_net": {"training": {"dataset": "esc50"}}},
            "config: wal_net.training.dataset: 'esc50' is not defined under datasets",
        ),
        (
            {"wal_net": {"training": {"crop_frames": 300}}},
            "wal_net.training.crop_frames 300 exceeds features.wal_logmel.min_frames 192",
        ),
        (
            {"wal_net": {"file": "public.pkl"}},
            "datasets.demo.sample_rate_hz 16000: the weights of wal_net.file have learned sound",
        ),
        ({"benchmark": {"stages": {"audio_label": "esc"}}}, "benchmark.stages.audio_label: 'esc'"),
        (
            {"benchmark": {"methods": ["vip_ant", "joint_mfcc"], "reference": "joint_mfcc"}},
            "benchmark.reference 'joint_mfcc' tells labels apart",
        ),
    ],
)
def test_a_config_that_cannot_be_run_says_so(
    workflow: Workflow, override: dict[str, object], line: str
) -> None:
    workflow.configure(override)
    result = workflow.run("--dry-run")
    assert result.returncode == 1
    assert line in result.stdout
