# Two commands for a newcomer: `make demo` and `make check`. Both set up .venv first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# uv installs in seconds what takes pip a minute; where it is missing, pip does it.
UV ?= $(shell command -v uv)
INSTALL := $(if $(UV),$(UV) pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip --disable-pip-version-check --quiet install)
# A fifth of the tests' time is waiting, so that two cores have work for three.
WORKERS ?= 3

.PHONY: demo check check-all test lint types imports wheel wheel-check worlds clean

demo: $(VENV)/.demo
	@$(BIN)/triage demo

check: lint types imports test

# The slow tier as well: a kill at every write, all hostile payloads, whole queues.
check-all: lint types imports $(VENV)/.dev
	TRIAGE_HYPOTHESIS=explore $(BIN)/python -m pytest -n $(WORKERS) -q -m "exhaustive or not exhaustive"

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) -q

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

wheel: $(VENV)/.dev
	rm -rf dist
	$(BIN)/python -m build --wheel $(if $(UV),--installer uv)

# The built wheel, alone in an empty environment and an empty directory, finds its prompts and does the demo.
wheel-check: wheel
	rm -rf build/empty && mkdir -p build/empty/here
	$(PYTHON) -m venv build/empty/venv
	$(subst $(BIN),build/empty/venv/bin,$(INSTALL)) "$$(ls dist/*.whl | tail -n 1)[sandbox]"
	cd build/empty/here && ../venv/bin/triage init && ../venv/bin/triage demo >demo.txt && tail -n 4 demo.txt
	rm -rf build/empty

# Remakes the worlds that ship with the program, from tools/worlds.
worlds: $(VENV)/.dev
	$(BIN)/python -m tools.worlds --ship

clean:
	rm -rf $(VENV) dist build triage-demo

$(VENV)/.demo: pyproject.toml
	@$(PYTHON) tools/install.py $(VENV) '.[sandbox]'
	@touch $@

$(VENV)/.dev: pyproject.toml
	@$(PYTHON) tools/install.py $(VENV) '.[dev]'
	@touch $@
