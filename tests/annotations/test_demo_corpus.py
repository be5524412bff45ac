"""The pictures and captions that the demo's towers are trained on."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from hearsay.annotations.demo.corpus import draw_corpus

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())
OPTIONS = CONFIG["datasets"]["demo"]["demo"]
TABLES = ("images.parquet", "captions.parquet", "clips.parquet")


def draw(folder: Path, **changes: object) -> list[bytes]:
    draw_corpus({**OPTIONS, **changes}, 12, 10.0, *(folder / name for name in TABLES))
    return [(folder / name).read_bytes() for name in TABLES]


def test_each_picture_has_a_caption_and_is_of_the_train_split(tmp_path: Path) -> None:
    draw(tmp_path)
    images, captions, clips = (pd.read_parquet(tmp_path / name) for name in TABLES)
    assert list(images["clip_id"]) == list(captions["clip_id"]) == list(clips["clip_id"])
    assert len(images) == 12
    assert set(clips["split"]) == {"train"}
    assert captions["text"].str.len().gt(0).all()


@pytest.mark.parametrize(
    "change", [{"disagreement": 1.0}, {"object_visible": 0.0}, {"num_test": 3, "num_val": 1}]
)
def test_the_corpus_is_the_same_whatever_the_clips_show(
    tmp_path: Path, change: dict[str, object]
) -> None:
    assert draw(tmp_path, **change) == draw(tmp_path)


def test_another_seed_draws_another_corpus(tmp_path: Path) -> None:
    assert draw(tmp_path, seed=1)[0] != draw(tmp_path)[0]
