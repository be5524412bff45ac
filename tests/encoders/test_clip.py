import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pandas as pd
import pytest
import torch
from open_clip.model import CLIP
from open_clip.transformer import QuickGELU
from PIL import Image

from hearsay.encoders.clip import load_clip, prepare_clip
from hearsay.encoders.pictures import decode_image, normalise_pixels
from hearsay.errors import HearsayError

CPU = torch.device("cpu")


def test_weights_hold_what_the_contract_says(weights: Path) -> None:
    saved = torch.load(weights, weights_only=True)
    assert set(saved) == {"name", "model", "state_dict", "mean", "std", "training"}
    assert saved["name"] == "small-clip"
    assert saved["training"]["epochs"] == 30


def test_loaded_towers_are_frozen_and_know_their_sizes(weights: Path) -> None:
    towers = load_clip(weights, CPU)
    assert not towers.model.training
    assert not any(weight.requires_grad for weight in towers.model.parameters())
    assert (towers.image_size, towers.embed_dim, towers.name) == (32, 16, "small-clip")
    assert isinstance(towers.model.visual.transformer.resblocks[0].mlp.gelu, QuickGELU)


def test_same_seed_trains_the_same_weights_and_another_seed_others(
    colours: Any, options: dict[str, Any], weights: Path, tmp_path: Path
) -> None:
    inputs = {"images": colours.images, "captions": colours.captions, "clips": colours.clips}
    states = {}
    for seed in (0, 1):
        changed = copy.deepcopy(options)
        changed["training"]["seed"] = seed
        prepare_clip(changed, tmp_path / "clip.pt", "cpu", **inputs)
        states[seed] = torch.load(tmp_path / "clip.pt", weights_only=True)["state_dict"]
    first = torch.load(weights, weights_only=True)["state_dict"]
    assert all(torch.equal(value, states[0][name]) for name, value in first.items())
    assert not torch.equal(first["visual.proj"], states[1]["visual.proj"])


def test_training_uses_the_train_split_alone(
    colours: Any, options: dict[str, Any], weights: Path, tmp_path: Path
) -> None:
    captions = pd.read_parquet(colours.captions)
    clips = pd.read_parquet(colours.clips)
    test_ids = set(clips.loc[clips["split"] == "test", "clip_id"])
    captions.loc[captions["clip_id"].isin(test_ids), "text"] = "something else"
    captions.to_parquet(tmp_path / "captions.parquet")
    prepare_clip(
        options,
        tmp_path / "clip.pt",
        "cpu",
        images=colours.images,
        captions=tmp_path / "captions.parquet",
        clips=colours.clips,
    )
    first, second = (
        torch.load(path, weights_only=True)["state_dict"]
        for path in (weights, tmp_path / "clip.pt")
    )
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_training_without_a_data_set_is_refused(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(HearsayError, match="pretrained is null"):
        prepare_clip(options, tmp_path / "clip.pt", "cpu")


def test_quickgelu_model_of_the_papers_has_quickgelu_and_the_plain_one_has_not() -> None:
    for name, expected in (("ViT-B-32-quickgelu", True), ("ViT-B-32", False)):
        with torch.device("meta"):
            model = CLIP(**open_clip.get_model_config(name))
        activation = model.visual.transformer.resblocks[0].mlp.gelu
        assert isinstance(activation, QuickGELU) is expected


def test_openai_weights_are_refused_for_the_model_with_the_wrong_activation(
    tmp_path: Path,
) -> None:
    wrong = {"weights": "x", "model": "ViT-B-32", "pretrained": "openai"}
    with pytest.raises(HearsayError, match="use ViT-B-32-quickgelu"):
        prepare_clip(wrong, tmp_path / "clip.pt", "cpu")


def test_unknown_model_and_unknown_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HearsayError, match="ViT-Q-9"):
        prepare_clip(
            {"weights": "x", "model": "ViT-Q-9", "pretrained": "openai"},
            tmp_path / "clip.pt",
            "cpu",
        )
    with pytest.raises(HearsayError, match="cannot be had"):
        prepare_clip(
            {"weights": "x", "model": "ViT-B-32-quickgelu", "pretrained": "no-such-tag"},
            tmp_path / "clip.pt",
            "cpu",
        )
    assert not (tmp_path / "clip.pt").exists()


def test_pretrained_weights_are_taken_over_unchanged(weights: Path, tmp_path: Path) -> None:
    saved = torch.load(weights, weights_only=True)
    (tmp_path / "ViT-hearsay-small.json").write_text(json.dumps(saved["model"]))
    open_clip.add_model_config(tmp_path / "ViT-hearsay-small.json")
    torch.save(saved["state_dict"], tmp_path / "pretrained.pt")
    prepare_clip(
        {
            "weights": "mine",
            "model": "ViT-hearsay-small",
            "pretrained": str(tmp_path / "pretrained.pt"),
        },
        tmp_path / "clip.pt",
        "cpu",
    )
    towers = load_clip(tmp_path / "clip.pt", CPU)
    assert towers.name == "mine"
    assert towers.mean == pytest.approx(open_clip.OPENAI_DATASET_MEAN)
    for name, value in towers.model.state_dict().items():
        assert torch.equal(value, saved["state_dict"][name])


def test_broken_and_absent_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HearsayError, match="does not exist"):
        load_clip(tmp_path / "clip.pt", CPU)
    torch.save({"name": "x"}, tmp_path / "clip.pt")
    with pytest.raises(HearsayError, match="holds no CLIP"):
        load_clip(tmp_path / "clip.pt", CPU)
    (tmp_path / "clip.pt").write_bytes(b"not a model")
    with pytest.raises(HearsayError, match="holds no CLIP"):
        load_clip(tmp_path / "clip.pt", CPU)


@pytest.mark.parametrize("size", [(300, 260), (224, 224), (97, 180)])
def test_pictures_are_prepared_as_open_clip_prepares_them(
    size: tuple[int, int], tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.jpg", quality=95)
    reference = open_clip.image_transform(
        224, is_train=False, resize_mode="shortest", interpolation="bicubic"
    )(Image.open(tmp_path / "picture.jpg"))
    decoded = decode_image((tmp_path / "picture.jpg").read_bytes(), 224)
    ours = normalise_pixels(
        decoded[None], open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD
    )[0]
    torch.testing.assert_close(ours, reference, rtol=0, atol=1e-5)


def test_texts_are_tokenised_by_clips_own_tokenizer_and_cut(weights: Path) -> None:
    towers = load_clip(weights, CPU)
    tokens = towers.tokenize(["a dog", "a dog " * 20])
    assert tokens.shape == (2, 10)
    assert tokens[0, :4].tolist() == [49406, 320, 1929, 49407]
    assert tokens[1, -1] == 49407
