# `make report`, `make test` and `make lab` need only make and a Python of 3.11 or later; each makes .venv on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help report test test-pms-integration lab lint data docs notebooks lock browser bench bench-kills clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is older than 3.11: set PYTHON, as in make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Making the environment in $(VENV), a minute or two on first use ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

report: $(READY) ## Run the daily dry-run report on the data and print where the page is
	@$(BIN)/pms-lab report daily

test: $(READY) ## Run the checks and the tests, notebooks included
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest -n 2 --dist loadscope
	@$(BIN)/python -m tests.notebooks.check

test-pms-integration: $(READY) ## Ask the PMSs of the settings everything, and write a results file (WRITES=1: also write, and undo it)
	@$(BIN)/python -m tests.integration $(if $(WRITES),--writes)

lab: $(READY) ## Open JupyterLab on the notebooks
	@$(BIN)/jupyter lab --notebook-dir notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

lint: $(READY) ## Check style, types and the direction of imports
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache > /dev/null || $(BIN)/lint-imports --no-cache

data: $(READY) ## Rebuild the shipped data from data/raw
	@$(BIN)/python -m data.rebuild

notebooks: $(READY) ## Run the notebooks from the top and save them with their outputs
	@$(BIN)/python -m tests.notebooks.renew

docs: $(READY) ## Write docs/cli.md from the commands' own help
	@$(BIN)/python -m typer pms_lab.cli.app utils docs --name pms-lab --title "The command line" --output docs/cli.md

browser: ## Install Chromium, which the browser tests drive (Debian and Ubuntu, as root)
	apt-get update -qq && apt-get install -y -qq chromium

bench: $(READY) ## Run the benchmarks; each prints one line
	@for bench in $(filter-out push_kills,$(basename $(notdir $(wildcard benchmarks/[a-z]*.py)))); do \
		$(BIN)/python -m benchmarks.$$bench || exit 1; done

bench-kills: $(READY) ## Kill a thousand pushes on each kind of ledger and count what is wrong afterwards (half an hour)
	@$(BIN)/python -m benchmarks.push_kills

lock: ## Renew requirements.lock; needs uv
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --upgrade --quiet -o requirements.lock

clean: ## Remove what can be made again: dry runs, reports and caches; imports stay
	rm -rf data/dry_runs papermill_runs/[0-9]* reports/[0-9]* reports/index.html reports/.scripts
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
