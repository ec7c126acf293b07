# Everything that anyone needs to know: `make`, `make test`, `make clean`.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
RUN := runs/scenes

.PHONY: all demo test format runs clean
.DELETE_ON_ERROR:

all: demo

# The environment, with the versions of constraints.txt; made again when they change.
.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=…")'
	$(PYTHON) -m venv .venv
	$(PIP) install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(PIP) install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

# Train a detector on drawn scenes, measure it on 200 held-out ones, draw what it sees.
demo: .venv/installed
	rm -rf $(RUN)
	$(BIN)/ssd-lite train --out $(RUN)

# Lint, types, floors, tests. torch.compile is tested apart: run-time type checks break its graphs.
test: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 -m "not plain" --jaxtyping-packages=ssd_lite,beartype.beartype
	$(BIN)/python -m pytest -m plain

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The runs whose results the README quotes: 3 minutes on drawn scenes, about 25 each on real photographs.
runs: .venv/installed-dev
	$(BIN)/python -m benchmarks.runs scenes
	$(BIN)/python -m benchmarks.runs cards
	$(BIN)/python -m benchmarks.runs bccd
	$(BIN)/python -m benchmarks.readme

clean:
	rm -rf .venv runs build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
