"""The 240 recordings of ESC-10 through the whole data stage, as data of reader `folder`."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import soxr
import yaml

from hearsay.annotations.class_folders import list_class_folders
from hearsay.clips.audio import decode_flac
from tests.workflow.conftest import ROOT, Workflow

ESC10 = ROOT.parent / "shared" / "data" / "esc10"
NUM_CLIPS, NUM_SAMPLES = 240, 80_000  # 5 s at 16 kHz
NUM_FRAMES, NUM_BINS = 250, 64

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ESC10.is_dir(), reason="no ESC-10 recordings in ../shared/data/esc10"),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the data and the feature stage; return the folder of the data set."""
    workflow = Workflow(tmp_path_factory.mktemp("esc10"))
    workflow.configure(
        yaml.safe_load((ROOT / "workflow" / "configs" / "esc10_folder.yaml").read_text())
    )
    assert list_class_folders(ESC10, workflow.folder / "esc10.csv").total() == NUM_CLIPS
    folder = Path("results") / "esc10_folder" / "data" / "esc10"
    result = workflow.run("data", str(folder / "fbank" / "statistics.json"))
    assert result.returncode == 0, result.stdout[-5000:]
    return workflow.folder / folder


def read(folder: Path, pattern: str) -> pd.DataFrame:
    """Read a table of all shards."""
    return pd.concat([pd.read_parquet(path) for path in sorted(folder.glob(pattern))])


def test_no_recording_is_lost(data: Path) -> None:
    clips = pd.read_parquet(data / "index" / "clips.parquet")
    assert len(clips) == clips["clip_id"].nunique() == NUM_CLIPS
    assert sorted(Path(path).name for path in clips["locator"]) == sorted(
        path.name for path in ESC10.glob("*/*.ogg")
    )
    for pattern in ("clips/*.status.parquet", "decode/*.status.parquet"):
        status = read(data, pattern)
        assert list(status["clip_id"]) == list(clips["clip_id"])
        assert set(status["status"]) == {"ok"}
    available = pd.read_parquet(data / "availability.parquet")
    assert len(available) == NUM_CLIPS
    summary = json.loads((data / "availability.json").read_text())
    assert sum(counts["available"] for counts in summary["splits"].values()) == NUM_CLIPS


def test_every_sound_is_the_recording_at_its_exact_length(data: Path) -> None:
    clips = pd.read_parquet(data / "index" / "clips.parquet").set_index("clip_id")
    sounds = read(data, "audio/*.parquet")
    assert list(sounds["clip_id"]) == list(clips.index)
    assert set(sounds["num_samples"]) == {NUM_SAMPLES}
    assert set(sounds["sample_rate_hz"]) == {16000}
    paths = {path.name: path for path in ESC10.glob("*/*.ogg")}
    for clip_id, flac in zip(sounds["clip_id"], sounds["flac"], strict=True):
        found = decode_flac(flac)
        path = paths[Path(clips.loc[clip_id, "locator"]).name]
        sound, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        mean = sound[: 5 * rate_hz].mean(axis=1)
        expected = soxr.resample(mean, rate_hz, 16000, quality="HQ")
        assert len(found) == NUM_SAMPLES
        np.testing.assert_allclose(found[: len(expected)], expected.clip(-1, 1), atol=5e-5)
        assert not found[len(expected) :].any()


def test_every_recording_has_its_filter_bank(data: Path) -> None:
    arrays = [np.load(path) for path in sorted(data.glob("fbank/*.npy"))]
    index = read(data, "fbank/*.parquet")
    assert [array.shape for array in arrays] == [(120, NUM_FRAMES, NUM_BINS)] * 2
    assert list(index["clip_id"]) == list(read(data, "audio/*.parquet")["clip_id"])
    features = np.concatenate(arrays).astype(np.float64)
    valid = index["num_frames"].to_numpy()
    assert valid.min() == valid.max() == 249  # the last would reach past the end
    np.testing.assert_allclose(index["sum"], features.sum(axis=(1, 2)), rtol=1e-9)
    np.testing.assert_allclose(index["sum_squares"], (features**2).sum(axis=(1, 2)), rtol=1e-9)
    statistics = json.loads((data / "fbank" / "statistics.json").read_text())
    splits = pd.read_parquet(data / "index" / "clips.parquet")["split"].to_numpy()
    train = features[splits == "train"]  # the padding counts (features.fbank.pad: before)
    assert statistics["mean"] == pytest.approx(train.mean(), abs=1e-6)
    assert statistics["std"] == pytest.approx(train.std(), rel=1e-6)
    assert -16 < statistics["mean"] < 0 and statistics["std"] > 1
