# `make` lists what there is. GNU make 3.81 or newer; Python 3.11 or newer, found below.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

VENV := .venv
PY := $(VENV)/bin/python
PYTHON ?=
WORKERS ?= logical
HOST ?=
PORT ?=
ARGS ?=

# A folder that was moved or copied with its .venv is installed again, since .venv knows its old path.
ifneq ($(shell cat $(VENV)/.folder 2>/dev/null),$(CURDIR))
ELSEWHERE := FORCE
endif

# Flower's environment, apart from the others: see requirements-flower.txt.
FLOWER := .venv-flower
ifneq ($(shell cat $(FLOWER)/.folder 2>/dev/null),$(CURDIR))
FLOWER_ELSEWHERE := FORCE
endif

# Runs tools/install.py with the first Python that is new enough.
define install
@for python in $(if $(PYTHON),"$(PYTHON)",python3 python3.13 python3.12 python3.11 python3.14 python); do \
	if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
		exec "$$python" tools/install.py $(1); \
	fi; \
done; \
found=$$($(or $(PYTHON),python3) --version 2>&1) || found="no Python that starts"; \
echo "fedlearn_edu needs Python 3.11 or newer; here is $$found. Install a newer one, or name it: make PYTHON=/path/to/python3 …" >&2; \
exit 1
endef

# --- To use it ---

.PHONY: help
help: ## list the targets
	@echo "usage: make app        then open the address that it prints"
	@echo
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r target words; do printf '  %-13s %s\n' "$$target" "$$words"; done

.PHONY: app
app: $(VENV)/.app ## install what the labs need and serve them: make app PORT=9000 HOST=127.0.0.1
	@exec $(PY) -m fedlearn_edu app $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT)) $(ARGS)

.PHONY: course
course: $(VENV)/.course ## open the course in JupyterLab; in Chinese: make course LANG=zh
	@JUPYTER_CONFIG_PATH="$(CURDIR)/tools/jupyter" exec $(PY) -m jupyterlab --notebook-dir=notebooks --LabApp.default_url=/lab/tree/$(if $(filter zh%,$(LANG)),zh,en)/00_start.ipynb $(if $(HOST),--ip $(HOST)) $(if $(PORT),--port $(PORT)) $(ARGS)

.PHONY: federation
federation: $(VENV)/.app $(FLOWER)/.flower ## train on processes of their own, with Flower: make federation ARGS="--participants 4"
	@exec $(PY) -m fedlearn_edu federation $(ARGS)

.PHONY: slides
slides: $(VENV)/.course ## make slides of the chapters in dist/slides
	@$(PY) -m tools.classroom slides $(ARGS)

.PHONY: teacher
teacher: $(VENV)/.course ## make the teacher's copies, solutions in place, in dist/teacher
	@$(PY) -m tools.classroom teacher $(ARGS)

# --- To test it, on all cores: WORKERS=1 for one ---

SPREAD = -q --numprocesses $(WORKERS)
COVER = $(if $(CI),--cov)
unit notebooks browser: export OMP_NUM_THREADS = 1

.PHONY: test
test: lint unit notebooks flower browser ## install what is missing and run every check and test

.PHONY: lint
lint: $(VENV)/.test ## ruff and the import contracts
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(VENV)/bin/lint-imports

.PHONY: unit
unit: $(VENV)/.test ## unit tests, doctests, translations
	@$(PY) -m pytest $(SPREAD) --dist loadfile --doctest-modules fedlearn_edu tests --ignore=tests/browser --ignore=tests/flower --ignore=fedlearn_edu/flower $(COVER) $(ARGS)

.PHONY: coverage
coverage: ## the same, and how much of the package they run: at least 95 %; takes twice as long
	@$(MAKE) --no-print-directory unit COVER=--cov

.PHONY: notebooks
notebooks: $(VENV)/.test $(FLOWER)/.flower ## run every notebook and compare what it prints with what is stored
	@if find notebooks -name '*.ipynb' 2>/dev/null | grep -q .; then \
		FEDLEARN_PROGRESS= TQDM_DISABLE=1 $(PY) -m pytest $(SPREAD) --dist loadfile --nbval --nbval-current-env notebooks $(ARGS); \
	else echo "There are no notebooks yet."; fi

.PHONY: flower
flower: $(FLOWER)/.flower-test ## real federations: processes, keys, failures; some minutes
	@$(FLOWER)/bin/python -m pytest --doctest-modules fedlearn_edu/flower tests/flower --cov --cov-config=tests/flower/coverage.ini $(ARGS)

.PHONY: browser
browser: $(VENV)/.test ## the app in headless Chromium
	@$(PY) -m pytest $(SPREAD) --dist worksteal tests/browser $(ARGS)

.PHONY: bench
bench: $(VENV)/.test ## measure what the README quotes
	@$(PY) -m benchmarks $(ARGS)

# --- To change it ---

.PHONY: format
format: $(VENV)/.test ## let ruff mend and format the code
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

.PHONY: hooks
hooks: $(VENV)/.test ## check each commit before it is made
	@$(PY) -m pre_commit install

.PHONY: stage
stage: ## build fedlearn_edu/labs/stage.js from stage/src (needs Node)
	@command -v npm >/dev/null || { echo "This needs Node 18 or newer with npm." >&2; exit 1; }
	@cd stage && npm ci --no-audit --no-fund && npm run build

.PHONY: lab-notebooks
lab-notebooks: $(VENV)/.test $(FLOWER)/.flower ## write and run notebooks/labs, a page a lab with its picture
	@$(PY) tools/build_notebooks.py

.PHONY: sync-zh
sync-zh: $(VENV)/.course ## bring the Chinese notebooks into step: code copied, stale prose shown
	@$(PY) -m tools.chapter sync $(ARGS)

.PHONY: chapters
chapters: $(VENV)/.course ## run the chapters in both languages and store what they print
	@$(PY) -m tools.chapter run $(ARGS)

.PHONY: font
font: $(VENV)/.app ## cut the Chinese font down to the characters in use
	@$(PY) tools/subset_font.py

.PHONY: wheel
wheel: $(VENV)/.app ## build dist/fedlearn_edu-….whl
	@$(PY) -m pip --disable-pip-version-check wheel --quiet --no-deps --wheel-dir dist .
	@ls -l dist

.PHONY: clean
clean: ## remove all that make has made, .venv included
	rm -rf $(VENV) $(FLOWER) .venv-peers dist stage/node_modules .coverage .coverage.* .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- What is installed: one stamp a level ---

FORCE:

$(VENV)/.app: requirements.txt pyproject.toml $(ELSEWHERE)
	$(call install,app)

$(VENV)/.course: requirements.txt requirements-course.txt pyproject.toml $(ELSEWHERE)
	$(call install,course)

$(VENV)/.test: requirements.txt requirements-course.txt requirements-test.txt pyproject.toml $(ELSEWHERE)
	$(call install,test)

$(FLOWER)/.flower $(FLOWER)/.flower-test: export VENV := $(FLOWER)
$(FLOWER)/.flower: requirements-flower.txt pyproject.toml $(FLOWER_ELSEWHERE)
	$(call install,flower)

$(FLOWER)/.flower-test: requirements-flower.txt requirements-flower-test.txt pyproject.toml $(FLOWER_ELSEWHERE)
	$(call install,flower-test)
