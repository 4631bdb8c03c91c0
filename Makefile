# Everything a person or CI runs. Each target does its own set-up, is idempotent, and is fast the second time.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DEMO   := demo/footnote.toml

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: help demo test check format docs bench bench-model clean setup services
.DEFAULT_GOAL := help

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(STAMP)  ## Create .venv and install pinned dependencies

$(STAMP): pyproject.toml constraints.txt scripts/setup
	@PYTHON="$(PYTHON)" scripts/setup $(VENV)
	@touch $@

demo: $(STAMP)  ## Sync the demo wiki, answer three questions, serve on 127.0.0.1:8080 (ASK="…" asks one and exits)
	@$(BIN)/footnote --config $(DEMO) demo $(if $(ASK),--ask "$$ASK")

check: $(STAMP)  ## The quick loop: format, lint, types, imports, unit and contract tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/yamllint --strict compose.yaml
	$(BIN)/pytest -q -n auto --dist worksteal -m "not integration and not e2e and not evals"

test: $(STAMP) services check  ## Everything CI runs
	$(BIN)/pytest -q -n auto --dist loadfile -m "integration and not e2e" tests/unit tests/contract
	$(BIN)/pytest -q -m "(integration or evals) and not e2e" tests/integration tests/evals
	$(BIN)/pytest -q -m e2e  # in a process of its own: the browser's driver keeps an event loop running

services: $(STAMP)
	@scripts/services

format: $(STAMP)  ## Format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(STAMP)  ## Write docs/configuration.md from the settings classes
	$(BIN)/python -m scripts.configuration

bench: $(STAMP)  ## Print every benchmark's table (about 15 minutes)
	$(BIN)/python -m bench

bench-model: $(STAMP)  ## Print the chat model's tables: first tokens, quality, memory, overload (about 12 minutes)
	$(BIN)/python -m bench model

clean:  ## Remove the demo's data (not .venv)
	rm -rf demo/data

export ASK
