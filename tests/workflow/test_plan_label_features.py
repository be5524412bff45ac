"""What Snakemake would do for vectors of clips that tell labels apart."""

from tests.workflow.conftest import Workflow


def test_mean_coefficients_need_the_sound_alone(workflow: Workflow) -> None:
    planned = workflow.planned("results/data/demo/forms/mfcc_standardised.npy")
    per_shard = ("fetch_clips", "decode_clips", "extract_mfcc")
    once = ("make_demo", "build_index", "form_vectors")
    assert planned == dict.fromkeys(per_shard, 2) | dict.fromkeys(once, 1)


def test_wal_net_is_trained_once_on_the_labels_of_the_data_set_named(workflow: Workflow) -> None:
    planned = workflow.planned("results/data/demo/forms/wal_net.npy")
    per_shard = ("fetch_clips", "decode_clips", "extract_wal_logmel", "embed_wal_net")
    once = ("make_demo", "build_index", "prepare_wal_net", "form_vectors")
    assert planned == dict.fromkeys(per_shard, 2) | dict.fromkeys(once, 1)


def test_published_weights_of_wal_net_need_their_file_and_no_data(workflow: Workflow) -> None:
    public = {"wal_net": {"weights": "audioset", "file": "public.pkl"}}
    paper = {"wal_logmel": {"frame_length_ms": 23.22, "frame_shift_ms": 11.61}}
    at_44_khz = {"datasets": {"demo": {"sample_rate_hz": 44100}}, "features": paper}
    workflow.configure(public, at_44_khz)
    target = "results/encoders/audioset/wal_net.pt"
    result = workflow.run(target, "--dry-run")
    assert result.returncode == 1
    assert "public.pkl" in result.stdout
    (workflow.folder / "public.pkl").touch()
    assert workflow.planned(target) == {"prepare_wal_net": 1}


def test_a_form_by_principal_axes_says_how_many(workflow: Workflow) -> None:
    workflow.configure({"forms": {"short": {"vectors": "mfcc", "transform": "pca"}}})
    result = workflow.run("--dry-run")
    assert result.returncode == 1
    assert "config: forms.short: 'dimensions' is a required property" in result.stdout
