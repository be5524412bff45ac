"""Embed pictures, captions and phrases once with the frozen towers, for others to gather."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from hearsay.device import reproducible, resolve_device
from hearsay.encoders.clip import ClipTowers, load_clip
from hearsay.encoders.label_store import read_labels
from hearsay.encoders.pictures import decode_images, read_image_table
from hearsay.errors import HearsayError
from hearsay.files import atomic_path, write_parquet
from hearsay.progress import progress

BATCH_SIZE = 256  # pictures or texts at a time; changes memory, not results


def embed_images(
    weights: Path, images: Path, array: Path, index: Path, device: str, num_workers: int = 1
) -> None:
    """Embed one shard of pictures: float16 [clips, L, D], unit norm, in the table's order.

    Args:
        weights: of `prepare_clip`.
        images: the shard's image table; may be empty.
        array: the .npy to write.
        index: the table to write beside it: clip_id, row.
        device: auto, cpu or cuda.
        num_workers: threads that decode and compute.

    Raises:
        HearsayError: clips have different numbers of images, or one cannot be decoded.
    """
    torch_device = resolve_device(device)
    towers = load_clip(weights, torch_device)
    table = read_image_table(images)
    clip_ids = list(dict.fromkeys(table["clip_id"]))
    jpegs = table["jpeg"].tolist()
    batches = [jpegs[start : start + BATCH_SIZE] for start in range(0, len(jpegs), BATCH_SIZE)]
    blocks = [np.zeros((0, towers.embed_dim), dtype=np.float16)]
    with reproducible(torch_device, num_workers):
        for batch in progress(batches, total=len(batches), unit=f"batch of {BATCH_SIZE} image"):
            blocks.append(
                encode_pixels(towers, decode_images(batch, towers.image_size, num_workers))
            )
    num_images = len(jpegs) // len(clip_ids) if clip_ids else 1
    embeddings = np.concatenate(blocks).reshape(len(clip_ids), num_images, towers.embed_dim)
    _write(embeddings, pd.DataFrame({"clip_id": clip_ids}, dtype=str), array, index)


@dataclass(frozen=True)
class TextFiles:
    """What embed_captions writes.

    Attributes:
        array: the .npy of captions.
        index: the table beside it: caption_id, clip_id, row, text.
        phrase_array: the .npy of phrases.
        phrase_index: the table beside it: caption_id, clip_id, phrase_number (within its caption,
            from 0), row.
        label_array: the .npy of labels.
        label_index: the table beside it: label, row, text.
    """

    array: Path
    index: Path
    phrase_array: Path
    phrase_index: Path
    label_array: Path
    label_index: Path


def embed_captions(
    weights: Path,
    clips: Path,
    captions: Path,
    phrases: Path,
    files: TextFiles,
    device: str,
    num_workers: int = 1,
) -> None:
    """Embed all captions, phrases and labels: float16 [M, D], [P, D], [K, D], unit norm.

    In the order of the tables, labels sorted. No prompt is put around a text; of a label "_" is a
    space. Texts that repeat are embedded once.

    Args:
        weights: of `prepare_clip`.
        clips: the clips table; may name no label.
        captions: the captions table.
        phrases: the phrases table; may be empty.
        files: to write.
        device: auto, cpu or cuda.
        num_workers: threads that compute.

    Raises:
        HearsayError: a table does not exist.
    """
    torch_device = resolve_device(device)
    towers = load_clip(weights, torch_device)
    of_captions, of_phrases = _read_texts(captions, "text"), _read_texts(phrases, "phrase")
    labels = read_labels(clips)
    of_labels = pd.DataFrame({"label": labels, "text": [name.replace("_", " ") for name in labels]})
    texts = pd.concat([of_captions["text"], of_phrases["phrase"]])
    with reproducible(torch_device, num_workers):
        embeddings = _encode_distinct(towers, texts)  # [M + P, D]
        # In batches of their own: a label more leaves all captions as they are, to the last bit.
        label_embeddings = _encode_distinct(towers, of_labels["text"])  # [K, D]
    numbers = of_phrases.groupby("caption_id").cumcount()
    numbered = of_phrases[["caption_id", "clip_id"]].assign(phrase_number=numbers)
    _write(embeddings[: len(of_captions)], of_captions, files.array, files.index)
    _write(embeddings[len(of_captions) :], numbered, files.phrase_array, files.phrase_index)
    _write(label_embeddings, of_labels.astype(str), files.label_array, files.label_index)


def _encode_distinct(towers: ClipTowers, texts: pd.Series) -> NDArray[np.float16]:
    """Embed texts [N, D], those that repeat once."""
    rows, distinct = pd.factorize(texts)
    batches = [
        distinct[start : start + BATCH_SIZE].tolist()
        for start in range(0, len(distinct), BATCH_SIZE)
    ]
    blocks = [np.zeros((0, towers.embed_dim), dtype=np.float16)]
    for batch in progress(batches, total=len(batches), unit=f"batch of {BATCH_SIZE} text"):
        blocks.append(encode_texts(towers, batch))
    return np.concatenate(blocks)[rows]


def encode_pixels(towers: ClipTowers, pixels: Tensor) -> NDArray[np.float16]:
    """Embed uint8 pictures [B, 3, S, S] as unit vectors [B, D]."""
    with torch.inference_mode():
        return _unit(towers.model.encode_image(towers.preprocess(pixels)))


def encode_texts(towers: ClipTowers, texts: Sequence[str]) -> NDArray[np.float16]:
    """Embed texts as unit vectors [B, D]."""
    with torch.inference_mode():
        return _unit(towers.model.encode_text(towers.tokenize(texts)))


def _read_texts(table: Path, name: str) -> pd.DataFrame:
    if not Path(table).is_file():
        raise HearsayError(f"{table} does not exist; build_index has not run")
    return pq.read_table(table, columns=["caption_id", "clip_id", name]).to_pandas().astype(str)


def _unit(embeddings: Tensor) -> NDArray[np.float16]:
    unit = functional.normalize(embeddings.float(), dim=-1)
    return unit.cpu().numpy().astype(np.float16)


def _write(embeddings: NDArray[np.float16], table: pd.DataFrame, array: Path, index: Path) -> None:
    with atomic_path(array) as temporary:
        np.save(temporary, embeddings)
    table = table.assign(row=np.arange(len(table), dtype=np.int64))
    order = ("caption_id", "clip_id", "phrase_number", "label", "row", "text")
    write_parquet(table[[name for name in order if name in table.columns]], index)
