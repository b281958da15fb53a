# Two commands matter: `make run` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LINT_VENV := .venv-lint
LINT_BIN := $(LINT_VENV)/bin
export PYTHONUNBUFFERED := 1

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.run-ready ## Make the virtual environment with what the service runs on

run: $(VENV)/.run-ready ## Set everything up and serve on port 8000, or PORT=…; KOKORO=0: eSpeak only; STRIPE=local to try buying
ifeq ($(STRIPE),local)
	@$(MAKE) --no-print-directory $(VENV)/.dev-ready
	@exec $(BIN)/python -m tests.peers.stripe_local
else
	@exec $(BIN)/python manage.py serve
endif

dev: $(VENV)/.run-ready ## Serve for development: restarts when code changes, shows errors in full
	@DEBUG=1 ACCESS_LOG=1 exec $(BIN)/python manage.py serve --reload

kokoro: $(VENV)/.run-ready ## Fetch the natural voices now (127 MB); `make run` does it by itself, in the background
	@$(BIN)/python manage.py kokoro_install

kokoro-cjk: $(VENV)/.kokoro-cjk-ready ## Add Japanese and Chinese to the natural voices (375 MB of dictionaries)
	@echo "Start the service again to offer the Japanese and Chinese voices."

test: $(VENV)/.dev-ready ## Run all tests, on SQLite and files; ARGS="-k audio" goes to pytest
	@$(BIN)/python -m tests.run $(ARGS)

test-all: $(VENV)/.dev-ready ## Run all tests with every language of eSpeak; `make test` speaks twelve
	@$(BIN)/python -m tests.run --all-languages $(ARGS)

test-services: $(VENV)/.dev-ready ## Run the same tests on PostgreSQL and Redis, private ones if none are given
	@$(BIN)/python -m tests.run --services $(ARGS)

test-requirements: $(VENV)/.dev-ready ## Run every role from each requirements file alone, on each broker
	@$(BIN)/python -m tests.requirements_alone

check: lint types ## All static checks: lint, types, migrations, deployment settings
	@$(BIN)/python -m tests.check_settings

lint: $(LINT_VENV)/.ready ## Check style, formatting and import layers; ready in seconds, needs no other environment
	@$(LINT_BIN)/ruff check
	@$(LINT_BIN)/ruff format --check
	@$(LINT_BIN)/djlint --quiet --check --lint templates
	@$(LINT_BIN)/lint-imports

types: $(VENV)/.dev-ready ## Check types (mypy, strict)
	@$(BIN)/mypy

format: $(LINT_VENV)/.ready ## Format Python and templates, and fix what ruff can
	@$(LINT_BIN)/ruff check --fix
	@$(LINT_BIN)/ruff format
	@$(LINT_BIN)/djlint --quiet --reformat templates

bench-latency: $(VENV)/.dev-ready ## Measure from POST to completed, beside the bare engine
	@$(BIN)/python -m bench.latency

bench-stream: $(VENV)/.dev-ready ## Measure streams: first byte, total, many at once, beside the bare engine
	@$(BIN)/python -m bench.stream $(ARGS)

bench-speech: $(VENV)/.dev-ready ## Measure how many words of Kokoro's voices a speech recogniser gets wrong
	@$(BIN)/python -m bench.speech $(ARGS)

bench-text: $(VENV)/.dev-ready ## Count which pairs of written and spoken text are said right; ARGS=FOLDER of TSV files
	@$(BIN)/python -m bench.text $(ARGS)

bench-paced: $(VENV)/.dev-ready ## Listen to a long stream for five minutes at the speed of its sound, over Redis
	@$(BIN)/python -m bench.paced $(ARGS)

bench-webhooks: $(VENV)/.dev-ready ## Measure how fast webhooks drain, beside the bare client; PostgreSQL and Redis
	@$(BIN)/python -m bench.webhooks $(ARGS)

bench-desk: $(VENV)/.dev-ready ## Measure the pages about money with a million ledger entries behind them
	@$(BIN)/python -m bench.desk $(ARGS)

bench-gallery: $(VENV)/.dev-ready ## Measure the first visit to a gallery of 2,000 voices, in a browser
	@$(BIN)/python -m bench.gallery

screenshots: $(VENV)/.dev-ready ## Take pictures of every page, both themes and two widths, into var/screenshots
	@$(BIN)/python -m tests.screenshots

COMPILE = uv pip compile -q --upgrade --universal --python-version 3.11 --no-header
# PyTorch without hashes: each of its indexes (CPU, CUDA, ROCm) builds the same version into other files.
lock: ## Pin the newest allowed packages in requirements*.txt, with hashes (needs uv)
	$(COMPILE) --generate-hashes requirements.in -o requirements.txt
	$(COMPILE) --generate-hashes -c requirements.txt requirements-dev.in -o requirements-dev.txt
	$(COMPILE) --generate-hashes -c requirements-dev.txt requirements-lint.in -o requirements-lint.txt
	$(COMPILE) --generate-hashes -c requirements.txt -c requirements-dev.txt requirements-kokoro-cjk.in -o requirements-kokoro-cjk.txt
	$(COMPILE) -c requirements.txt -c requirements-kokoro-cjk.txt requirements-kokoro-torch.in -o requirements-kokoro-torch.txt
	$(COMPILE) --generate-hashes requirements-pip.in -o requirements-pip.txt

clean: ## Remove the virtual environments and caches; data stays
	rm -rf $(VENV) $(LINT_VENV) .requirements .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# --- the virtual environments: made once, and again when their requirements change ---

$(BIN)/python $(LINT_BIN)/python: %/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Utterance needs Python 3.11 or newer; $(PYTHON) is older. Try: make run PYTHON=python3.11"; exit 1; }
	@if command -v uv >/dev/null; then uv venv -q --python "$(PYTHON)" $*; else $(PYTHON) -m venv $*; fi

# Every package is checked against the hashes in the requirements file. Python compiles what it imports, when it does: all
# of it at once takes as long as the download. So it has to be allowed to write.
export PYTHONDONTWRITEBYTECODE :=
PIP = $(@D)/bin/python -m pip install -q --disable-pip-version-check --no-compile --require-hashes
INSTALL = if command -v uv >/dev/null; then VIRTUAL_ENV=$(@D) uv pip install -q --require-hashes -r $<; \
	else $(PIP) -r $<; fi
FASTER_PIP = command -v uv >/dev/null || $(PIP) -r requirements-pip.txt

$(LINT_VENV)/.ready: requirements-lint.txt | $(LINT_BIN)/python
	@echo "Installing the linters ..."
	@$(INSTALL)
	@touch $@

$(VENV)/.run-ready: requirements.txt | $(BIN)/python
	@echo "Installing what the service runs on ..."
	@$(FASTER_PIP)
	@$(INSTALL)
	@touch $@

$(VENV)/.kokoro-cjk-ready: requirements-kokoro-cjk.txt $(VENV)/.run-ready
	@echo "Installing what reads Japanese and Chinese ..."
	@$(INSTALL)
	@touch $@

$(VENV)/.dev-ready: requirements-dev.txt tests/node/package.json $(VENV)/.run-ready $(VENV)/.kokoro-cjk-ready
	@echo "Installing what the tests need ..."
	@$(INSTALL)
	@if command -v npm >/dev/null; then npm install --prefix tests/node --no-audit --no-fund --no-package-lock --silent \
		|| echo "npm could not fetch axe and the verifiers in Node; the tests with them are skipped."; fi
	@touch $@

.PHONY: help setup run dev kokoro kokoro-cjk test test-all test-services test-requirements check lint types format bench-latency bench-stream bench-speech bench-text bench-webhooks bench-desk bench-gallery screenshots lock clean
