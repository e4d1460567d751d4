# Two commands do everything: `make run` certifies the embedded sandbox, `make test` runs the test suite.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: help run test lint faults seeds mutants detection bench lock clean
.DEFAULT_GOAL := help

help:  ## Show what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: $(READY)  ## Certify the embedded sandbox end to end; evidence lands under reports/
	@$(BIN)/conformance run

test: $(READY) lint  ## Lint, types, package walls and the whole test suite
	@$(BIN)/pytest -q -n 4 --dist worksteal

lint: $(READY)  ## Lint, format, types, package walls
	@$(BIN)/ruff check -q . && $(BIN)/ruff format -q --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

faults: $(READY)  ## Prove that every seeded fault is caught and every dialect is green, under three seeds
	@$(BIN)/conformance faults --seeds 3

seeds: $(READY)  ## Certify under fifty seeds, the dialects in turn
	@$(BIN)/python benchmarks/seeds.py

mutants: $(READY)  ## Judge the judge by mutants of the sandbox; survivors are listed
	@$(BIN)/python -m benchmarks.mutants

detection: $(READY)  ## Seeded faults found by the Schemathesis command line alone and by us, side by side
	@$(BIN)/python -m benchmarks.detection

bench: $(READY)  ## Time smoke, certify of one product and of both, and a request through the recording proxy
	@$(BIN)/python benchmarks/tiers.py
	@$(BIN)/python benchmarks/observe.py

lock: $(READY)  ## Compile requirements.txt anew from pyproject.toml
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		--extra dev pyproject.toml -o requirements.txt

clean:  ## Remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@$(PYTHON) -m venv $(VENV)
	@echo "installing locked dependencies (once)"
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@$(BIN)/python -m compileall -q conformance  # a run starts several processes, and some machines keep no bytecode
	@touch $@
