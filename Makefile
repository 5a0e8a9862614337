# Rollcall's commands; `make help` lists them. What they need is set up on first use, by stamps, and
# kept in .venv, web/node_modules and .local.

PYTHON ?= python3
VENV := .venv/bin
LOCAL := $(VENV)/python localstack
ARGS ?=
DESCRIBE := import app; from chalicelib.api import openapi; print(openapi.committed())
CSV ?=

.DEFAULT_GOAL := help
.PHONY: help run start stop status reset setup test demo bench budget contracts openapi lint format lock

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ## Set up, start everything, follow the logs; Ctrl-C ends it
	@exec $(LOCAL) run

start: setup ## The same in the background; returns when it is healthy
	@$(LOCAL) start

stop: ## End what `start` or `run` started
	@if [ -x $(VENV)/python ]; then $(LOCAL) stop; else echo "not running"; fi

status: ## Name, pid, port and state of each process
	@if [ -x $(VENV)/python ]; then $(LOCAL) status; else echo "not set up"; exit 1; fi

reset: ## End it and delete its data (.local/)
	@if [ -x $(VENV)/python ]; then $(LOCAL) reset; else rm -rf .local; fi

setup: ## Install what is missing, build the web app
	@$(PYTHON) localstack/bootstrap.py

test: ## The whole suite, as two halves side by side; ARGS="tests/core -k flight" chooses
	@$(PYTHON) localstack/bootstrap.py --tests
	@$(LOCAL) test -- $(ARGS)

demo: start ## The main job, unattended, on the running stack; CSV=path takes another file
	@$(VENV)/python localstack/demo.py $(CSV)

bench: setup ## Benchmarks beside their floors, as a table and in .local/bench/
	@$(VENV)/python -m tests.bench $(ARGS)

budget: setup ## The connection budget as a table; fails where the worst case does not fit
	@$(VENV)/python -m infra.budget

contracts: setup ## Write what is made from infra/ and committed: who connects, the alarms
	@$(VENV)/python -m infra.alarm_files
	@$(VENV)/python -m infra.budget --quiet --write

openapi: setup ## Write docs/openapi.json from the routes
	@$(VENV)/python -c "$(DESCRIBE)" > .local/openapi.json
	@mv .local/openapi.json docs/openapi.json

lint: setup ## ruff, mypy, the direction of imports, the budget, and the web app's own
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/mypy
	@$(VENV)/lint-imports --no-cache
	@$(VENV)/python -m infra.budget --quiet
	@npm --prefix web run --silent lint

format: setup ## Let ruff format the Python code
	@$(VENV)/ruff check --fix .
	@$(VENV)/ruff format .

lock: ## Pin requirements.txt anew from requirements.in (needs uv)
	@uv pip compile requirements.in --universal --python-version 3.11 --generate-hashes \
	  --custom-compile-command "make lock" -o requirements.txt
