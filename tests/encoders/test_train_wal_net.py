"""WAL-Net as an encoder: what it is trained on, what it learns, what is kept of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from hearsay.encoders.train_wal_net import draw_crops, read_labelled
from hearsay.encoders.wal_net import (
    embed_wal_net,
    load_published,
    load_wal_net,
    prepare_wal_net,
)
from hearsay.encoders.wal_net_layers import WalNet
from hearsay.errors import HearsayError

CPU = torch.device("cpu")
OPTIONS: dict[str, Any] = {
    "weights": "small-wal-net",
    "file": None,
    "training": {
        "seed": 0,
        "epochs": 3,
        "batch_size": 4,
        "crop_frames": 128,
        "learning_rate": 0.001,
    },
}
LENGTHS = [150, 128, 200, 140]  # of four clips in turn


def write_shard(path: Path, clips: dict[str, np.ndarray], num_frames: int = 200) -> None:
    array = np.zeros((len(clips), num_frames, 128), np.float16)
    rows = []
    for row, (clip_id, levels) in enumerate(clips.items()):
        array[row, : len(levels)] = levels
        rows.append({"clip_id": clip_id, "row": row, "num_frames": len(levels)})
    np.save(path, array)
    index = pd.DataFrame(rows, columns=["clip_id", "row", "num_frames"])
    types = {"clip_id": "str", "row": "int64", "num_frames": "int64"}
    index.astype(types).to_parquet(path.with_suffix(".parquet"))


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path], dict[str, str]]:
    """24 clips in two shards that are loud in low or in high bands; every third one is test."""
    folder = tmp_path_factory.mktemp("sounds")
    generator = np.random.default_rng(0)
    rows, levels, truth = [], {}, {}
    for number in range(24):
        clip_id, label = f"clip{number:02d}", "rumble" if number % 2 else "hiss"
        truth[clip_id] = label
        split = "test" if number % 3 == 2 else "train"
        rows.append({"clip_id": clip_id, "split": split, "labels": [label]})
        clip = generator.normal(-60, 5, (LENGTHS[number % 4], 128))
        clip[:, slice(0, 64) if label == "rumble" else slice(64, 128)] += 30
        levels[clip_id] = clip
    pd.DataFrame(rows).to_parquet(folder / "clips.parquet")
    arrays = [folder / "00000.npy", folder / "00001.npy"]
    for number, path in enumerate(arrays):
        write_shard(path, dict(list(levels.items())[12 * number : 12 * (number + 1)]))
    return folder / "clips.parquet", arrays, truth


@pytest.fixture(scope="session")
def trained(sounds, tmp_path_factory: pytest.TempPathFactory) -> Path:
    clips, arrays, _ = sounds
    path = tmp_path_factory.mktemp("weights") / "wal_net.pt"
    prepare_wal_net(OPTIONS, path, "cpu", arrays, clips)
    return path


def test_it_learns_which_sounds_bear_which_label(sounds, trained) -> None:
    _, arrays, truth = sounds
    network = load_wal_net(trained, CPU)
    assert (network.name, network.classes) == ("small-wal-net", ["hiss", "rumble"])
    assert not network.model.training
    features = torch.from_numpy(np.load(arrays[1])[:, :128]).float()
    # After so few steps BatchNorm's running statistics lag behind the weights.
    with torch.no_grad():
        probabilities, _ = network.model.train()(features, torch.full((12,), 128))
    told = [network.classes[place] for place in probabilities.argmax(dim=1).tolist()]
    assert told == list(truth.values())[12:]


def test_the_same_seed_gives_the_same_network_and_another_seed_another(sounds, tmp_path) -> None:
    clips, arrays, _ = sounds
    states = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        training = {**OPTIONS["training"], "epochs": 1, "batch_size": 8, "seed": seed}
        prepare_wal_net({**OPTIONS, "training": training}, tmp_path / name, "cpu", arrays, clips)
        states.append(load_wal_net(tmp_path / name, CPU).model.state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert not torch.equal(states[0]["classifier.weight"], states[2]["classifier.weight"])


def test_embeddings_are_the_mean_over_a_clips_own_segments(sounds, trained, tmp_path) -> None:
    _, arrays, _ = sounds
    array, index = tmp_path / "0.npy", tmp_path / "0.parquet"
    embed_wal_net(trained, arrays[0], array, index, "cpu")
    embedded = np.load(array)
    assert (embedded.shape, embedded.dtype) == ((12, 1024), np.float32)
    frames = pd.read_parquet(arrays[0].with_suffix(".parquet"))
    assert pd.read_parquet(index)["clip_id"].tolist() == frames["clip_id"].tolist()
    model, stored = load_wal_net(trained, CPU).model, np.load(arrays[0])
    for row in (0, 1, 2):  # 150, 128 and 200 frames: one, one and two segments
        length = int(frames["num_frames"][row])
        alone = torch.from_numpy(stored[row : row + 1, :length]).float()
        with torch.no_grad():
            _, segments = model(alone, torch.tensor([length]))
        assert segments.shape[1] == (2 if length == 200 else 1)
        np.testing.assert_allclose(embedded[row], segments[0].mean(dim=0), atol=1e-5)


def test_a_shard_of_no_clips_has_no_embeddings(trained, tmp_path) -> None:
    write_shard(tmp_path / "none.npy", {})
    embed_wal_net(trained, tmp_path / "none.npy", tmp_path / "0.npy", tmp_path / "0.parquet", "cpu")
    assert np.load(tmp_path / "0.npy").shape == (0, 1024)


def labelled_clips(folder: Path, rows: list[tuple[str, str, list[str]]], heard: dict[str, int]):
    """Write clips (id, split, labels), and levels that name the frame, for those heard."""
    pd.DataFrame(rows, columns=["clip_id", "split", "labels"]).to_parquet(folder / "clips.parquet")
    levels = {
        clip_id: np.repeat(np.arange(length)[:, None], 128, axis=1)
        for clip_id, length in heard.items()
    }
    write_shard(folder / "0.npy", levels)
    return read_labelled(folder / "clips.parquet", [folder / "0.npy"])


def test_training_sees_labelled_clips_of_the_train_split_that_have_features(tmp_path) -> None:
    rows = [
        ("a", "train", ["wind", "dog"]),
        ("b", "val", ["bell"]),
        ("c", "train", []),
        ("lost", "train", ["cat"]),
        ("e", "train", ["dog"]),
    ]
    found = labelled_clips(tmp_path, rows, {"e": 130, "c": 128, "b": 128, "a": 128})
    assert found.clip_ids == ["e", "a"]
    assert found.num_frames == [130, 128]
    assert found.classes == ["dog", "wind"]
    assert found.targets.tolist() == [[1, 0], [1, 1]]


def test_too_few_labelled_clips_are_an_error(tmp_path) -> None:
    rows = [("a", "train", ["dog"]), ("b", "test", ["dog"]), ("c", "train", [])]
    with pytest.raises(HearsayError, match="1 clips of the train split have labels and features"):
        labelled_clips(tmp_path, rows, {"a": 128, "b": 128, "c": 128})


def test_crops_lie_anywhere_within_a_clips_own_frames(tmp_path) -> None:
    rows = [("a", "train", ["dog"]), ("b", "train", ["dog"])]
    clips = labelled_clips(tmp_path, rows, {"a": 131, "b": 128})
    generator = torch.Generator().manual_seed(0)
    starts = []
    for _ in range(200):
        crops = draw_crops(clips, [1, 0], 128, generator)
        assert crops.dtype == torch.float32
        assert torch.equal(crops[0, :, 5], torch.arange(128.0))  # b has room for one crop
        first = crops[1, 0, 0]
        assert torch.equal(crops[1, :, 9], first + torch.arange(128.0))
        starts.append(int(first))
    counts = np.bincount(starts, minlength=4)
    assert len(counts) == 4
    assert counts.min() > 30  # of 50 on average


def test_crops_longer_than_a_clip_are_refused(sounds, tmp_path) -> None:
    clips, arrays, _ = sounds
    options = {**OPTIONS, "training": {**OPTIONS["training"], "crop_frames": 192}}
    with pytest.raises(HearsayError, match="clip clip01 has 128 frames, fewer than crop_frames 1"):
        prepare_wal_net(options, tmp_path / "w.pt", "cpu", arrays, clips)
    assert not (tmp_path / "w.pt").exists()


def test_without_a_file_and_without_data_there_is_nothing_to_train_on(tmp_path) -> None:
    with pytest.raises(HearsayError, match="wal_net.file is null, so the network is trained here"):
        prepare_wal_net(OPTIONS, tmp_path / "w.pt", "cpu")


def published_state(model: WalNet) -> dict[str, torch.Tensor]:
    """Name weights as the authors' file does, as data-parallel training wrote it in 2018."""
    layers = [1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16]
    state = {}
    for layer, convolution, norm in zip(layers, model.convolutions, model.norms, strict=True):
        for part, module in enumerate((convolution, norm)):
            state |= {f"layer{layer}.{part}.{k}": v for k, v in module.state_dict().items()}
    for part, module in enumerate((model.segments, model.segment_norm)):
        state |= {f"layer18.{part}.{k}": v for k, v in module.state_dict().items()}
    state["layer19.0.weight"] = model.classifier.weight.detach()[:, :, None, None]
    state["layer19.0.bias"] = model.classifier.bias.detach()
    return {f"module.{k}": v for k, v in state.items() if not k.endswith("num_batches_tracked")}


@pytest.fixture
def published(tmp_path) -> tuple[Path, WalNet]:
    torch.manual_seed(1)
    model = WalNet(7)
    with torch.no_grad():
        model(torch.randn(2, 128, 128), torch.tensor([128, 128]))  # statistics other than 0 and 1
    torch.save(published_state(model), tmp_path / "public.pkl")
    return tmp_path / "public.pkl", model.eval()


def test_published_weights_compute_the_same(published, tmp_path) -> None:
    path, model = published
    prepare_wal_net({**OPTIONS, "file": str(path)}, tmp_path / "w.pt", "cpu")
    loaded = load_wal_net(tmp_path / "w.pt", CPU)
    assert loaded.classes == [str(number) for number in range(7)]
    features, num_frames = torch.randn(1, 200, 128), torch.tensor([200])
    with torch.no_grad():
        for found, expected in zip(
            loaded.model(features, num_frames), model(features, num_frames), strict=True
        ):
            assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"module.layer1.0.weight": torch.zeros(16, 1, 5, 5)}, r"layer1.0.weight is of shape \[16"),
        (
            {"module.layer18.1.bias": None},
            r"layer18.1.bias is absent, and WAL-Net's is of shape \[",
        ),
        ({"layer20.0.bias": torch.zeros(1)}, "layer20.0.bias is of shape .* WAL-Net's is absent"),
        ({"module.layer19.0.bias": torch.zeros(6)}, r"layer19.0.bias is of shape \[6\], and WAL-N"),
    ],
)
def test_weights_of_another_network_are_refused(published, change, message) -> None:
    path, _ = published
    state = torch.load(path, weights_only=True) | change
    torch.save({key: value for key, value in state.items() if value is not None}, path)
    with pytest.raises(HearsayError, match=message):
        load_published(path)


def test_files_that_are_no_plain_weights_are_refused(published, tmp_path) -> None:
    path, model = published
    torch.save(model, path)  # a whole module: unpickling it would run code
    with pytest.raises(HearsayError, match="public.pkl holds no plain weights .UnpicklingError."):
        load_published(path)
    torch.save([torch.zeros(1)], path)
    with pytest.raises(HearsayError, match="holds no state dict, names with their tensors"):
        load_published(path)
    with pytest.raises(HearsayError, match="none.pkl does not exist"):
        load_published(tmp_path / "none.pkl")
    with pytest.raises(HearsayError, match="holds no WAL-Net of this program .TypeError."):
        load_wal_net(path, CPU)
