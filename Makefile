# `make` alone lists what there is. Two commands matter: `make run` and `make test`.

PYTHON ?= python3
export PYTHON
KERNELS := 5.10 6.1 6.12 6.18
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup dev system test-system tools-system vm-system bench-system native
.PHONY: run demo test kernels tools lint generate bench lock clean

help: ## list the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: native ## install what is missing and compile: .venv/bin/profguard works then

run: setup ## start the sensor with the shipped rules; Ctrl-C ends it
	@$(BIN)/profguard run --or-replay

demo: setup ## see the whole way in a minute: an act of profiling, its finding, its alert
	@$(BIN)/profguard demo

test: test-system tools-system vm-system dev ## run all tests, then those on the live kernel, and in a VM
	$(BIN)/pytest -q -m "not live and not vm"
	$(BIN)/pytest -q -m live
	$(BIN)/pytest -q -m vm

kernels: vm-system dev ## run the live tests on other kernels, in VMs: KERNELS="5.10 6.12"
	KERNELS="$(KERNELS)" $(BIN)/pytest -q -m vm; status=$$?; PYTHONPATH=. $(BIN)/python scripts/kernels.py; exit $$status

tools: tools-system dev ## run real profilers, tracers and debuggers: which are seen, and how
	PYTHONPATH=. $(BIN)/python scripts/tools.py

lint: dev ## check style and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

generate: .cache/editable ## rewrite what is generated: C header, schemas, reference pages
	$(BIN)/python scripts/generate.py

bench: bench-system dev ## run the benchmarks
	@for bench in bench/*.py; do $(BIN)/python $$bench || exit 1; done

lock: .cache/lock/pyvenv.cfg ## pin dependencies after a change in pyproject.toml
	.cache/lock/bin/pip install --quiet pip-tools
	scripts/lock

clean: ## remove everything that was built or installed here
	rm -rf $(VENV) .cache .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	rm -rf build dist profguard/_built
	find . -name __pycache__ -prune -exec rm -rf {} +

# ---- the parts of setup, each done only when what it depends on has changed

system: # every time, in a few milliseconds: a package may be gone since
	@scripts/system-packages

test-system:
	@scripts/system-packages tests

tools-system:
	@scripts/system-packages tools

vm-system: # without them, the tests say that there is no VM
	-@scripts/system-packages vm

bench-system:
	@scripts/system-packages bench

$(VENV)/pyvenv.cfg: | system
	$(PYTHON) -m venv $(VENV)

.cache/lock/pyvenv.cfg: | system
	$(PYTHON) -m venv .cache/lock

.cache/requirements: requirements.txt $(VENV)/pyvenv.cfg
	$(PIP) install --require-hashes -r requirements.txt
	@mkdir -p .cache && touch $@

.cache/requirements-dev: requirements-dev.txt .cache/requirements
	$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

.cache/editable: pyproject.toml .cache/requirements
	$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

native: .cache/editable
	@$(BIN)/python hatch_build.py
	@$(BIN)/python -m compileall -q profguard # else each start does, where Python may not write it

dev: setup .cache/requirements-dev
