# `make demo` and `make test` do everything, starting with their own setup.
BIN := .venv/bin
DEMO ?= demo-results
CORES ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format schemas dictionary bench cluster-up cluster-down clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/.installed  ## create .venv and install foldcp into it

.venv/.installed: pyproject.toml envs/constraints.txt envs/setup.sh
	@./envs/setup.sh
	@touch $@

demo: setup  ## run a small real campaign offline, from table to report
	@$(BIN)/snakemake --configfile config/demo/config.yaml --config results=$(DEMO) --cores $(CORES) \
		--rerun-incomplete --nolock --quiet rules progress
	@$(BIN)/foldcp status $(DEMO)
	@echo "report: $(DEMO)/report.html (demo weights: the scores mean nothing)"
	@$(BIN)/foldcp demo-statistics $(DEMO)/synthetic-example

test: setup  ## run the tests
	@$(BIN)/pytest

check: setup  ## lint, types, formats, workflow
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint
	$(BIN)/nbstripout --verify notebooks/*.ipynb

format: setup  ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules

schemas: setup  ## regenerate workflow/schemas from foldcp/config
	$(BIN)/python -m foldcp.config > workflow/schemas/config.schema.yaml

dictionary: setup  ## regenerate docs/data-dictionary.md from the declared tables
	$(BIN)/python -m foldcp.tables.dictionary > docs/data-dictionary.md

bench: setup  ## measure speed and memory; results go to benchmarks/results
	$(BIN)/python -m benchmarks

cluster-up:  ## start a one-machine SLURM with fake GPUs (root); then: eval "$$(tests/cluster/up.sh)"
	@tests/cluster/up.sh

cluster-down:  ## stop it
	@tests/cluster/down.sh

clean:  ## remove the environment and demo results
	rm -rf .venv $(DEMO) .snakemake
