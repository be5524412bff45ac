"""Subcommands that no rule calls: what a user asks for by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

Configs = Annotated[
    list[Path] | None, "configs of the run, as for Snakemake; they lie over config.yaml"
]


def export_subset(
    data: Annotated[list[Path], "folders of data sets, such as results/data/demo"],
    splits: Annotated[list[str] | None, "of train, val, test; left out: all"],
    among: Annotated[list[Path] | None, "lists of other labs, of which to take what is here too"],
    file: Annotated[Path, "list to write: clip ids, one a line"],
) -> None:
    """Write the ids of the clips that are available here, and in every list of `--among`.

    Send the file to another lab, which makes its own among yours; benchmark.subset takes it.
    """
    from hearsay.clips import subsets

    subsets.export_subset(data, splits, among or [], file)


def estimate(
    configfile: Configs,
    snakefile: Annotated[Path | None, "of the workflow (Snakefile)"],
    rates: Annotated[Path | None, "rates of yours in place of workflow/rates.yaml"],
    json: Annotated[bool | None, "print JSON, for programs"],
) -> None:
    """Print what a run takes: jobs, disk, core-hours, days of downloading, GPU-hours."""
    import dataclasses
    import json as as_json

    from hearsay.estimate import estimate as estimating
    from hearsay.estimate.table import format_estimate

    found = estimating.estimate(configfile or [], snakefile or Path("Snakefile"), rates)
    if json:
        print(as_json.dumps(dataclasses.asdict(found), indent=1))
    else:
        print(
            format_estimate(found, " ".join(map(str, configfile or [Path("config.yaml")]))), end=""
        )


def retry_clips(
    configfile: Configs,
    data: Annotated[Path | None, "folder of data sets; left out: that of the config's results"],
    statuses: Annotated[list[str] | None, "left out: all that may pass, such as network"],
    dry_run: Annotated[bool | None, "count only"],
) -> None:
    """Have the workflow ask again for clips whose failure may have passed; see docs/fetching.md."""
    from hearsay import config_files
    from hearsay.clips import retry

    if data is None:
        config = config_files.read_configs(Path(), configfile or [], "name the data with --data")
        data = config_files.data_folder(config)
    retry.retry_clips(data, statuses, bool(dry_run))


COMMANDS: list[Callable[..., None]] = [
    estimate,
    retry_clips,
    export_subset,
]
