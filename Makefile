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

lint: lint-packaging

lint-packaging: setup ## Style and safety of workflows and the Dockerfile
	$(BIN)/hadolint Dockerfile
	$(BIN)/zizmor --offline --quiet --config .github/zizmor.yml .github action.yml examples/*.yml
	go -C tests/tools tool actionlint $(abspath $(wildcard .github/workflows/*.yml examples/*.yml))

docs: setup ## The README's tables of inputs and outputs, from action.yml
	$(BIN)/python -m docs.tables

action: setup ## The action's image, workflows and examples, and the action as a step
	$(BIN)/python -m pytest tests/action

# A cluster and a registry of one's own count only together: many shells have a KUBECONFIG.
demo: setup $(if $(and $(KUBECONFIG),$(REGISTRY)),,testbed) ## The whole job, from workflows, on real components
	$(BIN)/python -m demo

bench: setup $(if $(and $(KUBECONFIG),$(REGISTRY)),,testbed) ## The action beside its peers (PEER_ACTION="node …/index.js" for one more)
	$(BIN)/python -m bench $(CASES)

.PHONY: lint-packaging docs
