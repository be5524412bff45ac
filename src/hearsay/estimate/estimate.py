"""What a run takes, from its config and measured rates: jobs, disk, work, days of downloading."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hearsay.config import Config
from hearsay.config_checks import check_config
from hearsay.config_files import read_configs
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


def estimate(configfiles: Sequence[Path], snakefile: Path, rates_file: Path | None) -> Estimate:
    """Estimate what `snakemake --configfile configfiles` takes, from nothing.

    Args:
        configfiles: lie over config.yaml beside the Snakefile, one over the other.
        snakefile: of the workflow.
        rates_file: None: workflow/rates.yaml beside the Snakefile.

    Raises:
        HearsayError: a file is absent, or the config cannot be run.
    """
    root = snakefile.resolve().parent
    schemas = root / "workflow" / "schemas"
    config = read_configs(root, configfiles, "name the latter with --snakefile")
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
