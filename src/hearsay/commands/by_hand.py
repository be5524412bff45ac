"""Subcommands that no rule calls: what a user asks for by hand."""

from collections.abc import Callable
from pathlib import Path


def export_subset(
    data: list[Path], splits: list[str] | None, among: list[Path] | None, file: Path
) -> None:
    """Write the ids of the clips that are available here, and in every list of `--among`.

    Send the file to another lab, which makes its own among yours; benchmark.subset takes it.
    """
    from hearsay.clips import subsets

    subsets.export_subset(data, splits, among or [], file)


def estimate(
    configfile: list[Path] | None, snakefile: Path | None, rates: Path | None, json: bool | None
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
    configfile: list[Path] | None,
    data: Path | None,
    statuses: list[str] | None,
    dry_run: bool | None,
) -> None:
    """Have the workflow ask again for clips whose failure may have passed; see docs/fetching.md."""
    from hearsay import config_files
    from hearsay.clips import retry

    if data is None:
        config = config_files.read_configs(Path(), configfile or [], "name the data with --data")
        data = config_files.data_folder(config)
    retry.retry_clips(data, statuses, bool(dry_run))


COMMANDS: list[Callable[..., None]] = [
    export_subset,
    retry_clips,
    estimate,
]
