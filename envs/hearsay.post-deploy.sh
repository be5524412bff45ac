#!/usr/bin/env bash
# Snakemake runs this inside the new conda environment, in the run's working directory.
set -euo pipefail
cd "${HEARSAY_CHECKOUT:?is set by the Snakefile: let snakemake make this environment}"
# Packages that lie outside of the environment must not count as installed.
export PYTHONNOUSERSITE=1
unset PYTHONPATH
pip install --quiet --require-hashes --requirement requirements.lock
# Editable, so that the environment follows the checkout.
pip install --quiet --no-deps --no-build-isolation --editable .
