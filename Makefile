# Every target sets up what it needs: a virtual environment, the package and its locked dependencies.
.DEFAULT_GOAL := help
PYTHON ?= python3
UV := .venv/bin/uv
RUN := .venv/bin/

# The suite starts hundreds of processes; where the surroundings switch this off, each would compile every module again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo test unit e2e oldest programs fmt lint type bench bench-peers bench-instructions bench-peers-receiver dashboards pictures cross-check check clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/bin/uv:
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet 'uv>=0.9'

.venv/.synced: pyproject.toml uv.lock $(UV)
	$(UV) sync --quiet --frozen --all-extras --inexact
	@touch $@

setup: .venv/.synced ## create .venv with the locked dependencies

demo: setup ## from nothing to a printed cost report: real SDKs, a local provider, the receiver
	@$(RUN)spancost demo

test: unit e2e ## the whole test suite

# One process more than there are cores: a quarter of the time is waiting for servers to start and stop.
unit: setup ## fast, offline, parallel
	$(RUN)pytest -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist worksteal -m "not end_to_end"

# Those in tests/end_to_end apart from the others: the README's commands take the ports that apps send to by default.
e2e: setup programs ## real processes on loopback
	$(RUN)pytest -n auto --dist loadfile -m end_to_end --durations=10 --ignore tests/end_to_end
	$(RUN)pytest -n auto --dist loadfile -m end_to_end --durations=10 tests/end_to_end

programs: setup ## what e2e runs beside spancost (Collector, Tempo, Prometheus, checkers): built once, minutes, then kept
	@nice -n 10 $(RUN)python -m tests.programs

oldest: setup ## the oldest supported SDKs and OpenTelemetry; prints what they cannot do
	$(RUN)pytest -s -m end_to_end tests/instrumentation/test_oldest.py

fmt: setup ## format
	$(RUN)ruff format .
	$(RUN)ruff check --fix .

lint: setup ## style
	$(RUN)ruff format --check .
	$(RUN)ruff check .

type: setup ## types, strict
	$(RUN)pyright

bench: setup ## ratios against a stated baseline; asserts results, never times
	@for f in benchmarks/bench_*.py; do echo "== $$f"; $(RUN)python $$f || exit 1; done

bench-peers: setup ## what other instrumentations add to a call, beside ours; installs each into the user's cache
	@$(RUN)python benchmarks/bench_instrumentation.py --peers

bench-instructions: setup ## what spancost adds to a call in processor instructions, which no other load changes; needs valgrind
	@$(RUN)python benchmarks/instructions.py

bench-peers-receiver: setup ## CPU a span of the receiver, rotel, the Collector and Phoenix, in one run; some minutes
	@$(RUN)python -m benchmarks.receiver_peers --into docs/benchmarks.md

dashboards: setup ## write the dashboards, the rules and the list of metrics
	$(RUN)python dashboards/build.py

pictures: setup ## draw the dashboards into docs/pictures; needs npm, chromium and prometheus
	$(RUN)python -m tests.dashboards.draw docs/pictures

cross-check: setup ## every disagreement with a second price table, which layer decides, and why
	@$(RUN)python -m tests.pricing.cross_check

check: lint type test ## what CI runs

clean: ## remove the environment and caches
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis dist
