# Every way to run, test and check Matricula. `make help` lists them.
# The work is done by scripts/ and by the tools of .venv; nothing here needs more than make, sh and Python 3.11.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
VENV ?= .venv
export VENV
PYTHON_BIN := $(VENV)/bin/python
DATA ?= ../shared/data/oulad

# The embedded defaults whatever the caller's environment says: SQLite, in-process cache, tasks in the process.
EMBEDDED := env -u DATABASE_URL -u DATABASE_REPLICA_URL -u REDIS_URL -u CELERY_BROKER_URL
# The services: the environment's addresses, or a local PostgreSQL and Redis. Tests make a database of their own beside the named one.
SERVICES := env MATRICULA_TEST_SERVICES=1 \
	DATABASE_URL="$${DATABASE_URL:-postgres://postgres@127.0.0.1:5432/matricula}" \
	REDIS_URL="$${REDIS_URL:-redis://127.0.0.1:6379/9}" \
	CELERY_BROKER_URL="$${CELERY_BROKER_URL:-redis://127.0.0.1:6379/10}"
PYTEST := $(PYTHON_BIN) -m pytest -n auto
# Recompiles keep the versions of the lock unless UPGRADE=1 asks for the newest that the ranges allow.
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(PYTHON_BIN) -m piptools compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options $(if $(UPGRADE),--upgrade)

.PHONY: help
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: venv dev
venv: ## Make .venv with what the service needs
	@scripts/venv runtime

dev: ## Make .venv with the tools for tests and checks
	@scripts/venv dev

.PHONY: run
run: venv ## Serve with the demo world on http://127.0.0.1:8000 (PORT=...)
	@scripts/run

.PHONY: test test-services
test: dev ## Run all tests on the embedded defaults (ARGS=... for pytest)
	$(EMBEDDED) $(PYTEST) $(ARGS)

test-services: dev ## Run all tests on PostgreSQL and Redis, with a real worker
	$(SERVICES) $(PYTEST) --migrations $(ARGS)

.PHONY: faults
faults: dev ## Kill, restart and fill up what the service runs on, 20 times in jobs of 5,000 rows (ARGS=... for pytest)
	$(SERVICES) FAULT_ROWS=$${FAULT_ROWS:-5000} FAULT_KILLS=$${FAULT_KILLS:-20} \
	$(PYTHON_BIN) -m pytest -n 0 -rP tests/load --show-capture=stdout --durations=0 $(ARGS)

.PHONY: lint format types migrations-check schema-check check
lint: dev ## Check style, and the direction of imports
	$(PYTHON_BIN) -m ruff check .
	$(PYTHON_BIN) -m ruff format --check .
	$(VENV)/bin/lint-imports --no-logo

format: dev ## Put imports and code in form
	$(PYTHON_BIN) -m ruff check --fix .
	$(PYTHON_BIN) -m ruff format .

types: dev ## Check types
	$(PYTHON_BIN) -m mypy

migrations-check: dev ## See that every model change has its migration
	$(EMBEDDED) $(PYTHON_BIN) manage.py makemigrations --check --dry-run

schema-check: dev ## See that the OpenAPI document is complete and without warnings
	$(EMBEDDED) $(PYTHON_BIN) manage.py spectacular --validate --fail-on-warn --file $(VENV)/openapi.yaml

check: lint types migrations-check schema-check test ## All of the above checks, and the tests

.PHONY: bench bench-growth bench-plans bench-oulad bench-registrar bench-morning
bench: dev ## Measure the endpoints (SQL, CPU, requests/s), into docs/benchmarks.md
	$(PYTHON_BIN) -m bench.endpoints --write docs/benchmarks.md $(ARGS)

bench-growth: dev ## Measure the lists on ten times the data, into docs/benchmarks.md
	$(PYTHON_BIN) -m bench.endpoints --scale 10 --write docs/benchmarks.md $(ARGS)

bench-plans: dev ## See that no list reads through a large table
	$(PYTHON_BIN) -m bench.plans $(ARGS)

bench-oulad: dev ## Measure bulk enrollment on real registrations (DATA=folder)
	$(PYTHON_BIN) -m bench.oulad --data $(DATA) $(ARGS)

bench-registrar: dev ## Measure the import of a program's students as the Registrar does
	$(PYTHON_BIN) -m bench.registrar $(ARGS)

bench-morning: ## Let many admins use the portal for MINUTES=10 beside bulk jobs, into docs/benchmarks.md
	@VENV=$(VENV)-bench scripts/venv bench
	$(VENV)-bench/bin/python -m bench.morning --minutes $(or $(MINUTES),10) --write docs/benchmarks.md $(ARGS)

.PHONY: fuzz
fuzz: dev ## Send odd requests to every operation of the API, ten thousand and more (ARGS="--examples 5 --at-least 500")
	$(EMBEDDED) $(PYTHON_BIN) -m tests.security.fuzz $(ARGS)

.PHONY: lock clean
lock: dev ## Recompile the lock files (UPGRADE=1 for newer versions)
	$(COMPILE) --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	$(COMPILE) --extra bench --constraint requirements-dev.lock --output-file requirements-bench.lock pyproject.toml

clean: ## Remove .venv, caches and collected files; var/ (the data) stays
	rm -rf $(VENV) $(VENV)-bench static build test-artifacts .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
