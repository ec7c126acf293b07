# Everything that anyone needs to know: `make`, `make test`, `make lab`, `make clean`.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
RUN := runs/scenes
SITE := _build/html
OUT ?= benchmarks/results
DATA ?= ../shared
LIMIT ?= 560

# Chapters are validated two at a time, a core each.
NBVAL := OMP_NUM_THREADS=1 $(PYTEST) --nbval --nbval-current-env --nbval-cell-timeout 300 -W default -n 2 --dist loadfile

.PHONY: all demo book lab outputs test coverage oldest mutants chapters faults fuzz format runs ablations bench gpu
.PHONY: gettext figures chapters-ar lab-ar address clean
.DELETE_ON_ERROR:

all: demo book

# The environment, with the versions of constraints.txt; made again when they change.
.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=…")'
	$(PYTHON) -m venv .venv
	$(PIP) install --quiet --constraint constraints.txt --editable ".[book]"
	touch $@

.venv/installed-dev: .venv/installed
	$(PIP) install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

# A browser for the tests of the built book: one that is there, or Debian's, or Playwright's own.
.venv/browser: .venv/installed-dev
	@command -v chromium chromium-browser google-chrome > /dev/null || $(BIN)/python -c "$(OWN_BROWSER)" \
	|| { [ "$$(id -u)" = 0 ] && apt-get -qq update && apt-get -qq install -y chromium > /dev/null; } \
	|| $(BIN)/playwright install chromium
	touch $@
OWN_BROWSER := import os, playwright.sync_api as p; \
	p = p.sync_playwright().start(); found = os.path.exists(p.chromium.executable_path); p.stop(); exit(not found)

# A font for the Arabic pages: one that is there, or Debian's. Without it they use the reader's own.
.venv/arabic-font: .venv/installed
	@$(BIN)/python book/translations.py font || { [ "$$(id -u)" = 0 ] && apt-get -qq update && apt-get -qq install -y \
	$(FONT) > /dev/null; } || echo "The Arabic pages will use their readers' own fonts; $(FONT) was not found."
	@touch $@
FONT := fonts-noto-core

# Train a detector on drawn scenes, measure it on 200 held-out ones, draw what it sees.
demo: .venv/installed
	rm -rf $(RUN)
	$(BIN)/ssd-lite train --out $(RUN)

# The book as a site that needs no network: _build/html/index.html, in Arabic _build/html/ar/index.html. A warning is an error.
# Its Arabic notebooks are in book/ar.
book: .venv/installed .venv/arabic-font
	rm -rf _build
	$(BIN)/jupyter-book build book -W -n --keep-going --quiet --path-output .
	$(BIN)/python book/translations.py build $(SITE)
	@echo "The book is in $(SITE)/index.html"

# The book in JupyterLab, open at its first page.
lab: .venv/installed
	$(BIN)/jupyter lab --notebook-dir=. book/index.ipynb

# The same in Arabic. JupyterLab shows text from right to left only in notebooks that it trusts.
lab-ar: .venv/installed
	$(BIN)/python book/translations.py notebooks
	$(BIN)/jupyter trust book/ar/*.ipynb
	$(BIN)/jupyter lab --notebook-dir=. book/ar/index.ipynb

# Run the chapters and keep their outputs, after a change that is meant to alter them; N=book/01-matching.ipynb for one.
outputs: .venv/installed
	$(BIN)/python book/cards.py
	OMP_NUM_THREADS=1 $(BIN)/python book/execute.py $(N)

# Collect the English messages of all pages into the catalogs of the Arabic edition: see CONTRIBUTING, "Translate".
gettext: .venv/installed
	$(BIN)/python book/translations.py update
	$(BIN)/python book/translations.py

# Run the chapters with Arabic words in their figures, and keep these pictures; N=01-matching for one.
figures: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python book/translations.py draw $(N)

# Lint, types, floors, tests; then the chapters run again, in both languages, the book built, and opened in a browser.
# torch.compile is tested apart: run-time type checks break its graphs.
test: .venv/installed-dev .venv/browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST) -n 2 -m "not plain and not site" --jaxtyping-packages=ssd_lite,tests.typechecked
	$(PYTEST) -m plain
	$(NBVAL) book --ignore=book/ar
	$(MAKE) book
	$(NBVAL) book/ar
	SSD_LITE_SITE=$(SITE) $(PYTEST) -m site

# Which lines and branches of the package no test reaches; less than 95 % is an error.
coverage: .venv/installed-dev
	$(PYTEST) -n 2 -m "not plain and not site" --ignore=tests/book --cov --cov-report=
	$(PYTEST) -m plain --cov --cov-append

# The tests on the oldest versions that pyproject.toml admits, in an environment of their own. What these
# versions warn of in newer ones that they use is no error here.
oldest: .venv-oldest/installed
	.venv-oldest/bin/python -m pytest -m "not site" --ignore=tests/book -W default

.venv-oldest/installed: pyproject.toml constraints-oldest.txt
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --constraint constraints-oldest.txt --editable ".[test]"
	touch $@

# Change the core a few thousand times, one small change each, and see that a test notices: an hour and more.
mutants: .venv/installed-dev
	$(PIP) install --quiet --constraint constraints.txt --editable ".[mutants]"
	$(BIN)/python -m tests.mutants

# The chapters run again and their outputs compared.
chapters: .venv/installed-dev
	$(NBVAL) book --ignore=book/ar

# The same for the Arabic notebooks.
chapters-ar: .venv/installed-dev
	$(BIN)/python book/translations.py notebooks
	$(NBVAL) book/ar

# Break the package on purpose, in a copy: every fault must turn a chapter red.
faults: .venv/installed-dev
	$(BIN)/python -m tests.faults

# Spoiled files and command lines, 50,000 of them: took 7 minutes of a core; SEED=2 tries others.
SEED := 1
fuzz: .venv/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz --cases 50000 --seed $(SEED)

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The runs whose results README and book quote: 3 minutes on drawn scenes, about 25 each on real photographs, on two cores.
runs: .venv/installed-dev
	$(BIN)/python -m benchmarks.runs scenes --detector book/models/scenes.safetensors
	$(BIN)/python -m benchmarks.runs cards
	$(BIN)/python -m benchmarks.runs bccd
	$(BIN)/python -m benchmarks.readme

# What each step is worth, ten seeds each, with a verdict on each claim of the text. Takes minutes on a GPU, a day or two
# on two cores. Resumes where it was interrupted.
ablations: .venv/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.ablations all --out $(OUT)

# The package timed side by side with torchvision, on the GPU if there is one, else on the CPU.
bench: .venv/installed-dev
	for name in criterion augmentation prediction first_step training_step data_loading; do \
		$(BIN)/python -m benchmarks.$$name --out $(OUT) || exit 1; done

# Everything that only a GPU can measure, in parts; stops in time and resumes when called again. PYTHON needs torch for the
# GPU, no environment is made. DATA is the folder that holds photographs and weights.
# make gpu DATA=folder OUT=folder-for-results LIMIT=seconds PARTS="training_step summit"
gpu:
	$(PYTHON) -m benchmarks.gpu --data $(DATA) --out $(OUT) --limit-s $(LIMIT) $(if $(PARTS),--only $(PARTS))

# Say where the repository lies, in every file that must know: make address URL=https://…
address: .venv/installed
	$(BIN)/python book/address.py $(URL)

clean:
	rm -rf .venv .venv-oldest _build book/ar runs build mutants *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
