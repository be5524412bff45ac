"""Lists from loopback addresses and local paths: whole and verified, or not at all."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from archive_server import OPTIONS, Body, Site, serve_site, write_zip

from hearsay.annotations.download import fetch_annotations
from hearsay.commands import data
from hearsay.errors import HearsayError

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
CONTENT = b"audiocap_id,youtube_id,start_time,caption\n" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER = "0" * 64


@pytest.fixture
def site() -> Iterator[Site]:
    with serve_site() as running:
        running.bodies["/list.csv"] = Body(CONTENT)
        yield running


def bring(address: str | Path, sha256: str | None, file: Path) -> list[str]:
    """Bring a list to `file` and return the names beside it."""
    options: dict[str, Any] = {**OPTIONS, "address": str(address), "sha256": sha256}
    fetch_annotations(options, file)
    return sorted(path.name for path in file.parent.iterdir())


@pytest.mark.parametrize("sha256", [None, SHA256])
def test_a_list_comes_over_http_or_from_a_path(site, tmp_path, sha256):
    (tmp_path / "own.csv").write_bytes(CONTENT)
    for number, place in enumerate((f"{site.address}/list.csv", tmp_path / "own.csv")):
        file = tmp_path / str(number) / "train.csv"
        assert bring(place, sha256, file) == ["train.csv"]
        assert file.read_bytes() == CONTENT


def test_another_list_than_pinned_is_refused_with_address_and_both_sums(site, tmp_path):
    (tmp_path / "own.csv").write_bytes(CONTENT)
    for number, place in enumerate((f"{site.address}/list.csv", tmp_path / "own.csv")):
        file = tmp_path / str(number) / "train.csv"
        line = f"{place}: sha256 {SHA256} instead of {OTHER}; .*mend the (address|path) or the "
        with pytest.raises(HearsayError, match=line):
            bring(place, OTHER, file)
        assert list(file.parent.iterdir()) == []


def test_a_list_cut_short_is_gone_on_with_where_its_sum_is_known(site, tmp_path):
    for sha256, second in ((SHA256, "bytes=900-"), (None, None)):
        site.requests.clear()
        site.bodies["/list.csv"].cuts = [900]
        assert bring(f"{site.address}/list.csv", sha256, tmp_path / "out" / "train.csv")
        assert site.ranges("/list.csv") == [None, second]
        assert (tmp_path / "out" / "train.csv").read_bytes() == CONTENT
        (tmp_path / "out" / "train.csv").unlink()


def test_refusals_that_pass_are_tried_again_and_a_final_one_is_told(site, tmp_path):
    site.bodies["/list.csv"].codes = [503, 429]
    assert bring(f"{site.address}/list.csv", None, tmp_path / "out" / "x.csv") == ["x.csv"]
    with pytest.raises(HearsayError, match=r"none\.csv: HTTP 404"):
        bring(f"{site.address}/none.csv", None, tmp_path / "out" / "y.csv")
    with pytest.raises(HearsayError, match=r"gone\.csv does not exist; mend its path"):
        bring(tmp_path / "gone.csv", None, tmp_path / "out" / "y.csv")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["x.csv"]


def test_the_address_of_a_mirror_of_videos_is_not_that_of_a_list_or_an_archive(site, tmp_path):
    access = {**OPTIONS, "address": f"{site.address}/{{video_id}}.mp4"}
    list_of = {"address": f"{site.address}/list.csv", "sha256": SHA256}
    data.fetch_annotations(list_of, access, tmp_path / "train.csv")
    packed = write_zip(tmp_path / "own.zip", {"a.wav": "a"}).read_bytes()
    site.bodies["/a.zip"] = Body(packed)
    archive = {"address": f"{site.address}/a.zip", "md5": None, "max_bytes": 1000}
    data.fetch_archive(archive, access, tmp_path, tmp_path / "out", tmp_path / "archive.json")
    assert (tmp_path / "train.csv").read_bytes() == CONTENT
    assert (tmp_path / "out" / "a.wav").read_text() == "a"


PINNED = {
    ("tsubaki2024", "audioset", "val"): "audioset/balanced_train_segments.csv",
    ("tsubaki2024", "audioset", "test"): "audioset/eval_segments.csv",
    **{("tsubaki2024", "audiocaps", split): f"audiocaps/v1/{split}.csv" for split in
       ("train", "val", "test")},
    **{("xie2022", "audiogrounding", split): f"audiogrounding/v1/{split}.json" for split in
       ("train", "val", "test")},
}  # fmt: skip


@pytest.mark.skipif(not SHARED.is_dir(), reason="real lists (../shared/data) are not here")
@pytest.mark.parametrize(("config", "dataset", "split"), PINNED)
def test_the_sums_in_the_configs_are_those_of_the_real_lists(config, dataset, split, tmp_path):
    text = (ROOT / "workflow" / "configs" / f"{config}.yaml").read_text()
    pinned = yaml.safe_load(text)["datasets"][dataset][dataset][split]
    real = SHARED / PINNED[config, dataset, split]
    assert bring(real, pinned["sha256"], tmp_path / "out" / real.name) == [real.name]
