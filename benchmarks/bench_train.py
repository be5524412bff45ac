"""How fast a training step of the paper's size is, and what reading its data costs.

Everything has the paper's size but the number of clips: the audio ViT of 88 M parameters, 1000 x
128 filter banks, LARS; a step does what the loop does with a batch. One run measures, on the same
random data:

- the step: with data in memory, its clips a second, and which share of the rate of a large matrix
  product it reaches (52.0 GFLOP forward a clip, three times that a step); bfloat16 on a GPU,
  float32 on a CPU;
- loading: batches of memory-mapped shards in the order of an epoch, without a network; the
  system is first told to forget the files, so that they come from the disk;
- both together;
- the plain variant that keeps JPEGs and runs the frozen image tower inside the loop, with JPEGs
  decoded ahead. hearsay embeds each image once; that cost is measured too, and spread over the
  epochs of the paper.

Writes results/benchmarks/bench_train.json.
"""

import argparse
import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from machine import describe_machine
from open_clip import get_model_config
from open_clip.model import CLIP
from paper_stage import EPOCHS, OPTIONS, forget
from PIL import Image
from torch import Tensor, nn

from hearsay.device import autocast, peak_memory_mb, resolve_device
from hearsay.encoders.frozen import FrozenEncoders
from hearsay.encoders.image_tower import make_image_tower
from hearsay.encoders.pictures import decode_images, normalise_pixels
from hearsay.files import write_json
from hearsay.layout import DatasetFiles
from hearsay.methods import make_family
from hearsay.methods.batch_part import BatchPart
from hearsay.methods.family import Batch, Family
from hearsay.training.data import Clips
from hearsay.training.optimizer import make_optimizer
from hearsay.training.options import StageOptions
from hearsay.training.order import epoch_order, window_size
from hearsay.training.processes import make_generator
from hearsay.training.stores import open_stores
from hearsay.training.validate import move

MODEL = "ViT-B-32-quickgelu"
GFLOP_STEP = 3 * 52.0  # of one clip: forward once, backward twice
GOAL_SHARE, GOAL_LOADING = 0.45, 1.5


class Step:
    """A training step of vip_ant at the paper's size."""

    def __init__(self, clip: CLIP, batch_size: int, device: torch.device, compiled: bool) -> None:
        config = {**get_model_config(MODEL)}
        tower = make_image_tower("random", config, clip.state_dict())
        self.device = device
        self.family: Family = make_family(OPTIONS, "audio_image")
        network: nn.Module = self.family.build_network(FrozenEncoders(tower))
        self.network = network.to(device).train()
        if compiled:
            self.network.compile()
        options = StageOptions.of({**OPTIONS, "batch_size": batch_size})
        self.optimizer = make_optimizer(self.network, options)

    def __call__(self, batch: Batch) -> None:
        """Do what the loop does with a batch."""
        part = BatchPart(make_generator(0))
        loss = self.family.loss(self.network, move(batch, self.device), 0, part)
        self.optimizer.zero_grad()
        loss.value.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()


def write_data(folder: Path, num_clips: int, clips_per_shard: int) -> DatasetFiles:
    """Write shards of random features and image embeddings, as the workflow's stages do."""
    generator = np.random.default_rng(0)
    num_shards = math.ceil(num_clips / clips_per_shard)
    shapes = {"fbank": (1000, 128), "image_embeddings": (4, 512)}
    for name, shape in shapes.items():
        (folder / name).mkdir(parents=True)
        for shard in range(num_shards):
            first = shard * clips_per_shard
            number = min(clips_per_shard, num_clips - first)
            values = generator.standard_normal((number, *shape), dtype=np.float32)
            np.save(folder / name / f"{shard:05d}.npy", values.astype(np.float16))
            index = pd.DataFrame({"clip_id": [f"clip{first + k}" for k in range(number)]})
            index = index.assign(row=range(number), num_frames=1000)
            index.to_parquet(folder / name / f"{shard:05d}.parquet")
    return DatasetFiles(folder, num_shards)


def batches_of(
    clips: Clips, batch_size: int, readers: int, device: torch.device, num_steps: int
) -> Iterator[Batch]:
    """Yield the batches of one epoch as the loop reads them, from the disk."""
    forget(clips)
    order = epoch_order(len(clips), OPTIONS["read_block"], make_generator(1))
    steps = range(min(num_steps, len(clips) // batch_size))
    rows = (order[step * batch_size : (step + 1) * batch_size] for step in steps)
    parts = (BatchPart(make_generator(step)) for step in steps)
    clips.read_ahead(order[: window_size(OPTIONS["read_block"])])
    for _, batch in clips.batches(rows, parts, readers, pin=device.type == "cuda"):
        yield batch


def clips_per_s(run: Callable[[], int], device: torch.device) -> float:
    """Time a function that returns how many clips it has worked on."""
    synchronise(device)
    begin = time.perf_counter()
    number = run()
    synchronise(device)
    return number / (time.perf_counter() - begin)


def synchronise(device: torch.device) -> None:
    """Wait for the GPU, if there is one."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def matmul_gflops(device: torch.device) -> float:
    """Measure the rate of a large matrix product, in the type that training computes in."""
    size, kind = (8192, torch.bfloat16) if device.type == "cuda" else (2048, torch.float32)
    left, right = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))
    best = 0.0
    for _ in range(5):
        synchronise(device)
        begin = time.perf_counter()
        repeats = 50 if device.type == "cuda" else 5
        for _ in range(repeats):
            left @ right
        synchronise(device)
        best = max(best, repeats * 2 * size**3 / 1e9 / (time.perf_counter() - begin))
    return best


def make_jpegs(number: int) -> list[bytes]:
    """Make pictures of 224 px that cost as much to decode as photographs do."""
    generator = np.random.default_rng(0)
    jpegs = []
    for _ in range(number):
        rough = generator.integers(0, 255, (28, 28, 3), dtype=np.uint8)
        file = BytesIO()
        Image.fromarray(rough).resize((224, 224)).save(file, "JPEG", quality=90)
        jpegs.append(file.getvalue())
    return jpegs


def embed_pictures(clip: CLIP, pixels: Tensor, device: torch.device) -> Tensor:
    """Embed decoded pictures with the frozen tower: unit vectors [N, D]."""
    pixels = pixels.to(device)
    with torch.no_grad(), autocast(device):
        features = clip.encode_image(
            normalise_pixels(pixels, (0.48, 0.46, 0.41), (0.27, 0.26, 0.28)), normalize=True
        )
    return features.float()


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Measure all of it in one run, the variants in turns."""
    device = resolve_device(arguments.device)
    readers, size, steps = arguments.readers, arguments.batch_size, arguments.steps
    torch.manual_seed(0)
    clip = CLIP(**get_model_config(MODEL)).to(device).eval()
    data = write_data(folder, max(arguments.clips, size * steps), arguments.clips_per_shard)
    stores = open_stores(data, ("fbank", "image_embeddings"), OPTIONS, {"mean": 0.0, "std": 1.0})
    clips = Clips(list(stores["fbank"].clip_ids), stores)
    step = Step(clip, size, device, arguments.compile)
    ready = next(batches_of(clips, size, readers, device, 1))
    if arguments.compile:
        clip.compile()
    for _ in range(3):  # warm up, compile
        step(ready)
    jpegs = make_jpegs(size)

    def compute() -> int:
        for _ in range(steps):
            step(ready)
        return steps * size

    def load() -> int:
        epoch = batches_of(clips, size, readers, device, len(clips))
        return sum(len(batch["fbank"]) for batch in epoch)

    def train() -> int:
        for batch in batches_of(clips, size, readers, device, steps):
            step(batch)
        return steps * size

    def plain() -> int:
        with ThreadPoolExecutor(1) as pool:
            pixels = pool.submit(decode_images, jpegs, 224, readers)
            for batch in batches_of(clips, size, readers, device, steps):
                own = pixels.result()
                pixels = pool.submit(decode_images, jpegs, 224, readers)
                images = embed_pictures(clip, own, device)
                step({**batch, "image_embeddings": images[:, None]})
        return steps * size

    def embed() -> int:
        embed_pictures(clip, decode_images(jpegs, 224, readers), device)
        return size

    rounds: dict[str, list[float]] = {}
    embed()
    for _ in range(arguments.rounds):
        for run in (compute, load, train, plain, embed):
            rounds.setdefault(run.__name__, []).append(clips_per_s(run, device))
        rounds.setdefault("matmul", []).append(matmul_gflops(device))
    rate = {name: float(np.median(values)) for name, values in rounds.items()}
    # hearsay embeds 4 images of a clip once; the plain variant embeds one of them in each epoch.
    once = 4 / rate["embed"] / EPOCHS
    whole = 1 / (1 / rate["train"] + once)
    return {
        "what": "training at the paper's size, clips a second",
        "step": round(rate["compute"], 2),
        "matmul_tflops": round(rate["matmul"] / 1e3, 3),
        "share_of_matmul_rate": round(rate["compute"] * GFLOP_STEP / rate["matmul"], 3),
        "loading": round(rate["load"], 1),
        "loading_over_step": round(rate["load"] / rate["compute"], 2),
        "loading_and_step": round(rate["train"], 2),
        "image_tower_in_the_loop": round(rate["plain"], 2),
        "images_embedded_once": round(whole, 2),
        "ratio_to_image_tower_in_the_loop": round(whole / rate["plain"], 3),
        "goals": {"share_of_matmul_rate": GOAL_SHARE, "loading_over_step": GOAL_LOADING},
        "rounds": {name: [round(v, 2) for v in values] for name, values in rounds.items()},
        "batch_size": size,
        "compiled": arguments.compile,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "peak_memory_mb": round(peak_memory_mb(device)),
        "readers": readers,
        "threads": torch.get_num_threads(),
        **describe_machine(torch=torch.__version__),
    }


def main() -> None:
    """Measure and report."""
    has_gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch-size", type=int, default=128 if has_gpu else 4)
    parser.add_argument("--steps", type=int, default=50 if has_gpu else 2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clips", type=int, default=20_000 if has_gpu else 1_000)
    parser.add_argument("--clips-per-shard", type=int, default=1_000)
    parser.add_argument("--readers", type=int, default=8 if has_gpu else 1)
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=has_gpu)
    parser.add_argument("--folder", type=Path, help="of the random data; default: a temporary one")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/bench_train.json"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        report = measure(arguments, Path(folder) / "random")
    write_json(report, arguments.output)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
