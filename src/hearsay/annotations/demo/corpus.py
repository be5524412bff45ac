"""Draw pictures with captions for training the demo's image and text towers.

Stands for the web's picture-caption pairs on which CLIP was trained: fresh scenes of the same
world, none of them a clip of the demo. Its tables have the forms of the index and of decoded
images, so that towers train on it as on any data set.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from hearsay.annotations.demo.captions import write_caption
from hearsay.annotations.demo.generate import open_sounds
from hearsay.annotations.demo.pictures import draw_picture
from hearsay.annotations.demo.scenes import BREAKAGES, make_scenes
from hearsay.files import write_parquet

SEED_OFFSET = 1_000_000  # far from the seeds of data sets
ONE_EVENT_SHARE = 0.8  # of the captions that name only what the picture shows
JPEG_QUALITY = 90
# What scenes ask for besides, and what no picture of the corpus shows.
_OF_CLIPS: dict[str, Any] = {
    "num_val": 0,
    "num_test": 0,
    "disagreement": 0.0,
    "object_visible": 1.0,
    "broken": dict.fromkeys(BREAKAGES, 0.0),
}


def draw_corpus(
    options: dict[str, Any],
    num_pictures: int,
    clip_duration_s: float,
    images: Path,
    captions: Path,
    clips: Path,
) -> None:
    """Write pictures with a caption each, all of split train.

    Each picture shows one mentioned event of a scene of its own; its caption names that event
    alone or all that are mentioned.

    Args:
        options: seed, unmentioned and sound_bank of the section `datasets.*.demo` of config.
        num_pictures: to draw.
        clip_duration_s: of the scenes.
        images: output: clip_id, image_index, timestamp_s, jpeg.
        captions: output: caption_id, clip_id, text.
        clips: output: clip_id, split.

    Raises:
        HearsayError: the sound bank does not serve.
    """
    vocabulary = open_sounds(options)[1]
    seed = options["seed"] + SEED_OFFSET
    world = {**_OF_CLIPS, "unmentioned": options["unmentioned"], "seed": seed}
    scenes = make_scenes(world, num_pictures, clip_duration_s, vocabulary)
    pictures, texts = [], []
    for scene in scenes:
        generator = np.random.default_rng([seed, scene.clip])
        mentioned = [event for event in scene.events if event.mentioned]
        shown = mentioned[int(generator.integers(len(mentioned)))]
        told = [shown] if generator.random() < ONE_EVENT_SHARE else mentioned
        file = io.BytesIO()
        picture = draw_picture(shown.source, generator)
        Image.fromarray(picture).save(file, "JPEG", quality=JPEG_QUALITY)
        pictures.append(file.getvalue())
        texts.append(write_caption(told, vocabulary, generator).text)
    ids = [f"corpus-{scene.clip:06d}" for scene in scenes]
    write_parquet(
        pd.DataFrame({"clip_id": ids, "image_index": 0, "timestamp_s": 0.0, "jpeg": pictures}),
        images,
    )
    write_parquet(
        pd.DataFrame({"caption_id": [f"{name}-1" for name in ids], "clip_id": ids, "text": texts}),
        captions,
    )
    write_parquet(pd.DataFrame({"clip_id": ids, "split": "train"}), clips)
