from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from hearsay.encoders import embed
from hearsay.encoders.clip import load_clip
from hearsay.encoders.embed import TextFiles, embed_captions, embed_images, encode_texts
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


def write_phrases(captions: Path, rows: list[tuple[int, str]], path: Path) -> Path:
    """Write phrases of some rows of the captions table, as the index has them."""
    table = pd.read_parquet(captions)
    own = table.iloc[[row for row, _ in rows]][["caption_id", "clip_id"]]
    own.assign(phrase=[phrase for _, phrase in rows]).to_parquet(path)
    return path


def embed_texts(
    weights: Path, captions: Path, phrases: Path, folder: Path, labels: tuple[str, ...] = ()
) -> None:
    """Embed captions, phrases and labels into c.npy, c.parquet, p.npy ... of a folder."""
    names = [f"{kind}.{suffix}" for kind in "cpl" for suffix in ("npy", "parquet")]
    files = TextFiles(*(folder / name for name in names))
    clips = folder / "labels.parquet"
    pd.DataFrame({"labels": [list(labels), labels[:1], []]}).to_parquet(clips)
    embed_captions(weights, clips, captions, phrases, files, "cpu")


def test_captions_are_embedded_in_order_as_unit_vectors(
    colours: Any, weights: Path, tmp_path: Path
) -> None:
    phrases = write_phrases(colours.captions, [(0, "a red picture")], tmp_path / "phrases.parquet")
    embed_texts(weights, colours.captions, phrases, tmp_path)
    embeddings, table = np.load(tmp_path / "c.npy"), pd.read_parquet(tmp_path / "c.parquet")
    captions = pd.read_parquet(colours.captions)
    assert embeddings.shape == (144, 16) and embeddings.dtype == np.float16
    assert table.columns.tolist() == ["caption_id", "clip_id", "row", "text"]
    assert table["caption_id"].tolist() == captions["caption_id"].tolist()
    assert table["row"].tolist() == list(range(144))
    towers = load_clip(weights, torch.device("cpu"))
    for row in (7, 19, 143):  # 7 and 19 are one text
        with torch.inference_mode():
            text = towers.tokenize([captions["text"][row]])
            alone = towers.model.encode_text(text, normalize=True)[0]
        np.testing.assert_allclose(embeddings[row].astype(float), alone.numpy(), atol=2e-3)


def test_phrases_are_numbered_by_caption_and_meet_captions_of_the_same_words(
    colours: Any, weights: Path, tmp_path: Path
) -> None:
    texts = pd.read_parquet(colours.captions)["text"]
    spoken = [(4, texts[9]), (0, "a red square"), (4, texts[2]), (4, "a red square")]
    phrases = write_phrases(colours.captions, spoken, tmp_path / "phrases.parquet")
    embed_texts(weights, colours.captions, phrases, tmp_path)
    captions, embeddings = np.load(tmp_path / "c.npy"), np.load(tmp_path / "p.npy")
    table = pd.read_parquet(tmp_path / "p.parquet")
    assert table.columns.tolist() == ["caption_id", "clip_id", "phrase_number", "row"]
    assert table["caption_id"].tolist() == ["clip02-0", "clip00-0", "clip02-0", "clip02-0"]
    assert table["clip_id"].tolist() == ["clip02", "clip00", "clip02", "clip02"]
    assert table["phrase_number"].tolist() == [0, 0, 1, 2]
    assert table["row"].tolist() == [0, 1, 2, 3]
    assert embeddings.shape == (4, 16) and embeddings.dtype == np.float16
    np.testing.assert_array_equal(embeddings[[0, 2]], captions[[9, 2]])
    np.testing.assert_array_equal(embeddings[1], embeddings[3])
    towers = load_clip(weights, torch.device("cpu"))
    np.testing.assert_allclose(
        embeddings[1].astype(float), encode_texts(towers, ["a red square"])[0], atol=2e-3
    )


def test_a_text_that_repeats_is_embedded_once(
    colours: Any, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def count(towers: Any, texts: Sequence[str]) -> np.ndarray:
        asked.extend(texts)
        return encode_texts(towers, texts)

    monkeypatch.setattr(embed, "encode_texts", count)
    phrases = write_phrases(
        colours.captions, [(0, "a red picture"), (1, "it")], tmp_path / "phrases.parquet"
    )
    embed_texts(weights, colours.captions, phrases, tmp_path)
    assert len(asked) == len(set(asked)) == 2 * 6 + 1  # 2 wordings of 6 colours, and "it"


def test_a_data_set_without_phrases_has_empty_phrase_embeddings(
    colours: Any, weights: Path, tmp_path: Path
) -> None:
    phrases = write_phrases(colours.captions, [], tmp_path / "phrases.parquet")
    embed_texts(weights, colours.captions, phrases, tmp_path)
    assert np.load(tmp_path / "p.npy").shape == (0, 16)
    table = pd.read_parquet(tmp_path / "p.parquet")
    assert table.columns.tolist() == ["caption_id", "clip_id", "phrase_number", "row"]
    assert table.empty
    assert len(np.load(tmp_path / "c.npy")) == 144


def test_an_index_that_does_not_exist_is_refused(
    colours: Any, weights: Path, tmp_path: Path
) -> None:
    with pytest.raises(HearsayError, match="phrases.parquet does not exist; build_index"):
        embed_texts(weights, colours.captions, tmp_path / "phrases.parquet", tmp_path)


def test_towers_trained_here_match_unseen_pictures_with_words(
    colours: Any, weights: Path, tmp_path: Path
) -> None:
    phrases = write_phrases(colours.captions, [], tmp_path / "phrases.parquet")
    embed_texts(weights, colours.captions, phrases, tmp_path)
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


def test_labels_are_embedded_as_texts_without_underscores(
    colours: Any, weights: Path, tmp_path: Path
) -> None:
    phrases = write_phrases(colours.captions, [(0, "a red picture")], tmp_path / "phrases.parquet")
    embed_texts(weights, colours.captions, phrases, tmp_path, labels=("red_car", "dog"))
    table, embeddings = pd.read_parquet(tmp_path / "l.parquet"), np.load(tmp_path / "l.npy")
    assert table[["label", "row", "text"]].values.tolist() == [
        ["dog", 0, "dog"],
        ["red_car", 1, "red car"],
    ]
    alone = encode_texts(load_clip(weights, torch.device("cpu")), ["red car"])
    np.testing.assert_allclose(embeddings[1].astype(float), alone[0].astype(float), atol=2e-3)
