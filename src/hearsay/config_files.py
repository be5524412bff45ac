"""Configs as files, for commands used by hand, and the files of the user's own that they name."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from hearsay.config import Config, family_of, merge, used_datasets
from hearsay.errors import HearsayError


def read_configs(root: Path, configfiles: Sequence[Path], otherwise: str) -> Config:
    """Read config.yaml of a folder, and lay files over it one after the other, as Snakemake does.

    Args:
        otherwise: what else may be done where config.yaml is absent.

    Raises:
        HearsayError: a file is absent, or holds no mapping.
    """
    config = _read_config(root / "config.yaml", otherwise)
    for configfile in configfiles:
        config = merge(config, _read_config(configfile, otherwise))
    return config


def data_folder(config: Config) -> Path:
    """Return the folder of data sets that a run with a config writes."""
    folders = {"results": "results", "data": "<results>/data", **config.get("pathvars", {})}
    return Path(folders["data"].replace("<results>", folders["results"]))


def check_fetch_files(config: Config) -> None:
    """Check that the files are there which `fetch` of the data sets in use names.

    Raises:
        HearsayError: one line that names the option and the file.
    """
    for name in used_datasets(config):
        section = config["datasets"][name]["fetch"]
        for option in ("cookies", "extractor_args"):
            place = section[option]
            if isinstance(place, str) and not Path(place).is_file():
                raise HearsayError(
                    f"config: datasets.{name}.fetch.{option}: there is no file {place} (seen from "
                    f"{Path.cwd()}); see docs/fetching.md, or give null"
                )


def absent_vectors(config: Config, methods: Sequence[str]) -> list[str]:
    """Say in a line that the file of word vectors is absent, where methods need it; else nothing.

    It is no error: data and sound are made without.
    """
    file = config["words"]["file"]
    families = [family_of(config, method) for method in methods]
    if not any(family.needs_words or family.needs_labels for family in families):
        return []
    if file is None or Path(file).is_file():
        return []
    return [
        f"config: words.file: there is no file {file}, which these methods need; the comment at "
        "words.file in config.yaml says where such vectors come from; the target data does without"
    ]


def _read_config(path: Path, otherwise: str) -> Config:
    try:
        config: Config = yaml.safe_load(path.read_text())
    except OSError as error:
        raise HearsayError(
            f"{path}: {error.strerror}; run this where config.yaml and Snakefile lie, or "
            f"{otherwise}"
        ) from error
    except yaml.YAMLError as error:
        raise HearsayError(f"{path}: no YAML: {error}") from error
    if not isinstance(config, dict):
        raise HearsayError(f"{path} holds no options; see config.yaml for what it may hold")
    return config
