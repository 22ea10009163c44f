# `make` lists the targets. A fresh machine needs Python 3.11 or newer, and make.

.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	if "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo "$$p"; break; fi; done)
BIN := .venv/bin
# Tests that start many processes of their own gain nothing from more workers than cores.
WORKERS ?= auto
T ?= tests
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup
# A real Elasticsearch for tests: the version, and the command that fetches and runs it.
ES_MAJOR ?= 8
ELASTIC := $(BIN)/python -m tests.services.elasticsearch

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^## / {printf "\n%s\n", substr($$0, 4)} /^[a-z-]+:.*## / {printf "  %-19s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

## Use it

.venv/installed: requirements.lock setup.cfg pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; none was found. Name one: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

.PHONY: venv
venv: .venv/installed ## Make the environment; the command is then .venv/bin/sysmonsearch

.PHONY: run
run: venv ## Start the program with demo data on http://127.0.0.1:8000 (Ctrl-C stops it)
	@$(BIN)/sysmonsearch demo --if-empty
	@$(BIN)/sysmonsearch serve

## Work on it

.PHONY: test
test: venv ## Run the fast tests (T=path runs some of them)
	@$(ELASTIC) run --if-here -- $(PYTEST) -m "not slow" $(T)

.PHONY: services
services: venv ## Start Elasticsearch for tests (downloads 950 MB once; ES_MAJOR=9 for version 9)
	@$(ELASTIC) start --major $(ES_MAJOR)

.PHONY: services-stop
services-stop: venv ## Stop it, and delete what it held
	@$(ELASTIC) stop

.PHONY: test-elastic
test-elastic: venv ## Run what concerns Elasticsearch on a server of its own (ES_MAJOR=9 for version 9)
	@$(ELASTIC) run --major $(ES_MAJOR) -- env TEST_ENGINE=elastic $(PYTEST) -m "not slow" -k "elastic or web" $(T)

.PHONY: test-pages-elastic
test-pages-elastic: venv ## Run the tests of the pages with Elasticsearch below them
	@$(ELASTIC) run --major $(ES_MAJOR) -- env TEST_ENGINE=elastic $(PYTEST) -m "not slow" tests/web

.PHONY: test-browser
test-browser: venv ## Run the tests of the pages in Chromium and Firefox alone
	$(PYTEST) tests/browser

.PHONY: shots
shots: venv ## Photograph every page, in each theme and width, into build/shots
	$(BIN)/python -m tests.browser.shots

.PHONY: soak
soak: venv ## Run the slow tests: processes killed at random moments, large inputs
	@$(ELASTIC) run --if-here -- $(PYTEST) -m slow $(T)

.PHONY: bench
bench: venv ## Measure import and queries; prints the table of docs/performance.md
	$(BIN)/python -m tests.bench

.PHONY: lint
lint: venv ## Check style, types and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: venv ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: docs
docs: venv ## Write the generated pages of docs/ anew
	$(BIN)/python -m tests.generate_docs

.PHONY: messages
messages: venv ## Gather the texts of pages for translators (build/sysmonsearch.pot)
	@mkdir -p build
	$(BIN)/pybabel --quiet extract --mapping=babel.cfg --project=SysmonSearch --no-location --sort-output \
		--keywords='translate translate_number:1,2' --add-comments=Translators: \
		--output=build/sysmonsearch.pot .

.PHONY: lock
lock: venv ## Choose the newest versions that fit together (requirements.lock)
	$(BIN)/python -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --custom-compile-command "make lock" --extra dev -o requirements.lock setup.cfg

.PHONY: check
check: test lint ## What CI runs

.PHONY: clean
clean: ## Remove the environment and all caches; data stays
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
