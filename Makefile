# Two commands matter: `make serve` and `make test`. Each builds .venv first and needs nothing but Python and,
# for the tests, the PostgreSQL server programs and Chromium, which tests/install-* install where they can.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin

# Two processes, each with a PostgreSQL server of its own; `make test PYTEST_OPTIONS=` takes one.
PYTEST_OPTIONS ?= -n 2 --dist loadfile

.PHONY: help
help: ## show this list
	@sed -n 's/^\([.a-z]*\):.*## \(.*\)/  make \1: \2/p' $(MAKEFILE_LIST)

.PHONY: serve
# Only what is given is passed on. HOST counts on the command line alone, because some shells export a HOST of
# their own, and listening there would be a surprise. The URL goes by the environment: it may hold a password, and
# every user of the machine can read the arguments of a command.
serve: .venv/installed ## run the server; takes PORT, DATABASE_URL, WORKERS and HOST
	$${DATABASE_URL:+export "SCIM_DATABASE_URL=$$DATABASE_URL"}; \
	exec $(BIN)/scim-server serve \
	    $(if $(filter command,$(firstword $(origin HOST))),--host "$$HOST") \
	    $${PORT:+--port "$$PORT"} \
	    $${WORKERS:+--workers "$$WORKERS"}

.PHONY: test
# Dozens of processes are started: without bytecode each of them would compile the package anew.
test: export PYTHONDONTWRITEBYTECODE :=
test: lint ## check everything: format, lint, types, all tests on both databases, coverage
	$(BIN)/python -m tests.requirements --brief
	sh tests/install-postgresql
	sh tests/install-chromium
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(PYTEST_OPTIONS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

.PHONY: check
check: lint ## the quick part of `make test`: format, lint, types, imports, dependencies
	$(BIN)/pytest --quiet tests/test_arrows.py tests/test_dependencies.py

.PHONY: requirements
requirements: .venv/installed ## which requirements of the standard the tests prove, and why others need no proof
	@$(BIN)/python -m tests.requirements

# The mutants, and what became of each, stay in mutants/; a run goes on where the last one stopped.
# MUTANTS takes patterns of names; `.venv-mutation/bin/mutmut show NAME` prints one.
MUTANTS ?= scim_server.domain.* scim_server.filtering.*

.PHONY: mutation
mutation: .venv-mutation/installed ## which deliberate faults in domain/ and filtering/ the tests catch (half an hour)
	.venv-mutation/bin/mutmut run $(foreach pattern,$(MUTANTS),'$(pattern)')
	.venv-mutation/bin/python -m tests.mutation

.venv-mutation/installed: requirements-mutation.txt pyproject.toml
	$(PYTHON) -m venv .venv-mutation
	.venv-mutation/bin/python -m pip install --quiet --require-hashes --requirement requirements-mutation.txt
	.venv-mutation/bin/python -m pip install --quiet --no-deps --no-index --no-build-isolation --editable .
	touch $@

.PHONY: lint
lint: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .

.PHONY: format
format: .venv/installed ## format the code and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The stamp is written last, so that an interrupted installation is taken up again.
.venv/installed: requirements-dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: set PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-index --no-build-isolation --editable .
	touch $@

.PHONY: .venv
.venv: .venv/installed ## the virtual environment with what the lock files name

# Pins that still serve are kept; `make lock UPGRADE=--upgrade` takes the newest. Neither file names a registry.
PIP_COMPILE = CUSTOM_COMPILE_COMMAND='make lock' "$$venv/bin/pip-compile" --quiet --generate-hashes --allow-unsafe \
    --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options $(UPGRADE)

.PHONY: lock
lock: ## write the requirements files anew from pyproject.toml
	venv=$$(mktemp -d) && trap 'rm -rf "$$venv"' EXIT && \
	    $(PYTHON) -m venv "$$venv" && "$$venv/bin/pip" install --quiet pip-tools && \
	    $(PIP_COMPILE) --output-file requirements.txt pyproject.toml && \
	    $(PIP_COMPILE) --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml && \
	    $(PIP_COMPILE) --extra dev --extra mutation --constraint requirements-dev.txt \
	        --output-file requirements-mutation.txt pyproject.toml

.PHONY: clean
clean: ## remove the environment, the caches and the builds; databases stay
	rm -rf .venv .venv-mutation mutants build dist *.egg-info .coverage* htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find scim_server conformance tests -name __pycache__ -type d -prune -exec rm -rf {} +
