#!/usr/bin/env bash
# Runs inside the new conda environment, from the folder that snakemake was started in.
set -euo pipefail
pip install --quiet --require-hashes --requirement requirements.lock
pip install --quiet --no-deps --no-build-isolation .
