from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from hearsay.encoders.clip import load_clip
from hearsay.encoders.embed import embed_captions, embed_images
from hearsay.encoders.pictures import decode_image
from hearsay.errors import HearsayError


def test_pictures_are_embedded_in_order_as_unit_vectors(
    colours: Any, weights: Path, tmp_path: Path
) -> None:
    array, index = tmp_path / "00001.npy", tmp_path / "00001.parquet"
    embed_images(weights, colours.images[1], array, index, "cpu")
    embeddings, table = np.load(array), pd.read_parquet(index)
    assert embeddings.shape == (36, 2, 16) and embeddings.dtype == np.float16
    assert table["clip_id"].tolist() == [f"clip{n}" for n in range(36, 72)]
    assert table["row"].tolist() == list(range(36))
    np.testing.assert_allclose(np.linalg.norm(embeddings.astype(float), axis=-1), 1, atol=2e-3)
    # One picture alone, through the plain model.
    towers = load_clip(weights, torch.device("cpu"))
    jpeg = pd.read_parquet(colours.images[1])["jpeg"].iloc[2 * 5 + 1]
    with torch.inference_mode():
        alone = towers.model.encode_image(
            towers.preprocess(decode_image(jpeg, 32)[None]), normalize=True
        )[0]
    np.testing.assert_allclose(embeddings[5, 1].astype(float), alone.numpy(), atol=2e-3)


def test_captions_are_embedded_in_order_as_unit_vectors(
    colours: Any, weights: Path, tmp_path: Path
) -> None:
    array, index = tmp_path / "captions.npy", tmp_path / "captions.parquet"
    embed_captions(weights, colours.captions, array, index, "cpu")
    embeddings, table = np.load(array), pd.read_parquet(index)
    captions = pd.read_parquet(colours.captions)
    assert embeddings.shape == (144, 16) and embeddings.dtype == np.float16
    assert table.columns.tolist() == ["caption_id", "clip_id", "row", "text"]
    assert table["caption_id"].tolist() == captions["caption_id"].tolist()
    towers = load_clip(weights, torch.device("cpu"))
    with torch.inference_mode():
        alone = towers.model.encode_text(towers.tokenize([captions["text"][7]]), normalize=True)[0]
    np.testing.assert_allclose(embeddings[7].astype(float), alone.numpy(), atol=2e-3)


def test_towers_trained_here_match_unseen_pictures_with_words(
    colours: Any, weights: Path, tmp_path: Path
) -> None:
    embed_captions(weights, colours.captions, tmp_path / "c.npy", tmp_path / "c.parquet", "cpu")
    captions = pd.read_parquet(tmp_path / "c.parquet")
    texts = np.load(tmp_path / "c.npy").astype(np.float32)
    clips = pd.read_parquet(colours.clips).set_index("clip_id")["split"]
    right = []
    for shard in colours.images:
        embed_images(weights, shard, tmp_path / "i.npy", tmp_path / "i.parquet", "cpu")
        images = np.load(tmp_path / "i.npy").astype(np.float32)[:, 0]
        for row, clip_id in enumerate(pd.read_parquet(tmp_path / "i.parquet")["clip_id"]):
            if clips[clip_id] == "test":
                best = captions["clip_id"].iloc[int((texts @ images[row]).argmax())]
                right.append(colours.colours[best] == colours.colours[clip_id])
    assert len(right) == 36
    assert np.mean(right) > 0.8  # chance: 1 in 6 colours


def test_a_shard_without_clips_gives_an_empty_array(weights: Path, tmp_path: Path) -> None:
    empty = pd.DataFrame(
        {
            "clip_id": pd.Series([], dtype=str),
            "image_index": pd.Series([], dtype=int),
            "jpeg": pd.Series([], dtype=object),
        }
    )
    empty.to_parquet(tmp_path / "images.parquet")
    embed_images(
        weights, tmp_path / "images.parquet", tmp_path / "a.npy", tmp_path / "a.parquet", "cpu"
    )
    assert np.load(tmp_path / "a.npy").shape[0] == 0
    assert pd.read_parquet(tmp_path / "a.parquet").empty


def test_clips_with_missing_images_and_broken_images_are_refused(
    colours: Any, weights: Path, tmp_path: Path
) -> None:
    table = pd.read_parquet(colours.images[0])
    table.drop(index=3).to_parquet(tmp_path / "missing.parquet")
    with pytest.raises(HearsayError, match="different numbers of images"):
        embed_images(
            weights, tmp_path / "missing.parquet", tmp_path / "a.npy", tmp_path / "a.parquet", "cpu"
        )
    table.at[3, "jpeg"] = b"no picture"
    table.to_parquet(tmp_path / "broken.parquet")
    with pytest.raises(HearsayError, match="cannot be decoded"):
        embed_images(
            weights, tmp_path / "broken.parquet", tmp_path / "a.npy", tmp_path / "a.parquet", "cpu"
        )
    assert list(tmp_path.glob("*.npy")) == []
