# The two commands are 'make run' and 'make test'; 'make' alone says what else there is.

PYTHON ?= python3.11
VENV   ?= .venv
# Tests often wait for a process that they started, so three keep two processors busy.
JOBS   ?= 3

BIN     := $(VENV)/bin
BENCH   := .venv-bench
QUIETLY := -m pip --disable-pip-version-check --quiet install
PIP     := $(BIN)/python $(QUIETLY)
INSTALL := $(PIP) --require-hashes --requirement
LOCKS   := requirements.lock requirements-dev.lock requirements-build.lock bench/requirements.lock
COMPILE := .venv-lock/bin/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe --no-header --no-annotate \
           --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options $(UPGRADE)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-system honest prove bench bench-compare attack openapi docs messages lock build clean check-python

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/.run ## install what is needed, then serve on 127.0.0.1:8000 with SQLite in ./daftari.db
	@exec $(BIN)/daftari serve --demo

test: $(VENV)/.dev ## check style, types and import contracts, then run every test that needs Python alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile --ignore=tests/system --ignore=tests/honest $(PYTEST_ARGS)

test-system: $(VENV)/.dev ## run the tests with other programs: nginx, Caddy, PgBouncer, MariaDB, systemd, Chromium
	$(BIN)/python -m pytest -q tests/system $(PYTEST_ARGS)

honest: $(VENV)/.dev .honest/.stamp ## compare the fake CRMs with the systems' own SDKs for Node; needs node and npm
	$(BIN)/python -m pytest -q tests/honest $(PYTEST_ARGS)

prove: $(VENV)/.dev ## the same tests with many more random examples, new ones each time
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile --ignore=tests/system --ignore=tests/honest --hypothesis-profile=prove --timeout=0 \
		$(PYTEST_ARGS)

bench: $(VENV)/.run $(BENCH)/.stamp ## measure, compared with other programs in the same run
	VENV=$(VENV) $(BENCH)/bin/python -m bench $(BENCH_ARGS)

bench-compare: $(VENV)/.run $(BENCH)/.stamp ## compare this checkout with another: BASE=revision or folder
	$(if $(BASE),,$(error BASE is empty; it must be a git revision or a folder: make bench-compare BASE=main))
	VENV=$(VENV) $(BENCH)/bin/python -m bench compare --base $(BASE) $(BENCH_ARGS)

attack: $(VENV)/.dev ## attack a server on loopback and print what was found: ATTACK_ARGS="bodies kills"
	$(BIN)/python -m tests.attack $(ATTACK_ARGS)

openapi: $(VENV)/.dev ## build the OpenAPI document from the routes, the records and the texts
	$(BIN)/python -m daftari.api.reference.builder

docs: $(VENV)/.dev ## write the parts of the documentation that follow from the code
	$(BIN)/python -m docs.generate

messages: $(VENV)/.dev ## find the texts of the console and merge them into the files of its translations
	$(BIN)/python -m daftari.console.locale.extract

lock: .venv-lock/.stamp ## write the exact versions and hashes again (UPGRADE=--upgrade for newer ones)
	$(COMPILE) --extra dev --extra sql --output-file requirements-dev.lock pyproject.toml
	$(COMPILE) --constraint requirements-dev.lock --output-file requirements.lock pyproject.toml
	echo 'hatchling' | $(COMPILE) --constraint requirements-dev.lock --output-file requirements-build.lock -
	$(COMPILE) --constraint requirements-dev.lock --output-file bench/requirements.lock bench/pyproject.toml
	sed -i "1i # Exact versions and hashes, written by 'make lock' from pyproject.toml; not to be edited." $(LOCKS)

build: $(VENV)/.dev ## build the wheel and the source archive into dist/
	$(BIN)/python -m hatchling build

clean: ## remove everything that was made here, the database excepted
	rm -rf .venv .venv-lock .honest $(BENCH) build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- stamps: an install is done once, and again when a lock file changes ------------------------------

check-python:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here; name another with 'make PYTHON=python3.12'."; exit 1; }

$(BIN)/python: | check-python
	$(PYTHON) -m venv $(VENV)

# The packages are installed as links to their sources, so that a change needs no new install. bench-compare makes this
# stamp in the base's checkout.
$(VENV)/.run: requirements.lock requirements-build.lock pyproject.toml | $(BIN)/python
	$(INSTALL) requirements.lock
	$(INSTALL) requirements-build.lock
	$(PIP) --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	$(INSTALL) requirements-dev.lock
	@touch $@

$(BENCH)/.stamp: bench/requirements.lock | check-python
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python $(QUIETLY) --require-hashes --requirement bench/requirements.lock
	@touch $@

.honest/.stamp: tests/honest/package-lock.json
	@mkdir -p .honest && cp tests/honest/package.json tests/honest/package-lock.json .honest/
	npm ci --prefix .honest --no-audit --no-fund --silent
	npm pack --silent --pack-destination .honest @shopify/dev-mcp@1.16.0 # Shopify's schemas; its code is not run
	@touch $@

.venv-lock/.stamp: | check-python
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip --quiet install 'pip-tools>=7.6,<8'
	@touch $@
