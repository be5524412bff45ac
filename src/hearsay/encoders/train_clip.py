"""Train small image and text towers on the images and captions of a data set.

For the demo, and wherever no weights can be downloaded. The train split's pictures are decoded
once and stay in memory (49 kB a picture at 128 x 128), so this is for thousands of clips.
"""

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from open_clip.model import CLIP
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor
from torch.nn import functional

from hearsay.device import autocast
from hearsay.encoders.pictures import decode_images, normalise_pixels, read_image_table
from hearsay.errors import HearsayError

logger = logging.getLogger(__name__)

BETAS = (0.9, 0.98)  # AdamW as CLIP was trained (Radford et al. 2021)


@dataclass(frozen=True)
class Pairs:
    """The clips to train on: pictures uint8 [N, L, 3, S, S] and each clip's captions."""

    pixels: Tensor
    captions: list[list[str]]


def read_pairs(
    clips: Path, captions: Path, images: Sequence[Path], size: int, num_workers: int
) -> Pairs:
    """Read the train split's clips that have images and captions, in the order of the images.

    Raises:
        HearsayError: a table is absent, or fewer than two such clips exist.
    """
    splits = pq.read_table(clips, columns=["clip_id", "split"]).to_pandas()
    train = set(splits.loc[splits["split"] == "train", "clip_id"])
    table = pq.read_table(captions, columns=["clip_id", "text"]).to_pandas()
    texts = table[table["clip_id"].isin(train)].groupby("clip_id")["text"].agg(list).to_dict()
    blocks: list[Tensor] = []
    chosen: list[str] = []
    for path in images:
        pictures = read_image_table(path)
        pictures = pictures[pictures["clip_id"].isin(texts.keys())]
        if pictures.empty:
            continue
        clip_ids = list(dict.fromkeys(pictures["clip_id"]))
        pixels = decode_images(pictures["jpeg"].tolist(), size, num_workers)
        blocks.append(pixels.view(len(clip_ids), -1, *pixels.shape[1:]))  # [n, L, 3, S, S]
        chosen.extend(clip_ids)
    if len(chosen) < 2:
        raise HearsayError(
            f"{clips}: {len(chosen)} clips of the train split have images and captions; "
            "training the towers needs at least two"
        )
    return Pairs(torch.cat(blocks), [texts[clip_id] for clip_id in chosen])


def train_clip(
    model: CLIP,
    pairs: Pairs,
    options: dict[str, Any],
    mean: Sequence[float],
    std: Sequence[float],
    device: torch.device,
) -> None:
    """Train a CLIP in place by symmetric InfoNCE.

    An epoch shows every clip once, with all its L images and one of its captions drawn at
    random: the loss is the mean over the L of CLIP's loss between one image of each clip and its
    caption. The last incomplete batch is dropped. Pictures are mirrored at random, since a
    mirrored picture bears the same caption. AdamW with decay on tensors of two dimensions and
    more; the rate rises over one epoch, then falls to 0 as half a cosine.

    Args:
        model: with its first weights.
        pairs: at least two clips.
        options: seed, epochs, batch_size, learning_rate, weight_decay.
        mean: of the colour channels.
        std: of the colour channels.
        device: to train on.

    Raises:
        HearsayError: the loss is not finite.
    """
    generator = torch.Generator().manual_seed(options["seed"])
    tokenizer = SimpleTokenizer(context_length=model.context_length)
    tokens = [tokenizer(texts, model.context_length) for texts in pairs.captions]
    batch_size = min(options["batch_size"], len(tokens))
    steps_per_epoch = len(tokens) // batch_size
    total_steps = options["epochs"] * steps_per_epoch
    model.to(device).train()
    optimizer = _make_optimizer(model, options)
    step, shown = 0, time.monotonic()
    for epoch in range(options["epochs"]):
        order = torch.randperm(len(tokens), generator=generator)
        losses = []
        for batch in torch.split(order[: steps_per_epoch * batch_size], batch_size):
            rate = options["learning_rate"] * _rate_factor(step, steps_per_epoch, total_steps)
            for group in optimizer.param_groups:
                group["lr"] = rate
            pixels, text = _draw(pairs.pixels, tokens, batch.tolist(), generator)
            with autocast(device):
                images = model.encode_image(
                    normalise_pixels(pixels.to(device).flatten(0, 1), mean, std)
                )  # [B * L, D]
                texts = model.encode_text(text.to(device))  # [B, D]
            images = images.unflatten(0, pixels.shape[:2])  # [B, L, D]
            loss = contrast(images, texts, model.logit_scale)
            if not math.isfinite(loss.item()):
                raise HearsayError(
                    f"clip.training: the loss is {loss.item()} in epoch {epoch}; lower "
                    "clip.training.learning_rate"
                )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.item())
            step += 1
        if epoch + 1 == options["epochs"] or time.monotonic() - shown > 5:
            shown = time.monotonic()
            logger.info(
                "clip: epoch %d of %d, loss %.3f", epoch + 1, options["epochs"], np.mean(losses)
            )
    model.eval()


def _make_optimizer(model: CLIP, options: dict[str, Any]) -> torch.optim.AdamW:
    parameters = list(model.parameters())
    groups = [
        {
            "params": [p for p in parameters if p.ndim >= 2],
            "weight_decay": options["weight_decay"],
        },
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=options["learning_rate"], betas=BETAS, fused=True)


def _rate_factor(step: int, warmup_steps: int, total_steps: int) -> float:
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    return 0.5 * (1 + math.cos(math.pi * (step - warmup_steps) / (total_steps - warmup_steps)))


def _draw(
    pixels: Tensor, tokens: list[Tensor], rows: list[int], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Take the images of each clip, mirrored or not, and draw one of its captions.

    Returns:
        uint8 [B, L, 3, S, S] and int64 [B, context].
    """
    chosen = pixels[torch.tensor(rows)]  # [B, L, 3, S, S]
    mirrored = torch.rand(chosen.shape[:2], generator=generator) < 0.5  # [B, L]
    chosen = torch.where(mirrored[:, :, None, None, None], chosen.flip(-1), chosen)
    share = torch.rand(len(rows), generator=generator, dtype=torch.float64).tolist()
    text = [
        tokens[row][int(part * len(tokens[row]))] for row, part in zip(rows, share, strict=True)
    ]
    return chosen, torch.stack(text)


def contrast(images: Tensor, texts: Tensor, log_scale: Tensor) -> Tensor:
    """Return CLIP's loss, averaged over the images of a clip.

    Args:
        images: embeddings [B, L, D], of any length.
        texts: embeddings [B, D], of any length.
        log_scale: learned; its exponential is held at 100 (Radford et al. 2021, section 2.5).
    """
    images = functional.normalize(images.float(), dim=-1)
    texts = functional.normalize(texts.float(), dim=-1)
    scale = log_scale.clamp(max=math.log(100)).exp()
    logits = scale * torch.einsum("ild,jd->lij", images, texts)  # [L, B, B]
    targets = torch.arange(len(texts), device=logits.device).expand(len(logits), -1)  # [L, B]
    # cross_entropy takes the candidates in its second dimension.
    to_texts = functional.cross_entropy(logits.transpose(1, 2), targets)
    to_images = functional.cross_entropy(logits, targets)
    return (to_texts + to_images) / 2
