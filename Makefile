# Every target sets up what it needs in .venv first; none of them needs root.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test bench screenshots lint lock clean

run: .venv/ready
	@$(BIN)/homeport lab up
	@if [ -t 0 ] && [ -t 1 ]; then exec $(BIN)/homeport; else $(BIN)/homeport || true; fi

test: .venv/ready
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

bench: .venv/ready
	$(BIN)/python -m tests.bench

screenshots: .venv/ready
	$(BIN)/python -m tui.screenshots

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Pins of everything we install, for every Python that we support, with hashes.
lock: .venv/ready
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	    --generate-hashes --no-header --no-annotate --no-emit-index-url -q -o requirements.lock

.venv/ready: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Homeport needs Python 3.11 or newer; name one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
	    { echo "Python's venv module is missing: sudo apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

clean:
	rm -rf .venv
