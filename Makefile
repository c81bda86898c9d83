# Everything a newcomer runs. The environment is .venv, made from the lock file when it is missing or out of date.
#   make demo [ARGS=--once]   make test   make test-slow   make safety   make bench [ARGS=--quick]   make check   make generate   make baseline   make lock   make sbom
.DEFAULT_GOAL := demo
.DELETE_ON_ERROR:
.PHONY: demo test test-slow safety bench check check-types check-form check-contract check-docs generate baseline lock sbom
SHELL := /bin/bash
# The tests start Python some thousand times: each of them would compile all of it anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
BIN := .venv/bin
CODEGEN := .codegen/bin
PIP_FLAGS := --quiet --quiet --disable-pip-version-check --no-input
PYTEST := $(BIN)/python -m pytest -n 2

demo: .venv/installed
	@$(BIN)/oncetold demo $(ARGS)

test: .venv/installed
	$(PYTEST) --dist worksteal -m "not slow" $(ARGS)

test-slow: .venv/installed
	$(PYTEST) --dist load --maxschedchunk 1 -m slow --timeout 1800 $(ARGS)

safety: .venv/installed
	$(BIN)/python -m tests.safety $(ARGS)

bench: .venv/installed
	$(BIN)/python -m tests.bench $(ARGS)

# Its parts stand apart so that `make -j2 check` may run two at once.
check: check-types check-form check-contract check-docs

check-types: .venv/installed
	$(BIN)/mypy

check-form: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/lint-imports

check-contract: .venv/installed .codegen/installed
	bash proto/check.sh $(abspath $(CODEGEN)/python) $(abspath $(BIN)/buf)

check-docs: .venv/installed
	$(BIN)/python -m pytest -q -m "not slow" tests/docs

generate: .codegen/installed
	bash proto/generate.sh $(abspath $(CODEGEN)/python)

baseline: .venv/installed .codegen/installed
	bash proto/check.sh $(abspath $(CODEGEN)/python) $(abspath $(BIN)/buf) --update-baseline

# What a hub and an adapter are made of, for whoever has to know: dist/oncetold-hub.cdx.json and -adapter.cdx.json.
sbom: .venv/installed
	bash deploy/sbom.sh $(abspath $(BIN)) dist

# Needs uv (https://docs.astral.sh/uv), which nothing else here does.
UV_COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --custom-compile-command "make lock" --upgrade
lock:
	$(UV_COMPILE) pyproject.toml --extra hub --extra postgres --extra sql --extra telemetry --extra pkcs11 --extra vault \
	  --extra aws-kms --extra dev -o requirements.lock
	$(UV_COMPILE) pyproject.toml --extra hub --extra postgres --extra telemetry -c requirements.lock -o deploy/hub.lock
	$(UV_COMPILE) pyproject.toml --extra sql -c requirements.lock -o deploy/adapter.lock
	$(UV_COMPILE) proto/codegen.in -o proto/codegen.lock

# A virtual environment at $(1) with exactly what the lock file $(2) names.
define locked_environment
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
  { echo "OnceTold needs Python 3.11 or newer. Name one: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
  { echo "This Python cannot make virtual environments. On Debian: apt-get install python3-venv" >&2; exit 1; }
@echo "Making $(1) from $(2): about half a minute, once ..."
@$(PYTHON) -m venv --clear $(1)
@$(1)/bin/python -m pip install $(PIP_FLAGS) --require-hashes -r $(2)
endef

.venv/locked: requirements.lock
	$(call locked_environment,.venv,requirements.lock)
	@touch $@

.venv/installed: .venv/locked pyproject.toml
	@$(BIN)/python -m pip install $(PIP_FLAGS) --no-deps --no-build-isolation --editable .
	@touch $@

.codegen/installed: proto/codegen.lock
	$(call locked_environment,.codegen,proto/codegen.lock)
	@touch $@
