# Every command of the README and of CI. Each stands alone on a fresh machine.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup lint types imports unit testbed testbed-down contract wire scenarios action test demo bench lock clean

help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t16

setup: .venv/.installed ## The virtual environment: all Python that running and testing need

.venv/.installed: requirements/dev.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes --requirement requirements/dev.txt
	@touch $@

lint: setup ## Style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup ## Types
	$(BIN)/mypy

imports: setup ## Who may import whom
	$(BIN)/lint-imports

unit: setup ## Unit tests alone: no network, under 10 s
	$(BIN)/python -m pytest tests/unit

testbed: setup ## A real cluster, registry, gateway and workflow runner on this machine
	$(PYTHON) -m testbed up

testbed-down: ## Remove all of the test bed
	$(PYTHON) -m testbed down
