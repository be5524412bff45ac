# Two commands from a fresh clone: `make`, then `make test`. Needs Python 3.11 to 3.13, no more.

PYTHON ?= python3
CORES ?= all
CONFIG ?=
DATA ?=
STATUSES ?=
UV_VERSION = 0.13.8
BIN = .venv/bin
SNAKEMAKE = $(BIN)/snakemake --cores $(CORES) --profile workflow/profiles/workstation $(if $(CONFIG),--configfile $(CONFIG))

.PHONY: all install estimate retry tables report test lint unit e2e bench lock clean
.DEFAULT_GOAL := all

all: install  ## the default run: every table and plot
	$(SNAKEMAKE)

install: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo 'hearsay needs Python 3.11 to 3.13: make PYTHON=python3.12' >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	$(BIN)/uv pip sync --python $(BIN)/python --require-hashes --compile-bytecode --quiet requirements.lock
	$(BIN)/uv pip install --python $(BIN)/python --no-deps --no-build-isolation --quiet --editable .
	touch $@

estimate: install  ## what a run would take: make estimate CONFIG=workflow/configs/tsubaki2024.yaml
	$(BIN)/hearsay estimate $(if $(CONFIG),--configfile $(CONFIG))

retry: install  ## ask again for clips whose failure may have passed, then go on with the run
	$(BIN)/hearsay retry-clips $(if $(CONFIG),--configfile $(CONFIG)) $(if $(DATA),--data $(DATA)) \
		$(if $(STATUSES),--statuses $(STATUSES))
	$(SNAKEMAKE)

tables: install  ## tables and plots from the score files alone
	$(SNAKEMAKE) tables

report: install  ## results/report.html, opens offline
	$(SNAKEMAKE) --report results/report.html

test: lint unit e2e  ## everything that CI checks

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/mypy

unit: install
	$(BIN)/python -m pytest -q -n 2 -m 'not slow'

e2e: install  # those of SLURM mostly wait, so they run beside the others
	$(BIN)/python -m pytest -q -rs -m slow tests/slurm > .slurm_tests.log 2>&1 & slurm=$$!; \
		$(BIN)/python -m pytest -q -rs -m slow --ignore tests/slurm; others=$$?; \
		wait $$slurm; slurm=$$?; cat .slurm_tests.log; exit $$((others + slurm))

bench: install  ## speed ratios, one run, into results/benchmarks
	$(BIN)/python benchmarks/bench_fbank.py
	$(BIN)/python benchmarks/bench_logmel.py
	$(BIN)/python benchmarks/bench_fetch.py
	$(BIN)/python benchmarks/bench_prepare.py
	$(BIN)/python benchmarks/bench_words.py
	$(BIN)/python benchmarks/bench_train.py
	$(BIN)/python benchmarks/bench_search.py
	$(BIN)/python benchmarks/bench_serve.py

lock: install  ## resolve the versions anew
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet \
		--output-file requirements.lock

clean:  ## remove the results, keep the environment
	rm -rf .snakemake results/data results/encoders results/runs results/search results/disagreement \
		results/tables results/plots results/report results/logs results/benchmarks results/report.html
