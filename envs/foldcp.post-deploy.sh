#!/usr/bin/env bash
# Snakemake runs this in the folder it was called from, once the conda environment is made.
set -euo pipefail
if [ ! -f pyproject.toml ] || [ ! -f envs/constraints.txt ]; then
    echo "foldcp: call snakemake in the clone when it has to make conda environments (--sdm conda)" >&2
    exit 2
fi
pip install --quiet -c envs/constraints.txt .
