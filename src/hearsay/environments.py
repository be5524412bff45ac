"""Where the workflow's jobs get their software from, if not from the environment of Snakemake."""

import os
from collections.abc import Collection
from pathlib import Path

from hearsay.errors import HearsayError

IMAGE = "envs/hearsay.sif"


def name_checkout(folder: str) -> None:
    """Tell envs/hearsay.post-deploy.sh which checkout to install from.

    Snakemake runs it in the working directory, which need not be the checkout.
    """
    os.environ["HEARSAY_CHECKOUT"] = folder


def find_image(checkout: str, methods: Collection[str]) -> str:
    """Return the path of the container image from the working directory.

    Relative, because to Snakemake another path is other software: with an absolute one a run whose
    folder was moved would start from the beginning.

    Args:
        methods: what `--software-deployment-method` names.

    Raises:
        HearsayError: the image is asked for and absent, or conda inside it.
    """
    image = Path(checkout) / IMAGE
    if "apptainer" in methods:
        if "conda" in methods:
            raise HearsayError(
                "--sdm: the container has no conda in it; give either conda or apptainer"
            )
        if not image.exists():
            raise HearsayError(
                f"--sdm apptainer: {image} is missing; build it as docs/environments.md says "
                "(apptainer build envs/hearsay.sif envs/hearsay.def)"
            )
    return os.path.relpath(image)
