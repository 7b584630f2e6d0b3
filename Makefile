# Every command of the project; `make` lists them. CI, hooks and people run the same ones.

VENV ?= .venv
BIN := $(VENV)/bin
PYTEST_WORKERS ?= 2
PYTEST_ARGS ?=
STAMP := $(VENV)/.installed
SCRIPTS := .ci/run $(wildcard tools/*.sh infra/docker/*.sh)

# A worker a core, and a thread a worker: more threads than cores only wait for each other.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(PYTEST_WORKERS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo services bench test test-services test-images test-e2e lint types format lock clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## Create the environment (.venv) from the lock file

$(STAMP): requirements.lock pyproject.toml hatch_build.py tools/install.sh
	@tools/install.sh "$(VENV)"
	@touch $@

demo: install ## Run the whole pipeline on a generated data set, on this machine
	@$(BIN)/python tools/demo.py $(DEMO_ARGS)

services: install ## Start S3, PostgreSQL and MLflow on this machine; writes .env
	@$(BIN)/rlr services up

test: install ## Run all tests that need neither root nor a daemon
	$(PYTEST) -m "not services and not images and not e2e" $(PYTEST_ARGS)

test-services: install ## Run the tests against real servers: S3, PostgreSQL, MLflow
	$(PYTEST) -m "services and not e2e" $(PYTEST_ARGS)

test-images: install ## Build the container images and look into them (needs a Docker daemon)
	$(BIN)/python -m pytest -m "images and not e2e" $(PYTEST_ARGS)

test-e2e: install ## Run the pipeline in its images against real servers
	$(BIN)/python -m pytest -m e2e $(PYTEST_ARGS)

bench: install ## Measure speed beside the published algorithm, in minutes (BENCH_ARGS="--rows step")
	$(BIN)/python benchmarks/speed.py --rounds 2 --json .rlr/bench/speed.json $(BENCH_ARGS)

lint: install types ## Check style, types, imports between rooms, YAML and shell scripts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/yamllint --strict .
	$(BIN)/shellcheck $(SCRIPTS)

types: install ## Check types
	$(BIN)/mypy

format: install ## Put the code into its one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: install ## Pin what pyproject.toml asks for, anew (UPGRADE=1: to the newest)
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet \
	  $(if $(UPGRADE),--upgrade) -o requirements.lock

clean: ## Remove what tools have cached; the environment and .rlr stay
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache dist
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
