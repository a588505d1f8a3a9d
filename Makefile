# Two commands for a new user: `make demo` and `make test`. Both install what they need.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help install demo test check lint fast format lock soak clean

help:
	@echo "make demo    the platform around a simulated campus"
	@echo "make test    every test, with real broker, databases and browser"
	@echo "make check   formatting, lint, types and the fast tests, in under two minutes"
	@echo "make soak    long runs: 200 kills, 10 minutes without a store, 100,000 mutated messages, a search by coverage"

install: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	@sh tools/system-packages.sh python
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: install
	@sh tools/system-packages.sh demo
	$(BIN)/caretaker demo

test: install
	@sh tools/system-packages.sh test
	@$(MAKE) --no-print-directory lint
	$(BIN)/pytest

check: install
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint fast

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fast: install
	$(BIN)/pytest -q -m "not slow and not network and not browser"

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: install
	$(BIN)/python -m pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --extra dev --extra scale --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url --no-emit-trusted-host \
		--no-emit-find-links --output-file requirements.lock pyproject.toml

soak: install
	@sh tools/system-packages.sh test
	CARETAKER_TEST_KILLS=200 CARETAKER_TEST_OUTAGE_S=600 CARETAKER_TEST_MUTATIONS=100000 $(BIN)/pytest -s -m "slow or mutations"
	$(BIN)/python tools/fuzz_decoders.py --seconds 600

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
