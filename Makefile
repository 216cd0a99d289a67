# Two commands for a newcomer: `make demo` and `make check`. Both set up .venv first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# uv installs in seconds what takes pip a minute; where it is missing, pip does it.
UV ?= $(if $(shell command -v uv),uv)
# Installs into the environment $(1), which needs no pip of its own.
install = $(if $(UV),uv pip install --quiet --python $(1),$(BIN)/python -m pip --disable-pip-version-check --quiet --python $(1) install)
# A fifth of the tests' time is waiting, so that two cores have work for three.
WORKERS ?= 3

.PHONY: demo check check-all test lint types imports docs wheel wheel-check container-check lowest worlds clean

demo: $(VENV)/.demo
	@$(BIN)/triage demo

check: lint types imports docs test

# The slow tier as well: a kill at every write, all hostile payloads, whole queues.
check-all: lint types imports docs $(VENV)/.dev
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

# The wheel; beside it a bill of materials (CycloneDX) of what it installs with the container's extras, and checksums.
wheel: $(VENV)/.dev
	rm -rf dist build/bom
	$(BIN)/python -m build --wheel $(if $(UV),--installer uv)
	$(PYTHON) -m venv --without-pip build/bom
	$(call install,build/bom) "$$(ls dist/*.whl)[postgres,web]"
	sed "s/^dynamic = .*/version = \"$$($(BIN)/python -c 'import triage; print(triage.__version__)')\"/" pyproject.toml >build/bom/pyproject.toml
	$(BIN)/cyclonedx-py environment build/bom/bin/python --pyproject build/bom/pyproject.toml --mc-type application \
	  --output-reproducible --output-file "$$(ls dist/*.whl | sed 's/-py3-.*/.cdx.json/')"
	cd dist && sha256sum -- * >SHA256SUMS
	rm -rf build/bom

# The built wheel, alone in an empty environment and an empty directory, finds its prompts and does the demo; in a path
# with spaces, and with the files that the checksums name.
EMPTY := build/an empty place
wheel-check: wheel
	cd dist && sha256sum --check --quiet SHA256SUMS
	rm -rf "$(EMPTY)" && mkdir -p "$(EMPTY)/here"
	$(PYTHON) -m venv "$(EMPTY)/venv"
	$(call install,"$(EMPTY)/venv") "$$(ls dist/*.whl)[sandbox]"
	cd "$(EMPTY)/here" && ../venv/bin/triage init && ../venv/bin/triage demo >demo.txt && tail -n 4 demo.txt
	rm -rf "$(EMPTY)"

# Builds the image and runs it as examples/deploy does: nothing of it writable but the state, which is a volume of its own. Needs docker or podman.
CONTAINER ?= $(if $(shell command -v docker),docker,podman)
container-check:
	$(CONTAINER) build -f examples/deploy/container/Containerfile -t triage:check .
	$(CONTAINER) run --rm --read-only --cap-drop ALL --network none --env PANTHER_API_TOKEN=none \
	  --volume "$$PWD/config.example.yaml:/etc/triage/config.yaml:ro" triage:check status

# The tests with the oldest release of each dependency that pyproject.toml admits. Needs uv.
lowest:
	rm -rf build/lowest
	uv venv --quiet --python $(PYTHON) build/lowest
	uv pip install --quiet --python build/lowest --resolution lowest-direct --editable '.[dev]'
	build/lowest/bin/python -m pytest -n $(WORKERS) -q

# The documents as a site in build/site; a link or an anchor that leads nowhere fails it.
docs: $(VENV)/.dev
	$(BIN)/zensical build --clean --strict

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
