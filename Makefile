# Two commands set everything up on a machine with Python 3.11+ and make: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SCALE ?= 1000

.PHONY: help demo dev test month torture check lint types imports clean

help: ## Say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/\1\t\2/' | expand -t 10

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[test]'
	@touch $@

demo: $(READY) ## Build a shop's warehouse and run its days; again: the next day
	$(BIN)/snowpipe demo --scale $(SCALE)

dev: $(READY) ## The Dagster UI on this machine, with the demo's tables
	$(BIN)/snowpipe dev

# Three workers for two cores: the daemon's tests wait for most of their time.
test: $(READY) ## All tests but the simulated month
	$(BIN)/python -m pytest --numprocesses 3 --dist loadscope --no-loadscope-reorder

month: $(READY) ## A month of days on a real daemon, with failures on the way
	$(BIN)/python -m pytest snowpipe_platform_tests/orchestration/test_month.py --month-days 31 --durations 1

torture: $(READY) ## A thousand runs killed while the source changes; prints what was lost or doubled
	$(BIN)/python -m snowpipe_platform_tests.torture --kills 1000

check: $(READY) lint types imports ## Format, lint, types, import contracts

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports

clean: ## Remove the environment and all local state
	rm -rf $(VENV) .snowpipe .mypy_cache .ruff_cache .pytest_cache .hypothesis
