"""Which test clips are scored, and what is said of those left out."""

import logging
from pathlib import Path

import pandas as pd
import pytest

from hearsay.clips.availability import fingerprint
from hearsay.errors import HearsayError
from hearsay.files import write_json
from hearsay.layout import DatasetFiles
from hearsay.scoring.gallery import open_gallery
from hearsay.scoring.records import ScoreIdentity

IDENTITY = ScoreIdentity("small", "test", "all", "vip_ant", "audio_text", "towers", 0, "")


@pytest.fixture
def data(tmp_path: Path) -> DatasetFiles:
    folder = tmp_path / "small"
    folder.mkdir()
    rows = [("d", "test", True), ("b", "test", True), ("a", "train", True), ("c", "test", False)]
    table = pd.DataFrame(rows, columns=["clip_id", "split", "available"])
    table.to_parquet(folder / "availability.parquet")
    write_json({"num_shards": 1}, folder / "availability.json")
    return DatasetFiles.open(folder)


def test_the_available_test_clips_are_scored_and_signed(data: DatasetFiles) -> None:
    gallery = open_gallery(data, None, IDENTITY)
    assert gallery.clip_ids == ["b", "d"]
    assert gallery.identity.availability == fingerprint(["b", "d"])


def test_a_clip_without_a_caption_is_left_out_of_the_text_gallery_and_counted(
    data: DatasetFiles, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="hearsay"):
        gallery = open_gallery(data, None, IDENTITY, captioned={"a", "d"})
    assert gallery.clip_ids == ["d"]
    assert gallery.identity.availability == fingerprint(["d"])
    assert "1 test clips of small have no caption" in caplog.text


def test_no_clip_left_is_an_error(data: DatasetFiles) -> None:
    with pytest.raises(HearsayError, match="no clip of split test is available"):
        open_gallery(data, None, IDENTITY, captioned={"a"})
