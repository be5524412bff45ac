"""Configs as files, and the files that they name."""

from pathlib import Path

import pytest
import yaml

from hearsay.config import merge
from hearsay.config_files import absent_vectors, check_fetch_files, data_folder, read_configs
from hearsay.errors import HearsayError

ROOT = Path(__file__).parents[1]


@pytest.fixture
def config():
    return yaml.safe_load((ROOT / "config.yaml").read_text())


def test_later_files_lie_over_earlier_ones(tmp_path):
    (tmp_path / "config.yaml").write_text("a: 1\nb: {c: 2, d: 3}\n")
    (tmp_path / "x.yaml").write_text("b: {c: 4, e: 5}\n")
    (tmp_path / "y.yaml").write_text("b: {e: 6}\n")
    found = read_configs(tmp_path, [tmp_path / "x.yaml", tmp_path / "y.yaml"], "")
    assert found == {"a": 1, "b": {"c": 4, "d": 3, "e": 6}}
    with pytest.raises(HearsayError, match="config.yaml: No such file.*, or give up"):
        read_configs(tmp_path / "none", [], "give up")


@pytest.mark.parametrize(
    ("name", "folder"),
    [(None, "results/data"), ("tsubaki2024", "results/tsubaki2024/data")],
)
def test_the_folder_of_data_follows_the_results(name, folder):
    files = [ROOT / "workflow" / "configs" / f"{name}.yaml"] if name else []
    assert data_folder(read_configs(ROOT, files, "")) == Path(folder)


@pytest.mark.parametrize("option", ["cookies", "extractor_args"])
def test_an_absent_file_of_a_data_set_in_use_is_named(config, option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_fetch_files(config)
    other = merge(config, {"datasets": {"other": config["datasets"]["demo"]}})
    other["datasets"]["other"]["fetch"][option] = "none.txt"
    check_fetch_files(other)  # no stage uses it
    config["datasets"]["demo"]["fetch"][option] = "own.txt"
    with pytest.raises(HearsayError, match=f"demo.fetch.{option}: there is no file own.txt"):
        check_fetch_files(config)
    (tmp_path / "own.txt").touch()
    check_fetch_files(config)


def test_absent_vectors_are_told_where_methods_need_them(config, tmp_path):
    assert absent_vectors(config, ["word_align"]) == []  # trained here
    config["words"]["file"] = str(tmp_path / "vectors.txt")
    assert absent_vectors(config, ["vip_ant"]) == []
    for method in ("word_align", "joint_mfcc"):
        (line,) = absent_vectors(config, [method])
        assert "there is no file" in line and "vectors.txt" in line and "\n" not in line
    (tmp_path / "vectors.txt").touch()
    assert absent_vectors(config, ["word_align"]) == []
