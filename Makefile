# Every command of the README and of CI. Each stands alone on a fresh machine.
PYTHON ?= python3
BIN := .venv/bin
# Compiled once and kept, also on machines that are told not to: it is a quarter of the unit tests' time.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest
# None gets a second try, and none logs: both plugins would be asked about each of 2,000 tests.
UNIT := $(PYTEST) tests/unit -n 2 --dist worksteal -p no:rerunfailures -p no:logging

# A cluster and a registry of one's own count only together: many shells have a KUBECONFIG.
BED := setup $(if $(and $(KUBECONFIG),$(REGISTRY)),,testbed)

.PHONY: help setup lint types imports unit wire contract scenarios bed action test soak demo demo-azure bench \
	testbed testbed-down docs lock clean

help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t16

setup: .venv/.installed ## The virtual environment: all Python that running and testing need

# By uv in a tenth of pip's time; by pip where uv does not get through (an authority that only pip knows).
.venv/.installed: requirements/dev.txt requirements/uv.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes --requirement requirements/uv.txt
	$(BIN)/uv pip install --quiet --python .venv --require-hashes --requirement requirements/dev.txt || \
		$(BIN)/pip install --quiet --require-hashes --requirement requirements/dev.txt
	@touch $@

lock: setup ## Lock what pyproject.toml asks for, with hashes
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate pyproject.toml --output-file requirements/runtime.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --extra dev pyproject.toml --output-file requirements/dev.txt
	grep --max-count=1 '^uv==' requirements/dev.txt | cut -d' ' -f1 | $(BIN)/uv pip compile --quiet \
		--generate-hashes --no-header --no-annotate - --output-file requirements/uv.txt

testbed: setup ## A real cluster, registry, gateway and workflow runner on this machine
	$(PYTHON) -m testbed up

testbed-down: ## Remove all of the test bed
	$(PYTHON) -m testbed down

lint: setup ## Style, and the safety of workflows and of the Dockerfile
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/hadolint Dockerfile
	$(BIN)/zizmor --offline --quiet --config .github/zizmor.yml .github action.yml examples/*.yml
	go -C tests/tools tool actionlint $(abspath $(wildcard .github/workflows/*.yml examples/*.yml))

types: setup ## Types
	$(BIN)/mypy

imports: setup ## Who may import whom
	$(BIN)/lint-imports

unit: setup ## Unit tests alone: no network, under 10 s
	$(UNIT)

wire: setup ## Faults on the wire: answers that are late, wrong, cut off or refused
	$(PYTEST) tests/wire tests/faults/test_proxy.py -n 2

bed: $(BED) ## The test bed's own test
	$(PYTEST) tests/testbed

contract: $(BED) ## One suite on each fake and on the real thing
	$(PYTEST) tests/contract -n 3

scenarios: $(BED) ## The action on the real cluster, as users meet it
	$(PYTEST) tests/scenarios -n 5 --maxschedchunk=1

action: $(BED) ## The action's image, workflows and examples, and the action as a step
	$(PYTEST) tests/action

test: ## Everything, as CI runs it
	$(MAKE) --jobs=2 --output-sync=target $(BED) lint types imports unit wire
	$(MAKE) bed
	$(MAKE) --jobs=2 --output-sync=target contract action
	$(MAKE) scenarios

soak: $(BED) ## What takes long: every method, every cut-off, 5,000 requests, 1,000 examples each
	AKS_ACTION_SOAK=1 $(UNIT)
	AKS_ACTION_SOAK=1 $(PYTEST) tests/scenarios/test_zero_failed.py tests/scenarios/test_shares.py \
		tests/scenarios/test_cut_off.py tests/scenarios/test_cut_off_configuration.py \
		tests/scenarios/test_configuration.py tests/scenarios/test_splits.py \
		tests/scenarios/test_going_back.py tests/scenarios/test_volumes.py \
		tests/scenarios/test_rollback_on_failure.py tests/scenarios/test_azure.py \
		tests/scenarios/test_azure_private.py -n 3 --maxschedchunk=1

demo: $(BED) ## The whole job, from workflows, on real components
	$(BIN)/python -m demo

demo-azure: setup testbed ## Release and deploy with a sign-in to Azure, played by stand-ins
	$(BIN)/python -m demo.azure

bench: $(BED) ## The action beside its peers (PEER_ACTION="node …/index.js" for one more)
	$(BIN)/python -m bench $(CASES)

docs: setup ## The README's tables of inputs and outputs, from action.yml
	$(BIN)/python -m docs.tables

clean: ## Remove what was made here; the test bed is not touched
	rm -rf .venv .bench .testbed .mypy_cache .ruff_cache .pytest_cache .hypothesis
