"""What a run takes, from its config and measured rates: jobs, disk, work, days of downloading."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from hearsay.config import Config, merge
from hearsay.config_checks import check_config
from hearsay.errors import HearsayError
from hearsay.estimate.data import DataAmount, data_amounts, disk_bytes
from hearsay.estimate.flops import clip_model
from hearsay.estimate.jobs import count_jobs
from hearsay.estimate.rates import Rates, load_rates
from hearsay.estimate.work import Work, embedding, encoder_bytes, trainings, work

HOURS_A_DAY = 24


@dataclass(frozen=True)
class Download:
    """How long the limit of a data set's `fetch` section makes its downloads last.

    Attributes:
        dataset: its name.
        clips: listed, dead links among them: each is asked for once.
        clips_per_hour: the limit; None: there is none.
        days: at that limit.
        account_days: at the rate that an account bears.
    """

    dataset: str
    clips: int
    clips_per_hour: float | None
    days: float | None
    account_days: float


@dataclass(frozen=True)
class Estimate:
    """All that an estimate says.

    Attributes:
        data: what is expected of each data set.
        jobs: rule → jobs.
        disk_bytes: kind → bytes, at the end; checkpoints and logs are not counted.
        work: of each stage.
        downloads: of what YouTube has.
        training_flops: operations of all trainings.
        networks: kinds of networks that run: those whose rates count.
        assumed: "group.name" of a rate that nobody measured → why it was taken.
    """

    data: list[DataAmount]
    jobs: dict[str, int]
    disk_bytes: dict[str, float]
    work: list[Work]
    downloads: list[Download]
    training_flops: float
    networks: list[str]
    assumed: dict[str, str]


def estimate_run(config: Config, jobs: dict[str, int], rates: Rates) -> Estimate:
    """Estimate a run whose jobs are counted."""
    data = data_amounts(config, rates)
    model = clip_model(config["clip"]["model"])
    trained, model_bytes = trainings(config, data, model)
    disk = disk_bytes(config, data, model["embed_dim"], rates)
    disk["encoders"] = encoder_bytes(config, data, jobs, model, rates)
    disk["models of runs"] = model_bytes
    parts = embedding(config, data, model) + trained
    return Estimate(
        data=data,
        jobs=jobs,
        disk_bytes={kind: amount for kind, amount in disk.items() if amount},
        work=work(config, data, jobs, parts, rates),
        downloads=[_download(config, each, rates) for each in data if _is_fetched(each)],
        training_flops=sum(part.flops for part in trained if part.stage == "train"),
        networks=sorted({part.kind for part in parts}),
        assumed=rates.assumed,
    )


def estimate(configfile: Path | None, snakefile: Path, rates_file: Path | None) -> Estimate:
    """Estimate what `snakemake --configfile configfile` takes, from nothing.

    Args:
        configfile: lies over config.yaml beside the Snakefile; None: that alone.
        snakefile: of the workflow.
        rates_file: None: workflow/rates.yaml beside the Snakefile.

    Raises:
        HearsayError: a file is absent, or the config cannot be run.
    """
    root = snakefile.resolve().parent
    schemas = root / "workflow" / "schemas"
    config = _read_config(root / "config.yaml")
    if configfile is not None:
        config = merge(config, _read_config(configfile))
    rates = load_rates(
        rates_file or root / "workflow" / "rates.yaml", schemas / "rates.schema.yaml"
    )
    check_config(config, schemas / "config.schema.yaml")
    return estimate_run(config, count_jobs(config, snakefile), rates)


def _is_fetched(each: DataAmount) -> bool:
    return each.media in ("video", "sound")


def _download(config: Config, each: DataAmount, rates: Rates) -> Download:
    limit = config["datasets"][each.name]["fetch"]["clips_per_hour"]
    account = rates.values["download"]["account_clips_per_hour"]
    return Download(
        dataset=each.name,
        clips=each.listed,
        clips_per_hour=limit,
        days=None if limit is None else each.listed / limit / HOURS_A_DAY,
        account_days=each.listed / account / HOURS_A_DAY,
    )


def _read_config(path: Path) -> Config:
    try:
        config: Config = yaml.safe_load(path.read_text())
    except OSError as error:
        raise HearsayError(
            f"{path}: {error.strerror}; run this where config.yaml and Snakefile lie, or name the "
            "latter with --snakefile"
        ) from error
    except yaml.YAMLError as error:
        raise HearsayError(f"{path}: no YAML: {error}") from error
    if not isinstance(config, dict):
        raise HearsayError(f"{path} holds no options; see config.yaml for what it may hold")
    return config
